"""The least time of a computation on a device, from shapes: each operator at the rate that bounds it.

An operator takes at least its floating-point operations over the device's rate, and at least the bytes of its inputs
and outputs over the device's bandwidth; the larger one counts. Not counted: starting operators, work of the host, and
that no kernel reaches these rates. Real steps take longer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry


@dataclass(frozen=True)
class Rates:
    """A device by its data sheet. flops: operations a second of matrix products. bandwidth: of its memory, in bytes a
    second."""

    name: str
    flops: float
    bandwidth: float


@dataclass
class Work:
    """The operators of a computation. operators: [n] pairs of floating-point operations of products, and bytes."""

    operators: list[tuple[int, int]] = field(default_factory=list)

    @property
    def flops(self) -> int:
        """Floating-point operations of all matrix products and convolutions."""
        return sum(flops for flops, _ in self.operators)

    @property
    def bytes(self) -> int:
        """Bytes that the operators read and write."""
        return sum(moved for _, moved in self.operators)

    def seconds(self, rates: Rates) -> float:
        """The least time on a device."""
        return sum(max(flops / rates.flops, moved / rates.bandwidth) for flops, moved in self.operators)


class Counter(TorchDispatchMode):
    """Counts the work of the operators that run in its context."""

    def __init__(self) -> None:
        super().__init__()
        self.work = Work()

    def __torch_dispatch__(self, operator: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        """Run the operator and count it, unless it is a view of its input."""
        options = options or {}
        result = operator(*arguments, **options)
        if not operator.is_view:
            count = flop_registry.get(operator.overloadpacket)
            flops = count(*arguments, **options, out_val=result) if count is not None else 0
            self.work.operators.append((int(flops), moved((arguments, options, result))))
        return result


def moved(values: Any) -> int:
    """The bytes of all different tensors among some values."""
    tensors = {id(one): one for one in tree_leaves(values) if isinstance(one, Tensor)}
    return sum(one.numel() * one.element_size() for one in tensors.values())


def work_of(call: Callable[[], object]) -> Work:
    """The work of a call, which runs once."""
    with Counter() as counter:
        call()
    return counter.work
