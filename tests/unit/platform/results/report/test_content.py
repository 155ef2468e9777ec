import json
from platform.results.aggregate import aggregate
from platform.results.collection import collect
from platform.results.report.content import content, report_of
from platform.results.row_files import rows_csv
from platform.results.terminal_table import terminal_table
from platform.study.trial_record import FAILED, FINISHED, RUNNING, STOPPED

import pytest

from sgg.common.atomic import write_json
from tests.report_columns import fractions, rows_of, values_of

TOY = {"name": "toy", "description": "toy genome", "hash": "aaaaaaaaaaaa"}
METRIC = "sgcls/zs/ngR@100"


def settings_of(report):
    """The rows by the value of their first setting."""
    return {row["settings"][0]: row for row in rows_of(report)}


def test_report_of_has_the_values_of_every_seed(search):
    path = search("a", [("baseline", 0, FINISHED, 0.1), ("baseline", 1, FINISHED, 0.2), ("dnorm", 0, FINISHED, 0.4),
                        ("dnorm", 1, STOPPED, 0.9)])
    report = report_of([path])
    assert report["metrics"][0] == METRIC
    rows = settings_of(report)
    assert values_of(report, rows["baseline"], METRIC) == {0: 0.1, 1: 0.2}
    assert values_of(report, rows["dnorm"], METRIC) == {0: 0.4}
    assert report["baseline"] == rows_of(report).index(rows["baseline"])
    assert report["trials"]["name"] == ["t0", "t1", "t2", "t3"]
    json.dumps(report, allow_nan=False)


def test_report_of_importance_and_effects_are_of_the_plain_rows(search):
    path = search("a", [("baseline", 0, FINISHED, 0.1), ("baseline", 1, FINISHED, 0.2), ("dnorm", 0, FINISHED, 0.4)],
                  pred_weight="[0, 0.5]")
    report = report_of([path])
    labels = report["importance"]["groups"]["loss.kind"]
    (share, effects), = report["importance"]["of"]["test"][METRIC]
    assert share is None  # one configuration a group
    assert dict(zip(labels, effects, strict=True)) == {"baseline": [7500, None, 1], "dnorm": [20000, None, 1]}
    members = report["importance"]["members"]["loss.kind"]
    assert dict(zip(labels, members, strict=True)) == {"baseline": [1], "dnorm": [0]}  # the best is the first
    assert [(row["plain"], row["configuration"]) for row in rows_of(report)] == [
        (False, 0), (True, 0), (False, 1), (True, 1)]


def test_report_of_curves_are_bands_over_seeds(search):
    trials = [("dnorm", seed, FINISHED, recall) for seed, recall in ((0, 0.2), (1, 0.3), (2, 0.7))]
    curves = report_of([search("a", trials)])["curves"]
    assert curves["epochs"] == [[1]]
    assert [fractions(column) for column in curves["of"][METRIC]] == [[0.4], [0.2], [0.7]]
    assert curves["of"]["loss"] == [[1.0], [1.0], [1.0]]


def test_report_of_trials_without_metrics(search):
    """A line that a kill cut short, a trial that never began, one that still runs."""
    path = search("a", [("dnorm", 0, STOPPED, 0.4), ("dnorm", 1, FAILED, 0.4), ("baseline", 0, RUNNING, 0.4)])
    rows = path / "trials" / "t0" / "metrics.jsonl"
    rows.write_bytes(rows.read_bytes() + b'{"epoch": 2, "attempt": 1, "lo')
    for name in ("config.json", "metrics.jsonl"):
        (path / "trials" / "t1" / name).unlink()
    (path / "trials" / "t2" / "metrics.jsonl").unlink()
    report = report_of([path])
    assert list(zip(report["trials"]["status"], report["trials"]["epochs"], strict=True)) == [
        (STOPPED, 1), (FAILED, 0), (RUNNING, 0)]
    assert report["splits"] == ["val"]


