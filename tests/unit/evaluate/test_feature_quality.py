"""The study of feature quality on a few images and an untrained generator."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from sgg.evaluate import feature_quality as quality
from sgg.evaluate.feature_quality import FeatureStudy, Sample
from tests.noise_study import TEST, make_data, noise_study


@pytest.fixture
def study(tmp_path):
    return noise_study(tmp_path)


def test_write_compares_every_kind_and_sample(study):
    table = study.write(ks=(1, 5))
    counts = {(row["features"], row["sample"]): row["n"] for row in table}
    assert counts == {
        **{("node", name): 3 * TEST for name in ("real test", "real test zs", "generated test", "generated test zs")},
        **{("edge", name): 2 * TEST for name in ("real test", "generated test")},
        **{("edge", name): TEST for name in ("real test zs", "generated test zs")},
        **{("global", name): TEST for name in ("real test", "real test zs", "generated test", "generated test zs")}}
    assert {"frechet", "precision@1", "recall@5", "density@1", "coverage@5"} < set(table[0])
    frechet = {row["sample"]: row["frechet"] for row in table if row["features"] == "global"}
    assert frechet["generated test"] > 10 * frechet["real test"], "an untrained generator is told from the detector"
    written = json.loads((study.output / "quality.json").read_text())
    assert written["rows"] == json.loads(json.dumps(table))
    assert written["reference"] == "real train"
    for kind in quality.KINDS:
        assert Image.open(study.output / f"{kind}.png").size[0] > 1000


def test_generate_gives_the_same_features_again(study):
    first = study.sample("node", "generated", "test", "all")
    again = replace(study, output=study.output.parent / "again").sample("node", "generated", "test", "all")
    np.testing.assert_array_equal(first.features, again.features)


def test_store_keeps_features_of_another_checkpoint_apart(study):
    study.sample("global", "generated", "test", "all")
    (study.checkpoint / "weights.safetensors").write_bytes(b"other weights")
    study.sample("global", "generated", "test", "all")
    assert len(list((study.output / "features").glob("*.zarr"))) == 2


def test_sample_without_a_zero_shot_image_is_empty(study, tmp_path):
    data = make_data(tmp_path / "pictures", test_predicate=1)
    experiment = SimpleNamespace(**{**vars(study.foundation.experiment), "data": data})
    study = replace(study, foundation=SimpleNamespace(**{**vars(study.foundation), "experiment": experiment}))
    assert len(study.sample("node", "generated", "test", "zs").labels) == 0
    assert [row["n"] for row in study.write(ks=(1,)) if row["sample"] == "generated test zs"] == [0, 0, 0]


def test_sample_limits_its_rows(study):
    sample = replace(study, rows=5).sample("node", "real", "train", "all")
    assert (sample.features.shape, sample.labels.shape) == ((5, study.foundation.detector.channels), (5,))
    assert isinstance(sample, Sample)


def test_write_refuses_groups_that_name_no_class(study):
    study.write(ks=(1,), groups={"animals": ["cat", "dog"]})
    with pytest.raises(ValueError, match="group animals: 'gnu' is no class of Noise"):
        replace(study, output=study.output / "none").write(ks=(1,), groups={"animals": ["gnu"]})
    assert not (study.output / "none").exists(), "refused before anything is compared"


def test_open_refuses_a_run_without_a_gan(tmp_path):
    (tmp_path / "meta.json").write_text(json.dumps({"format": 1, "epoch": 1, "config": {}}))
    with pytest.raises(ValueError, match=re.escape("this run has no GAN, so there are no generated features to study")):
        FeatureStudy.open(tmp_path)
