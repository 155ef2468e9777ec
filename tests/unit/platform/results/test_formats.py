import csv
import io
import json
from itertools import pairwise
from platform.results.aggregate import aggregate
from platform.results.collection import collect
from platform.results.files import write_results
from platform.results.latex import latex
from platform.results.row_files import rows_csv, rows_json
from platform.results.terminal_table import terminal_table
from platform.study.trial_record import FAILED, FINISHED, STOPPED

import pytest

from sgg.common.atomic import write_json
from tests.fake_run import write_fake_run

ZS = "test/sgcls/zs/ngR@100"


def test_rows_json(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FINISHED, 0.6)])
    row, = json.loads(rows_json(aggregate(collect([path]))))
    assert {key: row[key] for key in ("loss.kind", "seeds", "n", "status", "data")} == {
        "loss.kind": "dnorm", "seeds": [0, 1], "n": 2, "status": "finished", "data": "toy genome [aaaaaaaa]"}
    assert row[ZS] == {"mean": pytest.approx(0.5), "std": pytest.approx(0.1414, abs=1e-4), "n": 2}


def test_rows_csv(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4), ("baseline", 1, FAILED, 0.6)])
    rows = list(csv.DictReader(io.StringIO(rows_csv(aggregate(collect([path]))))))
    assert [row["loss.kind"] for row in rows] == ["dnorm", "baseline"]
    assert (rows[0][f"{ZS} mean"], rows[0][f"{ZS} std"], rows[0][f"{ZS} n"]) == ("0.4", "", "1")
    assert rows[1][f"{ZS} mean"] == ""


