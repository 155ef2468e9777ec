"""The training loop on a small toy genome: the same numbers every time, killed or not; every switch trains."""

import json
import math
import multiprocessing
import os
import pkgutil
import resource
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sgg import checkpoint
from sgg.common.run_log import History, read_test
from sgg.common.versions import PROGRAM, program
from sgg.config import Config, validate
from sgg.evaluate.__main__ import main as evaluate_command
from sgg.training.fit import fit

FULL_GAN = {"kind": "gan", "perturb": {"method": "graphn", "intensity": 0.5}}


def merged(settings: dict, changes: dict) -> Config:
    sections = {*settings, *changes}
    return validate({section: settings.get(section, {}) | changes.get(section, {}) for section in sections})


def numbers(directory: Path) -> list[dict]:
    """What a run measured, without what depends on the clock and on how often it was started."""
    rows = [{key: value for key, value in row.items() if key not in ("time", "attempt")}
            for row in History(directory).rows()]
    return [*rows, json.loads((directory / "test.json").read_text())]


@pytest.fixture(scope="module")
def undisturbed(toy_settings, tmp_path_factory) -> tuple[Config, Path]:
    config = merged(toy_settings, {"augmentation": FULL_GAN, "evaluation": {"pred_weight": [0, 0.5]}})
    directory = tmp_path_factory.mktemp("undisturbed")
    fit(config, directory)
    return config, directory


def test_fit_leaves_these_files(undisturbed) -> None:
    _, directory = undisturbed
    *rows, test = numbers(directory)
    assert [row["epoch"] for row in rows] == [1, 2]
    for part, figures in (("val", rows[-1]), ("test", test)):
        for mode in ("sgcls", "predcls"):
            for name in ("zs/ngR@50", "10s/R@20", "100s/ng-mR@50", "all/mR@20", "all/ngR@50/x0.5"):
                assert f"{part}/{mode}/{name}" in figures
    assert {key for key in rows[0] if key.startswith("loss/")} == {
        "loss/nodes", "loss/edges", "loss/rec/nodes", "loss/rec/edges", *(
            f"loss/{network}/{level}" for network in "GD" for level in ("nodes", "edges", "global"))}
    written = json.loads((directory / "config.json").read_text())
    assert written["data"]["name"] == "toy"
    assert written["data"]["embeddings"] == "cooccurrence in the training graphs"
    assert written["config"]["augmentation"]["perturb"]["method"] == "graphn"
    assert [path.name for path in sorted((directory / "checkpoints").iterdir())] == ["epoch_0001", "epoch_0002"]
    pictures = json.loads((directory / "zero_shot.json").read_text())
    assert (pictures["split"], pictures["mode"]) == ("test", "sgcls")
    assert pictures["relations"] == test["test/sgcls/zs/num_relations"]
    assert 0 < len(pictures["examples"]) <= 12
    found = json.loads((directory / "predicates.json").read_text())
    assert (found["split"], found["epoch"]) == ("test", 2)
    for mode in ("sgcls", "predcls"):  # absent predicates count as 0
        of_mode = found["recall"][mode]
        assert sum(value or 0 for value in of_mode["R@50"]) / len(found["predicates"]) == pytest.approx(
            test[f"test/{mode}/all/mR@50"], abs=1e-5)


def test_fit_gives_the_same_twice_to_the_last_bit(undisturbed, tmp_path) -> None:
    config, directory = undisturbed
    fit(config, tmp_path)
    assert numbers(tmp_path) == numbers(directory)
    ours, theirs = (load_file(checkpoint.path_of(path, 2) / "weights.safetensors") for path in (tmp_path, directory))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_fit_with_feature_quality_trains_the_same_to_the_last_bit(undisturbed, tmp_path) -> None:
    """Rows have the numbers of the curves beside those of a run without them; the networks are equal."""
    config, directory = undisturbed
    fit(merged(config.model_dump(mode="json"), {"augmentation": {
        **FULL_GAN, "quality_every": 1, "quality_images": 6}}), tmp_path)
    rows = numbers(tmp_path)
    assert [{name: value for name, value in row.items() if not name.startswith("quality/")}
            for row in rows] == numbers(directory)
    for row in rows[:2]:
        measured = {name for name in row if name.startswith("quality/")}
        assert {"quality/real/node/precision@5", "quality/generated/edge/accuracy",
                "quality/generated/global/frechet"} <= measured
        assert all(math.isfinite(row[name]) for name in measured)
    ours, theirs = (load_file(checkpoint.path_of(path, 2) / "weights.safetensors") for path in (tmp_path, directory))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


