"""Batches in shared memory, in which loading processes pass them to the training process.

A batch is one block of shared memory and a short message. The loading process allocates the block when it makes the
batch. If there is too little shared memory, it passes the error to the training process, which raises it. Torch alone
would allocate in a sending thread: the error is printed there, the batch is lost, and the training process waits for
ever. The message is short, so a pipe holds many messages, and no process blocks in the middle of one. If it did, a kill
would leave a part of a message, and its reader would wait for the rest.
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
    """A value that can be pickled, usually a batch, with its tensors in one block of shared memory.

    memory: the block [bytes] uint8. message: the pickled value, in which positions in the block replace tensors.
    """

    memory: Tensor
    message: bytes

    @classmethod
    def of(cls, value: Any) -> SharedBatch:
        """Pack `value`. Raises OSError with the remedy if there is too little shared memory."""
        stream = io.BytesIO()
        packer = _Packer(stream, pickle.HIGHEST_PROTOCOL)
        packer.dump(value)
        memory = _shared(packer.size)
        for tensor, start in packer.tensors:
            memory[start:start + tensor.nbytes].view(tensor.dtype).view(tensor.shape).copy_(tensor)
        return cls(memory, stream.getvalue())

    def unpack(self) -> Any:
        """The value. Its tensors lie in the block, which is freed with the last of them."""
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
    """A block [size] uint8 of shared memory."""
    free = free_bytes()
    reason = None
    if free is not None and free < size:  # allocating it could end this process by SIGBUS
        reason = f"{mib(free)} are free"
    else:
        try:
            return torch.empty(0, dtype=torch.uint8).set_(torch.UntypedStorage._new_shared(size))
        except RuntimeError as error:  # torch raises this without memory
            reason = " ".join(str(error).split())[:200]
    raise OSError(f"{MEMORY} has no room for a batch of {mib(size)} ({reason}): {REMEDY}")
