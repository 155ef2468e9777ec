"""Our names of the weights in checkpoints of the authors' implementation (docs/SYSTEM.md section 2)."""

from __future__ import annotations

from typing import Any

from sgg.methods.published_head import PublishedHead, Shapes, layers
from sgg.models.heads.motifs.published_names import HEAD as MOTIFS
from sgg.models.heads.vctree.published_names import CONTEXT as VCTREE
from sgg.models.heads.vctree.published_names import REPEATED, RESHAPED, context_layers

_PLACE = "context_layer."
_HEAD = {
    "context_layer.untreated_dcd_feat": "means.to_decode",
    "context_layer.untreated_edg_feat": "means.known",
    "untreated_spt": "means.boxes",
    "post_emb.": "join.roles.",
    "post_cat.0.": "join.join.",
    "ctx_compress.": "classify_contexts.",
    "vis_compress.": "classify_vectors.",
    "ctx_gate_fc.": "gate.",
    "spt_emb.0.": "spatial.input.",
    "spt_emb.2.": "spatial.output.",
    "freq_bias.obj_baseline.": "frequencies.table.",
}


def head_names(context: str, separate_boxes: bool = False) -> dict[str, str]:
    """Prefixes of published names -> ours in CausalHead with these settings."""
    of_context = MOTIFS if context == "motifs" else VCTREE
    of_drawing = {"untreated_conv_spt": "means.drawing"} if separate_boxes else {}
    return _HEAD | of_drawing | {name: f"context.{ours}" for name, ours in of_context.items()
                                 if name.startswith(_PLACE)}


UNUSED = ("context_layer.untreated_obj_feat", "untreated_conv_spt", "avg_post_ctx", "untreated_feat")
"""Means of a checkpoint that no effect reads; `untreated_conv_spt` is read with `separate_boxes`."""


def _settings(shapes: Shapes) -> dict[str, Any]:
    sequence = "context_layer.{}_ctx_rnn.weight_ih_l{{}}"
    in_trees = RESHAPED[0] in shapes
    of_layers = context_layers(shapes) if in_trees else {
        f"{ours}_layers": layers(shapes, sequence.format(theirs)) for ours, theirs in (("object", "obj"),
                                                                                       ("edge", "edge"))}
    return {"context": "vctree" if in_trees else "motifs",
            "fusion": "gate" if "ctx_gate_fc.weight" in shapes else "sum",
            "spatial": "spt_emb.0.weight" in shapes, "hidden_dim": shapes["post_emb.weight"][1],
            "pooling_dim": shapes["ctx_compress.weight"][1], **of_layers}


PUBLISHED = PublishedHead(
    frozenset({"vis_compress.weight", "ctx_compress.weight", "post_emb.weight", "post_cat.0.weight",
               "context_layer.untreated_dcd_feat"}),
    "context_layer.obj_embed1.weight", "ctx_compress.weight", _settings,
    lambda settings: head_names(settings["context"], settings.get("separate_boxes", False)), RESHAPED,
    (*UNUSED, *REPEATED), "separate_boxes")
