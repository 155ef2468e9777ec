"""Searches on a real Ray, with a stand-in for the training."""

import json
import re
from platform import train, tune
from platform.callbacks.live_table import LiveTable
from platform.cluster.interrupts import Interrupts
from platform.study.directory import JUDGEMENTS, OPTUNA, StudyDirectory
from platform.study.trial_record import FINISHED, STOPPED

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from sgg.common.run_log import read_rows

pytestmark = pytest.mark.ray
several_trials = pytest.mark.slow  # each trial is a process of Ray's, which takes seconds to start


def gpus_reserved():
    import ray

    groups = ray.util.placement_group_table().values()
    return sum(bundle.get("GPU", 0) for group in groups if group["state"] != "REMOVED"
               for bundle in group["bundles"].values())


@several_trials
def test_tune_with_early_stopping(ray_with_gpus, stub, config_file, tmp_path, capsys, faults):
    """Two configurations on two seeds, one GPU each, the worse ones stopped early, two pred_weights."""
    # All begin together, and the better ones are judged before the worse ones, which are compared with them.
    faults((1, 1, "meet 4", 1), (8, 1, "meet 4", 1), (1, 2, "judged 2 2", 1))
    config = config_file("""
loss: {scale: {search: grid, of: [1, 8]}}
training: {epochs: 8}
evaluation: {pred_weight: [0, 0.5]}
search: {scheduler: asha, grace_epochs: 2}
""")
    assert tune.main([config, "experiment.seed=[0, 1]"], stub) == 0
    records = StudyDirectory(tmp_path / "runs" / "a").records()
    assert sorted((record.values["loss.scale"], record.values["experiment.seed"]) for record in records) == [
        (1, 0), (1, 1), (8, 0), (8, 1)]
    assert {record.values["loss.scale"]: record.status for record in records} == {1: STOPPED, 8: FINISHED}
    assert gpus_reserved() == 0

    # All four ran at once, and each saw one GPU of its own.
    seen = [re.search(r"GPUs (\S+),", (record.directory / "log.txt").read_text())[1] for record in records]
    assert sorted(seen) == ["0", "1", "2", "3"]

    printed = capsys.readouterr().out
    assert "4 trials, 4 at a time, each on 1 CPU and 1 GPU" in printed
    assert "data: stub data" in printed
    assert str(tmp_path / "runs" / "a") in printed
    lines = printed.replace(str(tmp_path), "").splitlines()  # pytest names the folder after this test
    assert [line for line in lines if re.search("(?i)\\bray\\b|warning|tune", line)] == []
    rows = json.loads((tmp_path / "runs" / "a" / "results.json").read_text())
    assert [(row["loss.scale"], row["evaluation.pred_weight"]) for row in rows] == [(8, 0.5), (8, 0), (1, 0.5), (1, 0)]


@several_trials
def test_tune_with_optuna_over_seeds(ray_with_gpus, stub, config_file, tmp_path):
    config = config_file("""
loss: {scale: {search: uniform, low: 1, high: 2}}
training: {epochs: 1}
search: {algorithm: optuna, trials: 2, max_concurrent: 2}
""")
    assert tune.main([config, "experiment.seed=[3, 4]"], stub) == 0
    records = StudyDirectory(tmp_path / "runs" / "a").records()
    by_scale = {}
    for record in records:
        by_scale.setdefault(record.values["loss.scale"], []).append(record.values["experiment.seed"])
    assert sorted(map(sorted, by_scale.values())) == [[3, 4], [3, 4]]


