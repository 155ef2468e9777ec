"""Of an epoch's row Tune gets what a search decides by and shows."""

from platform.study.trial_record import TrialRecord
from platform.trial.reported import headline_metrics, reported
from platform.trial.trainable import OBJECTIVE, results_of

import pytest

from sgg.common.run_log import History
from sgg.config import Config, validate

ROW = {"epoch": 3, "attempt": 1, "loss": 0.5, "loss/edges": 0.25, "time": 2.0, "val/predcls/zs/ngR@20": 0.1,
       "val/predcls/zs/ngR@20/x0.5": 0.2, "val/predcls/zs/ngR@50": 0.3, "val/predcls/all/ngR@20": 0.4,
       "val/predcls/all/ngR@20/x0.5": 0.5, "val/predcls/10s/ngR@20": 0.6, "val/sgcls/zs/ngR@20": 0.7}


def left_out(**search):
    config = Config.model_validate({"search": search, "evaluation": {"pred_weight": [0, 0.5]}})
    return ROW.keys() - reported(ROW, config).keys()


def test_reported_has_the_searched_metrics_under_all_adjustments_and_those_of_the_live_table():
    measured = {name for name in ROW if name.startswith("val/")}
    one = {"val/predcls/zs/ngR@20", "val/predcls/zs/ngR@20/x0.5", "val/predcls/all/ngR@20"}
    assert left_out(metric="val/predcls/zs/ngR@20") == measured - one
    assert left_out(metric=["val/predcls/zs/ngR@20", "val/predcls/all/ngR@20"], mode=["max", "max"]) == \
        measured - one - {"val/predcls/all/ngR@20/x0.5"}
    assert left_out(metric="loss", mode="min") == measured  # the live table shows SGCls at 100, which this row lacks


@pytest.mark.parametrize(("search", "evaluation", "mode", "k"), [
    ({"metric": "val/predcls/10s/ngR@50"}, {}, "predcls", 50),
    ({"metric": ["val/predcls/zs/ngR@20", "loss"], "mode": ["max", "min"]}, {}, "predcls", 20),
    ({"metric": "loss", "mode": "min"}, {}, "sgcls", 100),
    ({"metric": "loss", "mode": "min"}, {"modes": ["predcls"], "ks": [20, 50]}, "predcls", 50),
    ({"metric": ["loss", "val/predcls/zs/ngR@20"], "mode": ["min", "max"]}, {"modes": ["predcls"]}, "predcls", 100),
])
def test_headline_metrics_belong_to_the_searched_one_or_are_measured(search, evaluation, mode, k):
    config = validate({"search": search, "evaluation": evaluation})
    assert headline_metrics(config) == (f"val/{mode}/zs/ngR@{k}", f"val/{mode}/all/ngR@{k}")


def test_results_from_disk_are_what_was_reported(tmp_path):
    config = Config.model_validate({"search": {"metric": "val/predcls/zs/ngR@20"},
                                    "evaluation": {"pred_weight": [0, 0.5]}})
    values = {name: value for name, value in ROW.items() if name not in ("epoch", "attempt")}
    row = History(tmp_path).append(3, values)
    result, = results_of(TrialRecord(tmp_path), config)
    assert result == {**reported(row, config), OBJECTIVE: 0.2}  # the better one of 0.1 and 0.2
    assert "val/sgcls/zs/ngR@20" not in result
