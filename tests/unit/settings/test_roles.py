"""Roles: every field of the schema says what it acts on, and there is no other list."""

from typing import Annotated

import pytest

from sgg.config import Config
from sgg.config.by_role import keys_where, reference, role_of
from sgg.config.setting import settings_of
from sgg.settings.keys import flatten
from sgg.settings.roles import Role, runs, together, trains
from sgg.settings.section import Section


def test_reference_has_a_role_and_a_description_for_every_setting() -> None:
    assert set(flatten(Config().model_dump())) <= set(reference())  # which has those of all entries of registries
    for setting in reference().values():
        assert isinstance(setting.role, Role), setting.key
        assert setting.description, f"{setting.key} has no docstring under it"


def test_section_refuses_a_setting_without_a_role() -> None:
    with pytest.raises(TypeError, match=r"Wrong\.width has no role"):
        class Wrong(Section):
            width: int = 3

    class Right(Section):
        width: Annotated[int, trains()] = 3
        """Of something."""
        place: Annotated[str | None, runs()] = None
        """Where it is."""

    assert {key: setting.role.acts for key, setting in settings_of(Right).items()} == {
        "width": "training", "place": "running"}


def test_role_shared() -> None:
    assert set(keys_where(lambda role: role.shared)) == {
        "data.name", "data.num_val_images", "data.exclude_left_right", "data.self_relations", "data.folder",
        "data.version", "data.difficulty", "data.seed",
        "data.allow_clipping", "detector.backbone", "detector.weights",
        "detector.features",
        "detector.epochs", "detector.batch_size", "detector.learning_rate", "augmentation.kind",
        "augmentation.generator", "augmentation.generator_epochs", "augmentation.visual_conditioning",
        "augmentation.perturb.method", "augmentation.examples"}


def test_role_block() -> None:
    assert keys_where(lambda role: role.block) == ["data.seed"]


def test_together_is_the_role_of_settings_that_change_together() -> None:
    keys = ["training.f_updates", "augmentation.perturb.method"]
    assert together([role_of(key) for key in keys]) == trains(shared=True, tried=True)
    assert together([role_of("loss.scale"), role_of("training.batch_size")]) == trains(tried=True)
    assert together([]) == trains()


def test_role_swept() -> None:
    assert keys_where(lambda role: role.swept) == ["evaluation.modes", "evaluation.ks", "evaluation.pred_weight",
                                                   "evaluation.effect", "evaluation.frequency_bias",
                                                   "evaluation.logit_adjustment", "evaluation.pko",
                                                   "evaluation.tcar"]


def test_role_searchable_and_identity_mean_training() -> None:
    for key in reference():
        expected = key.split(".")[0] not in {"experiment", "evaluation", "search", "resources", "tracking"} and \
            key not in {"data.root", "data.cache", "data.workers", "data.eval_images", "training.device",
                        "training.keep_checkpoints", "training.checkpoint_steps", "training.recompute_box_heads",
                        "features.maps", "features.in_memory", "augmentation.quality_every",
                        "augmentation.quality_images"}
        assert (role_of(key).searchable, role_of(key).identity) == (expected, expected), key


def test_role_fixed_for_trial_and_fixed_for_study() -> None:
    epochs = role_of("training.epochs")
    assert (epochs.fixed_for_trial, epochs.fixed_for_study) == (False, True)
    free = {"experiment.name", "experiment.output", "experiment.plugins", "experiment.allow_changed_plugins",
            "data.root", "data.cache", "data.workers", "training.keep_checkpoints", "training.device",
            "training.checkpoint_steps", "training.recompute_box_heads", "search.max_concurrent",
            "search.time_budget_s", "search.max_failures", "search.baseline", "features.maps", "features.in_memory",
            "evaluation.batch_size"}
    assert {key for key in keys_where(lambda role: not role.fixed_for_study)
            if key.split(".")[0] not in {"resources", "tracking"}} == free


def test_role_of_an_unknown_key() -> None:
    assert role_of("model.of_another_version") == trains()


def test_role_exact() -> None:
    """Workers draw for themselves; threads, workers, devices and batches add up in other orders; maps may be rounded.
    None of these is searched, makes a configuration, or keeps a run from going on."""
    inexact = keys_where(lambda role: not role.exact)
    assert set(inexact) == {"resources.workers", "resources.gpus", "resources.cpus", "training.device",
                            "features.maps", "evaluation.batch_size"}
    for key in inexact:
        role = role_of(key)
        assert not any([role.searchable, role.identity, role.fixed_for_trial, role.fixed_for_study]), key
        assert "not to the last bit" in role.words


def test_words_of_epochs_say_where_they_may_grow() -> None:
    """`fit` resumes with more epochs; a study keeps them, so that its trials stay comparable."""
    role = role_of("training.epochs")
    assert "may grow where sgg.training.fit resumes, not where a study does" in role.words
    assert (role.fixed_for_trial, role.fixed_for_study) == (False, True)