STEP = "sgg.systems.two_stage.system.TwoStage.training_step"
MOMENTS = {
    "in the first epoch": (["sgg.training.fit.train_epoch", STEP], [1, 2], "before"),
    "between the first checkpoint and its report": (["sgg.checkpoint.prune"], [1], "after"),
    "in the second epoch": (["sgg.training.fit.train_epoch", STEP], [2, 2], "before"),
    "between the second row and its checkpoint": (["sgg.checkpoint.save"], [2], "before"),
    "while the second checkpoint is written": (["sgg.checkpoint.save", "sgg.checkpoint.state.save_file"], [2, 1],
                                               "after"),
    "between a checkpoint's files": (["sgg.checkpoint.save", "torch.save"], [2, 1], "after"),
    "in the test": (["sgg.training.fit.evaluate_split", "sgg.metrics.SceneGraphMetrics.update"], [3, 2], "before"),
    "between the test and its file": (["sgg.training.fit.evaluate_split"], [3], "after"),
}
"""When a run is killed: what it calls then, and within that; which call of each it is; before or after the last one.
Both epochs are validated, so the third measurement is the test."""


def fit_and_die(config: Config, directory: Path, calls: list[str], numbers: list[int], moment: str) -> None:
    """Fit until the moment comes, then SIGKILL. In a process of its own."""
    depth, seen = 0, [0] * len(calls)

    def watch(level: int, owner: object, name: str) -> None:
        original = getattr(owner, name)

        def watched(*arguments, **keywords):
            nonlocal depth
            entered = depth == level
            seen[level] += entered
            now = entered and seen[level] == numbers[level]
            last = level + 1 == len(calls)
            if now and last and moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            depth += now
            result = original(*arguments, **keywords)
            depth -= now
            if now and last and moment == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(owner, name, watched)

    for level, call in enumerate(calls):
        owner, _, name = call.rpartition(".")
        watch(level, pkgutil.resolve_name(owner), name)
    fit(config, directory)


def kill(config: Config, directory: Path, calls: list[str], numbers: list[int], moment: str) -> None:
    """`fit_and_die` in another process; return when it is dead."""
    doomed = multiprocessing.get_context("forkserver").Process(
        target=fit_and_die, args=(config, directory, calls, numbers, moment))
    doomed.start()
    doomed.join()
    assert doomed.exitcode == -signal.SIGKILL
    assert not (directory / "test.json").exists()


@pytest.mark.slow  # eight runs, each killed in a process of its own and taken up again
@pytest.mark.parametrize(("calls", "order", "moment"), MOMENTS.values(), ids=MOMENTS.keys())
def test_fit_resumes_after_a_kill(undisturbed, tmp_path, calls: list, order: list, moment: str) -> None:
    """SIGKILL; the rest is done by a second process, which reports every epoch. The numbers are those of an undisturbed
    run."""
    config, directory = undisturbed
    kill(config, tmp_path, calls, order, moment)
    seen = []
    fit(config, tmp_path, seen.append)
    assert [row["epoch"] for row in seen] == [1, 2]
    assert numbers(tmp_path) == numbers(directory)
    assert not [path.name for path in (tmp_path / "checkpoints").iterdir() if path.name.startswith(".")]


WITHIN = {
    "between the files of a checkpoint": (["sgg.checkpoint.save", "torch.save"], [7, 2], "after", 1),
    "between a checkpoint and the deletion of the one before": (
        ["sgg.checkpoint.state.remove_unfinished"], [7], "before", 2),
    "while the one before is deleted": (["sgg.checkpoint.state.remove_unfinished", "os.replace"], [7, 1], "after", 2),
    "between the checkpoint of an epoch and the deletion of that within it": (
        ["sgg.checkpoint.state.remove_unfinished"], [10], "before", 4),
}
"""When a run with a checkpoint after each of 4 steps is killed, as in `MOMENTS`; and after how many steps of the
second epoch it resumes. An epoch writes five checkpoints. In the last case the second epoch is finished."""


