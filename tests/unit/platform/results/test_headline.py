"""Which metric stands for rows."""

from platform.results.cells import Cells
from platform.results.headline import require_measured
from platform.results.result_row import ResultRow

import pytest


def test_require_measured_knows_the_metrics_of_modes_alone():
    """The quality of features and counts of detection are no columns of a table."""
    row = ResultRow({}, None, cells=Cells([{
        "test/sgcls/zs/ngR@20": 0.1, "val/predcls/all/mR@50": 0.1, "quality/real/node/frechet": 3.0,
        "test/sgdet/failures": 1.0}]))
    for metric in (None, "ngR@20", "mR@50"):
        require_measured([row], metric)
    with pytest.raises(ValueError, match=r"^--metric: frechet was not measured; measured: mR@50, ngR@20$"):
        require_measured([row], "frechet")


def test_require_measured_lets_rows_without_metrics_be_shown():
    require_measured([ResultRow({}, None)], "mR@50")
