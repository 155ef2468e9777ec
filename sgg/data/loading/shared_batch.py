"""How batches get from the processes that load them to the one that trains: in shared memory, which may be small.

A batch travels as one piece of shared memory and a short message. The memory is taken where the batch is made, so that
a lack of it is an error there, which the training process gets and raises. Torch by itself takes it in a thread that
sends: there the error is printed, the batch is lost, and the training process waits for it for ever. The message is
short because a pipe then holds many of them: no process has to wait in the midst of sending one, where a kill would
leave a part of a message that its reader waits on.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sgg.data.loading.shared_memory import MEMORY, REMEDY, free_bytes, mib

ALIGNMENT = 64


@dataclass(frozen=True)
class SharedBatch:
    """Any value that can be pickled, its tensors in one piece of shared memory."""

    memory: Tensor
    message: bytes

    @classmethod
    def of(cls, value: Any) -> SharedBatch:
        """`value`, packed. Raises OSError, with the remedy, where there is too little shared memory."""
        stream = io.BytesIO()
        packer = _Packer(stream, pickle.HIGHEST_PROTOCOL)
        packer.dump(value)
        memory = _shared(packer.size)
        for tensor, start in packer.tensors:
            memory[start:start + tensor.nbytes].view(tensor.dtype).view(tensor.shape).copy_(tensor)
        return cls(memory, stream.getvalue())

    def unpack(self) -> Any:
        """The value; its tensors lie in the shared memory, which is given back with the last of them."""
        return _Unpacker(io.BytesIO(self.message), self.memory).load()


class _Packer(pickle.Pickler):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.tensors: list[tuple[Tensor, int]] = []
        self.size = 0

    def persistent_id(self, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return None
        start = self.size
        self.tensors.append((value, start))
        self.size += -(-value.nbytes // ALIGNMENT) * ALIGNMENT
        return start, value.nbytes, value.dtype, tuple(value.shape)


class _Unpacker(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, memory: Tensor) -> None:
        super().__init__(stream)
        self.memory = memory

    def persistent_load(self, place: Any) -> Tensor:
        start, size, dtype, shape = place
        return self.memory[start:start + size].view(dtype).view(shape)


def _shared(size: int) -> Tensor:
    """[size] uint8 in shared memory."""
    free = free_bytes()
    reason = None
    if free is not None and free < size:  # taking it could end this process by SIGBUS
        reason = f"{mib(free)} are free"
    else:
        try:
            return torch.empty(0, dtype=torch.uint8).set_(torch.UntypedStorage._new_shared(size))
        except RuntimeError as error:  # how torch says so
            reason = " ".join(str(error).split())[:200]
    raise OSError(f"{MEMORY} has no room for a batch of {mib(size)} ({reason}): {REMEDY}")
