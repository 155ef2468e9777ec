"""Formats to share: raw figures, Markdown and a picture."""

import csv
import io
import re
import xml.etree.ElementTree as ET
from platform.results import __main__ as command

import pytest
from scipy import stats

NOISE = {(7, 0): 0.002, (7, 1): -0.001, (8, 0): 0.0, (8, 1): 0.004}
TRIALS = [(row, genome, seed, 0.25 + (0.125 + noise if row == "twice" else 0))
          for row in ("plain", "twice") for (genome, seed), noise in NOISE.items()]


@pytest.fixture
def printed(rows_on_genomes, capsys):
    """What the command prints of a study of two rows on two genomes."""
    def of(*arguments, trials=TRIALS):
        assert command.main([str(rows_on_genomes("a", trials)), *arguments]) == 0
        return capsys.readouterr().out
    return of


def test_samples_are_the_figures_of_each_data_set_and_seed_with_all_digits(printed):
    found = list(csv.DictReader(io.StringIO(printed("--format", "samples"))))
    assert [name for name in found[0] if "/" not in name] == ["row", "data_set", "seed"]
    assert {(line["row"], int(line["data_set"]), int(line["seed"]), float(line["test/predcls/zs/ngR@20"]))
            for line in found} == {*TRIALS}
    assert [name for name in found[0] if name.startswith("val/")] == ["val/sgcls/zs/ngR@100"]  # search.metric


def test_markdown_has_means_in_percent_the_best_in_bold_and_differences(printed):
    lines = printed("--format", "markdown", "--baseline", "plain").splitlines()
    assert lines[0].endswith("on test, mean ± sample deviation over data sets and seeds, n trials")
    twice = next(line for line in lines if line.startswith("| twice |"))
    assert twice.split(" | ")[1:3] == ["**37.6 ± 0.2**"] * 2  # 25 + 12.5 + mean of noise .125, in percent
    assert "| plain | 25.0 ± 0.0 | 25.0 ± 0.0" in "\n".join(lines)
    captions = [line for line in lines if "difference to plain" in line]
    assert [line.split()[0] for line in captions] == ["SGCls", "PredCls"]
    within = [0.0015, -0.0015, -0.002, 0.002]  # noise without the mean of its genome
    error = (sum(one ** 2 for one in within) / 2 / 4) ** 0.5
    reach = stats.t.ppf(0.975, 2) * error
    assert f"| twice | +12.6 [{100 * (0.12625 - reach):+.1f}, {100 * (0.12625 + reach):+.1f}] |" in "\n".join(lines)


def test_markdown_of_ranks_has_the_lowest_in_bold(rows_with_ranks, capsys):
    arguments = ["--format", "markdown", "--metric", "triplet-rank-mean", "--baseline", "plain"]
    assert command.main([str(rows_with_ranks), *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "; triplet-rank-mean (lower is better) on test, mean" in lines[0]
    assert "| plain | **20.0 ± 0.0** |" in "\n".join(lines)
    assert "| twice | 23.2 ± 0.1 |" in "\n".join(lines)
    caption = next(number for number, line in enumerate(lines) if "difference to" in line)
    assert lines[caption] == \
        "SGCls triplet-rank-mean on test: difference to plain (lower is better), [95 %], p by Holm"
    assert lines[caption + 2].count("|") == 8  # no cost of a point
    assert lines[caption + 4].startswith("| twice | +3.2 [")


def test_markdown_shows_names_as_they_are(printed):
    text = printed("--format", "markdown", "--by", "training.f_updates,row", "--metric", "ngR@50")
    assert "f\\_updates" in text
    assert "SGCls zs ngR@50" in text
    assert all(line.count("|") == 11 for line in text.splitlines() if line.startswith("|"))


def test_markdown_without_metrics(printed, rows_on_genomes, capsys):
    assert command.main([str(rows_on_genomes("b", TRIALS[:1], began=False)), "--format", "markdown"]) == 0
    assert capsys.readouterr().out == "no metrics yet\n"


def test_svg_draws_each_row_and_is_the_same_each_time(printed, tmp_path):
    first = printed("--format", "svg", "--baseline", "plain")
    root = ET.fromstring(first)
    comments = re.findall(r"<!-- (.*?) -->", first)  # matplotlib writes each text as shapes, and itself as a comment
    assert root.tag.endswith("svg")
    assert {"Difference to plain", "SGCls ngR@100", "PredCls ngR@100", "twice", "zero-shot", "all relations"} <= \
        {*comments}
    assert printed("--format", "svg", "--baseline", "plain") == first


def test_svg_draws_the_metric_that_was_asked_for_and_ranks_as_they_are(rows_with_ranks, capsys):
    axes = {"ngR@50": "points on test, with the interval of 95 %",
            "triplet-rank-mean": "difference (lower is better) on test, with the interval of 95 %"}
    for metric, axis in axes.items():
        arguments = ["--format", "svg", "--baseline", "plain", "--metric", metric]
        assert command.main([str(rows_with_ranks), *arguments]) == 0
        comments = re.findall(r"<!-- (.*?) -->", capsys.readouterr().out)
        assert {f"SGCls {metric}", axis} <= {*comments}
        largest = max(float(text) for text in comments if re.fullmatch(r"[\d.]+", text))
        assert largest <= (10 if metric == "ngR@50" else 4)


@pytest.mark.parametrize("form", ["svg", "differences"])
def test_formats_of_differences_ask_for_a_baseline(rows_on_genomes, capsys, form):
    assert command.main([str(rows_on_genomes("a", TRIALS)), "--format", form]) == 2
    assert capsys.readouterr().err == \
        f"error: --format {form} compares rows with a baseline: name one by --baseline ROW\n"


def test_svg_without_another_row(rows_on_genomes, capsys):
    assert command.main([str(rows_on_genomes("a", TRIALS[:4])), "--format", "svg", "--baseline", "plain"]) == 2
    assert "--format svg: no row was measured on the data of the baseline plain" in capsys.readouterr().err
