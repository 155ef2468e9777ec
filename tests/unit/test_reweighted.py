"""One model under several predicate re-weightings."""

import pytest

from sgg.reweighted import objective, split, under

SAME = {"epoch": 2, "loss": 3.0, "val/sgcls/zs/num_images": 7, "val/sgcls/zs/num_relations": 9,
        "val/sgdet/fallbacks": 4, "val/sgdet/failures": 1}
ROW = SAME | {"val/sgcls/zs/ngR@50": 0.1, "val/sgcls/zs/ngR@50/x0.5": 0.2}


def test_names() -> None:
    assert split("val/sgcls/zs/ngR@50/x0.5") == ("val/sgcls/zs/ngR@50", 0.5)
    assert split("val/sgcls/zs/ngR@50") == ("val/sgcls/zs/ngR@50", 0.0)


def test_what_no_weight_changes_is_there_under_each() -> None:
    assert under(ROW, 0) == SAME | {"val/sgcls/zs/ngR@50": 0.1}
    assert under(ROW, 0.5) == SAME | {"val/sgcls/zs/ngR@50": 0.2}
    assert under(ROW, 1) == SAME


@pytest.mark.parametrize(("metric", "mode", "weights", "best"), [
    ("val/sgcls/zs/ngR@50", "max", [0, 0.5], 0.2), ("val/sgcls/zs/ngR@50", "min", [0, 0.5], 0.1),
    ("val/sgcls/zs/ngR@50", "max", [1], None), ("loss", "min", [0.5], 3.0)])
def test_the_best_weight_counts(metric, mode, weights, best) -> None:
    assert objective(ROW, metric, mode, weights) == best
