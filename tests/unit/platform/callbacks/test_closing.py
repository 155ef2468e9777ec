"""Tune closes down in time, or the command ends and names what Tune waits for."""

import time
from platform.callbacks.closing import Closing
from types import SimpleNamespace

import pytest

RUNNING = SimpleNamespace(trial_id="a1", status="RUNNING")
OVER = SimpleNamespace(trial_id="b2", status="TERMINATED")


def ends_of(steps, seconds=.1, lasts=.3):
    """The calls of `end` when Tune takes `lasts` seconds after `steps`."""
    ends: list[tuple[str, float]] = []
    closing = Closing(seconds, lambda *call: ends.append(call))
    with closing.watching():
        steps(closing)
        time.sleep(lasts)
    return ends


@pytest.mark.parametrize(("trials", "named"), [([RUNNING, OVER], "the processes of a1"),
                                               ([OVER], "the processes of finished trials")])
def test_closing_calls_end_once_with_what_tune_waits_for(trials, named):
    def steps(closing):
        closing.on_step_begin(0, trials)
        closing.on_step_end(0, trials)

    (what, seconds), = ends_of(steps)
    assert what.startswith(f"ended {named}")
    assert seconds == .1


def test_closing_lets_a_step_take_its_time():
    def steps(closing):
        closing.on_step_end(0, [RUNNING])
        closing.on_step_begin(1, [RUNNING])

    assert ends_of(steps) == []


def test_closing_does_not_call_end_where_tune_is_quick():
    assert ends_of(lambda closing: closing.on_step_end(0, [RUNNING]), seconds=5, lasts=0) == []
