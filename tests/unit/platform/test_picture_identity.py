"""Other pictures under the same names: what is of the old ones is refused or made anew, and results stay apart."""

import logging
import shutil
from dataclasses import replace
from platform.launch.run import run_study
from platform.results.aggregate import Basis
from platform.study.directory import StudyDirectory
from platform.study.entry_points import EntryPoints

import pytest
from PIL import Image

from sgg.checkpoint.state import Checkpoint
from sgg.config import ConfigError, load
from sgg.data.catalogue import open_dataset
from sgg.detector import cache as detector_cache
from sgg.detector import ensure_detector, save_detector
from sgg.detector.backbones.tiny import Tiny
from sgg.detector.cache import first_edition_path
from sgg.detector.model import Detector
from sgg.experiment.data_checks import image_hashes, open_for_training
from sgg.features import FeatureStore, StoreIdentity, StoreMismatchError
from sgg.systems.extraction import store_path, training_nodes


@pytest.fixture
def root(toy_root, tmp_path):
    shutil.copytree(toy_root / "toy", tmp_path / "toy")
    return tmp_path


def opened(root):
    return open_dataset("toy", root)


def darken(part):
    """Replace every picture of a part by a black one of the same size."""
    for image in range(len(part)):
        height, width = part.size(image)
        Image.new("RGB", (width, height)).save(part.image_path(image))


@pytest.fixture
def trained(monkeypatch):
    """The folders of detectors that are trained, which takes no time here."""
    folders = []

    def train_into(directory, data, settings, *_):
        folders.append(directory)
        facts = {"classes": data.classes, "data_hash": data.hash, "recipe": settings.recipe().to_json(),
                 "pictures_hash": data.image_hash(data.split("detector"))}
        save_detector(Detector(settings, len(data.classes)), directory, facts)

    monkeypatch.setattr(detector_cache, "train_into", train_into)
    return folders


def test_the_hash_of_the_annotation_is_not_of_pictures(root, toy_root):
    data, copy = opened(toy_root), opened(root)
    assert copy.hash == data.hash
    assert copy.image_hash(copy.split("train")) == data.image_hash(data.split("train"))
    darken(copy.split("train"))
    assert opened(root).hash == data.hash
    assert copy.image_hash(copy.split("train")) != data.image_hash(data.split("train"))
    assert copy.image_hash(copy.split("test")) == data.image_hash(data.split("test"))


def test_a_detector_of_other_pictures_is_trained_anew(root, trained, caplog):
    ensure_detector(opened(root), root / "cache", Tiny())
    ensure_detector(opened(root), root / "cache", Tiny())
    assert len(trained) == 1
    darken(opened(root).split("detector"))
    ensure_detector(opened(root), root / "cache", Tiny())
    assert len(set(trained)) == 2
    assert f"the image files are not those that {trained[0]} was trained on" in caplog.text


def test_a_given_detector_of_other_pictures_is_refused(root, trained):
    ensure_detector(opened(root), root / "cache", Tiny())
    ensure_detector(opened(root), root / "cache", Tiny(weights=trained[0]))
    darken(opened(root).split("detector"))
    with pytest.raises(ValueError, match=rf"detector\.weights: {trained[0]} was trained on .*, but with other image "
                                         r"files \(pictures_hash [0-9a-f]{16}, now [0-9a-f]{16}\): put the files back"):
        ensure_detector(opened(root), root / "cache", Tiny(weights=trained[0]))


def test_a_given_detector_of_other_data_is_told(root, tmp_path, caplog):
    """Its classes have the same names, so it fits; but what it has seen decides every number."""
    data = opened(root)
    facts = {"classes": data.classes, "data": "my pictures: 3 images", "data_hash": "0123"}
    save_detector(Detector("tiny", 25), tmp_path / "other", facts)
    ensure_detector(data, root / "cache", Tiny(weights=tmp_path / "other"))
    assert f"{tmp_path}/other was trained on other data (my pictures: 3 images [0123]) than this run reads " \
           f"({data.description} [{data.hash}])" in caplog.text
    save_detector(Detector("tiny", 25), tmp_path / "unknown", {})
    ensure_detector(data, root / "cache", Tiny(weights=tmp_path / "unknown"))
    assert f"{tmp_path}/unknown does not say which data it was trained on" in caplog.text