def test_report_of_a_study_whose_only_trial_never_began(search):
    path = search("a", [("dnorm", 0, FAILED, 0.4)])
    for name in ("config.json", "metrics.jsonl"):
        (path / "trials" / "t0" / name).unlink()
    report = report_of([path])
    assert (report["splits"], report["metrics"], report["curves"]) == ([], [], {"epochs": [[]], "of": {}})


def test_report_of_the_folder_of_one_trial(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4)])
    report = report_of([path / "trials" / "t0"])
    assert (report["settings"], len(rows_of(report)), report["importance"]["groups"]) == ([], 1, {})


def test_report_of_a_metric_that_is_not_finite(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4)])
    write_json(path / "trials" / "t0" / "test.json", {f"test/{METRIC}": float("nan"), "test/sgcls/all/ngR@100": 0.5})
    report = report_of([path])
    (row,) = rows_of(report)
    assert values_of(report, row, METRIC) == {}
    assert values_of(report, row, "sgcls/all/ngR@100") == {0: 0.5}


def test_report_of_says_what_was_asked_and_of_what(search):
    facts = dict(report_of([search("a", [("dnorm", 0, FINISHED, 0.4)])])["facts"])
    assert facts["Question"] == ["Which loss.kind gives the highest val/sgcls/zs/ngR@100?"]
    assert facts["Data"] == ["toy genome [aaaaaaaa]"]
    assert facts["Seeds"] == ["0"]
    assert facts["Trials"] == ["1: 1 finished"]


def test_report_of_says_how_recall_is_measured(search):
    """A line for each of two runs, of which one suppresses relations."""
    paths = [search(name, [("dnorm", 0, FINISHED, 0.4)], data=TOY | {"relation_nms": nms})
             for name, nms in (("a", False), ("b", True))]
    how, *rest = dict(report_of(paths)["facts"])["Evaluation"]
    assert "averaged over images" in how
    assert "at most 300 triplets" in how
    assert rest == ["K: 100", "without relation NMS", "relation NMS"]


def test_content_links_trials_from_the_folder_of_the_page(search, tmp_path):
    """Names are escaped. There is no link where the page's place is unknown, or does not hold the trial."""
    path = search("a", [("dnorm", 0, FINISHED, 0.4), ("baseline", 0, FINISHED, 0.4)])
    (path / "trials" / "t1").rename(path / "trials" / 'x" #1?')
    collection = collect([path])
    rows = aggregate(collection)
    addresses = [content(collection, rows, [str(path)], place)["trials"]["address"]
                 for place in (path, tmp_path / "other", None)]
    assert addresses == [["./trials/t0/", "./trials/x%22%20%231%3F/"], [None, None], [None, None]]


def test_report_of_says_the_gpu_time(search):
    """Two trials of an hour on a cluster: one on both of its GPUs, one that ended without a word of its time, whose
    training took half an hour. A third trial had no GPU."""
    path = search("a", [("dnorm", seed, FINISHED, 0.4) for seed in range(3)])
    for name, device, seconds in (("t0", "cuda", 3600), ("t1", "cuda", None), ("t2", "cpu", 7200)):
        folder = path / "trials" / name
        config = json.loads((folder / "config.json").read_text())
        write_json(folder / "config.json", config | {"computed_on": {"device": device, "workers": 2, "threads": 1}})
        write_json(folder / "trial.json", json.loads((folder / "trial.json").read_text()) | {"seconds": seconds})
    (path / "trials" / "t1" / "metrics.jsonl").write_text('{"epoch": 1, "attempt": 1, "loss": 1.0, "time": 1800}\n')
    assert dict(report_of([path])["facts"])["GPU time"] == ["3 h 00 min, the time of 2 trials x 2 GPUs"]
    for name in ("t0", "t1"):
        folder = path / "trials" / name / "config.json"
        folder.write_text(folder.read_text().replace("cuda", "cpu"))
    assert dict(report_of([path])["facts"])["GPU time"] == ["no GPU was used"]


