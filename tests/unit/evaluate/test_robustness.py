"""Tables and means of metrics under corruptions."""

import json
import math
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from sgg.checkpoint.__main__ import main as checkpoint_command
from sgg.config import Config, ConfigError, validate
from sgg.config.corruptions import CORRUPTIONS
from sgg.config.loading.checking import validate_written
from sgg.data import open_dataset
from sgg.data.images.corruption import Corruption
from sgg.evaluate.__main__ import build_parser, main
from sgg.evaluate.measured import restored
from sgg.evaluate.robustness import Robustness, named_corruptions
from sgg.experiment.context import Experiment
from sgg.systems.two_stage.opened_stores import OpenedStores
from sgg.systems.two_stage.storing import reads_of
from tests.unit.importing.test_published import small
from tests.untrained import untrained

METRIC = "sgcls/all/R@20"


def found(values: dict[tuple[str, int], float], clean: float = 0.8) -> Robustness:
    return Robustness({METRIC: clean}, {Corruption(*one, 0): {METRIC: value} for one, value in values.items()})


def test_means_weigh_each_corruption_alike() -> None:
    """fog has two severities and a mean of .3, snow one of .5: the mean of both is .4, half of .8."""
    robust = found({("fog", 1): 0.4, ("fog", 5): 0.2, ("snow", 5): 0.5})
    assert {name: values[METRIC] for name, values in robust.means().items()} == pytest.approx(
        {"fog": 0.3, "snow": 0.5, "mean": 0.4})
    (table,) = robust.tables(["sgcls"], 20)
    rows = list(zip(*(list(column.cells) for column in table.columns), strict=True))
    assert rows == [("clean", "", "", "80.00"), ("fog", "40.00", "20.00", "30.00"), ("snow", "-", "50.00", "50.00"),
                    ("mean", "", "", "40.00"), ("of clean", "", "", "50.00")]


def test_tables_say_nothing_of_what_is_not_measured() -> None:
    robust = found({("fog", 1): math.nan, ("snow", 1): 0.1}, clean=math.nan)
    (table,) = robust.tables(["sgcls", "predcls"], 20)
    assert list(table.columns[-1].cells) == ["-", "-", "10.00", "-", "-"]


def test_named_corruptions() -> None:
    assert named_corruptions(["all"], [2]) == [(name, 2) for name in CORRUPTIONS]
    assert named_corruptions(["fog", "snow"], [1, 5]) == [("fog", 1), ("fog", 5), ("snow", 1), ("snow", 5)]
    with pytest.raises(ValueError, match="--corruption rain: must be all, off, or some of gaussian_noise, "):
        named_corruptions(["fog", "rain"], [1])
    with pytest.raises(ValueError, match="--severity 6: must be some of 1, 2, 3, 4, 5"):
        named_corruptions(["fog"], [6])


@pytest.fixture
def checkpoint(monkeypatch, tmp_path) -> tuple[Path, Path]:
    """A model that knows nothing, and the folder of its data."""
    shutil.copytree(Path(__file__).parents[2] / "example", tmp_path / "data")
    data = open_dataset("custom", tmp_path / "data")
    path = small(monkeypatch, tmp_path / "vgrel.pth", len(data.classes), len(data.predicates))
    assert checkpoint_command(["import", str(path), "--out", str(tmp_path / "out"), "--data", "custom"]) == 0
    return tmp_path / "out", tmp_path / "data"


def evaluated(checkpoint: tuple[Path, Path], tmp_path: Path, *words: str) -> dict:
    path, root = checkpoint
    written = tmp_path / "found.json"
    assert main([str(path), "--root", str(root), "--device", "cpu", "--json", str(written), *words]) == 0
    return json.loads(written.read_text())


def test_main_evaluates_one_corruption(checkpoint, tmp_path, capsys) -> None:
    """Its results say what they are of, so that they never pass for those of clean images."""
    clean = evaluated(checkpoint, tmp_path)
    noisy = evaluated(checkpoint, tmp_path, "--corruption", "gaussian_noise", "--severity", "5")
    assert "corruption" not in clean["data"]
    assert noisy["data"]["corruption"].items() >= {"name": "gaussian_noise", "severity": 5}.items()
    assert noisy["data"]["description"].endswith("test images under gaussian_noise of severity 5")
    assert "test images under gaussian_noise of severity 5" in capsys.readouterr().out
    assert noisy["figures"].keys() == clean["figures"].keys()