def test_terminal_table_and_latex_have_percent_and_deviation(search):
    rows = aggregate(collect([search("a", [("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FINISHED, 0.6)])]))
    assert "50.0 ± 14.1" in terminal_table(rows)
    assert r"50.0 $\pm$ 14.1" in latex(rows)


def test_latex_keeps_every_character_of_a_setting(search):
    """Also in a text with a dollar."""
    path = search("a", [("dnorm", 0, FINISHED, 0.4), ("baseline", 0, FINISHED, 0.4)])
    rows = aggregate(collect([path]))
    rows[0].settings["loss.kind"] = r"a_b $5 c\d ~ 10^2 < {e} & ±"
    assert (r"a\_b \$5 c\textbackslash{}d \textasciitilde{} 10\textasciicircum{}2 $<$ \{e\} \& $\pm$ & 40.0 "
            in latex(rows))


def test_write_results_writes_what_the_formats_give(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FINISHED, 0.6)])
    write_results(path)
    rows = aggregate(collect([path]))
    for name, made in (("results.csv", rows_csv), ("results.json", rows_json), ("results.tex", latex)):
        assert (path / name).read_text() == made(rows)
    assert r"50.0 $\pm$ 14.1" in (path / "results.tex").read_text()


def lines_of(path, width=None):
    """The lines of the terminal's tables, without their captions, as lists of words."""
    collection = collect([path])
    printed = terminal_table(aggregate(collection), width=width, ranked_by=[name for name, _ in collection.objectives])
    captions = "data:", "SGCls", "PredCls"
    return [line for line in printed.splitlines() if line.strip() and not line.startswith(captions)], printed


def with_tests(path, *figures):
    """Replace the test figures of the trials t0, t1, ..."""
    for number, values in enumerate(figures):
        write_json(path / "trials" / f"t{number}" / "test.json",
                   {f"test/{name}": value for name, value in values.items()})


def test_terminal_table_takes_a_k_at_which_rows_differ(search):
    """All PredCls recall of the better row: 99 % at 100, 96 % at 50, 90 % at 20; SGCls is far from that."""
    path = search("a", [("dnorm", 0, FINISHED, 0.4), ("baseline", 0, FINISHED, 0.3)])
    with_tests(path, *({f"{mode}/all/ngR@{k}": share * value for mode, share in (("predcls", 1), ("sgcls", 0.5))
                        for k, value in recalls.items()}
                       for recalls in ({20: 0.9, 50: 0.96, 100: 0.99}, {20: 0.7, 50: 0.96, 100: 0.99})))
    _, printed = lines_of(path)
    assert "PredCls ngR@20 in percent on test" in printed
    assert "SGCls ngR@100 in percent on test" in printed
    with_tests(path, {"predcls/all/ngR@50": 0.99, "predcls/all/ngR@100": 0.99}, {"predcls/all/ngR@50": 0.97})
    assert "PredCls ngR@50" in lines_of(path)[1]  # the smallest that there is


def test_terminal_table_has_the_metric_that_ranks(search):
    lines, _ = lines_of(search("a", [("dnorm", 0, FINISHED, 0.4)]))
    assert "rank: val zs ngR@100" in lines[0]
    assert lines[2].split() == ["dnorm", *["40.0"] * 5, "1", "finished"]


def test_terminal_table_folds_adjustments_with_equal_numbers(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4)], pred_weight="[0, 0.25, 0.5, 1]")
    names = [f"sgcls/all/{name}{weight}" for name in ("ngR@100", "mR@100") for weight in ("", "/x0.25", "/x0.5", "/x1")]
    with_tests(path, dict(zip(names, (0.4, 0.4, 0.3, 0.4, 0.1, 0.1, 0.2, 0.1), strict=True)))
    (path / "trials" / "t0" / "metrics.jsonl").unlink()
    lines, _ = lines_of(path)
    assert lines[0].split() == ["pred_"]
    assert lines[1].split() == ["loss", "weight", "all", "mR@100", "n", "status"]
    assert [line.split() for line in lines[3:]] == [["dnorm", "0,", "0.25,", "1", "40.0", "10.0", "1", "finished"],
                                                    ["dnorm", "0.5", "30.0", "20.0", "1", "finished"]]
    with_tests(path, dict(zip(names, (0.4, 0.4, 0.4, 0.3, 0.1, 0.1, 0.1, 0.2), strict=True)))
    assert [line.split() for line in lines_of(path)[0][3:]] == [
        ["dnorm", "0", "to", "0.5", "40.0", "10.0", "1", "finished"], ["dnorm", "1", "30.0", "20.0", "1", "finished"]]


def test_terminal_table_folds_no_two_configurations(search):
    lines, _ = lines_of(search("a", [("dnorm", 0, FINISHED, 0.4), ("baseline", 0, FINISHED, 0.4)]))
    assert sorted(line.split()[0] for line in lines[2:]) == ["baseline", "dnorm"]


def test_terminal_table_marks_validation_of_trials_without_test(search):
    lines, printed = lines_of(search("a", [("dnorm", 0, FINISHED, 0.4), ("baseline", 0, STOPPED, 0.3)]))
    stopped, = (line.split() for line in lines if "stopped" in line)
    assert stopped == ["baseline", "30.0", *["30.0*"] * 4, "1", "stopped"]
    assert "; * last validation of trials without test" in printed


def test_terminal_table_fits_a_hundred_columns(tmp_path):
    """A search over four settings with three seeds; what is left out is named."""
    lines, printed = lines_of(write_fake_run(tmp_path, configurations=6, seeds=3, epochs=2))
    assert max(map(len, lines)) <= 100
    assert "; 10s and 100s: see results.csv" in printed
    wide, printed = lines_of(tmp_path / "fake", width=160)
    assert 100 < max(map(len, wide)) <= 160
    assert "see results.csv" not in printed


def test_terminal_table_breaks_long_headings_before_it_cuts_words(tmp_path):
    """With the metric that ranks, the table of this search would be three characters too wide."""
    run = write_fake_run(tmp_path, configurations=6, seeds=3, epochs=2)
    printed = terminal_table(aggregate(collect([run])), ranked_by=["val/sgcls/zs/ngR@100"])
    lines = printed.splitlines()
    assert max(len(line) for line in lines if line.startswith(("dnorm", "baseline", "loss"))) <= 100
    assert all({"finished", "stopped", "failed"} & set(line.split()) for line in lines
               if line.startswith(("dnorm", "baseline")))
    first, second = next(pair for pair in pairwise(lines) if "augmen-" in pair[0])
    assert second[first.index("augmen-"):].startswith("tation ")


def test_terminal_table_counts_detection_with_sgdet(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FINISHED, 0.6)])
    for number, (fallbacks, failures) in enumerate([(8, 1), (10, 4)]):
        test = path / "trials" / f"t{number}" / "test.json"
        write_json(test, json.loads(test.read_text()) | {
            "test/sgdet/all/ngR@100": 0.1, "test/sgdet/fallbacks": fallbacks, "test/sgdet/failures": failures})
    rows = aggregate(collect([path]))
    table = terminal_table(rows)
    assert "SGDet fallbacks" in table
    assert "9.0 ± 1.4" in table
    assert "SGDet failures" in table
    assert "2.5 ± 2.1" in table
    found, = json.loads(rows_json(rows))
    assert found["test/sgdet/failures"]["mean"] == 2.5


def test_terminal_table_shows_the_largest_k_without_a_metric(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4)])
    for file in (path / "trials" / "t0").iterdir():
        file.write_text(file.read_text().replace("ngR@100", "ngR@50"))
    assert "ngR@50 in percent on test" in terminal_table(aggregate(collect([path])))
