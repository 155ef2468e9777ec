"""`tune_configs/methods.yaml`: every combination is a valid config, and its head says exactly what is compared."""

import re
import shlex
from itertools import product
from pathlib import Path
from platform.search.search_space import read_axes

import pytest

from sgg.config import ConfigError, load
from sgg.config.loading.named_rows import ROW
from sgg.methods.augmentation import AUGMENTATIONS
from sgg.methods.edge_loss import EDGE_LOSSES
from sgg.methods.head import HEADS

PATH = Path(__file__).parents[3] / "tune_configs" / "methods.yaml"
KEYS = {"heads": "model.head.kind", "losses": "loss.kind", "augmentations": ROW}


def axes_of(*overrides: str):
    study, axes = read_axes(load(PATH, overrides))
    return study, {axis.key: list(axis.values) for axis in axes}


def test_methods_are_all_of_ours_but_the_head_that_refuses_augmentations() -> None:
    study, axes = axes_of()
    assert axes.keys() == set(KEYS.values())
    assert set(axes["model.head.kind"]) == set(HEADS) - {"causal"}
    assert set(axes["loss.kind"]) == set(EDGE_LOSSES)
    assert {study.trial({ROW: row}).augmentation.kind for row in axes[ROW]} == set(AUGMENTATIONS)


def test_methods_head_names_what_is_compared() -> None:
    _, axes = axes_of()
    text = re.sub(r"\n# *", " ", PATH.read_text().partition("\nexperiment:")[0])
    for what, key in KEYS.items():
        assert re.search(rf" {what} +{', '.join(axes[key])}[:.]", text), what
    numbers = [len(axes[key]) for key in KEYS.values()]
    assert f"{' x '.join(map(str, numbers))} = {numbers[0] * numbers[1] * numbers[2]} configurations" in text


def test_methods_trials_are_valid_configs() -> None:
    study, axes = axes_of()
    seen = set()
    for values in product(*axes.values()):
        config = study.trial(dict(zip(axes, values, strict=True)))
        seen.add((config.model.head.kind, config.loss.kind, config.augmentation.kind, config.training.f_updates))
        if config.augmentation.kind != "off":
            assert config.augmentation.perturb.method == "graphn"
            assert config.training.f_updates == 1
    assert len(seen) == 168


def commands() -> list[list[str]]:
    """The words after the file in each command of the head."""
    found = re.findall(r"methods\.yaml (.*)", PATH.read_text())
    return [[word for word in shlex.split(line) if re.fullmatch(r"[\w.]+=[\w,. ]+", word)] for line in found]


@pytest.mark.parametrize("overrides", commands(), ids=" ".join)
def test_methods_head_has_commands_that_load(overrides: list[str]) -> None:
    study, axes = axes_of(*overrides)
    for values in product(*axes.values()):
        study.trial(dict(zip(axes, values, strict=True)))


def test_methods_head_says_why_a_head_is_missing() -> None:
    study, _ = axes_of()
    with pytest.raises(ConfigError, match=r"model\.head causal: its frequencies and average contexts"):
        study.trial({"model.head.kind": "causal", "loss.kind": "dnorm", ROW: "feature mixing"})
