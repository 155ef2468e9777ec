"""Tune closes down within bounds: what it waits for after its last step is named, and waited for no longer."""

import time
from platform.callbacks.closing import Closing
from types import SimpleNamespace

import pytest

RUNNING = SimpleNamespace(trial_id="a1", status="RUNNING")
OVER = SimpleNamespace(trial_id="b2", status="TERMINATED")


def ends_of(steps, seconds=.1, lasts=.3):
    """What is told where Tune takes `lasts` seconds after `steps`."""
    ends: list[tuple[str, float]] = []
    closing = Closing(seconds, lambda *told: ends.append(told))
    with closing.watching():
        steps(closing)
        time.sleep(lasts)
    return ends


@pytest.mark.parametrize(("trials", "named"), [([RUNNING, OVER], "the processes of a1"),
                                               ([OVER], "the processes of trials that are over")])
def test_what_is_waited_for_after_the_last_step_is_told_once(trials, named):
    def steps(closing):
        closing.on_step_begin(0, trials)
        closing.on_step_end(0, trials)

    (what, seconds), = ends_of(steps)
    assert what.startswith(f"ended {named}")
    assert seconds == .1


def test_a_step_may_take_its_time():
    def steps(closing):
        closing.on_step_end(0, [RUNNING])
        closing.on_step_begin(1, [RUNNING])

    assert ends_of(steps) == []


def test_nothing_is_told_where_tune_is_quick():
    assert ends_of(lambda closing: closing.on_step_end(0, [RUNNING]), seconds=5, lasts=0) == []
