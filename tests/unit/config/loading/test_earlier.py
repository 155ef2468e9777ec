"""Settings of runs of earlier versions."""

from __future__ import annotations

from typing import Any

from sgg.config import validate
from sgg.config.conditions import acting
from sgg.config.loading.earlier import completed
from sgg.config.schema import Settings
from sgg.settings.keys import flatten


def settings(**sections: Any) -> dict[str, Any]:
    return flatten(validate({"data": {"name": "toy"}, **sections}).model_dump(mode="json"))


def without(flat: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in flat.items() if key not in keys}


def test_completed_of_a_run_of_this_version_is_itself_without_what_has_no_effect() -> None:
    now = settings(augmentation={"kind": "gan"})
    assert completed(now) == acting(Settings, now)
    assert completed(now).keys() >= {"augmentation.hidden_dim", "training.decay_epoch"}
    assert not completed(now).keys() & {"augmentation.perturb.alpha", "augmentation.reconstruction_bias",
                                        "training.warmup_factor", "data.difficulty"}


def test_completed_gives_a_missing_setting_its_default() -> None:
    """Also one that follows from the data set or from other settings, and one that may be none."""
    now = settings(training={"batch_size": 4})
    assert completed(without(now, "training.learning_rate", "training.epochs", "data.version", "data.train_images",
                             "training.f_updates", "features.maps")) == completed(now)


def test_completed_says_how_the_first_edition_behaved() -> None:
    now = settings(data={"name": "gqa"}, augmentation={"kind": "gan"}, model={"frequency_bias": "add"})
    then = without(now, "training.drop_last", "model.edge_boxes", "data.flip_predicates",
                   "augmentation.reconstruction_bias")
    found = completed(then)
    assert {key: found[key] for key in now if key not in then} == {
        "training.drop_last": False, "model.edge_boxes": "union_frame", "data.flip_predicates": "keep",
        "augmentation.reconstruction_bias": True}
    assert completed(without(then, "augmentation.kind") | {"augmentation.kind": "off"}).get(
        "augmentation.reconstruction_bias") is None


def test_completed_reads_keys_and_values_of_earlier_versions() -> None:
    now = settings()
    then = without(now, "model.head.kind", "model.head.iterations", "model.head.hidden_dim") | {
        "model.head": "imp", "model.iterations": 3, "model.hidden_dim": 64, "data.exclude_left_right": False}
    assert completed(then) == completed(now)


def test_completed_keeps_settings_of_entries_that_are_not_registered_here() -> None:
    """Results run no code of a plugin."""
    now = without(settings(), "model.head.iterations", "model.head.hidden_dim") | {"model.head.kind": "of_a_plugin",
                                                                                 "model.head.width": 7}
    found = completed(without(now, "training.f_updates"))
    assert (found["model.head.width"], found["training.f_updates"]) == (7, 1)
    assert "model.head.iterations" not in found
