"""Names in words."""

from platform.results.wording import short_names


def test_short_names_keep_the_seed_of_the_data_apart_from_that_of_the_training():
    assert short_names(["model.head.kind", "data.seed", "loss.alpha", "augmentation.perturb.alpha", "row"]) == \
        ["head", "data.seed", "loss.alpha", "augmentation.perturb.alpha", "row"]
    assert short_names(["experiment.seed"]) == ["seed"]
