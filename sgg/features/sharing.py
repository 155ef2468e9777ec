"""One store for many processes: whoever comes first writes it, the others wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from sgg.common.locking import held
from sgg.structures import Array

from .identity import StoreIdentity
from .store import FeatureStore
from .writer import StoreWriter, discard_parts

Part = Callable[[], tuple[Array, Array]]


class Steps(Protocol):
    """Things to do, of which it is known how many there are."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


Progress = Callable[[Steps], Iterable[Any]]
"""Hands on what is to be done, one after another, and shows how far it is."""


def ensure_store(path: str | Path, identity: StoreIdentity, num_parts: int,
                 write: Callable[[StoreWriter, list[int]], None], codec: str = "lz4", threads: int = 2) -> FeatureStore:
    """The sealed store of `identity` at `path`; where it is not yet, `write(writer, missing parts)` makes it.

    Any number of processes may call this at once: one of them writes, the others wait for it (`sgg.common.locking`). A
    killed writer's successor goes on with the parts it left.
    `write` writes every missing part, itself or through other processes.

    Raises what `FeatureStore.open` and `StoreWriter` raise.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        with held(path.with_name(path.name + ".lock")):
            if not path.exists():
                writer = StoreWriter(path, identity, num_parts, codec, threads)
                write(writer, writer.missing())
                writer.seal()
    store = FeatureStore.open(path, identity, threads)
    discard_parts(path)
    return store


def write_store(path: str | Path, identity: StoreIdentity, parts: Sequence[Part], codec: str = "lz4",
                threads: int = 2, progress: Progress = iter) -> FeatureStore:
    """`ensure_store` in this process: each part is a call that returns features [n, *row_shape] and labels [n]."""
    def write(writer: StoreWriter, missing: list[int]) -> None:
        for number in progress(missing):
            writer.write_part(number, *parts[number]())

    return ensure_store(path, identity, len(parts), write, codec, threads)
