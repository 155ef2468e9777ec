"""The rows of one configuration under several adjustments, and the best of them in validation."""

import csv
import io
import json
from platform.results.adjusted import configurations, is_adjusted, standing
from platform.results.aggregate import aggregate
from platform.results.collection import collect
from platform.results.report.content import content
from platform.results.row_files import rows_csv, rows_json
from platform.results.terminal_table import terminal_table
from platform.study.trial_record import FINISHED

import pytest

from sgg.common.atomic import write_json
from tests.report_columns import rows_of

EFFECTS = "[none, tde, nie]"
ZS = "sgcls/zs/ngR@100"


@pytest.fixture
def effects(search):
    """Two seeds of a causal head; validation prefers tde, the test nie."""
    path = search("a", [("dnorm", 0, FINISHED, 0.2), ("dnorm", 1, FINISHED, 0.4)],
                  others=("model.head=causal", f"evaluation.effect={EFFECTS}"))
    for number, plain in enumerate((0.2, 0.4)):
        trial = path / "trials" / f"t{number}"
        row = json.loads((trial / "metrics.jsonl").read_text().splitlines()[0])
        row |= {f"val/{ZS}/effect=tde": plain + 0.3, f"val/{ZS}/effect=nie": plain / 2}
        (trial / "metrics.jsonl").write_text(json.dumps(row) + "\n")
        test = json.loads((trial / "test.json").read_text())
        write_json(trial / "test.json", test | {f"test/{ZS}/effect=tde": plain, f"test/{ZS}/effect=nie": 0.9})
    return path


def test_mark_best_chooses_by_validation(effects) -> None:
    rows = aggregate(collect([effects]))
    assert [(row.settings["evaluation.effect"], row.best_adjusted) for row in rows] == [
        ("tde", True), ("none", False), ("nie", False)]
    assert [row.cells[f"test/{ZS}"].mean for row in rows] == pytest.approx([0.3, 0.3, 0.9])


def test_mark_best_says_nothing_where_nothing_differs(search) -> None:
    rows = aggregate(collect([search("a", [("dnorm", 0, FINISHED, 0.2)])]))
    assert [row.best_adjusted for row in rows] == [None]


def test_mark_best_chooses_the_weakest_of_equal_ones(search) -> None:
    """The fixture's recall is twice as high under every pred_weight but 0."""
    rows = aggregate(collect([search("a", [("dnorm", 0, FINISHED, 0.2)], pred_weight="[0, 0.5, 0.25]")]))
    assert {row.settings["evaluation.pred_weight"]: row.best_adjusted for row in rows} == {
        0: False, 0.25: True, 0.5: False}


def test_standing_rows_are_the_plain_and_the_best_one_of_each_configuration(search) -> None:
    rows = aggregate(collect([search("a", [("dnorm", 0, FINISHED, 0.2), ("baseline", 0, FINISHED, 0.1)],
                                     pred_weight="[0, 0.5, 0.25]")]))
    assert [(row.settings["loss.kind"], row.settings["evaluation.pred_weight"]) for row in standing(rows)] == [
        ("dnorm", 0.25), ("dnorm", 0), ("baseline", 0.25), ("baseline", 0)]


def test_configurations_begin_with_the_row_without_adjustments(effects) -> None:
    (group,) = configurations(aggregate(collect([effects])))
    assert group[0].settings["evaluation.effect"] == "none"


def test_is_adjusted_knows_neutral_words_and_numbers() -> None:
    neutral = {"evaluation.effect": "none", "evaluation.tcar": 0.0, "evaluation.frequency_bias": "trained"}
    assert not is_adjusted(neutral)
    assert is_adjusted({"evaluation.effect": "tde"})
    assert is_adjusted({"evaluation.effect": "none", "evaluation.pred_weight": 0.5})
    assert not is_adjusted({"loss.kind": "dnorm", "evaluation.of_a_plugin": 0})


def test_terminal_table_and_row_files_mark_the_best_adjustments(effects) -> None:
    rows = aggregate(collect([effects]))
    printed = terminal_table(rows)
    (marked,) = (line for line in printed.splitlines() if line.endswith("finished ★"))
    assert "tde" in marked.split()
    assert "; ★ the best adjustments of a configuration in validation" in printed
    assert [row["best_adjusted"] for row in json.loads(rows_json(rows))] == [True, False, False]
    assert [row["best_adjusted"] for row in csv.DictReader(io.StringIO(rows_csv(rows)))] == [
        "true", "false", "false"]


def test_content_has_words_and_their_neutral_one(effects) -> None:
    collection = collect([effects])
    report = content(collection, aggregate(collection), [str(effects)])
    (setting,) = (one for one in report["settings"] if one["swept"])
    assert (setting["key"], setting["neutral"]) == ("evaluation.effect", "none")
    place = report["settings"].index(setting)
    rows = {row["settings"][place]: row for row in rows_of(report)}
    assert {word: (row["plain"], row["best"]) for word, row in rows.items()} == {
        "none": (True, False), "tde": (False, True), "nie": (False, False)}
