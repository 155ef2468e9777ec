"""What a run would make and take, known before it starts: `python -m platform.tune CONFIG --dry-run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SharedPart:
    """Something that all trials of a search share and that is made before the first one.

    name: for people. said: what there is, or what would be made, in lines. path: where it is or will be; None: it is no
    file of ours. there: whether it is there. bytes: that making it takes of the disk. seconds: that making it takes
    here. Both are None where they are unknown, and 0 where it is there.
    """

    name: str
    said: Sequence[str]
    path: Path | None = None
    there: bool = False
    bytes: int | None = None
    seconds: float | None = None


class NeedsValuesError(ValueError):
    """A step asks for the values of tensors, which a plan does not have."""


@dataclass(frozen=True)
class StepMemory:
    """The memory of a training step of one process, in bytes, computed from shapes.

    peak: the most that tensors take at once, with the weights of the system and of what it is built on. kept: what they
    take between two steps: weights, gradients, moments. checkpoint: of one on the disk. images, objects, pairs:
    of the batch, the largest of many random ones.
    """

    peak: int
    kept: int
    checkpoint: int
    images: int
    objects: int
    pairs: int
