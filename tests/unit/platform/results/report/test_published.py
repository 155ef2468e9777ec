"""Published rows stand beside the configurations that are like them, and beside no other."""

import json
import re
from pathlib import Path
from platform.results.report.content import report_of
from platform.results.report.published import CONVENTIONS, PUBLISHED, published_like, trained_otherwise

import pytest

from sgg.config import load
from sgg.config.by_role import role_of
from sgg.settings.keys import flatten
from tests.report_columns import rows_of
from tests.visual_genome import write_search

ROOT = Path(__file__).parents[5]
PAPER = ROOT / "tune_configs/paper"


def flat_of(config):
    return flatten(load(PAPER / f"{config}.yaml", []).base.model_dump(mode="json"))


def settings_of(config):
    """The settings of a paper config that tell configurations apart."""
    return {key: value for key, value in flat_of(config).items() if role_of(key).identity} | {
        "evaluation.pred_weight": 0.0}


def measuring_of(config):
    """Those that say what is measured."""
    return {key: value for key, value in flat_of(config).items()
            if role_of(key).acts == "measuring" and not role_of(key).swept}


@pytest.mark.parametrize(("config", "row"), [("imp", 0), ("imp_dnorm", 1), ("imp_gan", 2), ("imp_gan_graphn", 3)])
def test_published_like_finds_the_row_of_each_paper_config(config, row):
    settings, measuring = settings_of(config), measuring_of(config)
    assert published_like(settings, measuring) == PUBLISHED[row]
    assert trained_otherwise(settings) == ""
    for other in ("toy", "gqa", "vtranse", "custom"):
        assert published_like(settings | {"data.name": other}, measuring) is None
    for key, value in (("data.eval_images", 9), ("evaluation.corruption", "fog"), ("evaluation.relation_nms", True)):
        assert published_like(settings, measuring | {key: value}) is None
    assert published_like(settings, measuring | {"evaluation.every": 1, "evaluation.val_images": 100}) == PUBLISHED[row]


@pytest.mark.parametrize(("key", "value"), [
    ("loss.kind", "dnorm-fgbg"), ("loss.foreground_weight", 0.5), ("augmentation.large_discriminator", False),
    ("augmentation.perturb.method", "neigh"), ("augmentation.perturb.intensity", 0.3),
    ("augmentation.perturb.topk", 10), ("augmentation.perturb.alpha", 5), ("augmentation.kind", "off"),
    ("model.head.kind", "motifs"),
    ("model.edge_boxes", "image_frame"), ("detector.backbone", "resnet50"), ("training.mode", "predcls"),
    ("evaluation.pred_weight", 0.5), ("evaluation.logit_adjustment", 1.0)])
def test_published_like_is_not_of_other_methods(key, value):
    """Each axis of tune_configs/paper/search.yaml, and what else makes another method of the fullest config."""
    found = published_like(settings_of("imp_gan_graphn") | {key: value}, measuring_of("imp_gan_graphn"))
    assert found is (PUBLISHED[1] if key == "augmentation.kind" else None)  # without GAN it is IMP++


def test_trained_otherwise_names_what_differs():
    assert trained_otherwise(settings_of("imp") | {"training.epochs": 2}) == "training.epochs is 2, published 20"


def test_published_has_the_values_of_the_readme():
    found = re.findall(r"^\| `tune_configs/paper/\w+\.yaml`.*?\| ([\d.]+(?: / [\d.]+){3}) \|",
                       (ROOT / "README.md").read_text(), re.M)
    assert [" / ".join(map(str, row.recall.values())) for row in PUBLISHED] == found


def test_report_of_a_run_in_the_form_of_visual_genome_has_published_rows(tmp_path):
    report = report_of([write_search(tmp_path / "data", tmp_path)])
    names = [setting["key"] for setting in report["settings"]]
    loss, weight = names.index("loss.kind"), names.index("evaluation.pred_weight")
    found = {(row["settings"][loss], row["settings"][weight]): (row["published"], row["otherwise"])
             for row in rows_of(report)}
    trained = "training.epochs is 2, published 20"
    assert found == {("baseline", 0.0): (0, trained), ("dnorm", 0.0): (1, trained), ("dnorm-fgbg", 0.0): (None, ""),
                     ("baseline", 0.5): (None, ""), ("dnorm", 0.5): (None, ""), ("dnorm-fgbg", 0.5): (None, "")}
    assert report["published"][1]["recall"] == {"zs": 8.8, "10s": 21.6, "100s": 40.6, "all": 48.7}
    assert report["conventions"] == CONVENTIONS
    for said in ("evaluator of the papers' code", "sgg.metrics.Conventions", "without graph constraint"):
        assert said in CONVENTIONS


def test_report_asks_facts_and_no_words_of_the_description(tmp_path):
    """Data that call themselves something else are Visual Genome all the same, and corrupted images are no published
    ones."""
    path = write_search(tmp_path / "data", tmp_path)

    def rewrite(edit):
        for file in path.glob("trials/*/config.json"):
            content = json.loads(file.read_text())
            edit(content)
            file.write_text(json.dumps(content))

    rewrite(lambda content: content["data"].update(description="my copy, test images under a blue sky"))
    assert {row["published"] for row in rows_of(report_of([path]))} == {0, 1, None}
    rewrite(lambda content: content["config"]["evaluation"].update(corruption="fog"))
    assert {row["published"] for row in rows_of(report_of([path]))} == {None}


def test_report_of_a_run_with_another_detector_has_no_published_row(tmp_path):
    report = report_of([write_search(tmp_path / "data", tmp_path, backbone="tiny")])
    assert {row["published"] for row in rows_of(report)} == {None}
