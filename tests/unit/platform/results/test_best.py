from platform.results import __main__ as results
from platform.results.best import best_checkpoint
from platform.study.trial_record import FAILED, FINISHED, RUNNING, STOPPED

import pytest

from sgg.checkpoint.paths import path_of
from sgg.common.run_log import History

METRIC = "val/sgcls/zs/ngR@100"


@pytest.fixture
def run(search):
    """Writes a search of trials that each have a checkpoint after epoch 1. later: trial -> rows of its later epochs, as
    (zero-shot recall or None, whether there is a checkpoint)."""
    def write(trials, later=None, without=(), **options):
        path = search(options.pop("name", "a"), trials, **options)
        for number in range(len(trials)):
            folder = path / "trials" / f"t{number}"
            if number not in without:
                path_of(folder, 1).mkdir(parents=True)
            history = History(folder)
            for epoch, (recall, kept) in enumerate((later or {}).get(number, ()), start=2):
                history.append(epoch, {"loss": 1 / epoch, **({} if recall is None else {METRIC: recall})})
                if kept:
                    path_of(folder, epoch).mkdir(parents=True)
        return path
    return write


def test_best_checkpoint_is_that_of_the_best_validation(run):
    """Of all trials that did not fail, whether they ended or not."""
    path = run([("dnorm", 0, FINISHED, 0.2), ("dnorm", 1, STOPPED, 0.5), ("baseline", 0, FAILED, 0.9),
                ("baseline", 1, FINISHED, 0.4)])
    best, metric = best_checkpoint([path])
    assert (best.path, best.value, metric) == (path / "trials" / "t1" / "checkpoints" / "epoch_0001", 0.5, METRIC)
    assert best.described(metric) == (f"{METRIC} 50.0 % after epoch 1: trial t1 loss.kind=dnorm experiment.seed=1")


@pytest.mark.parametrize(("later", "expected"), [
    ([(0.3, True)], (1, 0.5, 1)), ([(0.7, True)], (2, 0.7, 2)), ([(0.5, True)], (2, 0.5, 2)),
    ([(0.7, False)], (1, 0.5, 1)), ([(None, True)], (2, 0.5, 1))])
def test_best_checkpoint_is_of_an_epoch_that_has_one(run, later, expected):
    """A checkpoint counts with the last validation until its epoch, as a trial does in the search."""
    best, _ = best_checkpoint([run([("dnorm", 0, FINISHED, 0.5)], {0: later})])
    assert (best.epoch, best.value, best.measured) == expected


def test_best_checkpoint_counts_with_its_best_adjustment(run):
    """The fixture's recall is twice as high under pred_weight 0.5."""
    path = run([("dnorm", 0, FINISHED, 0.2), ("dnorm", 1, FINISHED, 0.3)], pred_weight="[0, 0.5]")
    best, metric = best_checkpoint([path])
    assert (best.record.name, best.value, best.adjusted) == ("t1", 0.6, "/x0.5")
    assert f"{METRIC}/x0.5 60.0 % after epoch 1" in best.described(metric)


@pytest.mark.parametrize(("given", "whole"), [
    ("val/sgcls/all/ngR@100", "val/sgcls/all/ngR@100"), ("sgcls/10s/ngR@100", "val/sgcls/10s/ngR@100"),
    ("all/ngR@100", "val/sgcls/all/ngR@100"), ("ngR@100", METRIC), ("loss", "loss")])
def test_best_checkpoint_by_another_metric(run, given, whole):
    assert best_checkpoint([run([("dnorm", 0, FINISHED, 0.2)])], given)[1] == whole


def test_best_checkpoint_of_a_loss_is_the_lowest(run):
    path = run([("dnorm", 0, FINISHED, 0.9), ("dnorm", 1, FINISHED, 0.2)], {1: [(0.1, True)]})
    best, _ = best_checkpoint([path], "loss")  # 1/2 after epoch 2 of the second, else 1
    assert (best.record.name, best.epoch) == ("t1", 2)


def test_best_checkpoint_over_runs_needs_the_same_data(run):
    first = run([("dnorm", 0, FINISHED, 0.2)])
    second = run([("dnorm", 0, FINISHED, 0.4)], name="b")
    assert best_checkpoint([first, second])[0].path.is_relative_to(second)
    other = run([("dnorm", 0, FINISHED, 0.4)], name="c", data={"name": "toy", "description": "other", "hash": "b" * 12})
    with pytest.raises(ValueError, match=r"different data.*other \[bbbbbbbb\]; toy genome \[aaaaaaaa\]"):
        best_checkpoint([first, other])


@pytest.mark.parametrize(("status", "metric", "without", "message"), [
    (RUNNING, None, [0], "a: no trial has a checkpoint (1 running); one is written after each epoch"),
    (FAILED, None, [], "a: no trial that did not fail has a checkpoint (1 failed); one is written after each epoch"),
    (FINISHED, "mR@100", [], "--metric: no trial that has a checkpoint was validated by val/sgcls/zs/mR@100; "
                             "measured: ngR@100"),
    (FINISHED, "test/sgcls/zs/ngR@100", [], "--metric: test/sgcls/zs/ngR@100 is of the test, which must not choose a "
                                            "model: name val/sgcls/zs/ngR@100")])
def test_main_best_says_why_there_is_none(run, capsys, status, metric, without, message):
    path = run([("dnorm", 0, status, 0.2)], without=without)
    assert results.main([str(path), "--best", *(["--metric", metric] if metric else [])]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err


def test_main_best_prints_the_path_alone(run, capsys):
    path = run([("dnorm", 0, FINISHED, 0.2), ("dnorm", 1, FINISHED, 0.5)])
    assert results.main([str(path), "--best"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{path}/trials/t1/checkpoints/epoch_0001\n"
    assert said.err.startswith(f"{METRIC} 50.0 %")
    assert results.main([str(path), "--best", "--format", "csv"]) == 2
    assert "leave out --format, --by and --baseline" in capsys.readouterr().err


def test_best_checkpoint_of_a_study_over_data_sets_compares_nothing(rows_on_genomes):
    """Which genome is the easiest says nothing about models."""
    path = rows_on_genomes("a", [("plain", 7, 0, 0.5), ("plain", 8, 0, 0.4)])
    for trial in (path / "trials").iterdir():
        path_of(trial, 1).mkdir(parents=True)
    with pytest.raises(ValueError, match=r"have different data.*name the folders of its trials on one data set"):
        best_checkpoint([path])
    best, _ = best_checkpoint([path / "trials" / "t1"], "sgcls/zs/ngR@100")
    assert best.value == 0.4
