"""Our names of the weights in checkpoints of the public re-implementation (docs/SYSTEM.md section 2)."""

from __future__ import annotations

from typing import Any

from sgg.methods.published_head import PublishedHead, Shapes, layers

_LAYER = {
    "slf_attn.w_qs.": "query.",
    "slf_attn.w_ks.": "key.",
    "slf_attn.w_vs.": "value.",
    "slf_attn.fc.": "join.",
    "slf_attn.layer_norm.": "norm.",
    "pos_ffn.w_1.": "widen.",
    "pos_ffn.w_2.": "narrow.",
    "pos_ffn.layer_norm.": "output_norm.",
}
"""The names inside one layer. The checkpoint has `widen` and `narrow` as convolutions: an axis of one more at the end.
"""
LAYERS = 32
"""Layers of an encoder whose names are known."""

HEAD = {
    "context_layer.obj_embed1.": "object_embedding.",
    "context_layer.obj_embed2.": "edge_embedding.",
    "context_layer.bbox_embed.0.": "position.input.",
    "context_layer.bbox_embed.3.": "position.output.",
    "context_layer.lin_obj.": "object_input.",
    "context_layer.lin_edge.": "edge_input.",
    "context_layer.out_obj.": "classify.",
    **{f"context_layer.{theirs}.layer_stack.{number}.{published}": f"{ours}.layers.{number}.{name}"
       for theirs, ours in (("context_obj", "object_context"), ("context_edge", "edge_context"))
       for number in range(LAYERS) for published, name in _LAYER.items()},
    "post_emb.": "pairs.roles.",
    "post_cat.": "pairs.join.",
    "up_dim.": "pairs.widen.",
    "rel_compress.": "pairs.classify.",
    "ctx_compress.": "pairs.classify_contexts.",
}
"""Prefixes of published names -> ours in TransformerHead. The checkpoint also has `freq_bias.obj_baseline.`, which is
`frequency_bias.table.` of our scene-graph model."""


HEADS = 8
"""Heads of self-attention. Weights do not show them; all published configs have 8."""


def encoder_settings(shapes: Shapes) -> dict[str, Any]:
    """The settings of both encoders, and of the pairs."""
    first = "context_layer.context_obj.layer_stack.0."
    stack = "context_layer.context_{}.layer_stack.{{}}.slf_attn.w_qs.weight"
    return {"object_layers": layers(shapes, stack.format("obj")), "edge_layers": layers(shapes, stack.format("edge")),
            "attention_heads": HEADS, "key_dim": max(shapes[f"{first}slf_attn.w_qs.weight"][0] // HEADS, 1),
            "inner_dim": shapes[f"{first}pos_ffn.w_1.weight"][0], "pooling_dim": shapes["rel_compress.weight"][1]}


CONVOLUTIONS = ("pos_ffn.w_1.weight", "pos_ffn.w_2.weight")

PUBLISHED = PublishedHead(
    frozenset({"context_layer.context_obj.layer_stack.0.slf_attn.w_qs.weight",
               "context_layer.context_obj.layer_stack.0.pos_ffn.w_1.weight", "context_layer.lin_obj.weight",
               "context_layer.lin_edge.weight", "rel_compress.weight"}),
    "context_layer.obj_embed1.weight", "rel_compress.weight",
    lambda shapes: {"hidden_dim": shapes["context_layer.lin_obj.weight"][0], **encoder_settings(shapes)},
    lambda settings: HEAD, CONVOLUTIONS)
