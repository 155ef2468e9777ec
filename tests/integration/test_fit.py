"""The training loop on a small toy genome: the same numbers every time, killed or not; every switch trains."""

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sgg import checkpoint
from sgg.config import Config, validate
from sgg.evaluate import main as evaluate_command
from sgg.fit import fit
from sgg.history import History

FULL_GAN = {"enabled": True, "perturb": {"method": "graphn", "intensity": 0.5}}


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
    config = merged(toy_settings, {"gan": FULL_GAN, "evaluation": {"pred_weight": [0, 0.5]}})
    directory = tmp_path_factory.mktemp("undisturbed")
    fit(config, directory)
    return config, directory


def test_what_a_run_leaves(undisturbed) -> None:
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
    assert written["config"]["gan"]["perturb"]["method"] == "graphn"
    assert [path.name for path in sorted((directory / "checkpoints").iterdir())] == ["epoch_0001", "epoch_0002"]


def test_twice_the_same_to_the_last_bit(undisturbed, tmp_path) -> None:
    config, directory = undisturbed
    fit(config, tmp_path)
    assert numbers(tmp_path) == numbers(directory)
    ours, theirs = (load_file(checkpoint.path_of(path, 2) / "weights.safetensors") for path in (tmp_path, directory))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("when", ["in the first epoch", "after the first epoch", "in the second epoch"])
def test_killed_and_taken_up_again(undisturbed, tmp_path, when: str) -> None:
    """SIGKILL at three moments; the rest is done by a second process. The numbers are those of an undisturbed run."""
    config, directory = undisturbed
    script = f"""
import json, os, signal, sys
import sgg.build, sgg.fit
from sgg.config import validate
steps, epochs, when = 0, 0, {when!r}
def die(): os.kill(os.getpid(), signal.SIGKILL)
step = sgg.build.TrainingStep.__call__
def counted(*args):
    global steps
    steps += 1
    if steps == {{"in the first epoch": 2, "in the second epoch": 6}}.get(when): die()
    return step(*args)
sgg.build.TrainingStep.__call__ = counted
def on_epoch_end(row):
    if when == "after the first epoch": die()
sgg.fit.fit(validate(json.loads(sys.argv[1])), sys.argv[2], on_epoch_end)
"""
    settings = config.model_dump_json()
    killed = subprocess.run([sys.executable, "-c", script, settings, str(tmp_path)], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "test.json").exists()
    seen = []
    fit(config, tmp_path, seen.append)
    assert [row["epoch"] for row in seen] == ([1, 2] if when == "in the first epoch" else [2])
    assert numbers(tmp_path) == numbers(directory)


def test_nothing_left_to_train(undisturbed) -> None:
    config, directory = undisturbed
    before, seen = numbers(directory), []
    final = fit(config, directory, seen.append)
    assert [row["epoch"] for row in seen] == [2]
    assert final["test/sgcls/all/ngR@50"] == before[-1]["test/sgcls/all/ngR@50"]
    assert numbers(directory) == before


def test_another_trial_goes_on_from_a_checkpoint(undisturbed, tmp_path) -> None:
    """Population-based training: the donor's state, this trial's settings."""
    config, directory = undisturbed
    other = merged(config.model_dump(mode="json"), {"loss": {"scale": 2.0}})
    seen = []
    fit(other, tmp_path, seen.append, start_from=checkpoint.path_of(directory, 1))
    assert [row["epoch"] for row in seen] == [2]


def test_other_settings_are_refused(undisturbed) -> None:
    config, directory = undisturbed
    with pytest.raises(ValueError, match=r"written with other settings.*\n.*loss\.kind was 'dnorm', is 'baseline'"):
        fit(merged(config.model_dump(mode="json"), {"loss": {"kind": "baseline"}}), directory)


def test_the_evaluation_command_measures_the_same(undisturbed, tmp_path) -> None:
    """From the checkpoint, and from its saved predictions without a model."""
    _, directory = undisturbed
    figures, rescored, saved = (str(tmp_path / name) for name in ("figures.json", "rescored.json", "saved.npz"))
    assert evaluate_command([str(directory), "--json", figures, "--save-predictions", saved]) == 0
    again = ["--predictions", saved, "--json", rescored, "--ks", "20,50", "--pred-weights", "0,0.5"]
    assert evaluate_command(again) == 0
    test = json.loads((directory / "test.json").read_text())
    for path in (figures, rescored):
        assert json.loads(Path(path).read_text())["figures"] == test


def test_a_loss_that_is_no_number_stops_at_once(toy_settings, tmp_path) -> None:
    config = merged(toy_settings, {"training": {"learning_rate": 1e30, "clip_gradient": 1e30}})
    fault = r"(loss .* is not finite|the norm of the gradient is \w+) in epoch 1, step \d+: lower training\."
    with pytest.raises(FloatingPointError, match=fault):
        fit(config, tmp_path)
    assert checkpoint.latest(tmp_path) is None


SWITCHES = {
    "baseline loss": {"loss": {"kind": "baseline"}},
    "dnorm-fgbg, weighted": {"loss": {"kind": "dnorm-fgbg", "foreground_weight": 2, "scale": 0.5}},
    "raw boxes, intended strides": {"model": {"edge_boxes": "raw_boxes", "box_strides": "intended"}},
    "frequency bias added": {"model": {"frequency_bias": "add"}},
    "frequency bias only": {"model": {"frequency_bias": "only"}},
    "PredCls training": {"training": {"mode": "predcls"}},
    "two updates of F": {"training": {"f_updates": 2}},
    "SGDet": {"training": {"mode": "sgdet"}, "evaluation": {"modes": ["sgdet"]}},
    "bf16 autocast": {"training": {"autocast_bf16": True}},
    "small discriminator, no conditioning": {"gan": {"enabled": True, "large_discriminator": False,
                                                     "visual_conditioning": False}},
    "generator attached": {"gan": {"enabled": True, "attach_generator": True}},
    "embeddings initialised": {"gan": {"enabled": True, "init_embeddings": True}},
    "reconstruction only": {"gan": {"enabled": True, "terms": ["rec"]}},
    "adversarial only": {"gan": {"enabled": True, "terms": ["D", "G"]}},
    "rand": {"gan": {"enabled": True, "perturb": {"method": "rand"}}},
    "neigh": {"gan": {"enabled": True, "perturb": {"method": "neigh"}}},
}


@pytest.mark.parametrize("changes", SWITCHES.values(), ids=SWITCHES.keys())
def test_every_switch_trains(toy_settings, tmp_path, changes: dict) -> None:
    changes = changes | {"training": {"epochs": 1} | changes.get("training", {}),
                         "data": {"train_images": 8, "eval_images": 4}}
    final = fit(merged(toy_settings, changes), tmp_path)
    assert math.isfinite(final["loss"])
    assert any(name.startswith("test/") and name.endswith("all/ngR@50") for name in final)
    assert os.listdir(tmp_path / "checkpoints") == ["epoch_0001"]
