import io
import re
from platform.callbacks.live_table import LiveTable, TrialView, duration, metric_text
from platform.study.trial_record import TrialRecord
from platform.trial.reported import reported
from types import SimpleNamespace

import pytest
from rich.console import Console

from sgg.config import Config, validate

ROW = {"epoch": 1, "loss": 1.25, "val/sgcls/zs/ngR@100": 0.031, "val/sgcls/all/ngR@100": 0.22, "objective": 0.031}


def trial(number, **config):
    return SimpleNamespace(trial_id=f"t{number}", last_result={},
                           config={"study": "x", "loss.kind": "dnorm", "experiment.seed": number, **config})


@pytest.fixture
def output():
    return io.StringIO()


@pytest.fixture
def table(output):
    return LiveTable(Config(), total=3, at_once=1, epochs=2, console=Console(file=output, width=100, height=40))


def shown(table):
    console = Console(file=io.StringIO(), width=140)
    console.print(table.table())
    return console.file.getvalue()


def test_live_table_prints_lines_without_a_terminal(table, output):
    first = trial(0)
    with table:
        table.on_trial_start(0, [], first)
        table.on_trial_result(0, [], first, ROW)
        first.last_result = {"ended": True}
        table.on_trial_complete(0, [], first)
    lines = [re.sub(r"^\[\d+:\d\d\]", "", line).split() for line in output.getvalue().splitlines()]
    assert lines[0][:2] == ["t0", "started"]
    assert lines[-1][:4] == ["t0", "finished", "loss", "1.250"]
    assert "val zs 3.1 %  all 22.0 %" in output.getvalue()
    assert "\x1b" not in output.getvalue()


def test_live_table_reports_a_lost_worker_once(table, output):
    """A row says in which attempt it was written; that of a process which begins is compared with none."""
    for attempts in ((1, 1), (2, 3, 3)):
        table.on_trial_start(0, [], trial(0))
        for epoch, attempt in enumerate(attempts, 1):
            table.on_trial_result(0, [], trial(0), {**ROW, "epoch": epoch, "attempt": attempt})
    assert output.getvalue().count("t0  lost its worker") == 1


def test_live_table_shows_states_metrics_and_the_best(table):
    trials = [trial(0), trial(1), trial(2)]
    for one, score in zip(trials, (0.031, 0.5, 0.9), strict=True):
        table.on_trial_start(0, [], one)
        table.on_trial_result(0, [], one, {**ROW, "objective": score})
    trials[2].last_result = {"failed": "out of memory"}
    table.on_trial_result(0, [], trials[2], {**ROW, "objective": 0.9, "failed": "out of memory"})
    table.on_trial_error(0, [], trials[2])
    text = shown(table)
    assert "3 trials: 2 running, 1 failed" in text
    assert re.search(r"t1\s+│ loss=dnorm seed=1\s+│ running\s+│\s+1/2 │\s+1.250 │\s+3.1 │\s+22.0", text)
    assert "best so far: 50.0 %  loss=dnorm seed=1 (t1, epoch 1)" in text


def test_metrics_of_the_last_validation_stay(table):
    one = trial(0)
    table.on_trial_start(0, [], one)
    table.on_trial_result(0, [], one, ROW)
    table.on_trial_result(0, [], one, {"epoch": 2, "loss": 1.0})
    assert re.search(r"2/2 │\s+1.000 │\s+3.1", shown(table))


