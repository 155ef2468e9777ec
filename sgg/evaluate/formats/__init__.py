"""Formats of predictions of other toolkits. Each module reads one: `read(path, images)` yields the row of an image in
`images` (sgg.evaluate.truth_images) and its prediction. A module with a class `Writer` also writes it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from sgg.structures import Prediction, SceneGraph

if TYPE_CHECKING:
    from sgg.evaluate.truth_images import TruthImages


class FormatWriter(Protocol):
    """Collects the predictions of images; `write` writes the file, whole or not at all."""

    def add(self, name: str, size: tuple[int, int], graph: SceneGraph, label_scores: np.ndarray,
            predicate_scores: np.ndarray) -> None:
        """Add an image. name: of its file. size: height and width. graph: the objects, and relations in descending
        order of the score of the triplet. label_scores: [N]. predicate_scores: [E]."""

    def write(self, path: Path) -> None:
        """Write the file."""


class PredictionFormat(Protocol):
    """A module of this package. `scored`: whether files give every predicate of a pair a score; else predicates that a
    file does not list count as not predicted."""

    scored: bool

    def read(self, path: Path, images: TruthImages) -> Iterator[tuple[int, Prediction]]:
        """Each image of a file that is among `images`: its row, and its prediction.

        Raises FileNotFoundError, or ValueError that names the file and the record, or the classes that the data set
        does not have.
        """


def names() -> list[str]:
    """The names of all formats."""
    return [module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)]


def format_of(name: str) -> PredictionFormat:
    """The format of a name."""
    return cast(PredictionFormat, _module(name))


def writable() -> list[str]:
    """The names of the formats that can be written."""
    return [name for name in names() if hasattr(_module(name), "Writer")]


def writer_of(name: str, classes: tuple[str, ...], predicates: tuple[str, ...]) -> FormatWriter:
    """A writer of a format. classes, predicates: names, background first."""
    return cast(FormatWriter, _module(name).Writer(classes, predicates))


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
