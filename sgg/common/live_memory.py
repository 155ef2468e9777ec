"""The peak memory of a computation: the bytes of all tensors that are alive at once, counted after every operator.

Fake tensors have shapes and no values, so a computation of any size is counted within seconds and megabytes. Not
counted is what an operator allocates for itself and frees before it ends, and what Python and torch hold (about 0.3 GiB
on a CPU).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

FUSED = {torch.ops.aten._fused_sgd_, torch.ops.aten._fused_adam_, torch.ops.aten._fused_adamw_}


class LiveMemory(TorchDispatchMode):
    """Counts the bytes of tensors that are alive. now: at this moment. peak: the most so far. held: the tensors that
    are there from the beginning."""

    def __init__(self, held: Iterable[Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's own, without annotation
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


class WithoutUpdates(TorchDispatchMode):
    """Leaves out the updates of fused optimisers, which allocate nothing: torch has none for fake tensors, and would
    make real weights, gradients and moments for them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above

    def __torch_dispatch__(self, operator: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        """Run the operator, unless it is such an update."""
        if operator.overloadpacket in FUSED:
            return None
        return operator(*arguments, **(options or {}))


@contextmanager
def without_values() -> Iterator[FakeTensorMode]:
    """In the block tensors are made without values, on the CPU. `Module.to` does nothing there: torch cannot swap
    weights that have no values, and these have nowhere else to go."""
    before = nn.Module.to
    nn.Module.to = lambda self, *_, **__: self  # type: ignore[method-assign]
    try:
        with FakeTensorMode() as fake:
            yield fake
    finally:
        nn.Module.to = before  # type: ignore[method-assign]


def bytes_of(tensors: Iterable[Tensor]) -> int:
    """The bytes that tensors hold, where those that share memory count once."""
    return LiveMemory(tensors).now


def peak_of(step: Callable[[], object], held: Callable[[], Iterable[Tensor]]) -> int:
    """The peak bytes of the second of two runs of a step; the first one makes the moments of Adam.

    held: the tensors that live between two steps.
    """
    step()
    memory = LiveMemory(held())
    with memory:
        step()
    return memory.peak


def needs_values(error: BaseException) -> bool:
    """Whether an error says that a computation on fake tensors asked for their values."""
    from torch._subclasses import fake_tensor
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode  # imports sympy, which is slow

    if isinstance(error, RuntimeError) and "numpy() is not supported" in str(error):
        return True  # torch has no class for it
    return isinstance(error, (fake_tensor.DataDependentOutputException, fake_tensor.DynamicOutputShapeException,
                              fake_tensor.UnsupportedOperatorException, GuardOnDataDependentSymNode))


def faked(value: Any, fake: FakeTensorMode) -> Any:
    """A dataclass, tuple, list, mapping or tensor, without the values of its tensors. What else it holds stays."""
    if isinstance(value, FakeTensor):
        return value
    if isinstance(value, Tensor):
        return fake.from_tensor(value)
    if isinstance(value, (tuple, list)):
        parts = [faked(one, fake) for one in value]
        return type(value)._make(parts) if hasattr(value, "_make") else type(value)(parts)  # of a NamedTuple
    if isinstance(value, dict):
        return {key: faked(one, fake) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: faked(getattr(value, one.name), fake) for one in fields(value)})
    return value
