"""The time of a training step by phase, from timers around the real methods."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sgg.augmentations.gan.updates import GANAugmenter
from sgg.systems.two_stage.system import TwoStage

PLAN, PERTURB, OTHER = "plan on the host", "perturbation and request of features", "other"


class Phases:
    """Seconds by phase. A phase within another one does not count for the other one.

    synchronise: called before the clock is read, so that a device has finished what belongs to the phase.
    """

    def __init__(self, synchronise: Callable[[], object] = lambda: None) -> None:
        self.seconds: dict[str, float] = {}
        self._open: list[str] = []
        self._since = 0.0
        self._synchronise = synchronise

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """The block belongs to the phase `name`."""
        self._lap()
        self._open.append(name)
        try:
            yield
        finally:
            self._lap()
            self._open.pop()

    def go_on_as(self, name: str) -> None:
        """What follows in the innermost open phase belongs to the phase `name`."""
        self._lap()
        self._open[-1] = name

    @property
    def current(self) -> str | None:
        """The innermost open phase."""
        return self._open[-1] if self._open else None

    def is_in(self, name: str) -> bool:
        """Whether the phase `name` is open."""
        return name in self._open

    def around(self, owner: object, method: str, name: str | Callable[[], str]) -> None:
        """Replace a method of an object by one that is a phase."""
        call = getattr(owner, method)

        def wrapped(*args: Any, **options: Any) -> Any:
            with self.phase(name if isinstance(name, str) else name()):
                return call(*args, **options)

        setattr(owner, method, wrapped)

    def _lap(self) -> None:
        self._synchronise()
        now = time.perf_counter()
        if self._open:
            self.seconds[self._open[-1]] = self.seconds.get(self._open[-1], 0.0) + now - self._since
        self._since = now


REAL, GENERATED, OF_D = "F on real features", "G, and F on generated features", "D"
"""The updates of a step. The names of their phases begin with them in the results of `watch`."""


def watch(system: TwoStage, phases: Phases) -> None:
    """Put timers around the methods of a system.

    The backward pass of G's update runs through three networks: that of F on generated features comes first, because
    its loss was computed last, then the discriminators, then G. Hooks on their outputs find the borders. Where the
    reconstruction loss trains G, too (`augmentation.attach_generator`), pooling belongs to the pass of the
    discriminators.
    """
    learner, augmenter, model = system.learner, system.augmenter, system.model

    def within(name: str) -> Callable[[], str]:
        return lambda: f"{_update(phases)}: {name}"

    phases.around(system, "training_step", OTHER)
    phases.around(system, "plan", PLAN)
    phases.around(augmenter, "request", PERTURB)
    phases.around(learner, "update", REAL)
    phases.around(model, "features", lambda: f"{_update(phases, REAL)}: pooling")
    phases.around(model, "forward", within("F forward"))
    phases.around(learner, "losses", within("losses"))
    phases.around(learner, "step", within("clipping and optimiser of F"))
    if isinstance(augmenter, GANAugmenter):
        phases.around(augmenter, "update_generator", GENERATED)
        phases.around(augmenter, "update_discriminators", OF_D)
        phases.around(augmenter.gan, "generate", within("G forward"))
        for name, optimizer in augmenter.optimizers.items():
            phases.around(optimizer, "step", within(f"optimiser of the {name}"))
        for discriminator in augmenter.gan.discriminators.values():
            phases.around(discriminator, "forward", within("D forward"))
            _mark_backward(discriminator, phases, "D backward")
        _mark_output(augmenter.gan, "generate", phases, "G backward")


@contextmanager
def backward_as_phase(phases: Phases) -> Iterator[None]:
    """Within the block `Tensor.backward` is a phase of the update that calls it."""
    call = Tensor.backward

    def backward(*args: Any, **options: Any) -> Any:
        update = _update(phases)
        with phases.phase(f"{update}: {'D' if update == OF_D else 'F'} backward"):
            return call(*args, **options)

    Tensor.backward = backward  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        Tensor.backward = call  # type: ignore[method-assign]


def _update(phases: Phases, otherwise: str = OTHER) -> str:
    return next((update for update in (REAL, GENERATED, OF_D) if phases.is_in(update)), otherwise)


def _mark_backward(module: nn.Module, phases: Phases, name: str) -> None:
    """The backward pass from the output of a module on, within the update of G, belongs to the phase `name`."""
    module.register_forward_hook(lambda _, __, output: _mark(output, phases, name))


def _mark_output(owner: object, method: str, phases: Phases, name: str) -> None:
    call = getattr(owner, method)

    def marked(*args: Any, **options: Any) -> Tensor:
        output: Tensor = call(*args, **options)
        _mark(output, phases, name)
        return output

    setattr(owner, method, marked)


def _mark(output: Tensor, phases: Phases, name: str) -> None:
    def arrived(_: Tensor) -> None:
        if (phases.current or "").endswith(" backward"):
            phases.go_on_as(f"{GENERATED}: {name}")

    if phases.is_in(GENERATED) and output.requires_grad and torch.is_grad_enabled():
        output.register_hook(arrived)
