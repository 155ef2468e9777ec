"""The rows of a table against a baseline."""

import csv
import io
import re
from platform.results import __main__ as command
from platform.results.aggregate import aggregate
from platform.results.collection import collect
from platform.results.differences import baseline_of, compared, present
from platform.results.differences_table import differences_csv, differences_table
from platform.results.files import write_results
from platform.results.wording import p_text

import pytest
from scipy import stats

ZS = "test/predcls/zs/ngR@20"
NOISE = {(7, 0): 0.002, (7, 1): -0.001, (7, 2): 0.003, (8, 0): 0.0, (8, 1): 0.004, (8, 2): -0.002}
TRIALS = [(row, genome, seed, 0.4 + seed / 100 + (gain + genome / 1000 + noise if row == "twice" else 0))
          for row, gain in (("plain", 0), ("twice", 0.1)) for (genome, seed), noise in NOISE.items()]
"""twice gains .107 on genome 7 and .108 on genome 8, and noise."""
GAINS = {genome: [0.1 + genome / 1000 + noise for (of, _), noise in NOISE.items() if of == genome] for genome in (7, 8)}


@pytest.fixture
def collected(rows_on_genomes):
    def of(trials=TRIALS, **settings):
        collection = collect([rows_on_genomes("a", trials, **settings)])
        return aggregate(collection), collection
    return of


def test_compared_pairs_by_data_set_and_seed(collected):
    rows, collection = collected()
    (found,) = compared(rows, baseline_of(rows, "plain"), ZS, collection)
    residuals = [gain - sum(gains) / 3 for gains in GAINS.values() for gain in gains]
    error = (sum(one ** 2 for one in residuals) / 4 / 6) ** 0.5
    assert found.row.settings == {"row": "twice"}
    assert found.difference.mean == pytest.approx(0.1075 + sum(NOISE.values()) / 6)
    assert found.p == found.difference.p == pytest.approx(2 * stats.t.sf(found.difference.mean / error, 4))
    assert found.across == pytest.approx(stats.ttest_1samp([sum(gains) / 3 for gains in GAINS.values()], 0).pvalue)
    assert (found.difference.n, found.difference.blocks) == (6, 2)
    # 20 s of training instead of 10 s
    assert found.seconds == pytest.approx(10 / (100 * found.difference.mean))


def test_compared_counts_no_points_of_a_rank(rows_with_ranks):
    """The row costs 10 s more for 10 points. Its later rank is no gain, and an earlier one has no points either."""
    collection = collect([rows_with_ranks])
    rows = aggregate(collection)
    for base, mean, seconds in (("plain", 3.2, 1), ("twice", -3.2, None)):
        (ranks,) = compared(rows, baseline_of(rows, base), "test/sgcls/zs/triplet-rank-mean", collection)
        assert (ranks.difference.mean, ranks.seconds) == (pytest.approx(mean), None)
        (recall,) = compared(rows, baseline_of(rows, base), "test/sgcls/zs/ngR@100", collection)
        assert recall.seconds == (None if seconds is None else pytest.approx(seconds))


def test_compared_leaves_out_pairs_that_one_row_lacks(collected):
    rows, collection = collected([one for one in TRIALS if one[:3] != ("plain", 8, 1)])
    (found,) = compared(rows, baseline_of(rows, "plain"), ZS, collection)
    assert (found.difference.n, found.difference.blocks) == (5, 2)


def test_compared_corrects_over_the_rows_that_stand_for_configurations(search):
    """Of both configurations the plain row and the best one stand there; one of them is the baseline."""
    trials = [(kind, seed, "finished", base + seed * step) for kind, base, step in (
        ("baseline", 0.1, 0.01), ("dnorm", 0.2, 0.013)) for seed in (0, 1, 2)]
    collection = collect([search("a", trials, pred_weight="[0, 0.25, 0.5]")])
    rows = aggregate(collection)
    name = "test/sgcls/zs/ngR@100"
    base = baseline_of(rows, "loss.kind=baseline")
    assert base.settings == {"loss.kind": "baseline", "evaluation.pred_weight": 0}
    found = compared(rows, base, name, collection)
    assert len(found) == 2 * 2 - 1
    worst = max(found, key=lambda one: one.difference.p)
    best = min(found, key=lambda one: one.difference.p)
    assert best.p == pytest.approx(min(1, len(found) * best.difference.p))
    assert worst.p >= worst.difference.p


