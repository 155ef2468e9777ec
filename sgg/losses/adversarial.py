"""Losses of the generator and the discriminators: binary cross-entropy on logits (docs/SYSTEM.md section 4).

A discriminator is any callable that maps one set of inputs, (features, labels) or (maps,), to logits. With spectral
norm the order of its calls matters, because each call makes a power iteration: the real inputs come first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor
from torch.nn import functional as F


def discriminator_loss(discriminator: Callable[..., Tensor], real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Cross-entropy of calling real inputs real plus that of calling generated inputs generated; both are detached.

    real, fake: the inputs of the discriminator, for instance (features [N, D, p, p], labels [N]). The loss of N = 0
    rows is 0.
    """
    return (_cross_entropy(discriminator(*(part.detach() for part in real)), 1.0)
            + _cross_entropy(discriminator(*(part.detach() for part in fake)), 0.0))


def generator_loss(discriminator: Callable[..., Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Cross-entropy of calling generated inputs real; gradients reach the inputs. The loss of N = 0 rows is 0."""
    return _cross_entropy(discriminator(*fake), 1.0)


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    if not logits.numel():
        return logits.sum()
    return F.binary_cross_entropy_with_logits(logits, logits.new_full(logits.shape, target))
