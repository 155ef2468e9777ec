"""Loading the papers' published weights (docs/SYSTEM.md section 7)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sgg.checkpoint.pickles import read_pickle, require_weights
from sgg.checkpoint.published_names import (
    MOTIFS_ABSENT,
    MOTIFS_BOX_HEADS,
    MOTIFS_DETECTOR,
    MOTIFS_UNUSED,
    SCENE_GRAPH,
    published_as,
    rename,
    rename_scene_graph,
    rename_torchvision,
)
from sgg.gan import GAN, LEVELS
from sgg.gan.published_names import rename as rename_gan
from sgg.models.detector import Detector
from sgg.models.scene_graph import SceneGraphModel

log = logging.getLogger(__name__)

DETECTOR = "detector."
NETWORKS = ("state_dict", "gan")
"""The entries of a published file that hold networks, weights by name."""
FLOATS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
"""Any of these may stand for another."""


class Weight(NamedTuple):
    """A published weight: our name, the name in the file, the numbers."""

    ours: str
    published: str
    value: Tensor


@dataclass(frozen=True)
class Filling:
    """A module, and the published weights that are for it.

    expected: our names that have to be there. prefixes: published beginnings of names and ours, where they tell both.
    """

    module: nn.Module
    weights: list[Weight]
    expected: set[str]
    prefixes: Sequence[tuple[str, str]] = ()

    def faults(self) -> list[str]:
        """Every name that is missing, unexpected, mis-shaped, of another kind of numbers or for the same weight as
        another one, in words: by its name in the file; a missing one by ours and by what it can have been published
        as."""
        own = self.module.state_dict()
        times = Counter(weight.ours for weight in self.weights)
        found = [f"missing {name} ({' or '.join(published_as(name, self.prefixes)) or 'our name'})"
                 for name in own if name in self.expected and name not in times]
        found += [f"unexpected {weight.published}" for weight in self.weights if weight.ours not in own]
        for name, published, value in self.weights:
            if name in own and own[name].shape != value.shape:
                found.append(f"{published} has shape {list(value.shape)}, expected {list(own[name].shape)}")
            elif name in own and value.dtype != own[name].dtype and not {value.dtype, own[name].dtype} <= FLOATS:
                found.append(f"{published} is of {value.dtype}, expected {own[name].dtype}")
        found += [" and ".join(weight.published for weight in self.weights if weight.ours == name) +
                  f" are names of one weight, {name}" for name, count in times.items() if count > 1]
        return found

    def not_finite(self) -> list[str]:
        """Where `faults` finds none: every name with a number that is not finite, in words."""
        own = self.module.state_dict()
        return [f"{published} has numbers that are not finite" for name, published, value in self.weights
                if not _is_finite(value, own[name].dtype)]

    def apply(self) -> None:
        """Copy the weights into the module."""
        self.module.load_state_dict({weight.ours: weight.value for weight in self.weights}, strict=False)


def load_published(path: Path | str, model: nn.Module, gan: GAN | None = None) -> list[str]:
    """Put the published weights in the file `path` into our modules, in place. Returns, and logs as a warning, the name
    of every tensor in the file that has no place in these modules.

    model: a module with the attributes `detector` (Detector) and `scene_graph` (SceneGraphModel), or one of the two
    alone. Neural Motifs' `vg-faster-rcnn.tar` fills the detector and both box heads of the scene-graph model. A trained
    `vgrel.pth` fills all of what is given, and `gan` where one is given, as far as it has the discriminators. Names of
    today's and of older torchvision releases will do.

    Raises FileNotFoundError; ValueError where the file is neither of the two, is damaged, or holds objects that could
    run code; ValueError as `fitting`. Nothing is changed when it raises.
    """
    content = read_published(path)
    fillings = fitting(path, content, model, gan)
    for filling in fillings:
        filling.apply()
    without_place = left_out(content, fillings)
    if without_place:
        log.warning("%s: left out %s", path, ", ".join(without_place))
    return without_place


def fitting(path: Path | str, content: dict[str, Any], model: nn.Module, gan: GAN | None = None) -> list[Filling]:
    """What `load_published` is to apply, where `content` was read from `path`. The modules may be on the meta device,
    where they take no memory.

    Raises ValueError with every missing, unexpected and mis-shaped name, each of another kind of numbers and each two
    of one weight; where there is none, with each whose numbers are not finite.
    """
    fill = _fill_from_motifs if is_motifs(content["state_dict"]) else _fill_from_trained
    fillings = fill(path, content, model, gan)
    faults = [fault for filling in fillings for fault in filling.faults()]
    if any("D_global." in fault for fault in faults):
        faults.append("(D_global was made for maps of other channels or with another large_discriminator: build the "
                      "GAN to suit, or without it, levels=('nodes', 'edges'))")
    faults = faults or [fault for filling in fillings for fault in filling.not_finite()]  # reads the whole file
    if faults:
        raise ValueError("\n  ".join([f"{path} does not fit the model:", *faults]))
    return fillings


def left_out(content: dict[str, Any], fillings: Sequence[Filling]) -> list[str]:
    """Every tensor of a published file that `fillings` do not take: those of networks by their names, those of an
    optimiser's state, which have none, by its name and their number."""
    taken = {weight.published for filling in fillings for weight in filling.weights}
    names = [name for part in NETWORKS for name in content.get(part, {}) if name not in taken]
    counts = {name: _count_tensors(value) for name, value in content.items() if name not in NETWORKS}
    return names + [f"{name} ({count} tensors)" for name, count in counts.items() if count]


