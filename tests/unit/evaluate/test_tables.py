"""Tables of metric values fit a terminal of 100 columns, and cut nothing."""

import io

from rich.console import Console

from sgg.common.metric_names import MEASURED_SUBSETS, RECALLS
from sgg.evaluate.tables import tables
from sgg.methods.variants import suffix, variants_of

SWEPT = {"effect": ["none", "tde"], "logit_adjustment": [0.0, 0.5], "pko": [0.0, 1.0], "tcar": [0.0, 1.0],
         "pred_weight": [0.0, 0.25]}


def named(variants) -> dict[str, float]:
    found: dict[str, float] = {}
    for subset in MEASURED_SUBSETS:
        found |= {f"sgcls/{subset}/num_{what}": 153_509 for what in ("images", "relations", "triplets")}
        found |= {f"sgcls/{subset}/{name}@100{suffix(variant)}": 0.4567 for name in RECALLS for variant in variants}
    return found


def test_tables_cut_no_heading_and_no_number_beside_many_adjustments() -> None:
    variants = variants_of(SWEPT)
    (table,) = tables(named(variants), ["sgcls"], variants, 100)
    buffer = io.StringIO()
    Console(file=buffer, width=100).print(table)
    printed = buffer.getvalue()
    lines = [line.split() for line in printed.splitlines() if "153,509" in line]
    assert "\u2026" not in printed
    assert max(map(len, printed.splitlines())) <= 100
    assert len(lines) == len(variants) * len(MEASURED_SUBSETS)
    assert {line[len(SWEPT)] for line in lines} == set(MEASURED_SUBSETS)
    assert all(line[-len(RECALLS):] == ["45.67"] * len(RECALLS) for line in lines)
