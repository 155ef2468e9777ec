import csv
import io
import json
from platform.results.aggregate import aggregate
from platform.results.basis import Basis
from platform.results.collection import collect
from platform.results.row_files import rows_csv, rows_json
from platform.results.terminal_table import terminal_table
from platform.study.trial_record import FAILED, FINISHED, STOPPED, TrialRecord

import pytest

from sgg.common.atomic import write_json
from sgg.common.run_log import History

TOY = {"name": "toy", "description": "toy genome", "hash": "aaaaaaaaaaaa"}
VG = {"name": "vg", "description": "Visual Genome", "hash": "bbbbbbbbbbbb"}
ZS = "test/sgcls/zs/ngR@100"


def test_aggregate(search):
    path = search("a", [("baseline", 0, FINISHED, 0.1), ("baseline", 1, FINISHED, 0.2), ("baseline", 2, FINISHED, 0.3),
                        ("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FINISHED, 0.6)])
    rows = aggregate(collect([path]))
    assert [row.settings for row in rows] == [{"loss.kind": "dnorm"}, {"loss.kind": "baseline"}]
    cell = rows[1].cells[ZS]
    # deviations -.1, 0, .1 over n - 1 = 2
    assert (cell.mean, cell.std, cell.n) == (pytest.approx(0.2), pytest.approx(0.1), 3)
    assert (rows[0].seeds, rows[0].n, rows[0].status) == ([0, 1], 2, FINISHED)


def test_aggregate_has_the_last_feature_quality_of_each_trial(search):
    """Measured after the first epoch and after the third; the second and the last one have none."""
    path = search("a", [("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FINISHED, 0.6)], pred_weight="[0, 0.5]")
    name = "quality/generated/node/precision@5"
    for trial, last in zip(sorted((path / "trials").iterdir()), (0.2, 0.4), strict=True):
        history = History(trial)
        for epoch, value in ((1, 0.1), (2, None), (3, last), (4, None)):
            quality = {} if value is None else {name: value}
            history.append(epoch, {"loss": 1.0, "val/sgcls/zs/ngR@100": 0.5, **quality})
    rows = aggregate(collect([path]))
    assert [(row.cells[name].mean, row.cells[name].n) for row in rows] == [(pytest.approx(0.3), 2)] * 2
    assert name in rows_csv(rows).splitlines()[0]


def test_aggregate_counts_the_same_trial_once(search):
    """Members of a population that copied one another end with the same settings and seed."""
    path = search("a", [("dnorm", 0, FINISHED, 0.2), ("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FINISHED, 0.5)])
    row, = aggregate(collect([path]))
    # .3 and .5: deviations -.1 and .1 over n - 1 = 1, not those of three
    assert (row.cells[ZS].mean, row.cells[ZS].std, row.n) == (
        pytest.approx(0.4), pytest.approx(0.02 ** 0.5), 2)
    assert row.seeds == [0, 1]


def test_aggregate_shows_no_setting_of_one_head_beside_the_heads_name(search):
    paths = [search(name, [("dnorm", 0, FINISHED, recall)], others=(f"model.head={name}",))
             for name, recall in (("imp", 0.2), ("motifs", 0.3))]
    assert [row.settings for row in aggregate(collect(paths))] == [
        {"loss.kind": "dnorm", "model.head.kind": name} for name in ("motifs", "imp")]
    two_layers = ("model.head.kind=motifs", "model.head.edge_layers=2")
    deeper = search("deeper", [("dnorm", 0, FINISHED, 0.1)], others=two_layers)
    assert [row.settings.get("model.head.edge_layers") for row in aggregate(collect([*paths, deeper]))] == [1, None, 2]


def test_aggregate_has_a_row_for_every_adjustment(search):
    """Figures of the others are not there; what was asked for has its row all the same."""
    both = ("evaluation.logit_adjustment=[0,1]",)
    rows = aggregate(collect([search("a", [("dnorm", 0, FINISHED, 0.2)], others=both)]))
    assert [(row.settings["evaluation.logit_adjustment"], ZS in row.cells) for row in rows] == [(0, True), (1, False)]


def test_collect_knows_adjustments_of_a_plugin_by_their_metrics(search):
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


def test_aggregate_has_a_row_for_every_pred_weight(search):
    rows = aggregate(collect([search("a", [("dnorm", 0, FINISHED, 0.2)], pred_weight="[0, 0.5]")]))
    assert [(row.settings["evaluation.pred_weight"], row.cells[ZS].mean) for row in rows] == [(0.5, 0.4), (0, 0.2)]
    assert all("/x" not in name for row in rows for name in row.cells)


def test_aggregate_has_no_row_for_a_weight_that_the_settings_lack(search):
    rows = aggregate(collect([search("a", [("dnorm", 0, FINISHED, 0.2)], pred_weight="[0.5]")]))
    assert [row.cells[ZS].mean for row in rows] == [0.4]


def test_aggregate_of_failed_and_stopped_trials(search):
    rows = aggregate(collect([search("a", [("dnorm", 0, FINISHED, 0.4), ("dnorm", 1, FAILED, 0.9),
                                           ("baseline", 0, STOPPED, 0.1), ("baseline", 1, STOPPED, 0.3)])]))
    dnorm, baseline = rows
    assert (dnorm.status, dnorm.n, dnorm.seeds) == ("1 finished, 1 failed", 1, [0])
    assert dnorm.cells[ZS].std is None
    assert ZS not in baseline.cells
    assert baseline.cells["val/sgcls/zs/ngR@100"].mean == pytest.approx(0.2)


def test_aggregate_of_a_trial_that_never_began(search):
    path = search("a", [("dnorm", 0, FAILED, 0.4)])
    for name in ("config.json", "metrics.jsonl"):
        (path / "trials" / "t0" / name).unlink()
    row, = aggregate(collect([path]))
    assert (row.settings, row.status, row.n) == ({"loss.kind": "dnorm"}, FAILED, 0)
    assert row.basis.data == "toy genome [aaaaaaaa]"


def test_aggregate_keeps_different_data_apart(search):
    paths = [search("a", [("dnorm", 0, FINISHED, 0.2)]), search("b", [("dnorm", 1, FINISHED, 0.6)], data=VG)]
    rows = aggregate(collect(paths))
    assert [(row.basis.data, row.cells[ZS].mean) for row in rows] == [
        ("Visual Genome [bbbbbbbb]", 0.6), ("toy genome [aaaaaaaa]", 0.2)]
    assert [row.n for row in aggregate(collect(paths), by=["loss.kind"])] == [1, 1]
    printed = terminal_table(rows)
    assert "data: toy genome [aaaaaaaa]" in printed  # in brackets, and no markup
    assert "data: Visual Genome [bbbbbbbb]" in printed


@pytest.mark.parametrize(("fact", "values"), [
    ("embeddings", ("glove", "cooccurrence")), ("detector", ("0123abcd", "4567cdef"))])
def test_aggregate_keeps_other_embeddings_and_detectors_apart(search, fact, values):
    paths = [search(name, [("dnorm", seed, FINISHED, recall)], data=TOY | facts) for name, seed, recall, facts in (
        ("a", 0, 0.2, {fact: values[0]}), ("b", 1, 0.6, {fact: values[1]}), ("before", 2, 0.1, {}))]
    rows = aggregate(collect(paths))
    assert [(row.basis.words()[fact], row.n, row.cells[ZS].mean) for row in rows] == [
        ("", 1, 0.1), *sorted([(values[0], 1, 0.2), (values[1], 1, 0.6)])]
    assert [row[fact] for row in json.loads(rows_json(rows))] == ["", *sorted(values)]
    assert [row[fact] for row in csv.DictReader(io.StringIO(rows_csv(rows)))] == ["", *sorted(values)]
    assert f"; {fact}: {values[0]}" in terminal_table(rows)


def test_aggregate_of_several_searches_on_the_same_data(search):
    paths = [search("a", [("dnorm", 0, FINISHED, 0.2)]), search("b", [("dnorm", 1, FINISHED, 0.4)]),
             search("c", [("dnorm", 0, FINISHED, 0.9)], others=["training.momentum=0.5"])]
    rows = aggregate(collect(paths))
    assert [(row.settings, row.n) for row in rows] == [
        ({"loss.kind": "dnorm", "training.momentum": 0.5}, 1), ({"loss.kind": "dnorm", "training.momentum": 0.9}, 2)]


def test_aggregate_of_a_former_name_of_a_value(search):
    paths = [search("a", [("dnorm", 0, FINISHED, 0.2)], others=["model.edge_boxes=image_frame"]),
             search("b", [("dnorm", 1, FINISHED, 0.4)], others=["model.edge_boxes=image_frame"])]
    for file in paths[1].rglob("*.json"):
        file.write_text(file.read_text().replace("image_frame", "raw_boxes"))
    row, = aggregate(collect(paths))
    assert (row.n, row.cells[ZS].mean) == (2, pytest.approx(0.3))
    assert [row.settings for row in aggregate(collect(paths), by=["model.edge_boxes"])] == [
        {"model.edge_boxes": "image_frame"}]


def edit_configs(path, edit):
    """Change the settings that each trial of a study wrote."""
    for file in path.glob("trials/*/config.json"):
        content = json.loads(file.read_text())
        edit(content["config"])
        write_json(file, content)


def test_aggregate_of_a_run_from_before_a_setting(search):
    """It had the default of today, so it is in the row of the same configuration. What the first edition did
    otherwise is its own configuration."""
    toy = ["data.name=toy", "augmentation.kind=gan"]
    paths = [search(name, [("dnorm", seed, FINISHED, 0.2)], others=toy) for seed, name in enumerate("abc")]
    edit_configs(paths[0], lambda config: [config["data"].pop(key) for key in ("version", "difficulty", "seed")])
    edit_configs(paths[0], lambda config: (config["training"].pop("warmup_steps"), config["evaluation"].pop("pko")))
    edit_configs(paths[2], lambda config: (config["augmentation"].pop("hidden_dim"), config["training"].update(
        batch_size=None)))
    row, = aggregate(collect(paths))
    assert (row.n, row.settings, row.identity["data.version"]) == (3, {"loss.kind": "dnorm"}, 2)
    edit_configs(paths[0], lambda config: config["data"].pop("flip_predicates"))
    assert [row.n for row in aggregate(collect(paths))] == [3], "mirroring changes no predicate of the toy genome"
    vg = [search(name, [("dnorm", seed, FINISHED, 0.2)], others=["data.name=vg"]) for seed, name in enumerate("de")]
    edit_configs(vg[0], lambda config: config["training"].pop("drop_last"))
    assert {row.settings["training.drop_last"]: row.n for row in aggregate(collect(vg))} == {False: 1, True: 1}


def test_aggregate_of_a_run_with_a_setting_without_effect(search):
    """Earlier versions allowed it; it tells no configurations apart."""
    paths = [search(name, [("dnorm", seed, FINISHED, 0.2)], others=["augmentation.kind=gan"])
             for seed, name in enumerate("ab")]
    edit_configs(paths[1], lambda config: config["augmentation"]["perturb"].update(alpha=9.0))
    row, = aggregate(collect(paths))
    assert row.n == 2
    assert "augmentation.perturb.alpha" not in row.identity


def test_aggregate_of_settings_that_trials_never_wrote(search):
    """Trials that never began have the searched values alone, in which 2 stands for 2.0."""
    path = search("a", [("dnorm", 0, FINISHED, 0.2), ("dnorm", 1, FAILED, 0.2)], others=["loss.scale=2"])
    record = json.loads((path / "trials" / "t1" / "trial.json").read_text())
    write_json(path / "trials" / "t1" / "trial.json", record | {"values": record["values"] | {"loss.scale": 2}})
    (path / "trials" / "t1" / "config.json").unlink()
    row, = aggregate(collect([path]))
    assert row.status == "1 finished, 1 failed"


def test_aggregate_of_causal_effects_from_before_they_were_an_adjustment(search):
    """The effect was a setting of the head, and all metrics were of it without a suffix."""
    causal = ["data.name=toy", "model.head=causal", "evaluation.effect=none,tde"]
    now = search("now", [("dnorm", 0, FINISHED, 0.2)], pred_weight="[0, 0.5]", others=causal)
    with_effect = {f"{ZS}{effect}{weight}": value for value, effect, weight in (
        (0.2, "", ""), (0.3, "", "/x0.5"), (0.5, "/effect=tde", ""), (0.6, "/effect=tde", "/x0.5"))}
    write_json(now / "trials" / "t0" / "test.json", with_effect)
    former = search("former", [("dnorm", 1, FINISHED, 0.35)], pred_weight="[0, 0.5]", others=causal)

    def edit(config):
        del config["evaluation"]["effect"]
        config["model"]["head"]["effect"] = "tde"

    edit_configs(former, edit)
    rows = {(row.settings["evaluation.effect"], row.settings["evaluation.pred_weight"]): row
            for row in aggregate(collect([now, former]))}
    assert {key: row.n for key, row in rows.items()} == {
        ("none", 0.0): 1, ("none", 0.5): 1, ("tde", 0.0): 2, ("tde", 0.5): 2}
    assert rows["tde", 0.0].cells[ZS].mean == pytest.approx((0.5 + 0.35) / 2)
    assert rows["tde", 0.5].cells[ZS].mean == pytest.approx((0.6 + 0.7) / 2)
    record = TrialRecord.read(former / "trials" / "t0")
    (row,) = record.rows()
    assert row["val/sgcls/zs/ngR@100/effect=tde/x0.5"] == 0.7
    assert row["loss"] == 1.0
    assert record.columns(lambda name: name.endswith("ngR@100")) == ([{"epoch": 1, "attempt": 1}], row)
    trial = collect([former]).trials[0]
    assert trial.curves == {"loss": [1.0]}, "a curve shows metrics without adjustments"


def test_aggregate_by_chosen_keys(search):
    path = search("a", [("baseline", 0, FINISHED, 0.1), ("dnorm", 0, FINISHED, 0.3)])
    row, = aggregate(collect([path]), by=["augmentation.kind"])
    assert (row.settings, row.n, row.cells[ZS].mean) == ({"augmentation.kind": "off"}, 2, pytest.approx(0.2))
    with pytest.raises(ValueError, match=r"no trial has the setting loss\.knd; settings that differ here: loss\.kind"):
        aggregate(collect([path]), by=["loss.knd"])


def test_aggregate_of_two_commits(search):
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
    assert json.loads(rows_json([row]))[0]["program"] == row.programs
    assert next(csv.DictReader(io.StringIO(rows_csv([row]))))["program"] == "1.0, commit one; 1.0, commit two"


def test_basis_differs_for_results_of_other_images():
    facts = {"description": "toy", "hash": "h", "detector": "d", "pictures": {"train": "1", "val": "2", "test": "3"}}
    other = facts | {"pictures": facts["pictures"] | {"test": "4"}}
    assert Basis.of(facts) == Basis.of(dict(facts)) != Basis.of(other)
    assert "pictures: " in str(Basis.of(facts))
    assert "conventions: relation NMS" in str(Basis.of(facts | {"relation_nms": True}))
    assert "conventions" not in str(Basis.of(facts))
    first_edition = Basis.of({name: fact for name, fact in facts.items() if name != "pictures"})
    assert "pictures" not in str(first_edition)
