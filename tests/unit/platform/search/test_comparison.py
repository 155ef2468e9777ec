from platform.search.comparison import comparison

import pytest

from sgg.config import validate

TWO = ["val/sgcls/zs/ngR@100", "val/sgcls/all/ngR@100"]
BY = "trials are compared by val/sgcls/zs/ngR@100"
BOTH = f"{BY} and val/sgcls/all/ngR@100"
END = "; results mark the Pareto front"


@pytest.mark.parametrize(("search", "words"), [
    ({}, BY), ({"metric": [TWO[0]], "algorithm": "optuna"}, BY),
    ({"metric": TWO, "algorithm": "optuna"}, f"{BOTH}: optuna looks for the best trade-offs between them{END}"),
    ({"metric": TWO, "algorithm": "optuna", "scheduler": "asha"},
     f"{BOTH}: optuna looks for the best trade-offs between them; asha compares trials by the first{END}"),
    ({"metric": TWO}, f"{BOTH}: random chooses trials without them{END}"),
    ({"metric": TWO, "algorithm": "grid", "scheduler": "median"},
     f"{BOTH}: grid chooses trials without them; median compares trials by the first{END}")])
def test_comparison_says_who_uses_which_metric(search, words):
    assert comparison(validate({"search": search}).search) == words
