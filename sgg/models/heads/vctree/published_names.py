"""Our names of the weights in checkpoints of the public re-implementation (docs/SYSTEM.md section 2)."""

from __future__ import annotations

from typing import Any

from sgg.methods.published_head import PublishedHead, Shapes, layers

LAYERS = 8
"""Layers of a context whose names are known."""

_CELLS = {
    "treeLSTM_foreward.treeLSTM.": ("to_root", {"px.": "carry.", "ioffux.": "input_gates.",
                                                "ioffuh_left.": "left_gates.", "ioffuh_right.": "right_gates."}),
    "treeLSTM_backward.treeLSTM.": ("to_leaves", {"px.": "carry.", "iofux.": "input_gates.",
                                                  "iofuh.": "parent_gates."}),
}

CONTEXT = {
    "context_layer.obj_embed1.": "object_embedding.",
    "context_layer.obj_embed2.": "edge_embedding.",
    **{f"context_layer.pos_embed.{number}.": f"position.{name}."
       for number, name in enumerate(("input", "norm", "output"))},
    **{f"context_layer.{theirs}_embed.{number}.": f"tree_scores.{theirs}.{name}."
       for theirs in ("overlap", "box") for number, name in enumerate(("linear", "norm"))},
    "context_layer.bi_freq_prior.weight": "tree_scores.prior",
    "context_layer.obj_reduce.": "tree_scores.vector.",
    "context_layer.emb_reduce.": "tree_scores.label.",
    "context_layer.score_pre.": "tree_scores.state.",
    "context_layer.score_sub.": "tree_scores.as_subject.",
    "context_layer.score_obj.": "tree_scores.as_object.",
    "context_layer.vision_prior.": "tree_scores.join.",
    "context_layer.decoder_rnn.obj_embed.": "decoder.label_embedding.",
    "context_layer.decoder_rnn.out.": "decoder.classify.",
    "context_layer.decoder_rnn.decoderLSTM.px.": "decoder.cell.carry.",
    "context_layer.decoder_rnn.decoderLSTM.iofux.": "decoder.cell.input_gates.",
    "context_layer.decoder_rnn.decoderLSTM.iofuh.": "decoder.cell.parent_gates.",
    **{f"context_layer.{theirs}_ctx_rnn.multi_layer_lstm.{layer}.{cell}{published}":
       f"{ours}.{direction}.{layer}.{name}"
       for theirs, ours in (("obj", "object_context"), ("edge", "edge_context")) for layer in range(LAYERS)
       for cell, (direction, names) in _CELLS.items() for published, name in names.items()},
}
"""Prefixes of published names -> ours in VCTreeContext. The checkpoint has the prior as one row of C x C numbers."""
HEAD = CONTEXT | {
    "post_emb.": "pairs.roles.",
    "post_cat.": "pairs.join.",
    "up_dim.": "pairs.widen.",
    "ctx_compress.": "pairs.classify.",
}
"""Prefixes of published names -> ours in VCTreeHead. The checkpoint also has `freq_bias.obj_baseline.`, which is
`frequency_bias.table.` of our scene-graph model."""
REPEATED = ("context_layer.decoder_rnn.decoderLSTM.embed_layer.",
            "context_layer.decoder_rnn.decoderLSTM.embed_out_layer.")
"""Prefixes of published weights that the checkpoint has twice, under other names."""


def context_layers(shapes: Shapes) -> dict[str, Any]:
    """The numbers of layers of both contexts."""
    stack = "context_layer.{}_ctx_rnn.multi_layer_lstm.{{}}.treeLSTM_foreward.treeLSTM.px.weight"
    return {"object_layers": layers(shapes, stack.format("obj")), "edge_layers": layers(shapes, stack.format("edge"))}


RESHAPED = ("context_layer.bi_freq_prior.weight",)

PUBLISHED = PublishedHead(
    frozenset({"context_layer.bi_freq_prior.weight", "post_emb.weight", "post_cat.weight", "ctx_compress.weight"}),
    "context_layer.obj_embed1.weight", "ctx_compress.weight",
    lambda shapes: {"hidden_dim": shapes["post_emb.weight"][1], "pooling_dim": shapes["ctx_compress.weight"][1],
                    **context_layers(shapes)},
    lambda settings: HEAD, RESHAPED, REPEATED)
