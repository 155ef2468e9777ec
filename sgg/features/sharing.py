"""Share one store between processes: the first process writes it, the others wait."""

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
    """Tasks with a known number."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


Progress = Callable[[Steps], Iterable[Any]]
"""Wraps tasks: it yields them one after another and shows the progress, like tqdm."""


def ensure_store(path: str | Path, identity: StoreIdentity, num_parts: int,
                 write: Callable[[StoreWriter, list[int]], None], codec: str = "lz4", threads: int = 2) -> FeatureStore:
    """The sealed store of `identity` at `path`. If it does not exist, `write(writer, missing parts)` makes it.

    Any number of processes may call this at the same time: one writes, the others wait (`sgg.common.locking`). If the
    writer is killed, the next one continues with the parts that are there. `write` must write every missing part,
    itself or through other processes.

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
    """`ensure_store`, where this process writes. parts: functions that return features [n, *row_shape] and labels [n].
    """
    def write(writer: StoreWriter, missing: list[int]) -> None:
        for number in progress(missing):
            writer.write_part(number, *parts[number]())

    return ensure_store(path, identity, len(parts), write, codec, threads)
