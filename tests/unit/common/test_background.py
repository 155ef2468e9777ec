import threading

import pytest

from sgg.common.background import Background


def of_background() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("of-test")]


def test_run_keeps_the_order_in_another_thread() -> None:
    done: list[tuple[int, threading.Thread]] = []
    with Background("of-test") as background:
        for number in range(20):
            background.run(lambda number=number: done.append((number, threading.current_thread())))
    assert [number for number, _ in done] == list(range(20))
    assert {thread for _, thread in done}.isdisjoint({threading.main_thread()})
    assert len({thread for _, thread in done}) == 1
    assert not of_background()


def test_run_waits_for_the_function_before() -> None:
    """Otherwise results would pile up where counting is slower than prediction."""
    free, second = threading.Event(), threading.Event()
    with Background("of-test") as background:
        background.run(free.wait, 60)
        caller = threading.Thread(target=lambda: (background.run(int), second.set()))
        caller.start()
        assert not second.wait(0.05), "the first function is still at work"
        free.set()
        assert second.wait(60)
        caller.join()


def fail() -> None:
    raise OSError("no room")


def test_run_raises_the_error_of_the_function_before() -> None:
    after: list[int] = []
    with Background("of-test") as background:
        background.run(fail)
        with pytest.raises(OSError, match="no room"):
            background.run(after.append, 1)
        assert not after
        background.run(after.append, 2)
    assert after == [2]


def test_background_raises_the_error_of_the_last_function_at_the_end() -> None:
    with pytest.raises(OSError, match="no room"), Background("of-test") as background:
        background.run(fail)
    assert not of_background()


def test_background_keeps_an_error_of_its_owner_and_ends_the_thread() -> None:
    def owner() -> None:
        with Background("of-test") as background:
            background.run(fail)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        owner()
    assert not of_background()
