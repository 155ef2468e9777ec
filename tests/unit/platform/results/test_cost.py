from platform.results.cost import GPU, PROCESSOR, Cost, cost, per_point
from platform.results.history import TrialHistory
from platform.study.trial_record import FAILED, FINISHED, TrialRecord

import pytest

from sgg.common.run_log import History


def trial(seconds, gpus=0.0, processors=1, status=FINISHED):
    return TrialHistory("t", "run", status, "", 0, {}, seconds=seconds, gpus=gpus, processors=processors)


def test_cost_is_the_mean_over_finished_trials():
    assert cost([trial(10.0), trial(30.0), trial(90.0, status=FAILED)]) == Cost(20.0, PROCESSOR)
    assert cost([trial(10.0, processors=4)]) == Cost(40.0, PROCESSOR)
    assert cost([trial(10.0, gpus=0.5, processors=0)]) == Cost(5.0, GPU)


@pytest.mark.parametrize("trials", [
    [], [trial(None)], [trial(10.0, processors=0)], [trial(10.0), trial(None)], [trial(10.0), trial(10.0, gpus=1.0)]])
def test_cost_is_unknown(trials):
    assert cost(trials) is None


def test_per_point():
    """90 s more for 4.5 points are 20 s a point."""
    base = Cost(30.0, PROCESSOR)
    assert per_point(Cost(120.0, PROCESSOR), base, 0.045) == pytest.approx(20)
    assert per_point(Cost(21.0, PROCESSOR), base, 0.045) == pytest.approx(-2)
    assert per_point(Cost(120.0, PROCESSOR), base, 0.0) is None
    assert per_point(Cost(120.0, PROCESSOR), base, -0.1) is None
    assert per_point(Cost(120.0, GPU), base, 0.045) is None
    assert per_point(None, base, 0.045) is None
    assert per_point(Cost(120.0, PROCESSOR), base, None) is None


@pytest.mark.parametrize(("computed_on", "processors"), [
    ({"device": "cpu", "workers": 2, "threads": 3}, 6), ({"device": "cuda", "workers": 2, "threads": 3}, 0),
    (None, 0), ("cpu", 0)])
def test_trial_history_knows_its_processors(tmp_path, computed_on, processors):
    History(tmp_path).append(1, {"loss": 1.0, "time": 2.0})
    record = TrialRecord(tmp_path, status=FINISHED)
    began = {"config": {}, "data": {}, "computed_on": computed_on}
    history = TrialHistory.of(record, record.rows(), False, 0, 1, began)
    assert (history.processors, history.seconds) == (processors, 2.0)
