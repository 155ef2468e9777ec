"""Our names of the weights in checkpoints of the public re-implementation (docs/SYSTEM.md section 2)."""

from __future__ import annotations

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
