"""Our names of the weights in checkpoints of the authors (docs/SYSTEM.md section 2)."""

from __future__ import annotations

from sgg.methods.published_head import PublishedHead
from sgg.models.heads.transformer.published_names import CONVOLUTIONS, encoder_settings
from sgg.models.heads.transformer.published_names import HEAD as TRANSFORMER

HEAD = {
    **{f"context_layer.{theirs}.{number}.": f"{ours}.{name}." for theirs, ours in (
        ("bbox_embed", "position"), ("rel_bbox", "pair_position")) for number, name in ((0, "input"), (3, "output"))},
    "context_layer.lin_obj_visual.": "object_input.",
    "context_layer.lin_edge_visual1.": "roles.",
    "context_layer.fuse_pos_union.": "pair_input.",
    **{f"context_layer.{theirs}.dense_{letter}.": f"{ours}.{name}." for theirs, ours in (
        ("fusion1", "fuse_objects"), ("fusion2", "fuse_pair")) for letter, name in (("x", "first"), ("y", "second"))},
    "context_layer.out_obj.": "classify.",
    **{theirs: ours for theirs, ours in TRANSFORMER.items() if ".layer_stack." in theirs},
    "post_cat.": "join.",
    "up_dim.": "widen.",
    "rel_compress.": "classify_pairs.",
    "ctx_compress.": "classify_contexts.",
}
"""Prefixes of published names -> ours in TCARHead. The feed-forward networks are convolutions there, with an axis of
one more at the end."""
UNUSED = ("context_layer.obj_embed1.", "context_layer.obj_embed2.")
"""Prefixes of published weights that the authors' network does not use."""

PUBLISHED = PublishedHead(
    frozenset({"context_layer.fusion1.dense_x.weight", "context_layer.lin_obj_visual.weight",
               "context_layer.context_obj.layer_stack.0.slf_attn.w_qs.weight",
               "context_layer.context_obj.layer_stack.0.pos_ffn.w_1.weight", "rel_compress.weight"}),
    "context_layer.obj_embed1.weight", "rel_compress.weight",
    lambda shapes: {"hidden_dim": shapes["context_layer.lin_obj_visual.weight"][0], **encoder_settings(shapes)},
    lambda settings: HEAD, CONVOLUTIONS, UNUSED)
