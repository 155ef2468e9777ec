"""The number of images of each split of a toy genome."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Sizes:
    """The number of images of each split of a toy genome."""

    train: int = 1000
    val: int = 300
    test: int = 600
    detector: int = 800

    def __post_init__(self) -> None:
        for name, count in asdict(self).items():
            if count < 1:
                raise ValueError(f"sizes.{name} must be >= 1, got {count}")