def test_baseline_of(collected, search):
    rows, _ = collected()
    assert baseline_of(rows, "twice").settings == {"row": "twice"}
    assert baseline_of(rows, "training.f_updates=1, data.version=3").settings == {"row": "plain"}
    with pytest.raises(ValueError, match=r"no row of the results is GAN; name a row \(twice, plain\)"):
        baseline_of(rows, "GAN")
    with pytest.raises(ValueError, match=r"such as loss\.kind=dnorm; did you mean twice\?"):
        baseline_of(rows, "twic")
    with pytest.raises(ValueError, match=r"no row of the results is loss\.kind=focal"):
        baseline_of(rows, "loss.kind=focal")
    assert present(rows, ["plain", "GAN"]) == ["plain"]


def test_differences_table_names_what_it_tests(collected):
    rows, collection = collected()
    printed = differences_table(rows, "plain", collection)
    assert ("PredCls ngR@100 on test: difference to plain in points, paired by data set and seed, [95 %]; p: t test "
            "within the 2 data sets, p data: over data sets, by Holm over the rows with a p") in printed
    assert all(len(line) <= 100 for line in printed.splitlines() if "difference to" not in line)
    (found,) = compared(rows, baseline_of(rows, "plain"), ZS, collection)
    line = next(line for line in printed.splitlines() if line.startswith("twice"))
    low, high = 100 * found.difference.low, 100 * found.difference.high
    assert line.split() == ["twice", *(["+10.8", f"[{low:+.1f},", f"{high:+.1f}]", "<.001", p_text(found.across)] * 2),
                            "0.9"]
    assert "cost: processor s more in training for each point of zs" in printed


def test_differences_table_shows_ranks_as_they_are(rows_with_ranks):
    collection = collect([rows_with_ranks])
    printed = differences_table(aggregate(collection), "plain", collection, "triplet-rank-mean")
    reach = stats.t.ppf(0.975, 2) * 0.02 ** 0.5 / 2  # both genomes have differences of 3.1 and 3.3
    line = next(line for line in printed.splitlines() if line.startswith("twice"))
    assert " ".join(line.split()).startswith(f"twice +3.2 [{3.2 - reach:+.1f}, {3.2 + reach:+.1f}]")
    assert "SGCls triplet-rank-mean on test: difference to plain (lower is better), paired" in printed
    assert "point" not in printed
    assert "cost" not in printed


def test_differences_table_names_rows_by_what_is_not_neutral(search):
    trials = [(kind, seed, "finished", value) for kind, of in (("baseline", (.1, .2, .3)), ("dnorm", (.2, .32, .4)))
              for seed, value in enumerate(of)]
    collection = collect([search("a", trials, pred_weight="[0, 0.5]")])
    printed = differences_table(aggregate(collection), "loss.kind=baseline", collection)
    body = printed.partition("─\n")[2].splitlines()
    assert [re.split(r"  +", line)[0] for line in body] == [
        "loss dnorm, pred_weight 0.5", "loss baseline, pred_weight 0.5", "loss dnorm"]
    assert all(len(line) <= 100 and line.count("[") == 2 for line in body)


@pytest.mark.parametrize(("p", "text"), [
    (None, "-"), (0.0009, "<.001"), (0.001, ".001"), (0.0456, ".046"), (1.0, "1.000")])
def test_p_text(p, text):
    assert p_text(p) == text


def test_differences_table_of_one_data_set(search):
    trials = [(kind, seed, "finished", value) for kind, of in (("baseline", (.1, .2, .3)), ("dnorm", (.2, .32, .4)))
              for seed, value in enumerate(of)]
    collection = collect([search("a", trials)])
    printed = differences_table(aggregate(collection), "loss.kind=baseline", collection)
    assert "paired by seed, [95 %]; p: t test over seeds, by Holm over the rows with a p" in printed
    assert "p data" not in printed


