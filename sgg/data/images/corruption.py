"""Corrupted images, for robust evaluation: the 15 common corruptions of Hendrycks and Dietterich (ICLR 2019, arXiv
1903.12261) at 5 severities, for images of any size (Michaelis et al. 2019, arXiv 1907.07484).

The package imagecorruptions (in its maintained edition, imagecorruptions-imaug) computes them. It is needed for nothing
else, so that it comes with an extra: pip install -e ".[corruptions]". Its constants are pixels of images of about 224
pixels a side, the size for which the corruptions were made: the same severity is milder for a large photograph, and
harsher for an image of the toy genome.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np

from sgg.common.hashing import value_hash
from sgg.data.provenance import CorruptionProvenance, DataProvenance

SMALLEST = 32
"""The least number of pixels along a side of an image that can be corrupted."""
LIBRARY, MODULE = "imagecorruptions-imaug", "imagecorruptions"
SEEDED = ("glass_blur", "impulse_noise")
"""Corruptions that have random states of their own, beside numpy's."""


@dataclass(frozen=True)
class Corruption:
    """One corruption of a severity from 1 to 5. What it draws for an image follows from the seed and the image's id
    alone, so it is the same in any batch and any process."""

    name: str
    severity: int
    seed: int

    def __call__(self, pixels: np.ndarray, image_id: str) -> np.ndarray:
        """An image [h, w, 3] uint8, corrupted. Raises ValueError that names an image that is too small."""
        height, width, _ = pixels.shape
        if min(height, width) < SMALLEST:
            raise ValueError(f"image {image_id} is {width}x{height} pixels, and the corruption {self.name} needs at "
                             f"least {SMALLEST} along each side: evaluate without evaluation.corruption")
        drawn = int(value_hash([self.seed, self.name, self.severity, image_id])[:8], 16)
        own = {"seed": drawn} if self.name in SEEDED else {}
        with _numpy_seeded(drawn), redirect_stdout(io.StringIO()):  # the library prints where a zoomed layer is cut
            corrupted: np.ndarray = corrupt()(pixels, corruption_name=self.name, severity=self.severity, **own)
        return corrupted

    def __str__(self) -> str:
        return f"{self.name} of severity {self.severity}"

    def described(self, data: DataProvenance) -> DataProvenance:
        """The provenance of data whose test images are corrupted. The description says so, because results are
        compared by it."""
        found: CorruptionProvenance = {"name": self.name, "severity": self.severity, "seed": self.seed,
                                       "by": f"{LIBRARY} {version(LIBRARY)}"}
        described: DataProvenance = {**data, "corruption": found}
        described["description"] = f"{data['description']}, test images under {self}"
        return described


@lru_cache(maxsize=1)
def corrupt() -> Callable[..., Any]:
    """The function of the library. Raises ValueError with the remedy where it is not installed."""
    try:
        function: Callable[..., Any] = importlib.import_module(MODULE).corrupt
        return function
    except ImportError as error:
        raise ValueError(f"evaluation.corruption needs the package {LIBRARY}, which cannot be imported ({error}): "
                         'pip install -e ".[corruptions]"') from None


@contextmanager
def _numpy_seeded(seed: int) -> Iterator[None]:
    """A context in which numpy's global generator begins at a seed; afterwards it goes on as before."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)
