"""When F begins to learn from generated features: once they are recognisable."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sgg.common import distributed as parallel

NEVER = -1
"""In the place of an epoch: none has begun."""


class RecognitionGate(nn.Module):
    """Opens at the begin of an epoch if in the epoch before the frozen detector recognised enough of the generated
    objects. It stays open.

    threshold: the fraction of objects whose class the detector must give. A generator that has hardly learnt makes
    objects that nobody recognises; F would learn from them to guess classes from their context. Checkpoints hold its
    state.
    """

    counts: Tensor
    epoch: Tensor
    opened: Tensor

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold
        self.register_buffer("counts", torch.zeros(2, dtype=torch.float64))  # recognised, all
        self.register_buffer("epoch", torch.tensor(NEVER))
        self.register_buffer("opened", torch.tensor(False))
        self._known: tuple[int, bool] | None = None  # epoch and opened, as the host knows them
        self.register_load_state_dict_post_hook(lambda *_: self._forget())  # type: ignore[no-untyped-call]  # torch's

    def begin(self, epoch: int) -> None:
        """Decide for an epoch. It is called before every step; the first one of an epoch, and after a resume, waits for
        the device."""
        if self._known is not None and self._known[0] == epoch:
            return
        if int(self.epoch) != epoch:
            recognised, seen = self.counts.tolist()
            self.opened |= seen > 0 and recognised >= self.threshold * seen
            self.epoch.fill_(epoch)
            self.counts.zero_()
        self._known = epoch, bool(self.opened)

    @property
    def is_open(self) -> bool:
        """Whether F learns from generated features in this epoch."""
        assert self._known is not None  # `begin` is called first
        return self._known[1]

    def count(self, logits: Tensor, labels: Tensor) -> None:
        """Count generated objects: [N, C] the detector's scores, and [N] their classes. Nobody waits for the device."""
        right = (logits.detach()[:, 1:].argmax(1) + 1 == labels).sum()
        found = torch.stack([right, torch.full_like(right, len(labels))]).to(self.counts)
        self.counts += parallel.total(found) if parallel.num_workers() > 1 else found

    def _forget(self) -> None:
        self._known = None