@several_trials
@pytest.mark.parametrize("search", ["{algorithm: grid}", "{algorithm: optuna, trials: 2}"])
def test_tune_runs_rows_on_every_data_set(ray_with_gpus, stub, config_file, tmp_path, capsys, search):
    """Each trial has the settings of its row; the results have a row for each, and compare them."""
    config = config_file(f"""
rows: {{plain: {{}}, strong: {{loss: {{scale: 8}}}}}}
training: {{epochs: 1}}
search: {search}
""")
    words = ["data.name=toy", "data.version=3", "data.seed=5,6", "search.baseline=plain", "search.max_concurrent=2"]
    assert tune.main([config, *words], stub) == 0
    records = StudyDirectory(tmp_path / "runs" / "a").records()
    assert sorted((record.values["row"], record.values["data.seed"]) for record in records) == [
        ("plain", 5), ("plain", 6), ("strong", 5), ("strong", 6)]
    for record in records:
        trained = record.config()["config"]
        assert (trained["loss"]["scale"], trained["data"]["seed"]) == (
            8 if record.values["row"] == "strong" else 1, record.values["data.seed"])
    rows = json.loads((tmp_path / "runs" / "a" / "results.json").read_text())
    assert [(row["row"], row["n"]) for row in rows] == [("strong", 2), ("plain", 2)]
    assert "difference to plain in points" in capsys.readouterr().out


@several_trials
def test_tune_with_population_based_training_continues_from_the_better_trial(ray_with_gpus, stub, config_file, tmp_path,
                                                                 seconds_per_epoch, faults):
    seconds_per_epoch(0.5)
    faults((1, 1, "meet 2", 1), (50, 1, "meet 2", 1))  # the better one is not done before the other has begun
    config = config_file("""
loss: {scale: {search: choice, of: [1, 50]}}
training: {epochs: 6}
search: {scheduler: pbt, trials: 2, grace_epochs: 2}
""")
    assert tune.main([config], stub) == 0
    records = StudyDirectory(tmp_path / "runs" / "a").records()
    assert [record.status for record in records] == [FINISHED, FINISHED]
    # Alone, scale 1 would end at .03; a trial that took over a checkpoint of scale 50 ends far above.
    assert min(record.test()["test/sgcls/zs/ngR@100"] for record in records) > 0.3
    assert gpus_reserved() == 0


def test_train_runs_one_trial_and_takes_no_axes(ray_with_gpus, stub, config_file, tmp_path, capsys):
    assert train.main([config_file(), "training.epochs=1", "resources.gpus=0.5"], stub) == 0
    record, = StudyDirectory(tmp_path / "runs" / "a").records()
    assert (record.status, len(record.rows())) == (FINISHED, 1)
    assert "each on 1 CPU and 0.5 GPU" in capsys.readouterr().out
    assert train.main([config_file(), "loss.scale={search: grid, of: [1]}"], stub) == 2
    assert "loss.scale is searched: run a search with python -m platform.tune" in capsys.readouterr().err


def test_train_refuses_more_resources_than_any_node_has(ray_with_gpus, stub, config_file, tmp_path, capsys):
    assert train.main([config_file(), "resources.gpus=5"], stub) == 2
    assert "resources.gpus: a trial needs 5, but no node of this Ray has more than 4" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.fixture
def time_is_over_after_a_report(monkeypatch):
    """Once, when Tune gets the first epoch, before it saves anything."""
    def report(self, *arguments, **info):
        seen(self, *arguments, **info)
        if begun:
            begun.pop().end_time()

    begun, seen, begin = [], LiveTable.on_trial_result, Interrupts.__init__
    monkeypatch.setattr(LiveTable, "on_trial_result", report)
    monkeypatch.setattr(Interrupts, "__init__", lambda self, seconds: begin(self, seconds) or (
        begun.append(self) if seconds == 1000 else None))


@several_trials
def test_tune_resumes_with_more_time(ray_with_gpus, stub, config_file, time_is_over_after_a_report, tmp_path,
                                         capsys):
    """The time ends in the first trial, the second has not begun. ASHA compares them at epoch 1, where the second is
    the better one, as if there had been no end."""
    config = config_file("""
loss: {scale: {search: grid, of: [1, 2]}}
training: {epochs: 3}
search: {max_concurrent: 1, scheduler: asha}
""")
    directory = StudyDirectory(tmp_path / "runs" / "a")
    assert tune.main([config, "search.time_budget_s=1000"], stub) == 0
    assert "the time budget of the search is used up; --resume" in (printed := capsys.readouterr().out)
    assert "1 stopped, 1 not begun" in printed
    record, = directory.records()
    assert (record.status, record.reason) == (STOPPED, "the time budget of the search is used up")
    assert tune.main([config, "search.time_budget_s=3000", "--resume"], stub) == 0
    assert "2 finished" in capsys.readouterr().out
    first, second = directory.records()
    judged = [(row["trial"], row["epoch"], row["stop"]) for row in read_rows(directory.path / JUDGEMENTS)]
    assert judged == [(name, epoch, False) for name in (first.name, second.name) for epoch in (1, 2)]
    for record in (first, second):
        assert [row["epoch"] for row in record.rows()] == [1, 2, 3]
        assert record.test()["test/sgcls/zs/ngR@100"] == pytest.approx(3 * record.values["loss.scale"] * 0.005)


