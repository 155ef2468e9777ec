from platform.results.history import TrialHistory
from platform.results.report.bands import band, curves

import numpy as np
import pytest

from tests.report_columns import fractions


def history(epochs, values):
    return TrialHistory("t", "run", "finished", "", 0, {}, epochs=epochs, curves={"loss": values})


def test_band_of_trials_of_unequal_length():
    trials = [history([1, 2, 3], [3.0, None, 1.0]), history([1, 2], [5.0, 4.0]), history([1], [4.0])]
    table = np.array([[3, np.nan, 1], [5, 4, np.nan], [4, np.nan, np.nan]])
    found = band(trials, "loss")
    assert found.epochs == [1, 2, 3]
    assert found.mean == pytest.approx(list(np.nanmean(table, axis=0)))
    assert (found.low, found.high) == (list(np.nanmin(table, axis=0)), list(np.nanmax(table, axis=0)))
    assert found.n == [3, 1, 1]


def test_band_of_a_metric_that_no_trial_measured():
    assert band([history([1], [None])], "loss") is None
    assert band([history([1], [1.0])], "val/sgcls/zs/R@50") is None


def test_curves_hold_the_epochs_of_one_configuration_after_the_other():
    found = curves([[history([1, 2, 3], [3.0, None, 1.0]), history([1, 2], [5.0, 4.0])], [], [history([1], [2.0])]])
    assert found == {"epochs": [[1, 2, 3], [], [1]], "of": {"loss": [[4, 4, 1, 2], [3, 4, 1, 2], [5, 4, 1, 2]]}}


def test_curves_of_feature_quality_are_fractions_numbers_and_a_count():
    """Of two trials: density and the Frechet distance may exceed 1, and the number of features does not differ."""
    curved = [TrialHistory("t", "run", "finished", "", 0, {}, epochs=[1, 2], curves={
        f"quality/generated/node/{name}": [None, value] for name, value in (
            ("precision@5", recall), ("density@5", 3.0), ("frechet", 40.0 + recall), ("count", 1740.0))})
        for recall in (0.25, 0.75)]
    found = {name.rpartition("/")[2]: columns for name, columns in curves([curved])["of"].items()}
    assert [fractions(column) for column in found["precision@5"]] == [[None, 0.5], [None, 0.25], [None, 0.75]]
    assert found["density@5"] == [[None, 3.0]] * 3
    assert found["frechet"] == [[None, 40.5], [None, 40.25], [None, 40.75]]
    assert found["count"] == [[None, 1740.0]]


def test_curves_of_single_trials_have_no_lowest_and_highest_value():
    recall = TrialHistory("t", "run", "finished", "", 0, {}, epochs=[1, 2], curves={"val/sgcls/zs/R@50": [None, 0.5]})
    found = curves([[recall], [history([1], [2.0])]])["of"]
    assert found["loss"] == [[None, None, 2.0]]
    assert [fractions(column) for column in found["sgcls/zs/R@50"]] == [[None, 0.5, None]]