def test_recall_of_the_trials_of_a_resumed_search(table, tmp_path):
    """One had ended and was the best; one continues, and its pace is measured anew."""
    for name, status, reason, scores in (("t0", "finished", "", (.1, .7)), ("t1", "stopped", "interrupted", (.2,))):
        record = TrialRecord(tmp_path / name, {"loss.kind": "dnorm", "experiment.seed": 0}, status, reason)
        table.recall(record, [{**ROW, "epoch": epoch, "objective": score} for epoch, score in enumerate(scores, 1)])
    text = shown(table)
    assert "3 trials: 1 finished; 0:00 so far, about - left" in text
    assert re.search(r"t0\s+│ loss=dnorm seed=0\s+│ finished\s+│\s+2/2 ", text)
    assert re.search(r"t1\s+│ loss=dnorm seed=0\s+│ pending\s+│\s+1/2 ", text)
    assert "best so far: 70.0 %  loss=dnorm seed=0 (t0, epoch 2)" in text
    table.on_trial_start(0, [], trial(1))
    table.on_trial_result(0, [], trial(1), {**ROW, "epoch": 2})
    assert "3 trials: 1 running, 1 finished" in shown(table)


def test_live_table_shows_no_pace_for_a_trial_that_answers_from_its_record(table):
    for number in (0, 1):
        table.on_trial_start(0, [], trial(number))
    table.on_trial_result(0, [], trial(0), {**ROW, "epoch": 2, "ended": True, "done": True})
    assert "about - left" in shown(table)
    table.on_trial_result(0, [], trial(1), {**ROW, "done": False})
    assert "about 0:00 left" in shown(table)


def test_live_table_shows_neither_a_pace_nor_a_lost_worker_for_earlier_rows(table, output):
    table.on_trial_start(0, [], trial(0))
    table.on_trial_result(0, [], trial(0), {**ROW, "attempt": 1, "before": True})
    assert "about - left" in shown(table)
    table.on_trial_result(0, [], trial(0), {**ROW, "epoch": 2, "attempt": 2})
    assert "about - left" not in shown(table)
    assert "lost its worker" not in output.getvalue()


def test_live_table_shows_a_searched_loss_not_as_a_fraction(output):
    config = validate({"search": {"metric": "loss", "mode": "min"}})
    table = LiveTable(config, total=2, at_once=1, epochs=2, console=Console(file=output, width=100, height=40))
    for one, loss in ((trial(0), 39.24), (trial(1), 41.5)):
        table.on_trial_start(0, [], one)
        table.on_trial_result(0, [], one, {**ROW, "loss": loss, "objective": loss})
    assert "best so far: 39.24  loss=dnorm" in shown(table)


@pytest.mark.parametrize("attribute", ["status", "seconds_per_epoch", "epoch", "objective"])
def test_table_is_drawn_while_tune_adds_trials(table, attribute):
    """In another thread: here a trial is added whenever something of the first one is read."""
    class Watched(TrialView):
        def __getattribute__(self, name):
            if name == attribute and growing:
                number = len(table._views)
                table._views[f"t{number}"] = TrialView(f"t{number}", "")
            return super().__getattribute__(name)

    growing = False
    table._views["t0"] = Watched("t0", "", status="running", epoch=1, objective=0.5, seconds_per_epoch=1.0)
    table._views["t1"] = TrialView("t1", "")
    growing = True
    assert "t0" in shown(table)
    assert len(table._views) > 2


def test_live_table_of_a_searched_loss_shows_what_is_measured(output):
    config = validate({"search": {"metric": "loss"}, "evaluation": {"modes": ["predcls"], "ks": [20, 50]}})
    table = LiveTable(config, total=1, at_once=1, epochs=2, console=Console(file=output, width=100, height=40))
    row = {"epoch": 1, "attempt": 1, "loss": 1.25, "val/predcls/zs/ngR@50": 0.25, "val/predcls/all/ngR@50": 0.5}
    table.on_trial_start(0, [], trial(0))
    table.on_trial_result(0, [], trial(0), reported(row, config))
    assert re.search(r"1/2 │\s+1.250 │\s+25.0 │\s+50.0", shown(table))


def test_metric_text_and_duration():
    metrics = ("val/sgcls/zs/F1@20", "val/sgcls/all/triplet-rank-mean", "loss")
    assert [metric_text(metric, 0.5) for metric in metrics] == ["50.0 %", "0.5", "0.5"]
    assert [duration(seconds) for seconds in (None, 5, 65, 3661)] == ["-", "0:05", "1:05", "1:01:01"]
