"""What generator and discriminators minimise: binary cross-entropy on logits (docs/SYSTEM.md section 4).

A discriminator is anything callable that turns one set of inputs, (features, labels) or (maps,), into logits. With
spectral norm the order of its calls matters, each advancing the power iteration: the real inputs go first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor
from torch.nn import functional as F


def discriminator_loss(discriminator: Callable[..., Tensor], real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Cross-entropy of real inputs being called real plus that of fake ones being called fake, both detached.

    real, fake: what the discriminator takes, for instance (features [N, D, p, p], labels [N]). No rows: no loss.
    """
    return (_called(discriminator(*(part.detach() for part in real)), 1.0)
            + _called(discriminator(*(part.detach() for part in fake)), 0.0))


def generator_loss(discriminator: Callable[..., Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Cross-entropy of fake inputs being called real; gradients reach the inputs. No rows: no loss."""
    return _called(discriminator(*fake), 1.0)


def _called(logits: Tensor, target: float) -> Tensor:
    if not logits.numel():
        return logits.sum()
    return F.binary_cross_entropy_with_logits(logits, logits.new_full(logits.shape, target))
