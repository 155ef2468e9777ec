"""When a run validates."""

from __future__ import annotations

from sgg.config import Config


def is_validated(config: Config, epoch: int) -> bool:
    """Whether an epoch ends with a validation: the first, every `evaluation.every` epochs after it, and the last
    (1, 6, 11, 16, 20 with every 5 of 20 epochs)."""
    return (epoch - 1) % config.evaluation.every == 0 or epoch == config.training.epochs