@pytest.mark.slow  # four runs, each killed in a process of its own and taken up again
@pytest.mark.parametrize(("calls", "order", "moment", "steps"), WITHIN.values(), ids=WITHIN.keys())
def test_fit_resumes_within_an_epoch_after_a_kill(undisturbed, tmp_path, monkeypatch, calls: list, order: list,
                                                  moment: str, steps: int) -> None:
    undisturbed_config, directory = undisturbed
    config = merged(undisturbed_config.model_dump(mode="json"), {"training": {"checkpoint_steps": 1}})
    kill(config, tmp_path, calls, order, moment)
    made, step = [], pkgutil.resolve_name(STEP)
    monkeypatch.setattr(STEP, lambda self, *inputs: made.append(1) or step(self, *inputs))
    fit(config, tmp_path)
    assert len(made) == 4 - steps
    assert numbers(tmp_path) == numbers(directory)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["epoch_0001", "epoch_0002"]


@pytest.mark.parametrize("changes", [
    {"model": {"head": "motifs", "frequency_bias": "add"}, "gan": FULL_GAN},
    {"model": {"head": "motifs"}, "augmentation": {"kind": "feature_mixing", "repeat_below": 1, "min_cosine": -1}},
    pytest.param({"model": {"head": {"kind": "causal", "context": "vctree"}}}, marks=pytest.mark.slow)],  # two runs
    ids=["motifs", "motifs, feature mixing", "causal, vctree"])
def test_heads_with_decoders_taken_up_again(toy_settings, tmp_path, changes: dict) -> None:
    """Stopped after the first epoch: figures and weights are those of a run that was not. Labels that VCTree draws and
    running means are included."""
    config = merged(toy_settings, changes | {"data": toy_settings["data"] | {"train_images": 16, "eval_images": 4}})
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    fit(config, whole)

    def stop(row: dict) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        fit(config, parts, stop)
    assert not (parts / "test.json").exists()
    fit(config, parts)
    assert numbers(parts) == numbers(whole)
    ours, theirs = (load_file(checkpoint.path_of(path, 2) / "weights.safetensors") for path in (parts, whole))
    assert ours.keys() == theirs.keys()
    assert any(".decoder.classify." in name for name in ours)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_fit_with_nothing_left_to_train(undisturbed) -> None:
    config, directory = undisturbed
    before, seen = numbers(directory), []
    final = fit(config, directory, seen.append)
    assert [row["epoch"] for row in seen] == [1, 2]
    assert final["test/sgcls/all/ngR@50"] == before[-1]["test/sgcls/all/ngR@50"]
    assert numbers(directory) == before


def test_fit_starts_from_a_checkpoint_of_another_trial(undisturbed, tmp_path) -> None:
    """Population-based training: the donor's state, this trial's settings."""
    config, directory = undisturbed
    other = merged(config.model_dump(mode="json"), {"loss": {"scale": 2.0}})
    seen = []
    for times in (1, 2):  # none of the donor's epochs is reported; its own one is again, when it is taken up
        fit(other, tmp_path, seen.append, start_from=checkpoint.path_of(directory, 1))
        assert [(row["epoch"], row["attempt"]) for row in seen] == [(2, 1)] * times


def test_fit_refuses_other_settings(undisturbed) -> None:
    config, directory = undisturbed
    with pytest.raises(ValueError, match=r"written with other settings.*\n.*loss\.kind was 'dnorm', is 'baseline'"):
        fit(merged(config.model_dump(mode="json"), {"loss": {"kind": "baseline"}}), directory)


def test_evaluate_command_measures_the_same_as_fit(undisturbed, tmp_path) -> None:
    """From the checkpoint, and from its saved predictions without a model."""
    _, directory = undisturbed
    figures, rescored, saved = (str(tmp_path / name) for name in ("figures.json", "rescored.json", "saved.npz"))
    assert evaluate_command([str(directory), "--per-predicate", "--json", figures, "--save-predictions", saved]) == 0
    again = ["--predictions", saved, "--json", rescored, "--ks", "20,50", "--pred-weights", "0,0.5", "--per-predicate"]
    assert evaluate_command(again) == 0
    test = read_test(directory)
    kept = json.loads((directory / "predicates.json").read_text())
    for path in (figures, rescored):
        written = json.loads(Path(path).read_text())
        assert written["figures"] == test
        assert written["per_predicate"] == {name: kept[name] for name in written["per_predicate"]}
    with np.load(saved) as arrays:
        protocol = json.loads(str(arrays["protocol"]))
    results = [json.loads(Path(path).read_text()) for path in (figures, directory / "config.json",
                                                               directory / "test.json")]
    assert all(result[PROGRAM] == program() for result in (*results, protocol, checkpoint.latest(directory).meta))