def _count_tensors(value: Any) -> int:
    if isinstance(value, dict | list | tuple):
        return sum(map(_count_tensors, value.values() if isinstance(value, dict) else value))
    return int(isinstance(value, Tensor))


def read_published(path: Path | str) -> dict[str, Any]:
    """What a published file holds; `state_dict`, and `gan` where there is one, are checked to be names and tensors."""
    content = read_pickle(path)
    for part in NETWORKS:
        if part in content or part == "state_dict":
            require_weights(content.get(part), f"{path}: {part!r}")
    return content


def is_motifs(weights: dict[str, Tensor]) -> bool:
    """Are these the weights of Neural Motifs' detector (and not of a trained scene-graph model)?"""
    return "roi_fmap.0.weight" in weights and "features.0.weight" in weights


def _fill_from_trained(path: Path | str, content: dict[str, Any], model: nn.Module,
                       gan: GAN | None) -> list[Filling]:
    detector, scene_graph = _parts(model)
    fillings, state = [], content["state_dict"]
    if detector is not None:
        weights = [Weight(rename_torchvision(name.removeprefix(DETECTOR)), name, value)
                   for name, value in state.items() if name.startswith(DETECTOR)]
        fillings.append(Filling(detector.rcnn, weights, set(detector.rcnn.state_dict()), [(DETECTOR, "")]))
    if scene_graph is not None:
        weights = [Weight(rename_scene_graph(name), name, value)
                   for name, value in state.items() if not name.startswith(DETECTOR)]
        fillings.append(Filling(scene_graph, weights, set(scene_graph.state_dict()), [*SCENE_GRAPH.items()]))
    if gan is not None:
        if "gan" not in content:
            raise ValueError(f"{path} was trained without a GAN: it has no 'gan', only {', '.join(content)}")
        weights = [Weight(rename_gan(name), name, value) for name, value in content["gan"].items()]
        absent = tuple(f"discriminators.{level}." for level in LEVELS if level not in gan.discriminators)
        weights = [weight for weight in weights if not weight.ours.startswith(absent)]
        fillings.append(Filling(gan, weights, set(gan.state_dict())))
    return fillings


def _fill_from_motifs(path: Path | str, content: dict[str, Any], model: nn.Module,
                      gan: GAN | None) -> list[Filling]:
    if gan is not None:
        raise ValueError(f"{path} holds a detector and no GAN")
    detector, scene_graph = _parts(model)
    fillings, state = [], content["state_dict"]
    if detector is not None:
        weights = [Weight(rename(name, MOTIFS_DETECTOR), name, value)
                   for name, value in state.items() if not name.startswith(MOTIFS_UNUSED)]
        expected = {name for name in detector.rcnn.state_dict() if not name.startswith(MOTIFS_ABSENT)}
        fillings.append(Filling(detector.rcnn, weights, expected, [*MOTIFS_DETECTOR.items()]))
    if scene_graph is not None:
        pairs = [(published, ours) for published, copies in MOTIFS_BOX_HEADS.items() for ours in copies]
        weights = [Weight(rename(name, {published: ours}), name, value) for published, ours in pairs
                   for name, value in state.items() if name.startswith(published)]
        expected = {name for name in scene_graph.state_dict() if name.startswith(("node_box_head.", "edge_box_head."))}
        fillings.append(Filling(scene_graph, weights, expected, pairs))
    return fillings


def _is_finite(value: Tensor, dtype: torch.dtype) -> bool:
    """Whether all numbers are finite in `dtype`. Their sum tells in a twentieth of the time, unless it overflows."""
    return bool(value.sum(dtype=dtype).isfinite()) or bool(value.to(dtype).isfinite().all())


def _parts(model: nn.Module) -> tuple[Detector | None, SceneGraphModel | None]:
    if isinstance(model, Detector):
        return model, None
    if isinstance(model, SceneGraphModel):
        return None, model
    detector, scene_graph = getattr(model, "detector", None), getattr(model, "scene_graph", None)
    if not isinstance(detector, Detector) or not isinstance(scene_graph, SceneGraphModel):
        raise TypeError("model must be a Detector, a SceneGraphModel, or have both as `detector` and `scene_graph`, "
                        f"got {type(model).__name__}")
    return detector, scene_graph
