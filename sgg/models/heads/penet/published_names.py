"""Our names of the weights in checkpoints of the authors (docs/SYSTEM.md section 2)."""

from __future__ import annotations

from sgg.methods.published_head import PublishedHead

HEAD = {
    "logit_scale": "log_scale",
    "post_emb.": "roles.",
    "obj_embed1.": "object_embedding.",
    "obj_embed.": "class_embedding.",
    "rel_embed.": "predicate_embedding.",
    **{f"{theirs}.layers.{number}.": f"{ours}.{name}." for theirs, ours in (
        ("W_sub", "subject_word"), ("W_obj", "object_word"), ("W_pred", "predicate_word"),
        ("project_head", "project"), ("down_samp", "narrow")) for number, name in enumerate(("input", "output"))},
    "gate_sub.": "subject_gate.linear.",
    "gate_obj.": "object_gate.linear.",
    "gate_pred.": "pair_gate.linear.",
    "vis2sem.0.": "to_semantic.input.",
    "vis2sem.3.": "to_semantic.output.",
    "linear_sub.": "refine_subject.linear.",
    "linear_obj.": "refine_object.linear.",
    "linear_rel_rep.": "refine_pair.linear.",
    "norm_sub.": "refine_subject.norm.",
    "norm_obj.": "refine_object.norm.",
    "norm_rel_rep.": "refine_pair.norm.",
    "pos_embed.0.": "position.input.",
    "pos_embed.1.": "position.norm.",
    "pos_embed.2.": "position.output.",
    "lin_obj_cyx.": "object_input.",
    "out_obj.": "classify.",
}
"""Prefixes of published names -> ours in PENetHead."""
UNUSED = ("linear_pred.",)
"""Prefixes of published weights that the authors' network does not use."""


PUBLISHED = PublishedHead(
    frozenset({"W_sub.layers.0.weight", "lin_obj_cyx.weight", "rel_embed.weight", "obj_embed1.weight",
               "norm_sub.weight"}),
    "obj_embed1.weight", "rel_embed.weight",
    lambda shapes: {"hidden_dim": shapes["lin_obj_cyx.weight"][0], "semantic_dim": shapes["norm_sub.weight"][0]},
    lambda settings: HEAD, unused=UNUSED)