def test_main_evaluates_several_corruptions(checkpoint, tmp_path, capsys) -> None:
    found = evaluated(checkpoint, tmp_path, "--corruption", "contrast,pixelate", "--severity", "1,4")
    said = capsys.readouterr().out
    assert [one["corruption"]["name"] for one in found["corruptions"]] == ["contrast"] * 2 + ["pixelate"] * 2
    alone = evaluated(checkpoint, tmp_path, "--corruption", "pixelate", "--severity", "4")
    assert found["corruptions"][-1]["figures"] == pytest.approx(alone["figures"], abs=0, nan_ok=True)
    assert found["corruptions"][-1]["corruption"] == alone["data"]["corruption"]
    assert found["figures"] == pytest.approx(evaluated(checkpoint, tmp_path)["figures"], abs=0, nan_ok=True)
    assert set(found["means"]) == {"contrast", "pixelate", "mean"}
    assert "sgcls/all/R@100 by severity, per cent" in said


@pytest.mark.parametrize(("words", "message"), [
    (["--severity", "3"], "--severity needs --corruption"),
    (["--corruption", "fog", "--split", "val"], "--corruption is for the test split"),
    (["--corruption", "all", "--severity", "1", "--save-predictions", "p.npz"], "--save-predictions needs one"),
    (["--corruption", "fog", "--per-predicate"], "--per-predicate needs one --corruption NAME and one --severity N")])
def test_main_refuses_corruptions_with(words, message, monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        main(["runs/a", *words])
    assert message in capsys.readouterr().err


def corrupted(toy_root) -> Config:
    return validate({"data": {"name": "toy", "root": str(toy_root)}, "features": {"maps": "exact"},
                     "evaluation": {"corruption": "fog", "severity": 2}})


def test_a_run_with_corruption_says_so(toy_root) -> None:
    config = corrupted(toy_root)
    experiment = Experiment(config, open_dataset("toy", toy_root))
    assert experiment.provenance()["description"].endswith("test images under fog of severity 2")
    assert experiment.corruption("test") == Corruption("fog", 2, config.seed)
    assert experiment.corruption("val") is None
    assert reads_of(config, "test") == 0 < reads_of(config, "val")


def test_main_says_nothing_of_corruption_where_val_is_measured(checkpoint, tmp_path, capsys) -> None:
    """Although the model was trained with settings that corrupt test images: val is never corrupted."""
    file = next(checkpoint[0].rglob("meta.json"))
    meta = json.loads(file.read_text())
    meta["config"]["evaluation"] |= {"corruption": "fog", "severity": 2, "relation_nms": True}
    file.write_text(json.dumps(meta))
    for split, corrupted_images in (("test", True), ("val", False)):
        found = evaluated(checkpoint, tmp_path, "--split", split)
        assert ("corruption" in found["data"]) is corrupted_images
        assert ("test images under fog" in found["data"]["description"]) is corrupted_images
        assert ("test images under fog" in " ".join(capsys.readouterr().out.split())) is corrupted_images


def test_main_names_a_convention_beside_the_data_and_not_among_them(checkpoint, tmp_path) -> None:
    """Whatever is measured: one split, or several corruptions of it."""
    for words in ([], ["--corruption", "contrast", "--severity", "1,2"]):
        found = evaluated(checkpoint, tmp_path, "--relation-nms", *words)
        assert found["conventions"]["relation_nms"] is True
        assert "relation_nms" not in found["data"]


def test_corrupted_images_are_never_read_from_stores(toy_root, monkeypatch) -> None:
    foundation = untrained(corrupted(toy_root), toy_root)
    opened = []
    monkeypatch.setattr(OpenedStores, "of", lambda self, split: opened.append(split))
    next(foundation.evaluation_batches("test"))
    assert opened == []
    next(foundation.evaluation_batches("val"))
    assert opened == ["val"]
    next(foundation.evaluation_batches("val", Corruption("fog", 1, 0)))
    assert opened == ["val"]


def test_a_severity_without_a_corruption_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"evaluation\.severity 2 has no effect, since .*corruption is off"):
        validate({"evaluation": {"severity": 2}})


def test_other_corruptions_than_in_training_replace_its_severity(monkeypatch) -> None:
    """A run was trained with fog of severity 2. Its settings stay valid when the command asks for others, or none."""
    given = []
    experiment = SimpleNamespace(config=SimpleNamespace(seed=0))

    def restore(path, changes, allow_changed_plugin):
        given.append(changes["evaluation"])
        return SimpleNamespace(foundation=SimpleNamespace(experiment=experiment))

    monkeypatch.setattr("sgg.evaluate.restore.restore", restore)
    for words in (["--corruption", "snow"], ["--corruption", "off"], ["--split", "val"]):
        restored(build_parser().parse_args(["runs/a", *words]))
        trained = {"corruption": "fog", "severity": 2}
        said = {name: value for name, value in given[-1].items() if value is not None}
        assert validate_written({"evaluation": trained | said}, "it").evaluation.corruption == "off"
