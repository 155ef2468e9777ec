"""Files that follow from the training data alone, such as a small network that is trained on its triplets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class DerivedFile:
    """Arrays that follow from the training data. They are made once, and kept in the cache of the data set, where all
    trials read them (`Statistics.derived`).

    name: the beginning of the file's name. what: what it is, for people. identity: a JSON value that says what the
    arrays follow from; another identity is another file. make: computes them.
    """

    name: str
    what: str
    identity: Any
    make: Callable[[], Mapping[str, np.ndarray]]
