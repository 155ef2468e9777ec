import csv
import io
import random
from platform.results.aggregate import aggregate
from platform.results.collection import collect
from platform.results.files import write_results
from platform.results.pareto import front
from platform.results.report.content import report_of
from platform.results.row_files import rows_csv, rows_json
from platform.study.trial_record import FINISHED, STOPPED

import pytest

from sgg.common.run_log import History

ZS, ALL = "val/sgcls/zs/ngR@100", "val/sgcls/all/ngR@100"
TWO = [f"search.metric={ZS},{ALL}"]


def dominated(one, other):
    return other[0] >= one[0] and other[1] >= one[1] and other != one


@pytest.mark.parametrize("seed", range(8))
def test_front_is_what_nothing_dominates(seed):
    """Every pair is compared; few different values, so that many are equal."""
    generator = random.Random(seed)
    points = [(generator.randint(0, 6), generator.randint(0, 6)) for _ in range(generator.randint(0, 40))]
    assert front(points) == {place for place, one in enumerate(points)
                             if not any(dominated(one, other) for other in points)}


@pytest.fixture
def run(search):
    """A search by two metrics, of trials (kind, seed, status, zero-shot, all-shot)."""
    def write(*trials, **options):
        path = search("a", [(kind, seed, status, zs) for kind, seed, status, zs, _ in trials], others=TWO, **options)
        for number, (*_, zs, every) in enumerate(trials):
            History(path / "trials" / f"t{number}").append(2, {"loss": 1.0, ZS: zs, ALL: every})
        return path
    return write


TRIALS = [("baseline", 0, FINISHED, 0.2, 0.6), ("dnorm", 0, FINISHED, 0.4, 0.5)]


def test_aggregate_marks_the_front(run):
    """Neither is better in both. A configuration that was stopped is not ranked, whatever its last values."""
    rows = aggregate(collect([run(*TRIALS)]))
    assert [(row.settings["loss.kind"], row.on_front) for row in rows] == [("dnorm", True), ("baseline", True)]
    rows = aggregate(collect([run(("baseline", 0, FINISHED, 0.2, 0.4), TRIALS[1])]))
    assert [(row.settings["loss.kind"], row.on_front) for row in rows] == [("dnorm", True), ("baseline", False)]
    rows = aggregate(collect([run(("baseline", 0, STOPPED, 0.9, 0.9), TRIALS[1])]))
    assert {row.settings["loss.kind"]: row.on_front for row in rows} == {"dnorm": True, "baseline": False}


def test_aggregate_marks_nothing_with_one_metric(search):
    rows = aggregate(collect([search("a", [("dnorm", 0, FINISHED, 0.4)])]))
    assert rows[0].on_front is None
    assert "pareto_front" not in rows_csv(rows).partition("\n")[0]
    assert "pareto_front" not in rows_json(rows)


def test_write_results_marks_the_front(run):
    path = run(("baseline", 0, FINISHED, 0.2, 0.4), TRIALS[1])
    rows = aggregate(collect([path]))
    found = list(csv.DictReader(io.StringIO(rows_csv(rows))))
    assert {row["loss.kind"]: row["pareto_front"] for row in found} == {"dnorm": "true", "baseline": "false"}
    assert '"pareto_front": true' in rows_json(rows)
    printed = write_results(path)
    assert "rank: val zs" in " ".join(printed.split())
    line, = (line for line in printed.splitlines() if "◆" in line and "dnorm" in line)
    assert "40.0" in line
    assert "◆ on the Pareto front of the searched metrics in validation" in printed
    assert max(len(line) for line in printed.splitlines() if not line.startswith(("data:", "SGCls"))) <= 100
    content = report_of([path])
    assert content["objectives"] == [ZS, ALL]
    shown = zip((settings[0] for settings in content["rows"]["settings"]), content["rows"]["front"], strict=True)
    assert dict(shown) == {"dnorm": True, "baseline": False}
    assert dict(content["facts"])["Question"] == [f"Which loss.kind gives the best trade-offs between {ZS} and {ALL}?"]
