"""Our names of the published GAN's weights."""

from __future__ import annotations

import re

from torch import Tensor

from sgg.common.published_files import Filling, Weight

from .model import GAN, LEVELS

_RULES = [(re.compile(pattern), ours) for pattern, ours in (
    (r"^G_obj_embed\.", "generator.class_embedding."),
    (r"^G_rel_embed\.", "generator.predicate_embedding."),
    (r"^G_gcn\.", "generator.graph_conv."),
    (r"^G_node\.", "generator.node_conv."),
    (r"^G_proj\.", "generator.projection."),
    (r"^G_refine\.", "generator.refinement."),
    (r"^D_(nodes|edges|global)\.", r"discriminators.\1.layers."),
    (r"\bgconvs\.", "rounds."),
    (r"\bnet1\.", "triple_mlp."),
    (r"\bnet2\.", "node_mlp."),
    (r"\brefinement_modules\.(\d+)\.net\.", r"stages.\1."),
    (r"\boutput_conv\.0\.", "output."),
)]


def rename(key: str) -> str:
    """Our name of a published weight: "G_gcn.gconvs.0.net1.0.bias" ->
    "generator.graph_conv.rounds.0.triple_mlp.0.bias".

    A name within one part ("gconvs.0.net1.0.bias") is translated too.
    """
    for pattern, ours in _RULES:
        key = pattern.sub(ours, key)
    return key


def filling_of_gan(weights: dict[str, Tensor], gan: GAN) -> Filling:
    """All weights of the GAN. Weights of discriminators that our GAN does not have are left out."""
    found = [Weight(rename(name), name, value) for name, value in weights.items()]
    absent = tuple(f"discriminators.{level}." for level in LEVELS if level not in gan.discriminators)
    return Filling(gan, [weight for weight in found if not weight.ours.startswith(absent)], set(gan.state_dict()))
