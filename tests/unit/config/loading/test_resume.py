"""Settings that may differ when a run resumes, also a run of an earlier edition that lacks some settings."""

import pytest

from sgg.config import validate
from sgg.config.loading.resume import changes as all_changes
from sgg.methods.augmentation import AUGMENTATIONS
from sgg.settings.keys import flatten


def changes(then: dict, now: dict) -> list[str]:
    return sorted(all_changes(then, now, lambda role: role.fixed_for_trial))


def settings(data_name: str = "toy", **sections) -> dict:
    return flatten(validate({"data": {"name": data_name}, **sections}).model_dump(mode="json"))


def of_the_first_edition(now: dict) -> dict:
    """The settings of a checkpoint of a version that lacked some settings."""
    then = dict(now)
    del then["training.drop_last"]
    then.pop("augmentation.reconstruction_bias", None)
    del then["data.flip_predicates"], then["data.self_relations"], then["data.allow_clipping"], then["data.cache"]
    return then | {"model.edge_boxes": "union_frame"}


def test_changes_names_settings_that_decide_results() -> None:
    assert changes(settings(), settings()) == []
    assert changes(settings(), settings(training={"momentum": 0.5, "epochs": 9, "drop_last": True})) == [
        "training.drop_last was False, is True", "training.momentum was 0.9, is 0.5"]


@pytest.mark.parametrize("kind", list(AUGMENTATIONS))
def test_changes_names_nothing_where_a_run_resumes_as_it_was(kind: str) -> None:
    """Settings that one augmentation has and another lacks are not taken for missing ones."""
    now = settings(augmentation={"kind": kind}, model={"frequency_bias": "add"})
    assert changes(now, now) == []
    searched = now | {"augmentation.kind": {"search": "grid", "of": [kind, *AUGMENTATIONS]}}
    assert changes(searched, searched) == []


def test_changes_of_a_run_of_the_first_edition() -> None:
    assert changes(of_the_first_edition(settings()), settings()) == []
    now = settings("vg", training={"drop_last": False})
    assert changes(of_the_first_edition(now), now) == []


def test_changes_first_edition_kept_incomplete_batches() -> None:
    now = settings("vg")
    assert changes(of_the_first_edition(now), now) == ["training.drop_last was False, is True"]


@pytest.mark.parametrize(("bias", "faults"), [
    ("off", []), ("add", ["augmentation.reconstruction_bias was True, is False"])])
def test_changes_first_edition_added_the_bias_in_the_reconstruction(bias, faults) -> None:
    now = settings(model={"frequency_bias": bias}, augmentation={"kind": "gan"})
    assert changes(of_the_first_edition(now), now) == faults


@pytest.mark.parametrize(("flip", "faults"), [
    (True, ["data.flip_predicates was 'keep', is 'exchange'"]), (False, [])])
def test_changes_first_edition_kept_predicates_in_mirrored_images(flip, faults) -> None:
    """Mirroring changes no predicate of Visual Genome and the toy genome, and most predicates of GQA."""
    now = settings("gqa", model={"edge_boxes": "union_frame"}, training={"drop_last": False}) | {"data.flip": flip}
    assert changes(of_the_first_edition(now), now) == faults


def test_changes_a_missing_setting_had_its_default() -> None:
    then = settings()
    del then["training.f_updates"]
    assert changes(then, settings()) == []
    assert changes(then, settings(training={"f_updates": 2})) == ["training.f_updates was 1, is 2"]


def test_changes_none_of_the_first_edition_is_the_default() -> None:
    """Its studies wrote None for the default of the data set."""
    then = of_the_first_edition(settings()) | {"training.batch_size": None, "training.learning_rate": None}
    assert changes(then, settings()) == []
    assert changes(then, settings(training={"batch_size": 4})) == [
        "training.batch_size was 8, is 4", "training.learning_rate was 0.016, is 0.008"]


def test_changes_compares_an_axis_as_a_whole() -> None:
    then = settings() | {"loss.kind": {"search": "grid", "of": ["dnorm"]}}
    assert changes(then, then) == []
    assert len(changes(then, settings())) == 1


def test_changes_of_a_setting_without_effect_are_none() -> None:
    """Earlier versions allowed values that did nothing; today such a setting has its default."""
    now = settings(augmentation={"kind": "gan"}, training={"schedule": "cosine"})
    then = now | {"augmentation.perturb.alpha": 9.0, "training.decay_epoch": 1}
    assert changes(then, now) == []
    assert changes(then, settings(augmentation={"kind": "gan"})) == [
        "training.decay_epoch was 1, is 2", "training.schedule was 'cosine', is 'step'"]