def test_a_detector_of_the_first_edition_is_used_and_told(root, trained, caplog):
    data = opened(root)
    before = first_edition_path(root / "cache", data, Tiny())
    save_detector(Detector("tiny", 25), before, {"classes": data.classes, "data_hash": data.hash})
    for weights in (None, before):
        caplog.clear()
        ensure_detector(data, root / "cache", Tiny(weights=weights))
        assert f"{before} does not say which image files it was trained on" in caplog.text
    assert trained == []


def test_a_store_of_other_pictures_is_made_anew(root, caplog):
    detector = Detector("tiny", 25)

    def path():
        data = opened(root)
        return store_path(root / "cache", training_nodes(replace(data, splits=data.splits), detector, "d").identity)

    first = path()
    extraction = training_nodes(opened(root), detector, "d")
    extraction.ensure(first)
    assert path() == first
    darken(opened(root).split("train"))
    assert path() != first
    assert f"{first} was made from other images" in caplog.text
    with pytest.raises(StoreMismatchError, match=r"pictures is '\w+', not '"):
        FeatureStore.open(first, training_nodes(opened(root), detector, "d").identity)


def test_identities_of_the_first_edition():
    now = StoreIdentity(["a"], "d", "h", pictures="p")
    before = replace(now, pictures="")
    assert "pictures" not in before.to_json()
    assert StoreIdentity.from_json(before.to_json()) == before
    assert StoreIdentity.from_json(now.to_json()) == now
    now.require(before, "there")
    with pytest.raises(StoreMismatchError, match="there: holds other features than asked for: pictures is 'q', not"):
        now.require(replace(now, pictures="q"), "there")


def test_a_checkpoint_of_other_pictures_is_refused(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    saved = Checkpoint(tmp_path, {"data": {"hash": "d", "pictures": {"train": "t", "val": "v"}}, "detector": "w"})
    saved.require_origin("d", {"detector": "w"}, {"train": "t"})
    with pytest.raises(ValueError, match=r"was made with other image files of val \(v, here u\): put them back"):
        saved.require_origin("d", {"detector": "w of u"}, {"train": "t", "val": "u"})  # and so of another detector
    assert caplog.text == ""
    old = Checkpoint(tmp_path, {"data": {"hash": "d"}, "detector": "w"})
    old.require_origin("d", {"detector": "w"}, {"train": "t"})
    assert "does not say which image files it was trained on" in caplog.text


def test_a_study_of_other_pictures_is_refused_before_a_detector_is_trained(root):
    """Before `EntryPoints.prepare`, which trains one, and here is not even found."""
    config = root / "one.yaml"
    config.write_text(f"experiment: {{name: one, output: {root}}}\ndata: {{name: toy, root: {root}, workers: 0}}\n"
                      "training: {batch_size: 1}\n")
    study = load(config)
    data = open_for_training(study.base)
    facts = {"description": "toy", "hash": data.hash, "pictures": image_hashes(study.base, data)}
    StudyDirectory.of(study).begin(study, {"data": facts})
    darken(data.split("val"))
    with pytest.raises(ConfigError, match="one was begun with other images of val: put them back, or choose another"):
        run_study(study, [], True, EntryPoints(prepare="is:not_called"))


def test_results_of_other_pictures_are_not_pooled():
    facts = {"description": "toy", "hash": "h", "detector": "d", "pictures": {"train": "1", "val": "2", "test": "3"}}
    other = facts | {"pictures": facts["pictures"] | {"test": "4"}}
    assert Basis.of(facts) == Basis.of(dict(facts)) != Basis.of(other)
    assert "pictures: " in str(Basis.of(facts))
    first_edition = Basis.of({name: fact for name, fact in facts.items() if name != "pictures"})
    assert "pictures" not in str(first_edition)
