"""Our names of the weights in checkpoints of the public re-implementation (docs/SYSTEM.md section 2)."""

from __future__ import annotations

from typing import Any

from sgg.methods.published_head import PublishedHead, Shapes, layers

HEAD = {
    "context_layer.obj_embed1.": "object_embedding.",
    "context_layer.obj_embed2.": "edge_embedding.",
    "context_layer.pos_embed.0.": "position.input.",
    "context_layer.pos_embed.1.": "position.norm.",
    "context_layer.pos_embed.2.": "position.output.",
    "context_layer.obj_ctx_rnn.": "object_context.lstm.",
    "context_layer.lin_obj_h.": "object_context.project.",
    "context_layer.decoder_rnn.obj_embed.": "decoder.label_embedding.",
    "context_layer.decoder_rnn.input_linearity.": "decoder.input_gates.",
    "context_layer.decoder_rnn.state_linearity.": "decoder.state_gates.",
    "context_layer.decoder_rnn.out_obj.": "decoder.classify.",
    "context_layer.edge_ctx_rnn.": "edge_context.lstm.",
    "context_layer.lin_edge_h.": "edge_context.project.",
    "post_emb.": "pairs.roles.",
    "post_cat.": "pairs.join.",
    "up_dim.": "pairs.widen.",
    "rel_compress.": "pairs.classify.",
}
"""Prefixes of published names -> ours in MotifsHead. The checkpoint also has `freq_bias.obj_baseline.`, which is
`frequency_bias.table.` of our scene-graph model."""


def _settings(shapes: Shapes) -> dict[str, Any]:
    context = "context_layer."
    return {"hidden_dim": shapes[f"{context}lin_obj_h.weight"][0],
            "object_layers": layers(shapes, context + "obj_ctx_rnn.weight_ih_l{}"),
            "edge_layers": layers(shapes, context + "edge_ctx_rnn.weight_ih_l{}"),
            "pooling_dim": shapes["rel_compress.weight"][1]}


PUBLISHED = PublishedHead(
    frozenset({"context_layer.decoder_rnn.state_linearity.weight", "context_layer.lin_obj_h.weight",
               "rel_compress.weight"}),
    "context_layer.obj_embed1.weight", "rel_compress.weight", _settings, lambda settings: HEAD)
