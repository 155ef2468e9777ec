"""Published rows stand beside the configurations that are like them, and beside no other."""

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
DATA = "Visual Genome (stanford split): 57,723/5,000/26,446 images (train/val/test), 150 classes, 50 predicates [0123]"


def settings_of(config):
    """The settings of a paper config that tell configurations apart."""
    flat = flatten(load(PAPER / f"{config}.yaml", []).base.model_dump(mode="json"))
    return {key: value for key, value in flat.items() if role_of(key).identity} | {"evaluation.pred_weight": 0.0}


@pytest.mark.parametrize(("config", "row"), [("imp", 0), ("imp_dnorm", 1), ("imp_gan", 2), ("imp_gan_graphn", 3)])
def test_published_like_finds_the_row_of_each_paper_config(config, row):
    settings = settings_of(config)
    assert published_like(DATA, settings) == PUBLISHED[row]
    assert trained_otherwise(settings) == ""
    for data in ("toy genome", "GQA", "Visual Genome (VTransE split)", f"{DATA}, measured on the first 9 images",
                 f"{DATA}, test images under fog of severity 3"):
        assert published_like(data, settings) is None
    assert published_like(DATA, settings, "relation NMS") is None


@pytest.mark.parametrize(("key", "value"), [
    ("loss.kind", "dnorm-fgbg"), ("loss.foreground_weight", 0.5), ("augmentation.large_discriminator", False),
    ("augmentation.perturb.method", "neigh"), ("augmentation.perturb.intensity", 0.3),
    ("augmentation.perturb.topk", 10), ("augmentation.perturb.alpha", 5), ("augmentation.kind", "off"),
    ("model.head.kind", "motifs"),
    ("model.edge_boxes", "image_frame"), ("detector.backbone", "resnet50"), ("training.mode", "predcls"),
    ("evaluation.pred_weight", 0.5), ("evaluation.logit_adjustment", 1.0)])
def test_published_like_is_not_of_other_methods(key, value):
    """Each axis of tune_configs/paper/search.yaml, and what else makes another method of the fullest config."""
    found = published_like(DATA, settings_of("imp_gan_graphn") | {key: value})
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


def test_report_of_a_run_with_another_detector_has_no_published_row(tmp_path):
    report = report_of([write_search(tmp_path / "data", tmp_path, backbone="tiny")])
    assert {row["published"] for row in rows_of(report)} == {None}
