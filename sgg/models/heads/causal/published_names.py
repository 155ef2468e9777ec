"""Our names of the weights in checkpoints of the authors' implementation (docs/SYSTEM.md section 2)."""

from __future__ import annotations

from sgg.models.heads.motifs.published_names import HEAD as MOTIFS
from sgg.models.heads.vctree.published_names import CONTEXT as VCTREE

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


def head_names(context: str) -> dict[str, str]:
    """Prefixes of published names -> ours in CausalHead with a context."""
    of_context = MOTIFS if context == "motifs" else VCTREE
    return _HEAD | {name: f"context.{ours}" for name, ours in of_context.items() if name.startswith(_PLACE)}


UNUSED = ("context_layer.untreated_obj_feat", "untreated_conv_spt", "avg_post_ctx", "untreated_feat")
"""Means of a checkpoint that no effect reads, or, `untreated_conv_spt`, that belong to an option that we have not."""
