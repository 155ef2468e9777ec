from platform.results.history import TrialHistory
from platform.results.report.bands import band

import numpy as np
import pytest


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
