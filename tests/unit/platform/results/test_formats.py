import csv
import io
import json
from platform.results.aggregate import aggregate, collect
from platform.results.formats import render
from platform.study.directory import FAILED, FINISHED

import pytest

from sgg.common.atomic import write_json

ZS = "test/sgcls/zs/ngR@100"


def test_render_json(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FINISHED, 0.6)])
    row, = json.loads(render(aggregate(collect([path])), "json"))
    assert {key: row[key] for key in ("loss.kind", "seeds", "n", "status", "data")} == {
        "loss.kind": "dnorm", "seeds": [0, 1], "n": 2, "status": "finished", "data": "toy genome [aaaaaaaa]"}
    assert row[ZS] == {"mean": pytest.approx(0.5), "std": pytest.approx(0.1414, abs=1e-4), "n": 2}


def test_render_csv(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4), ("baseline", 1, FAILED, 0.6)])
    rows = list(csv.DictReader(io.StringIO(render(aggregate(collect([path])), "csv"))))
    assert [row["loss.kind"] for row in rows] == ["dnorm", "baseline"]
    assert (rows[0][f"{ZS} mean"], rows[0][f"{ZS} std"], rows[0][f"{ZS} n"]) == ("0.4", "", "1")
    assert rows[1][f"{ZS} mean"] == ""


def test_render_tables_with_percent_and_deviation(search):
    rows = aggregate(collect([search("a", [("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FINISHED, 0.6)])]))
    assert "50.0 ± 14.1" in render(rows, "table")
    assert r"50.0 $\pm$ 14.1" in render(rows, "latex")
    with pytest.raises(ValueError, match="mR@50 was not measured; measured: ngR@100"):
        render(rows, "table", metric="mR@50")


def test_render_counts_of_detection_with_sgdet(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FINISHED, 0.6)])
    for number, (fallbacks, failures) in enumerate([(8, 1), (10, 4)]):
        test = path / "trials" / f"t{number}" / "test.json"
        write_json(test, json.loads(test.read_text()) | {
            "test/sgdet/all/ngR@100": 0.1, "test/sgdet/fallbacks": fallbacks, "test/sgdet/failures": failures})
    rows = aggregate(collect([path]))
    table = render(rows, "table")
    assert "SGDet fallbacks" in table
    assert "9.0 ± 1.4" in table
    assert "SGDet failures" in table
    assert "2.5 ± 2.1" in table
    found, = json.loads(render(rows, "json"))
    assert found["test/sgdet/failures"]["mean"] == 2.5


def test_render_shows_the_largest_k_without_a_metric(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4)])
    for file in (path / "trials" / "t0").iterdir():
        file.write_text(file.read_text().replace("ngR@100", "ngR@50"))
    assert "ngR@50 in percent on test" in render(aggregate(collect([path])), "table")
