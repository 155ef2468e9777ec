"""Items that a thread produces ahead."""

import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import suppress

import pytest

from sgg.common.ahead import ahead


def test_ahead_yields_all_items_in_order() -> None:
    assert list(ahead(iter(range(20)), 3)) == list(range(20))
    assert list(ahead(iter(()))) == []


def test_ahead_produces_before_an_item_is_taken() -> None:
    produced = threading.Semaphore(0)

    def items():
        for number in range(9):
            produced.release()
            yield number

    taken = ahead(items(), 2)
    assert next(taken) == 0
    for _ in range(3):  # the one that was taken, and two ahead of it
        assert produced.acquire(timeout=60)
    taken.close()


def test_ahead_raises_an_error_after_the_items_before_it() -> None:
    def items():
        yield 1
        raise OSError("no such file")

    taken = ahead(items())
    assert next(taken) == 1
    with pytest.raises(OSError, match="no such file"):
        next(taken)


def test_ahead_ends_its_thread_when_it_is_closed() -> None:
    ended = threading.Event()

    def items():
        try:
            while True:
                yield 0
        finally:
            ended.set()

    taken = ahead(items())
    next(taken)
    taken.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]
    assert ended.wait(60)


def test_ahead_keeps_nothing_alive_after_an_error() -> None:
    """What the iterator held is freed with the error, without a search for circular references."""
    class Held:
        """Something that the iterator holds."""

    def failing(held: Held) -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    held = Held()
    freed = weakref.ref(held)
    items = ahead(failing(held))
    del held
    gc.collect()
    gc.disable()
    try:
        with suppress(ValueError):
            list(items)
        del items
        assert freed() is None
    finally:
        gc.enable()
