"""Files of weights that others have published: read safely, matched name by name, and put into our modules
(docs/SYSTEM.md section 7). Which names are whose is said beside each network: `published.py` in `sgg/detector/`,
`sgg/models/` and `sgg/gan/`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from .pickles import read_pickle, require_weights

log = logging.getLogger(__name__)

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


def read_published(path: Path | str) -> dict[str, Any]:
    """What a published file holds; `state_dict`, and `gan` where there is one, are checked to be names and tensors."""
    content = read_pickle(path)
    for part in NETWORKS:
        if part in content or part == "state_dict":
            require_weights(content.get(part), f"{path}: {part!r}")
    return content


def require_filled(path: Path | str, fillings: Sequence[Filling]) -> None:
    """Raise ValueError with every missing, unexpected and mis-shaped name, each of another kind of numbers and each two
    of one weight; where there is none, with each whose numbers are not finite. `path` is where the weights are from.
    """
    faults = [fault for filling in fillings for fault in filling.faults()]
    if any("D_global." in fault for fault in faults):
        faults.append("(D_global was made for maps of other channels or with another large_discriminator: build the "
                      "GAN to suit, or without it, levels=('nodes', 'edges'))")
    faults = faults or [fault for filling in fillings for fault in filling.not_finite()]  # reads the whole file
    if faults:
        raise ValueError("\n  ".join([f"{path} does not fit the model:", *faults]))


def fill(path: Path | str, content: dict[str, Any], fillings: Sequence[Filling]) -> list[str]:
    """Copy the weights into the modules. Returns, and logs as a warning, the name of every tensor of `content` that has
    no place in them. Raises what `require_filled` raises, and changes nothing then.
    """
    require_filled(path, fillings)
    for filling in fillings:
        filling.apply()
    without_place = left_out(content, fillings)
    if without_place:
        log.warning("%s: left out %s", path, ", ".join(without_place))
    return without_place


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


def published_as(name: str, prefixes: Iterable[tuple[str, str]]) -> list[str]:
    """Every published name that stands for `name` of ours; prefixes: published and ours, in pairs."""
    return [published + name.removeprefix(ours) for published, ours in prefixes if name.startswith(ours)]


def rename(name: str, prefixes: dict[str, str]) -> str:
    """`name` with the first of `prefixes` that it starts with replaced."""
    for published, ours in prefixes.items():
        if name.startswith(published):
            return ours + name.removeprefix(published)
    return name


def _is_finite(value: Tensor, dtype: torch.dtype) -> bool:
    """Whether all numbers are finite in `dtype`. Their sum tells in a twentieth of the time, unless it overflows."""
    return bool(value.sum(dtype=dtype).isfinite()) or bool(value.to(dtype).isfinite().all())
