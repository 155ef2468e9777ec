import csv
import io
import json
from platform.results import __main__ as results
from platform.results.aggregate import aggregate, collect
from platform.results.formats import render
from platform.study.directory import FAILED, FINISHED, STOPPED, StudyDirectory, TrialRecord

import pytest

from sgg.common.atomic import write_json
from sgg.common.run_log import History
from sgg.config import load

TOY = {"name": "toy", "description": "toy genome", "hash": "aaaaaaaaaaaa"}
VG = {"name": "vg", "description": "Visual Genome", "hash": "bbbbbbbbbbbb"}
ZS = "test/sgcls/zs/ngR@100"


@pytest.fixture
def search(tmp_path):
    """Writes searches over loss.kind, with trials given as (kind, seed, status, zero-shot recall)."""
    def write(name, trials, data=TOY, pred_weight="[0]", others=()):
        path = tmp_path / f"{name}.yaml"
        path.write_text("loss: {kind: {search: grid, of: [baseline, dnorm]}}")
        study = load(path, [f"experiment.name={name}", f"experiment.output={tmp_path}", "experiment.seed=[0, 1, 2]",
                            f"evaluation.pred_weight={pred_weight}", *others])
        directory = StudyDirectory.of(study)
        directory.begin(study, {"data": data})
        for number, (kind, seed, status, recall) in enumerate(trials):
            record = TrialRecord(directory.trial(f"t{number}"), {"loss.kind": kind, "experiment.seed": seed}, status)
            record.write()
            config = study.trial({"loss.kind": kind, "experiment.seed": seed})
            write_json(record.directory / "config.json", {"config": config.model_dump(mode="json"), "data": data})
            figures = {f"sgcls/{subset}/ngR@100{suffix}": recall * factor for subset in ("zs", "10s", "100s", "all")
                       for suffix, factor in (("", 1), *((f"/x{x:g}", 2) for x in config.evaluation.pred_weight if x))}
            History(record.directory).append(1, {"loss": 1.0, **{f"val/{k}": v for k, v in figures.items()}})
            if status == FINISHED:
                write_json(record.directory / "test.json", {f"test/{k}": v for k, v in figures.items()})
        return directory.path
    return write