def test_differences_csv_has_every_metric(collected):
    rows, collection = collected()
    lines = list(csv.DictReader(io.StringIO(differences_csv(rows, ["plain", "twice"], collection))))
    assert len(lines) == 2 * 2 * 4 * 3  # baselines, modes, subsets, Ks
    line = next(line for line in lines if (line["baseline"], line["metric"]) == ("plain", ZS))
    (found,) = compared(rows, baseline_of(rows, "plain"), ZS, collection)
    assert (line["row"], line["n"], line["data_sets"], line["unit"]) == ("twice", "6", "2", "processor s")
    for name, value in (("difference", found.difference.mean), ("low", found.difference.low), ("p", found.difference.p),
                        ("p_holm", found.p), ("p_across", found.difference.across), ("p_across_holm", found.across),
                        ("seconds_per_point", found.seconds)):
        assert float(line[name]) == pytest.approx(value), name
    worse = next(line for line in lines if (line["baseline"], line["metric"]) == ("twice", ZS))
    assert (float(worse["difference"]), worse["seconds_per_point"]) == (pytest.approx(-found.difference.mean), "")


def test_differences_csv_names_data_that_differ(rows_on_genomes):
    """Genomes of two kinds, each with a baseline of its own."""
    paths = [rows_on_genomes("a", TRIALS),
             rows_on_genomes("b", TRIALS, ["data.difficulty=0.9"], data={"description": "harder"})]
    collection = collect(paths)
    rows = aggregate(collection)
    lines = list(csv.DictReader(io.StringIO(differences_csv(rows, ["plain"], collection))))
    assert {(line["data.difficulty"], line["data"]) for line in lines} == {
        ("0.5", "toy genome (seed 7) [77777777]; toy genome (seed 8) [88888888]"),
        ("0.9", "harder [77777777]; harder [88888888]")}
    assert differences_table(rows, "plain", collection).count("twice, difficulty 0.9") == 2


def test_write_results_compares_with_the_baseline_of_the_study(rows_on_genomes):
    path = rows_on_genomes("a", TRIALS, ["search.baseline=plain"])
    assert "difference to plain in points" in write_results(path)
    assert (path / "differences.csv").read_text().startswith("row,baseline,metric,n,data_sets,difference,low,high,")
    other = rows_on_genomes("b", TRIALS)
    assert "difference" not in write_results(other)
    assert not (other / "differences.csv").exists()


def test_write_results_before_the_baseline_has_begun(rows_on_genomes):
    path = rows_on_genomes("a", [one for one in TRIALS if one[0] == "twice"], ["search.baseline=plain"])
    assert "difference" not in write_results(path)


def test_main_compares_with_a_baseline(rows_on_genomes, capsys):
    path = str(rows_on_genomes("a", TRIALS, ["search.baseline=plain"]))
    assert command.main([path]) == 0
    assert "difference to plain" in capsys.readouterr().out
    assert command.main([path, "--baseline", "twice"]) == 0
    printed = capsys.readouterr().out
    assert "difference to twice" in printed
    assert "difference to plain" not in printed
    assert command.main([path, "--baseline", "twice", "--metric", "ngR@50"]) == 0
    assert "SGCls ngR@50 on test: difference to twice" in capsys.readouterr().out
    assert command.main([path, "--format", "differences"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("twice,plain,test/sgcls/zs/ngR@20,6,2,0.1")


@pytest.mark.parametrize(("options", "message"), [
    (["--baseline", "GAN"], "--baseline (search.baseline): no row of the results is GAN"),
    (["--format", "differences"], "--format differences compares rows with a baseline: name one by --baseline ROW"),
    (["--best", "--baseline", "plain"], "leave out --format, --by and --baseline")])
def test_main_refuses(rows_on_genomes, capsys, options, message):
    assert command.main([str(rows_on_genomes("a", TRIALS)), *options]) == 2
    assert message in capsys.readouterr().err