def test_fit_stops_at_once_when_a_loss_is_not_finite(toy_settings, tmp_path) -> None:
    config = merged(toy_settings, {"training": {"learning_rate": 1e30, "clip_gradient": 1e30}})
    fault = r"(loss .* is not finite|the norm of the gradient is \w+) in epoch 1, step \d+: lower training\."
    with pytest.raises(FloatingPointError, match=fault):
        fit(config, tmp_path)
    assert checkpoint.latest(tmp_path) is None


SWITCHES = {
    "baseline loss": {"loss": {"kind": "baseline"}},
    "dnorm-fgbg, weighted": {"loss": {"kind": "dnorm-fgbg", "foreground_weight": 2, "scale": 0.5}},
    "image frame, intended strides": {"model": {"edge_boxes": "image_frame", "box_strides": "intended"}},
    "frequency bias added": {"model": {"frequency_bias": "add"}},
    "frequency bias only": {"model": {"frequency_bias": "only"}},
    "PredCls training": {"training": {"mode": "predcls"}},
    "two updates of F": {"training": {"f_updates": 2}},
    "SGDet": {"training": {"mode": "sgdet"}, "evaluation": {"modes": ["sgdet"]}},
    "bf16 autocast": {"training": {"autocast_bf16": True}},
    "small discriminator, no conditioning": {"augmentation": {"kind": "gan", "large_discriminator": False,
                                                     "visual_conditioning": False}},
    "generator attached": {"augmentation": {"kind": "gan", "attach_generator": True}},
    "embeddings initialised": {"augmentation": {"kind": "gan", "init_embeddings": True}},
    "reconstruction only": {"augmentation": {"kind": "gan", "terms": ["rec"]}},
    "adversarial only": {"augmentation": {"kind": "gan", "terms": ["D", "G"]}},
    "rand": {"augmentation": {"kind": "gan", "perturb": {"method": "rand"}}},
    "neigh": {"augmentation": {"kind": "gan", "perturb": {"method": "neigh"}}},
    "feature mixing in bf16": {"augmentation": {"kind": "feature_mixing", "perturb": {"method": "graphn"}},
                               "training": {"autocast_bf16": True}},
    "Motifs of several layers in SGDet": {
        "model": {"head": {"kind": "motifs", "object_layers": 2, "edge_layers": 2, "pooling_dim": 96}},
        "training": {"mode": "sgdet"}, "evaluation": {"modes": ["sgdet", "predcls"]}},
}


@pytest.mark.parametrize("changes", SWITCHES.values(), ids=SWITCHES.keys())
def test_fit_trains_with_every_switch(toy_settings, tmp_path, changes: dict) -> None:
    changes = changes | {"training": {"epochs": 1} | changes.get("training", {}),
                         "data": {"train_images": 8, "eval_images": 4}}
    final = fit(merged(toy_settings, changes), tmp_path)
    assert math.isfinite(final["loss"])
    assert any(name.startswith("test/") and name.endswith("all/ngR@50") for name in final)
    assert os.listdir(tmp_path / "checkpoints") == ["epoch_0001"]


def test_fit_on_a_full_disk_leaves_the_last_checkpoint_whole(undisturbed, tmp_path) -> None:
    """No file may grow beyond a megabyte once the first epoch is over, which the second checkpoint must."""
    config, directory = undisturbed
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(OSError, match=r"epoch_0002 cannot be written: .*make room and resume"):
            fit(config, tmp_path, on_epoch_end=lambda row: resource.setrlimit(
                resource.RLIMIT_FSIZE, (2**20, before[1])))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["epoch_0001"]
    fit(config, tmp_path)
    assert numbers(tmp_path) == numbers(directory)