def test_report_of_gives_each_data_set_and_mode_its_headline(search):
    """The larger K at which the best row recalls less than 95 %. The second data set is the easier one."""
    runs = []
    for name, predcls in (("a", {20: 0.9, 50: 0.97, 100: 1.0}), ("b", {20: 0.96, 50: 0.97, 100: 1.0})):
        run = search(name, [("dnorm", 0, FINISHED, 0.4), ("baseline", 0, FINISHED, 0.3)],
                     data=TOY | {"hash": name * 12})
        for path in run.glob("trials/*/test.json"):
            values = {f"test/sgcls/all/ngR@{k}": 0.94 for k in predcls} | {
                f"test/predcls/all/ngR@{k}": recall for k, recall in predcls.items()}
            path.write_text(json.dumps(json.loads(path.read_text()) | values))
        runs.append(run)
    assert report_of(runs)["headline"] == [{"sgcls": 100, "predcls": 20}, {"sgcls": 100, "predcls": 20}]
    path = next(runs[1].glob("trials/*/test.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"test/sgcls/all/ngR@100": 0.951}))
    assert report_of(runs)["headline"] == [{"sgcls": 100, "predcls": 20}, {"sgcls": 50, "predcls": 20}]
    printed = terminal_table(aggregate(collect(runs)))
    assert [printed.count(f"{head} in percent on test") for head in ("SGCls ngR@100", "SGCls ngR@50",
                                                                     "PredCls ngR@20")] == [1, 1, 2]


def test_report_of_says_which_settings_are_numbers(search):
    """Their effects are joined by a line."""
    path = search("a", [("dnorm", 0, FINISHED, 0.4), ("baseline", 0, FINISHED, 0.4)])
    importance = report_of([path])["importance"]
    assert (list(importance["groups"]), importance["ordered"]) == (["loss.kind"], [])


@pytest.mark.parametrize(("said", "line"), [
    ({"mAP": 0.448, "mAP@.5": 0.779, "on": "val of toy genome"},
     "44.8 % (77.9 % at IoU .5; COCO's definition) on val of toy genome"),
    ({"unknown": "nobody knows why"}, "unknown: nobody knows why"),
    (None, "unknown: the run is of an earlier version of this program; `python -m sgg.detector evaluate "
           "RUN/trials/TRIAL/parts/detector` measures it")])
def test_report_of_says_the_average_precision_of_the_detector(search, said, line):
    data = TOY | ({} if said is None else {"detector_metrics": said})
    path = search("a", [("dnorm", 0, FINISHED, 0.4)], data)
    for folder in (path, path / "trials" / "t0"):
        assert dict(report_of([folder])["facts"])["Detector's mAP"] == [line]


def test_report_of_says_which_list_zs_list_is(search):
    """Results with another list are another basis, and the page says the hash of each."""
    folders = [search(name, [("dnorm", 0, FINISHED, 0.4)], data=TOY | {"zero_shot_list": {
        "hash": name * 12, "triplets": 5971, "in_training": 545}}) for name in ("a", "b")]
    for folder in folders:
        path = next(folder.glob("trials/*/test.json"))
        test = json.loads(path.read_text())
        path.write_text(json.dumps(test | {"test/sgcls/zs-list/ngR@100": 0.25, "test/sgcls/zs-train/ngR@100": 0.5}))
    report = report_of(folders)
    assert report["subsets"] == ["zs", "zs-train", "zs-list", "10s", "100s", "all"]
    assert len(report["bases"]) == 2
    _, train, *listed = dict(report["facts"])["Zero-shot"]
    assert train == "zs-train: triplets of the test split that do not occur in train, whether or not in val."
    assert listed == [f"zs-list: a file of 5,971 triplets, 545 of them in train [{name * 12}]" for name in "ab"]
    printed = terminal_table(aggregate(collect(folders)))
    assert printed.count("zs-list") == 2, "a column of each table"
    assert "zero_shot_list: 5,971 triplets, 545 of them in train [aaaaaaaaaaaa]" in printed
    assert "zs-train" not in printed
    assert "test/sgcls/zs-train/ngR@100" in rows_csv(aggregate(collect(folders)))
