"""The peak memory of a training step: the bytes of all tensors that are alive at once, counted after every operator.

Fake tensors have shapes and no values, so a step of any size is counted within seconds and megabytes. Not counted is
what an operator allocates for itself and frees before it ends, and what Python and torch hold (about 0.3 GiB on a CPU).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sgg.systems.contract import Draws
from sgg.systems.two_stage.totals import Totals

from .paper_step import PaperStep, Size, build

FUSED = {torch.ops.aten._fused_sgd_, torch.ops.aten._fused_adam_, torch.ops.aten._fused_adamw_}


class LiveMemory(TorchDispatchMode):
    """Counts the bytes of tensors that are alive. now: at this moment. peak: the most so far."""

    def __init__(self, held: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: set[int] = set()
        for tensor in held:
            self._note(tensor)

    def __torch_dispatch__(self, operator: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        """Run the operator and count what it returns."""
        result = operator(*arguments, **(options or {}))
        for one in tree_leaves(result):
            if isinstance(one, Tensor):
                self._note(one)
        return result

    def _note(self, tensor: Tensor) -> None:
        """Count the memory of a tensor, once however many tensors share it, until it is freed."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        self._known.add(key)
        size = storage.nbytes()
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, key, size).atexit = False

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


def peak_of_shapes(size: Size, gan: bool, device: str = "cpu", **settings: Any) -> int:
    """The peak bytes of a step, from shapes alone. The other arguments are those of `build`; labels are not perturbed.
    """
    plan = build(size.without_networks(), False).plan()  # a plan has values, for which others decide
    totals = Totals.of(*plan.counts)
    augmentation = {"kind": "gan"} if gan else {"kind": "off"}
    with FakeTensorMode() as fake:
        step = build(size, gan, device, **{"augmentation": augmentation, **settings})
        maps = step.batch.outputs.map

        def advance() -> None:
            of_host = faked(replace(plan, encoding=replace(plan.encoding, map=maps)), fake)
            requested = [step.system.augmenter.request(of_host, Draws(0, 1))]
            with _WithoutUpdates():
                step.system.advance([of_host.sample(step.system.model, step.system.device, totals)], requested)
            step.system.learner.take_norms()

        return peak_of(advance, lambda: [maps, *held_by(step)])


class _WithoutUpdates(TorchDispatchMode):
    """Leaves out the updates of fused optimisers, which allocate nothing: torch has none for fake tensors, and would
    make real weights, gradients and moments for them."""

    def __torch_dispatch__(self, operator: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        """Run the operator, unless it is such an update."""
        if operator.overloadpacket in FUSED:
            return None
        return operator(*arguments, **(options or {}))


def peak_of_values(size: Size, gan: bool, **settings: Any) -> int:
    """The same count of a real step on the CPU."""
    step = build(size, gan, **settings)
    return peak_of(lambda: step() and None, lambda: [step.batch.outputs.map, *held_by(step)])


def peak_of(step: Callable[[], None], held: Callable[[], Iterable[Tensor]]) -> int:
    """The peak bytes of the second of two runs of a step; the first one makes the moments of Adam.

    held: the tensors that live between two steps.
    """
    step()
    memory = LiveMemory(held())
    with memory:
        step()
    return memory.peak


def faked(value: Any, fake: FakeTensorMode) -> Any:
    """A dataclass, or tensor, without the values of its tensors. What else it holds stays."""
    if isinstance(value, FakeTensor):
        return value
    if isinstance(value, Tensor):
        return fake.from_tensor(value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: faked(getattr(value, one.name), fake) for one in fields(value)})
    return value


def held_by(step: PaperStep) -> Iterator[Tensor]:
    """What a system holds between steps: weights, buffers, gradients and moments."""
    for network in step.system.networks.values():
        yield from network.buffers()
        for weight in network.parameters():
            yield weight
            if weight.grad is not None:
                yield weight.grad
    for optimizer in step.system.optimizers.values():
        for state in optimizer.state.values():
            yield from (one for one in state.values() if isinstance(one, Tensor))
