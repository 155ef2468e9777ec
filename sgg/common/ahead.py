"""Produce the items of an iterator in a thread, ahead of the one who takes them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class _Item(Generic[T]):
    value: T


def ahead(items: Iterator[T], count: int = 2) -> Iterator[T]:
    """The items of an iterator, of which up to `count` are produced in a thread before they are taken.

    An exception of the iterator arrives after the items before it. The thread ends with the iterator, or when the
    returned generator is closed.
    """
    ready: queue.Queue[_Item[T] | BaseException | None] = queue.Queue(count)
    closed = threading.Event()

    def put(item: _Item[T] | BaseException | None) -> bool:
        while not closed.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def produce() -> None:
        try:
            for value in items:
                if not put(_Item(value)):
                    return
        except BaseException as error:
            put(error)
        else:
            put(None)

    thread = threading.Thread(target=produce, name="ahead", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                try:
                    raise item
                finally:
                    del item  # the error has this frame, which would keep the error alive
            yield item.value
    finally:
        closed.set()
        thread.join()