def test_tune_by_two_metrics_resumes_with_the_study_of_optuna(ray_with_gpus, stub, config_file,
                                                              time_is_over_after_a_report, tmp_path, capsys):
    """The time ends in the first trial. Afterwards Optuna opens the study: one trial for each configuration, with the
    means over seeds of both metrics."""
    config = config_file("""
loss: {scale: {search: uniform, low: 1, high: 2}}
training: {epochs: 1}
search: {algorithm: optuna, trials: 2, max_concurrent: 2, metric: [val/sgcls/zs/ngR@100, loss]}
""")
    directory = StudyDirectory(tmp_path / "runs" / "a")

    def study():
        backend = JournalFileBackend(str(directory.path / OPTUNA))
        return optuna.load_study(study_name="a", storage=JournalStorage(backend))

    seeds = "experiment.seed=0,500"
    assert tune.main([config, seeds, "search.time_budget_s=1000"], stub) == 0
    assert "optuna looks for the best trade-offs between them" in capsys.readouterr().out
    assert [trial.state for trial in study().trials] == [TrialState.RUNNING]
    assert tune.main([config, seeds, "search.time_budget_s=3000", "--resume"], stub) == 0
    trials, records = study().trials, {record.name: record for record in directory.records()}
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 2
    for trial in trials:
        of_seeds = [records[trial.user_attrs[f"trial of seed {seed}"]] for seed in (0, 500)]
        scale = trial.params["loss.scale"]
        assert {record.values["loss.scale"] for record in of_seeds} == {scale}
        # The stand-in's recall is scale x (1 + seed / 1000) x .005 after an epoch, its loss 1.
        assert trial.values == pytest.approx([scale * 1.25 * 0.005, 1.0])


@several_trials
def test_tune_runs_two_trials_on_one_gpu(ray_with_gpus, stub, config_file, tmp_path, capsys, faults):
    faults((1, 1, "meet 2", 1), (2, 1, "meet 2", 1))  # both are under way at once
    config = config_file("""
loss: {scale: {search: grid, of: [1, 2]}}
training: {epochs: 2}
resources: {gpus: 0.5}
""")
    assert tune.main([config], stub) == 0
    assert "each on 1 CPU and 0.5 GPU" in capsys.readouterr().out
    records = StudyDirectory(tmp_path / "runs" / "a").records()
    first, second = (re.search(r"GPUs (\S+),", (record.directory / "log.txt").read_text())[1] for record in records)
    assert first == second
    assert first in "0123"
    assert gpus_reserved() == 0


@several_trials
def test_random_search_with_median_stopping(ray_with_gpus, stub, config_file, tmp_path, faults):
    """Three random draws of a range, one after another: the rule has two trials to compare the last one with."""
    config = config_file("""
loss: {scale: {search: uniform, low: 1, high: 3}}
training: {epochs: 4}
search: {algorithm: random, trials: 3, scheduler: median, grace_epochs: 2, max_concurrent: 1}
""")
    assert tune.main([config], stub) == 0
    records = StudyDirectory(tmp_path / "runs" / "a").records()
    scales = [record.values["loss.scale"] for record in sorted(records, key=begun)]
    assert len(set(scales)) == 3
    assert all(1 <= scale <= 3 for scale in scales)
    # The metric is scale x epochs: after epoch 2, a trial below the median of the earlier ones is stopped.
    # Of seed 0 the draws are 2.69, 2.52, 1.84.
    assert scales[2] < min(scales[:2])
    status = {record.values["loss.scale"]: record.status for record in records}
    assert status == {scales[0]: FINISHED, scales[1]: FINISHED, scales[2]: STOPPED}


def begun(record):
    return (record.directory / "config.json").stat().st_mtime
