"""The floor of a training step: the matrix products and convolutions that it must do, and a pass of the optimiser.

The products are recorded from a real step, and then run on random tensors of the same shapes, strides and types. Left
out is what no update needs, although the step may compute it:

- products with a matrix of zeros, for example with the first state of a GRU;
- the forward product of the box-pair embedding, of which `BoxHead` uses the gradient alone.

Everything else of a step is not in the floor: pooling, activations, dropout, losses, normalisation, copies. A gradient
with respect to frozen features is not computed, so it is not recorded.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from sgg.models.box_head import BoxHead

from .paper_step import PaperStep

aten = torch.ops.aten
PRODUCTS = {aten.mm, aten.addmm, aten.bmm, aten.baddbmm, aten.addbmm, aten.mv, aten.addmv, aten.convolution,
            aten.convolution_backward}
OPTIMIZER_PASSES = {"SGD": 5, "Adam": 7, "AdamW": 7}
"""How often an update moves each weight's number between memory and processor: it reads weight, gradient and moments,
and writes weight and moments."""


@dataclass(frozen=True)
class Shape:
    """A tensor without its values."""

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, tensor: Tensor) -> Shape:
        """That of a tensor."""
        return cls(tuple(tensor.shape), tensor.stride(), tensor.dtype, tensor.device)

    def random(self) -> Tensor:
        """A tensor of this shape, uniform in [0, 1)."""
        held = [1 if stride == 0 else size for size, stride in zip(self.sizes, self.strides, strict=True)]
        tensor = torch.empty_strided(held, self.strides, dtype=self.dtype, device=self.device)
        return tensor.copy_(torch.rand(held, device=self.device)).expand(self.sizes)


@dataclass
class Work:
    """What a step must do. products: the operators with their arguments. bytes: those that the updates move."""

    products: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    bytes: int = 0

    def ready(self) -> Callable[[], None]:
        """A function that runs all products once. Operators with equal shapes share their tensors."""
        tensors: dict[Any, Tensor] = {}

        def filled(value: Any, place: Any) -> Any:
            if not isinstance(value, Shape):
                return value
            if (value, place) not in tensors:
                tensors[value, place] = value.random()
            return tensors[value, place]

        calls = [(call, [filled(value, place) for place, value in enumerate(arguments)],
                  {name: filled(value, name) for name, value in options.items()})
                 for call, arguments, options in self.products]

        def run() -> None:
            for call, arguments, options in calls:
                call(*arguments, **options)

        return run

    def flops(self) -> int:
        """Floating-point operations of the products: two for each multiplication with its addition."""
        counter = FlopCounterMode(display=False)
        with counter:
            self.ready()()
        return int(counter.get_total_flops())


class Recorder(TorchDispatchMode):
    """Records the products that run in its context."""

    def __init__(self) -> None:
        super().__init__()
        self.work = Work()
        self._left_out = 0

    def __torch_dispatch__(self, operator: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        """Run the operator, and record it if it is a product that the step needs."""
        options = options or {}
        if operator.overloadpacket in PRODUCTS and not self._left_out and not _of_zeros(arguments):
            self.work.products.append((operator, tuple(map(_shape, arguments)),
                                       {name: _shape(value) for name, value in options.items()}))
        return operator(*arguments, **options)

    @contextmanager
    def leaving_out(self) -> Iterator[None]:
        """Nothing is recorded within the block."""
        self._left_out += 1
        try:
            yield
        finally:
            self._left_out -= 1


def work_of(step: PaperStep) -> Work:
    """What a step must do. Runs it once."""
    recorder = Recorder()
    with _needed_alone(step, recorder), recorder:
        step()
    return recorder.work


@contextmanager
def _needed_alone(step: PaperStep, recorder: Recorder) -> Iterator[None]:
    """Within the block a step computes only what its updates need, and `recorder` hears of its updates."""
    hooks = [optimizer.register_step_post_hook(lambda one, *_: _add_pass(recorder.work, one))
             for optimizer in step.system.optimizers.values()]
    zero = BoxHead._zero_with_gradient

    def zero_left_out(*arguments: Any) -> Tensor:
        with recorder.leaving_out():
            return zero(*arguments)

    BoxHead._zero_with_gradient = zero_left_out  # type: ignore[method-assign]
    try:
        yield
    finally:
        BoxHead._zero_with_gradient = zero  # type: ignore[method-assign]
        for hook in hooks:
            hook.remove()


def _add_pass(work: Work, optimizer: torch.optim.Optimizer) -> None:
    """Add what an update by the optimiser moves."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"] if weight.grad is not None]
    work.bytes += OPTIMIZER_PASSES[type(optimizer).__name__] * sum(one.numel() * one.element_size() for one in weights)


def _shape(value: Any) -> Any:
    return Shape.of(value) if isinstance(value, Tensor) else value


def _of_zeros(arguments: Iterable[Any]) -> bool:
    """Whether one of the matrices is all zeros."""
    return any(isinstance(one, Tensor) and one.dim() > 1 and not one.any() for one in arguments)


class Bandwidth:
    """Measures how fast numbers move between memory and processor: by a sum of two long vectors into a third one.

    numbers: of each vector, much more than caches hold.
    """

    def __init__(self, numbers: int, device: torch.device) -> None:
        self._vectors = [torch.rand(numbers, device=device) for _ in range(3)]

    def run(self) -> None:
        """Move `bytes` once."""
        first, second, out = self._vectors
        torch.add(first, second, out=out)

    @property
    def bytes(self) -> int:
        """Bytes that `run` moves."""
        return sum(one.numel() * one.element_size() for one in self._vectors)


@dataclass(frozen=True)
class Turns:
    """Seconds of the step, of its products and of a pass of its optimisers, in each turn."""

    step: list[float]
    products: list[float]
    passes: list[float]

    @property
    def floors(self) -> list[float]:
        """Seconds of the floor in each turn."""
        return [products + passes for products, passes in zip(self.products, self.passes, strict=True)]

    @property
    def ratio(self) -> float:
        """The median over turns of the step's time, divided by the floor's of the same turn."""
        return statistics.median(step / floor for step, floor in zip(self.step, self.floors, strict=True))


def take_turns(run_step: Callable[[], object], work: Work, bandwidth: Bandwidth, turns: int,
               synchronise: Callable[[], object] = lambda: None) -> Turns:
    """Time the step and its floor in turns, after one of each that is not counted."""
    run_products, found = work.ready(), Turns([], [], [])
    for call in (run_step, run_products, bandwidth.run):
        call()
    for _ in range(turns):
        found.step.append(seconds_of(run_step, synchronise))
        found.products.append(seconds_of(run_products, synchronise))
        found.passes.append(seconds_of(bandwidth.run, synchronise) * work.bytes / bandwidth.bytes)
    return found


def seconds_of(call: Callable[[], object], synchronise: Callable[[], object] = lambda: None) -> float:
    """Seconds on the wall that a call takes, with all that it has begun on a device."""
    synchronise()
    begun = time.perf_counter()
    call()
    synchronise()
    return time.perf_counter() - begun
