import json
import re
import statistics
from pathlib import Path
from platform.results.report.content import SCALE, report_of
from platform.results.report.published import PUBLISHED, published_like
from platform.study.directory import FAILED, FINISHED, RUNNING, STOPPED

import pytest

from sgg.common.atomic import write_json
from sgg.config import load
from sgg.settings.keys import flatten

ROOT = Path(__file__).parents[5]
METRIC = "sgcls/zs/ngR@100"


def values(row, split="test"):
    return {sample["seed"]: sample[split][0] / SCALE for sample in row["samples"] if split in sample}


def test_report_of_has_the_values_of_every_seed(search):
    path = search("a", [("baseline", 0, FINISHED, 0.1), ("baseline", 1, FINISHED, 0.2), ("dnorm", 0, FINISHED, 0.4),
                        ("dnorm", 1, STOPPED, 0.9)])
    report = report_of([path])
    assert report["metrics"][0] == METRIC
    rows = {row["settings"][0]: row for row in report["rows"]}
    assert values(rows["baseline"]) == {0: 0.1, 1: 0.2}
    assert values(rows["dnorm"]) == {0: 0.4}
    assert report["baseline"] == report["rows"].index(rows["baseline"])
    assert [trial["name"] for trial in report["trials"]] == ["t0", "t1", "t2", "t3"]
    json.dumps(report, allow_nan=False)


def test_report_of_importance_and_effects_are_of_the_plain_rows(search):
    path = search("a", [("baseline", 0, FINISHED, 0.1), ("baseline", 1, FINISHED, 0.2), ("dnorm", 0, FINISHED, 0.4)],
                  pred_weight="[0, 0.5]")
    report = report_of([path])
    labels = report["importance"]["groups"]["loss.kind"]
    (share, effects), = report["importance"]["of"]["test"][METRIC]
    assert share is None  # one configuration a group
    assert dict(zip(labels, effects, strict=True)) == {"baseline": [15000, None, 1], "dnorm": [40000, None, 1]}
    assert [(row["plain"], row["configuration"]) for row in report["rows"]] == [
        (False, 0), (True, 0), (False, 1), (True, 1)]


def test_report_of_curves_are_bands_over_seeds(search):
    trials = [("dnorm", seed, FINISHED, recall) for seed, recall in ((0, 0.2), (1, 0.3), (2, 0.7))]
    epochs, mean, low, high = report_of([search("a", trials)])["curves"][METRIC][0]
    assert (epochs, low, high) == ([1], [20000], [70000])
    assert mean == [round(SCALE * statistics.fmean([0.2, 0.3, 0.7]))]


def test_report_of_trials_without_metrics(search):
    """A line that a kill cut short, a trial that never began, one that still runs."""
    path = search("a", [("dnorm", 0, STOPPED, 0.4), ("dnorm", 1, FAILED, 0.4), ("baseline", 0, RUNNING, 0.4)])
    rows = path / "trials" / "t0" / "metrics.jsonl"
    rows.write_bytes(rows.read_bytes() + b'{"epoch": 2, "attempt": 1, "lo')
    for name in ("config.json", "metrics.jsonl"):
        (path / "trials" / "t1" / name).unlink()
    (path / "trials" / "t2" / "metrics.jsonl").unlink()
    report = report_of([path])
    assert [(trial["status"], trial["epochs"]) for trial in report["trials"]] == [
        (STOPPED, 1), (FAILED, 0), (RUNNING, 0)]
    assert report["splits"] == ["val"]


def test_report_of_a_study_whose_only_trial_never_began(search):
    path = search("a", [("dnorm", 0, FAILED, 0.4)])
    for name in ("config.json", "metrics.jsonl"):
        (path / "trials" / "t0" / name).unlink()
    report = report_of([path])
    assert (report["splits"], report["metrics"], report["curves"]) == ([], [], {})


def test_report_of_the_folder_of_one_trial(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4)])
    report = report_of([path / "trials" / "t0"])
    assert (report["settings"], len(report["rows"]), report["importance"]["groups"]) == ([], 1, {})


def test_report_of_a_metric_that_is_not_finite(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4)])
    write_json(path / "trials" / "t0" / "test.json", {f"test/{METRIC}": float("nan"), "test/sgcls/all/ngR@100": 0.5})
    (row,) = report_of([path])["rows"]
    assert row["samples"][0]["test"][0] is None


def test_report_of_says_what_was_asked_and_of_what(search):
    facts = dict(report_of([search("a", [("dnorm", 0, FINISHED, 0.4)])])["facts"])
    assert facts["Question"] == ["Which loss.kind gives the highest val/sgcls/zs/ngR@100?"]
    assert facts["Data"] == ["toy genome [aaaaaaaa]"]
    assert facts["Seeds"] == ["0"]
    assert facts["Trials"] == ["1: 1 finished"]


@pytest.mark.parametrize(("config", "row"), [("imp", 0), ("imp_dnorm", 1), ("imp_gan", 2), ("imp_gan_graphn", 3)])
def test_published_like_finds_the_row_of_each_paper_config(config, row):
    settings = flatten(load(ROOT / f"tune_configs/paper/{config}.yaml", []).base.model_dump(mode="json"))
    assert published_like("Visual Genome [0123]", settings) == PUBLISHED[row]
    assert published_like("toy genome", settings) is None
    assert published_like("Visual Genome", settings | {"loss.kind": "dnorm-fgbg"}) is None


def test_published_has_the_values_of_the_readme():
    found = re.findall(r"^\| `tune_configs/paper/\w+\.yaml`.*?\| ([\d.]+(?: / [\d.]+){3}) \|",
                       (ROOT / "README.md").read_text(), re.M)
    assert [" / ".join(map(str, row.recall.values())) for row in PUBLISHED] == found
