"""Keys and values of earlier versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from sgg.config import load, validate
from sgg.config.loading.renamed import current_item, old_keys, old_values, renamed, unnamed_adjustments
from sgg.config.loading.resume import changes
from sgg.settings.keys import flatten


def test_current_item_of_a_value_with_another_name() -> None:
    assert current_item("model.edge_boxes", "motifs") == ("model.edge_boxes", "union_frame")
    axis = {"search": "grid", "of": ["motifs", "raw_boxes", "image_frame"]}
    assert current_item("model.edge_boxes", axis)[1] == axis | {"of": ["union_frame", "image_frame", "image_frame"]}
    assert current_item("model.head", "motifs") == ("model.head", "motifs")  # the head is no drawing


def test_renamed_and_old_values_of_nested_settings() -> None:
    settings = {"model": {"edge_boxes": "raw_boxes", "head": {"kind": "motifs"}}}
    assert renamed(settings) == {"model": {"edge_boxes": "image_frame", "head": {"kind": "motifs"}}}
    assert old_values(settings) == {"model.edge_boxes": ("raw_boxes", "image_frame")}
    assert not old_values(renamed(settings))


def test_validate_reads_a_former_value_as_the_current_one() -> None:
    then, now = (validate({"model": {"edge_boxes": kind}}) for kind in ("raw_boxes", "image_frame"))
    assert then == now
    written = flatten(now.model_dump(mode="json")) | {"model.edge_boxes": "raw_boxes"}
    assert not changes(written, flatten(now.model_dump(mode="json")), lambda role: True)


@pytest.mark.parametrize(("text", "word"), [
    ("model: {edge_boxes: raw_boxes}", "loss.kind=dnorm"),
    ("model: {edge_boxes: {search: grid, of: [raw_boxes]}}", "loss.kind=dnorm"),
    ("model: {head: imp}", "model.edge_boxes=raw_boxes")])
def test_load_notes_the_new_name_of_a_value(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str,
                                            word: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    study = load(path, [word])
    assert study.base.model.edge_boxes == "image_frame"
    note, = capsys.readouterr().err.splitlines()
    assert all(part in note for part in ("note", "model.edge_boxes", "raw_boxes", "image_frame"))


def test_validate_refuses_an_unknown_value_with_current_names(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"model\.edge_boxes.*union_frame.*image_frame"):
        validate({"model": {"edge_boxes": "circles"}})


@pytest.mark.parametrize(("word", "values"), [("none", ["none"]), ("tde", ["tde"])])
def test_validate_reads_the_former_setting_of_causal_effects(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                             word: str, values: list[str]) -> None:
    """`model.head.effect` is an adjustment now, whose values are a list. A study with it resumes."""
    path = tmp_path / "a.yaml"
    path.write_text(f"model: {{head: {{kind: causal, effect: {word}}}}}")
    study = load(path, [])
    assert study.base.evaluation.effect == values
    assert "model.head.effect is called evaluation.effect now" in capsys.readouterr().err
    now = flatten(study.base.model_dump(mode="json"))
    then = {key: value for key, value in now.items() if key != "evaluation.effect"} | {"model.head.effect": word}
    assert not changes(then, now, lambda role: True)


def test_load_notes_the_new_name_of_a_setting_of_one_augmentation(tmp_path: Path,
                                                                 capsys: pytest.CaptureFixture[str]) -> None:
    """`model.pairs_per_image` is another budget. Augmentations of plugins may have a setting of the former name."""
    path = tmp_path / "a.yaml"
    for more, words in ((", pairs_per_image: 3", []), ("", ["augmentation.pairs_per_image=3"]),
                        (", pairs_per_image: 9", ["augmentation.mixed_per_image=3"])):
        path.write_text(f"augmentation: {{kind: feature_mixing{more}}}")
        assert load(path, words).base.augmentation.mixed_per_image == 3
        assert "augmentation.pairs_per_image is called augmentation.mixed_per_image now" in capsys.readouterr().err
    axis = {"search": "grid", "of": ["off", "feature_mixing"]}
    searched = {"augmentation": {"kind": axis, "pairs_per_image": 3}}
    assert renamed(searched) == {"augmentation": {"kind": axis, "mixed_per_image": 3}}
    of_a_plugin = {"augmentation": {"kind": "mine", "pairs_per_image": 3}}
    assert renamed(of_a_plugin) == of_a_plugin
    assert not old_keys(of_a_plugin)


def test_unnamed_adjustments_are_those_of_runs_of_an_earlier_version() -> None:
    assert unnamed_adjustments({"model": {"head": {"kind": "causal", "effect": "tde"}}}) == {"effect": "tde"}
    for head in ({"kind": "causal", "effect": "none"}, {"kind": "causal"}, "causal"):
        assert unnamed_adjustments({"model": {"head": head}}) == {}
