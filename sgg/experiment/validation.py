"""When a run validates, and measures what else it measures between epochs."""

from __future__ import annotations

from sgg.config import Config


def is_validated(config: Config, epoch: int) -> bool:
    """Whether an epoch ends with a validation: the first, every `evaluation.every` epochs after it, and the last
    (1, 6, 11, 16, 20 with every 5 of 20 epochs)."""
    return is_due(epoch, config.evaluation.every, config.training.epochs)


def is_due(epoch: int, every: int, epochs: int) -> bool:
    """Whether an epoch is the first, one of every `every` after it, or the last of `epochs`."""
    return (epoch - 1) % every == 0 or epoch == epochs
