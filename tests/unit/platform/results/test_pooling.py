"""Trials of a study over data sets: one row for a configuration, with the data sets as blocks."""

import csv
import io
import json
from platform.results.aggregate import aggregate
from platform.results.collection import collect
from platform.results.latex import latex
from platform.results.pooling import in_order
from platform.results.row_files import rows_csv, rows_json
from platform.results.terminal_table import terminal_table
from platform.results.wording import mean_over
from platform.study.trial_record import FAILED

import pytest

ZS = "test/sgcls/zs/ngR@100"
ALL = [(row, genome, seed, (0.3 if row == "plain" else 0.5) + genome / 100 + seed / 1000)
       for row in ("plain", "twice") for genome in (7, 8) for seed in (0, 1, 2)]


def test_aggregate_pools_the_data_sets_of_a_study(rows_on_genomes):
    twice, plain = aggregate(collect([rows_on_genomes("a", ALL)]))
    assert [row.settings for row in (twice, plain)] == [{"row": "twice"}, {"row": "plain"}]
    assert (plain.n, plain.seeds, plain.blocks, plain.status) == (6, [0, 1, 2], ["7", "8"], "finished")
    assert plain.cells[ZS].mean == pytest.approx(0.3 + 0.075 + 0.001)
    assert {(sample.block, sample.seed): sample.metrics[ZS] for sample in plain.samples} == {
        (str(genome), seed): recall for row, genome, seed, recall in ALL if row == "plain"}
    assert plain.basis == twice.basis
    assert [basis.data for basis in plain.basis.each] == ["toy genome (seed 7) [77777777]",
                                                          "toy genome (seed 8) [88888888]"]


def test_results_name_every_data_set(rows_on_genomes):
    rows = aggregate(collect([rows_on_genomes("a", ALL)]))
    first, _ = json.loads(rows_json(rows))
    named = "toy genome (seed 7) [77777777]; toy genome (seed 8) [88888888]"
    assert (first["data_sets"], first["data"], first["detector"]) == (
        ["7", "8"], named, "detector-of-7; detector-of-8")
    line, _ = csv.DictReader(io.StringIO(rows_csv(rows)))
    assert (line["row"], line["seeds"], line["data_sets"], line["n"], line["data"]) == (
        "twice", "0 1 2", "7 8", "6", named)
    printed = terminal_table(rows)
    for part in ("pooled over 2 data sets:", "  data: toy genome (seed 7) [77777777]; detector: detector-of-7",
                 "mean ± sample deviation over data sets and seeds"):
        assert part in printed
    assert "% pooled over 2 data sets:\n%   data:" in latex(rows)


def test_aggregate_by_the_seed_of_the_data_keeps_data_sets_apart(rows_on_genomes):
    rows = aggregate(collect([rows_on_genomes("a", ALL)]), by=["row", "data.seed"])
    assert sorted((row.settings["row"], row.settings["data.seed"], row.n) for row in rows) == [
        ("plain", 7, 3), ("plain", 8, 3), ("twice", 7, 3), ("twice", 8, 3)]
    assert {row.basis.data for row in rows} == {"toy genome (seed 7) [77777777]", "toy genome (seed 8) [88888888]"}


def test_aggregate_says_that_a_row_lacks_data_sets(rows_on_genomes):
    """It stays in the table of the others."""
    rows = aggregate(collect([rows_on_genomes("a", [one for one in ALL if one[:2] != ("twice", 8)])]))
    found = {row.settings["row"]: row for row in rows}
    assert (found["twice"].status, found["twice"].n, found["twice"].blocks) == ("finished, 1 of 2 data sets", 3, ["7"])
    assert found["plain"].status == "finished"
    assert found["twice"].basis == found["plain"].basis


def test_aggregate_says_that_a_data_set_was_not_begun(rows_on_genomes):
    """The study names it; no trial has begun on it."""
    rows = aggregate(collect([rows_on_genomes("a", [one for one in ALL if one[1] == 7])]))
    assert [row.status for row in rows] == ["finished, 1 of 2 data sets"] * 2
    assert mean_over(rows) == "mean ± sample deviation over seeds"


def test_aggregate_pools_studies_on_the_same_data_sets(rows_on_genomes):
    """Each has begun on one genome only, and they share none."""
    paths = [rows_on_genomes(name, [one for one in ALL if one[1] == genome]) for name, genome in (("a", 7), ("b", 8))]
    assert [row.n for row in aggregate(collect(paths))] == [6, 6]


def test_aggregate_pools_no_two_data_sets_of_one_seed(rows_on_genomes):
    """Such as those of two detectors: each study keeps a table of its own."""
    paths = [rows_on_genomes("a", ALL), rows_on_genomes("b", ALL, data={"detector": "another"})]
    rows = aggregate(collect(paths))
    assert [row.n for row in rows] == [6, 6, 6, 6]
    assert len({row.basis for row in rows}) == 2


def test_aggregate_pools_only_data_sets_of_one_kind(rows_on_genomes):
    paths = [rows_on_genomes("a", [one for one in ALL if one[1] == 7]),
             rows_on_genomes("b", [one for one in ALL if one[1] == 8], ["data.difficulty=0.9"])]
    rows = aggregate(collect(paths))
    assert [(row.n, row.blocks) for row in rows] == [(3, ["7"]), (3, ["7"]), (3, ["8"]), (3, ["8"])]
    assert [len(row.basis.sets) for row in rows] == [0] * 4  # nothing is pooled


def test_aggregate_of_trials_that_never_began(rows_on_genomes):
    """Their study says the data of its first trial alone. They are in the table of those that began."""
    never = rows_on_genomes("a", [("twice", 8, 0, 0.5)], began=False)
    row, = aggregate(collect([never]))
    assert (row.settings, row.status, row.n) == ({"row": "twice"}, FAILED, 0)
    rows = aggregate(collect([rows_on_genomes("b", ALL), never]))
    assert [(row.settings["row"], row.status, row.n) for row in rows] == [
        ("twice", "6 finished, 1 failed", 6), ("plain", "finished", 6)]


def test_aggregate_pools_no_runs_that_were_not_over_data_sets(search):
    paths = [search(name, [("dnorm", 0, "finished", 0.2)], data={"description": "toy", "hash": name * 8},
                    others=["data.name=toy", "data.version=3", f"data.seed={seed}"]) for seed, name in enumerate("ab")]
    assert [row.n for row in aggregate(collect(paths))] == [1, 1]


def test_in_order():
    assert in_order(["10", "9", "", "9", "101"]) == ["9", "10", "101"]
