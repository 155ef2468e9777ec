"""Subsets and cut-offs are listed once, and all names of results use them."""

import ast
from pathlib import Path

import numpy as np
import pytest

from sgg.common.metric_names import KS, SHOTS, SUBSETS
from sgg.config import validate
from sgg.metrics.recall import COUNTED, shot_subset

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("shots", "subset"), [(0, "zs"), (1, "10s"), (10, "10s"), (11, "100s"), (100, "100s"),
                                               (101, "all")])
def test_shots_of_each_subset(shots: int, subset: str) -> None:
    assert COUNTED[shot_subset(np.array([shots]))[0]] == subset
    assert subset == next((name for name, (low, high) in SHOTS.items() if low <= shots <= high), "all")


def test_ks_is_the_default_of_all_metrics() -> None:
    assert validate({}).evaluation.ks == list(KS) == [20, 50, 100, 200, 300]


def test_subsets_and_ks_are_listed_once() -> None:
    sources = [*(ROOT / "sgg").rglob("*.py"), *(ROOT / "platform").rglob("*.py")]
    again = []
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Tuple, ast.List)):
                values = [entry.value for entry in node.elts if isinstance(entry, ast.Constant)]
                if set(values) >= {*SUBSETS} or values == list(KS):
                    again.append(str(path.relative_to(ROOT)))
    assert again == ["sgg/common/metric_names.py"]