def test_one_row_per_configuration_with_mean_deviation_and_n(search):
    path = search("a", [("baseline", 0, FINISHED, 0.1), ("baseline", 1, FINISHED, 0.2), ("baseline", 2, FINISHED, 0.3),
                        ("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FINISHED, 0.6)])
    rows = aggregate(collect([path]))
    assert [row.settings for row in rows] == [{"loss.kind": "dnorm"}, {"loss.kind": "baseline"}]
    cell = rows[1].cells[ZS]
    # deviations -.1, 0, .1 over n - 1 = 2
    assert (cell.mean, cell.std, cell.n) == (pytest.approx(0.2), pytest.approx(0.1), 3)
    assert (rows[0].seeds, rows[0].n, rows[0].status) == ([0, 1], 2, FINISHED)


def test_the_same_trial_twice_is_no_second_sample(search):
    """Members of a population that copied one another end with the same settings and seed."""
    path = search("a", [("dnorm", 0, FINISHED, 0.2), ("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FINISHED, 0.5)])
    row, = aggregate(collect([path]))
    # .3 and .5: deviations -.1 and .1 over n - 1 = 1, not those of three
    assert (row.cells[ZS].mean, row.cells[ZS].std, row.n) == (
        pytest.approx(0.4), pytest.approx(0.02 ** 0.5), 2)
    assert row.seeds == [0, 1]


def test_what_only_one_head_has_is_not_shown_beside_the_heads_name(search):
    paths = [search(name, [("dnorm", 0, FINISHED, recall)], others=(f"model.head={name}",))
             for name, recall in (("imp", 0.2), ("motifs", 0.3))]
    assert [row.settings for row in aggregate(collect(paths))] == [
        {"loss.kind": "dnorm", "model.head.kind": name} for name in ("motifs", "imp")]
    two_layers = ("model.head.kind=motifs", "model.head.edge_layers=2")
    deeper = search("deeper", [("dnorm", 0, FINISHED, 0.1)], others=two_layers)
    assert [row.settings.get("model.head.edge_layers") for row in aggregate(collect([*paths, deeper]))] == [1, None, 2]


def test_every_adjustment_of_a_trained_model_is_a_row_of_its_own(search):
    """Figures of the others are not there; what was asked for has its row all the same."""
    both = ("evaluation.logit_adjustment=[0,1]",)
    rows = aggregate(collect([search("a", [("dnorm", 0, FINISHED, 0.2)], others=both)]))
    assert [(row.settings["evaluation.logit_adjustment"], ZS in row.cells) for row in rows] == [(0, True), (1, False)]


def test_adjustments_of_a_plugin_are_known_by_their_figures(search):
    """Results run no plugin."""
    path = search("a", [("dnorm", 0, FINISHED, 0.2)])
    (trial,) = (path / "trials").iterdir()
    config = json.loads((trial / "config.json").read_text())
    config["config"]["evaluation"]["shift"] = [0.0, 1.0]
    write_json(trial / "config.json", config)
    write_json(trial / "test.json", {ZS: 0.2, f"{ZS}/shift=1": 0.6})
    rows = aggregate(collect([path]))
    assert {row.settings["evaluation.shift"]: row.cells[ZS].mean for row in rows} == {0.0: 0.2, 1.0: 0.6}
    assert len(aggregate(collect([path]), by=["loss.kind"])) == 2


def test_every_pred_weight_of_a_trained_model_is_a_row_of_its_own(search):
    rows = aggregate(collect([search("a", [("dnorm", 0, FINISHED, 0.2)], pred_weight="[0, 0.5]")]))
    assert [(row.settings["evaluation.pred_weight"], row.cells[ZS].mean) for row in rows] == [(0.5, 0.4), (0, 0.2)]
    assert all("/x" not in name for row in rows for name in row.cells)


def test_a_weight_that_was_not_asked_for_makes_no_row(search):
    rows = aggregate(collect([search("a", [("dnorm", 0, FINISHED, 0.2)], pred_weight="[0.5]")]))
    assert [row.cells[ZS].mean for row in rows] == [0.4]


def test_failed_and_stopped_trials_are_counted_but_not_averaged_in(search):
    rows = aggregate(collect([search("a", [("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FAILED, 0.9),
                                           ("baseline", 0, STOPPED, 0.1), ("baseline", 1, STOPPED, 0.3)])]))
    dnorm, baseline = rows
    assert (dnorm.status, dnorm.n, dnorm.seeds) == ("1 finished, 1 failed", 1, [0])
    assert dnorm.cells[ZS].std is None
    assert ZS not in baseline.cells
    assert baseline.cells["val/sgcls/zs/ngR@100"].mean == pytest.approx(0.2)


def test_a_trial_that_never_began_still_has_its_row(search):
    path = search("a", [("dnorm", 0, FAILED, 0.4)])
    for name in ("config.json", "metrics.jsonl"):
        (path / "trials" / "t0" / name).unlink()
    row, = aggregate(collect([path]))
    assert (row.settings, row.status, row.n) == ({"loss.kind": "dnorm"}, FAILED, 0)
    assert row.basis.data == "toy genome [aaaaaaaa]"


def test_different_data_are_never_pooled(search):
    paths = [search("a", [("dnorm", 0, FINISHED, 0.2)]), search("b", [("dnorm", 1, FINISHED, 0.6)], data=VG)]
    rows = aggregate(collect(paths))
    assert [(row.basis.data, row.cells[ZS].mean) for row in rows] == [
        ("Visual Genome [bbbbbbbb]", 0.6), ("toy genome [aaaaaaaa]", 0.2)]
    assert [row.n for row in aggregate(collect(paths), by=["loss.kind"])] == [1, 1]
    printed = render(rows, "table")
    assert "data: toy genome [aaaaaaaa]" in printed  # in brackets, and no markup
    assert "data: Visual Genome [bbbbbbbb]" in printed


@pytest.mark.parametrize(("fact", "values"), [
    ("embeddings", ("glove", "cooccurrence")), ("detector", ("0123abcd", "4567cdef"))])
def test_other_embeddings_and_detectors_are_never_pooled(search, fact, values):
    paths = [search(name, [("dnorm", seed, FINISHED, recall)], data=TOY | facts) for name, seed, recall, facts in (
        ("a", 0, 0.2, {fact: values[0]}), ("b", 1, 0.6, {fact: values[1]}), ("before", 2, 0.1, {}))]
    rows = aggregate(collect(paths))
    assert [(row.basis.words()[fact], row.n, row.cells[ZS].mean) for row in rows] == [
        ("", 1, 0.1), *sorted([(values[0], 1, 0.2), (values[1], 1, 0.6)])]
    assert [row[fact] for row in json.loads(render(rows, "json"))] == ["", *sorted(values)]
    assert [row[fact] for row in csv.DictReader(io.StringIO(render(rows, "csv")))] == ["", *sorted(values)]
    assert f"; {fact}: {values[0]}" in render(rows, "table")


def test_searches_over_the_same_data_meet_in_one_table(search):
    paths = [search("a", [("dnorm", 0, FINISHED, 0.2)]), search("b", [("dnorm", 1, FINISHED, 0.4)]),
             search("c", [("dnorm", 0, FINISHED, 0.9)], others=["training.momentum=0.5"])]
    rows = aggregate(collect(paths))
    assert [(row.settings, row.n) for row in rows] == [
        ({"loss.kind": "dnorm", "training.momentum": 0.5}, 1), ({"loss.kind": "dnorm", "training.momentum": 0.9}, 2)]


def test_results_under_a_former_name_of_a_value_meet_in_one_row(search):
    paths = [search("a", [("dnorm", 0, FINISHED, 0.2)], others=["model.edge_boxes=image_frame"]),
             search("b", [("dnorm", 1, FINISHED, 0.4)], others=["model.edge_boxes=image_frame"])]
    for file in paths[1].rglob("*.json"):
        file.write_text(file.read_text().replace("image_frame", "raw_boxes"))
    row, = aggregate(collect(paths))
    assert (row.n, row.cells[ZS].mean) == (2, pytest.approx(0.3))
    assert [row.settings for row in aggregate(collect(paths), by=["model.edge_boxes"])] == [
        {"model.edge_boxes": "image_frame"}]


def test_rows_by_chosen_keys(search):
    path = search("a", [("baseline", 0, FINISHED, 0.1), ("dnorm", 0, FINISHED, 0.3)])
    row, = aggregate(collect([path]), by=["augmentation.kind"])
    assert (row.settings, row.n, row.cells[ZS].mean) == ({"augmentation.kind": "off"}, 2, pytest.approx(0.2))
    with pytest.raises(ValueError, match=r"no trial has the setting loss\.knd; settings that differ here: loss\.kind"):
        aggregate(collect([path]), by=["loss.knd"])


def test_json(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FINISHED, 0.6)])
    row, = json.loads(render(aggregate(collect([path])), "json"))
    assert {key: row[key] for key in ("loss.kind", "seeds", "n", "status", "data")} == {
        "loss.kind": "dnorm", "seeds": [0, 1], "n": 2, "status": "finished", "data": "toy genome [aaaaaaaa]"}
    assert row[ZS] == {"mean": pytest.approx(0.5), "std": pytest.approx(0.1414, abs=1e-4), "n": 2}


def test_results_of_two_commits_are_one_row_that_names_both(search):
    """A commit says where a result comes from; it tells no configurations apart."""
    path = search("a", [("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FINISHED, 0.6), ("dnorm", 2, FINISHED, 0.8)])
    for number, commit in ((0, "one"), (1, "two")):  # the third trial is of an earlier version
        config = path / "trials" / f"t{number}" / "config.json"
        write_json(config, json.loads(config.read_text()) | {"program": {"version": "1.0", "commit": commit}})
    test = path / "trials" / "t0" / "test.json"
    write_json(test, json.loads(test.read_text()) | {"program": {"version": "1.0", "commit": "one"}})
    row, = aggregate(collect([path]))
    assert (row.n, row.programs) == (3, ["1.0, commit one", "1.0, commit two"])
    assert "program" not in row.cells
    assert json.loads(render([row], "json"))[0]["program"] == row.programs
    assert next(csv.DictReader(io.StringIO(render([row], "csv"))))["program"] == "1.0, commit one; 1.0, commit two"


def test_csv(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4), ("baseline", 1, FAILED, 0.6)])
    rows = list(csv.DictReader(io.StringIO(render(aggregate(collect([path])), "csv"))))
    assert [row["loss.kind"] for row in rows] == ["dnorm", "baseline"]
    assert (rows[0][f"{ZS} mean"], rows[0][f"{ZS} std"], rows[0][f"{ZS} n"]) == ("0.4", "", "1")
    assert rows[1][f"{ZS} mean"] == ""


def test_tables_show_percent_and_deviation(search):
    rows = aggregate(collect([search("a", [("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FINISHED, 0.6)])]))
    assert "50.0 ± 14.1" in render(rows, "table")
    assert r"50.0 $\pm$ 14.1" in render(rows, "latex")
    assert "<td>50.0 ± 14.1</td>" in render(rows, "html")
    with pytest.raises(ValueError, match="mR@50 was not measured; measured: ngR@100"):
        render(rows, "table", metric="mR@50")


def test_counts_of_detection_are_shown_with_sgdet(search):
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


def test_a_metric_that_was_not_measured_is_refused(search, capsys):
    path = str(search("a", [("dnorm", 0, FINISHED, 0.4)]))
    for form in ("table", "csv"):
        assert results.main([path, "--metric", "R@7", "--format", form]) == 2
        assert capsys.readouterr().err == "error: --metric: R@7 was not measured; measured: ngR@100\n"
    assert results.main([path, "--metric", "ngR@100"]) == 0


def test_without_a_metric_the_largest_k_is_shown(search):
    path = search("a", [("dnorm", 0, FINISHED, 0.4)])
    for file in (path / "trials" / "t0").iterdir():
        file.write_text(file.read_text().replace("ngR@100", "ngR@50"))
    assert "ngR@50 in percent on test" in render(aggregate(collect([path])), "table")


def test_a_small_table_does_not_break_up_what_it_is_of(search, capsys):
    assert results.main([str(search("a", [("dnorm", 0, FAILED, 0.4)]))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[1:-1])) < len(lines[0])
    assert lines[0].startswith("data: ")
    assert lines[-1] == "no metrics yet"


def test_command(search, capsys, tmp_path):
    path = search("a", [("dnorm", 0, FINISHED, 0.4)])
    assert results.main([str(path), "--format", "csv"]) == 0
    assert capsys.readouterr().out.startswith("loss.kind,seeds,n,status,data,")
    (tmp_path / "nothing").mkdir()
    assert results.main([str(tmp_path / "nothing")]) == 2
    assert "holds no trials" in capsys.readouterr().err


@pytest.mark.parametrize(("file", "content", "message"), [
    ("study.json", '{"settings": ', "study.json is not JSON, or is cut off"),
    ("study.json", '{"settings": {}, "data": {}}', "study.json: axes is missing"),
    ("study.json", '{"settings": {"los": 1}, "axes": {}, "data": {}}', "study.json: 1 fault"),
    ("trials/t0/trial.json", "[]", "trial.json must hold a mapping, but holds list"),
    ("trials/t0/trial.json", '{"values": {}}', "trial.json: status is missing, reason is missing"),
    ("trials/t0/config.json", '{"config": {}}', "config.json: data is missing"),
    ("trials/t0/config.json", "{", "config.json is not JSON"),
    ("trials/t0/test.json", '{"test/sgcls/zs/ngR@100": 0.', "test.json is not JSON"),
    ("trials/t0/test.json", '{"test/sgcls/zs/ngR@100": "much"}', "test.json: test/sgcls/zs/ngR@100 must be a number"),
    ("trials/t0/metrics.jsonl", '{"loss": 1}', "metrics.jsonl, line 1: epoch is missing"),
])
def test_a_spoilt_file_is_named(search, capsys, file, content, message):
    path = search("a", [("dnorm", 0, FINISHED, 0.4)])
    (path / file).write_text(content)
    assert results.main([str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {path / file}")
    assert message in said
