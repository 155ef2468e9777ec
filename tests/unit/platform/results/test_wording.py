"""Names in words."""

from platform.results.paired import Difference
from platform.results.wording import difference_text, short_names, unit_of, unit_of_difference

import pytest


def test_short_names_keep_the_seed_of_the_data_apart_from_that_of_the_training():
    assert short_names(["model.head.kind", "data.seed", "loss.alpha", "augmentation.perturb.alpha", "row"]) == \
        ["head", "data.seed", "loss.alpha", "augmentation.perturb.alpha", "row"]
    assert short_names(["experiment.seed"]) == ["seed"]


@pytest.mark.parametrize(("metric", "text"), [
    ("ngR@50", "+5.0 [-2.5, +12.5]"), ("test/sgcls/zs/R-relative", "+5.0 [-2.5, +12.5]"),
    ("triplet-R@5-weighted", "+5.0 [-2.5, +12.5]"), ("triplet-rank-mean", "+0.1 [-0.0, +0.1]"),
    ("test/sgcls/zs/triplet-rank-median-weighted", "+0.1 [-0.0, +0.1]")])
def test_difference_text_has_points_of_fractions_and_ranks_as_they_are(metric, text):
    assert difference_text(Difference(0.05, -0.025, 0.125, None, None, 3, 1), metric) == text
    assert difference_text(Difference(0.05, None, None, None, None, 1, 1), metric) == text.split()[0]


def test_unit_of_says_where_lower_is_better():
    assert [unit_of(name) for name in ("mR@50", "triplet-rank-mean", "num_images")] == [
        " in percent", " (lower is better)", ""]
    assert [unit_of_difference(name) for name in ("mR@50", "triplet-rank-mean")] == [
        " in points", " (lower is better)"]
