"""Published files of weights: read them safely, match their names with ours, and load them into our modules
(docs/SYSTEM.md section 7). `published.py` in `sgg/detector/`, `sgg/models/` and `sgg/gan/` holds the names of each
network.
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
"""The entries of a published file that hold networks, as weights by name."""
FLOATS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
"""A weight of one of these types may be loaded into a parameter of another."""


class Weight(NamedTuple):
    """A published weight: our name, its name in the file, its values."""

    ours: str
    published: str
    value: Tensor


@dataclass(frozen=True)
class Filling:
    """A module, and the published weights to load into it.

    expected: our names that the file must have. prefixes: pairs of a published prefix and ours, if prefixes suffice to
    translate names.
    """

    module: nn.Module
    weights: list[Weight]
    expected: set[str]
    prefixes: Sequence[tuple[str, str]] = ()

    def faults(self) -> list[str]:
        """One sentence for each weight that is missing, unexpected, of another shape or data type, or there twice.

        It names the weight as the file does; a missing one by our name and the names that the file could have.
        """
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
                  f" are names of the same weight, {name}" for name, count in times.items() if count > 1]
        return found

    def not_finite(self) -> list[str]:
        """One sentence for each weight with a value that is not finite. Call it only if `faults` finds none."""
        own = self.module.state_dict()
        return [f"{published} has values that are not finite" for name, published, value in self.weights
                if not _is_finite(value, own[name].dtype)]

    def apply(self) -> None:
        """Copy the weights into the module."""
        self.module.load_state_dict({weight.ours: weight.value for weight in self.weights}, strict=False)

    def assign(self) -> None:
        """Give copies of the weights to a module on the meta device, in its data types. So nothing random is drawn
        first. Each weight has its own memory afterwards, also where some of the file share theirs."""
        own = self.module.state_dict()
        given = {name: value.to(own[name].dtype, copy=True) for name, _, value in self.weights}
        self.module.load_state_dict(given, strict=False, assign=True)


def read_published(path: Path | str) -> dict[str, Any]:
    """The content of a published file. An entry `model`, as some implementations call it, is `state_dict` in the
    result. Raises ValueError unless `state_dict`, and `gan` if it is there, map names to tensors."""
    content = read_pickle(path)
    if "state_dict" not in content and "model" in content:
        content["state_dict"] = content.pop("model")
    for part in NETWORKS:
        if part in content or part == "state_dict":
            require_weights(content.get(part), f"{path}: {part!r}")
    return content


def require_filled(path: Path | str, fillings: Sequence[Filling]) -> None:
    """Raise ValueError with all `faults` of the fillings; if there are none, with each weight that is not finite.

    path: the file that the weights are from.
    """
    faults = [fault for filling in fillings for fault in filling.faults()]
    if any("D_global." in fault for fault in faults):
        faults.append("(D_global was made for maps with other channels or with another large_discriminator: build the "
                      "GAN with the same values, or without D_global, levels=('nodes', 'edges'))")
    faults = faults or [fault for filling in fillings for fault in filling.not_finite()]  # reads the whole file
    if faults:
        raise ValueError("\n  ".join([f"{path} does not fit the model:", *faults]))


def fill(path: Path | str, content: dict[str, Any], fillings: Sequence[Filling]) -> list[str]:
    """Copy the weights into the modules. Returns the name of every tensor of `content` that no module takes, and logs
    these names as a warning.

    Raises what `require_filled` raises; then no module is changed.
    """
    require_filled(path, fillings)
    for filling in fillings:
        filling.apply()
    without_place = left_out(content, fillings)
    if without_place:
        log.warning("%s: left out %s", path, ", ".join(without_place))
    return without_place


def left_out(content: dict[str, Any], fillings: Sequence[Filling]) -> list[str]:
    """The tensors of a published file that no filling takes: the names of weights; for an optimiser's state, whose
    tensors have no names, its own name and their number."""
    taken = {weight.published for filling in fillings for weight in filling.weights}
    names = [name for part in NETWORKS for name in content.get(part, {}) if name not in taken]
    counts = {name: _count_tensors(value) for name, value in content.items() if name not in NETWORKS}
    return names + [f"{name} ({count} tensors)" for name, count in counts.items() if count]


def _count_tensors(value: Any) -> int:
    if isinstance(value, dict | list | tuple):
        return sum(map(_count_tensors, value.values() if isinstance(value, dict) else value))
    return int(isinstance(value, Tensor))


def published_as(name: str, prefixes: Iterable[tuple[str, str]]) -> list[str]:
    """The published names that can stand for our `name`. prefixes: pairs of a published prefix and ours."""
    return [published + name.removeprefix(ours) for published, ours in prefixes if name.startswith(ours)]


def rename(name: str, prefixes: dict[str, str]) -> str:
    """`name` with its prefix replaced: by the value of the first of `prefixes` that it begins with."""
    for published, ours in prefixes.items():
        if name.startswith(published):
            return ours + name.removeprefix(published)
    return name


def _is_finite(value: Tensor, dtype: torch.dtype) -> bool:
    """Whether all values are finite in `dtype`. A finite sum shows it in a twentieth of the time; a sum may overflow.
    """
    return bool(value.sum(dtype=dtype).isfinite()) or bool(value.to(dtype).isfinite().all())
