"""Which detector of the cache a run gets when images or annotation have changed."""

import pytest

from sgg.data.catalogue import open_dataset
from sgg.detector import cache as detector_cache
from sgg.detector import ensure_detector, save_detector
from sgg.detector.backbones.tiny import Tiny
from sgg.detector.cache import first_edition_path
from sgg.detector.model import Detector
from tests.darkened import darken


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


def test_ensure_detector_trains_anew_for_other_images(toy_copy, trained, caplog):
    ensure_detector(open_dataset("toy", toy_copy), toy_copy / "cache", Tiny())
    ensure_detector(open_dataset("toy", toy_copy), toy_copy / "cache", Tiny())
    assert len(trained) == 1
    darken(open_dataset("toy", toy_copy).split("detector"))
    ensure_detector(open_dataset("toy", toy_copy), toy_copy / "cache", Tiny())
    assert len(set(trained)) == 2
    assert f"the image files are not those that {trained[0]} was trained on" in caplog.text


def test_ensure_detector_refuses_a_given_detector_of_other_images(toy_copy, trained):
    ensure_detector(open_dataset("toy", toy_copy), toy_copy / "cache", Tiny())
    ensure_detector(open_dataset("toy", toy_copy), toy_copy / "cache", Tiny(weights=trained[0]))
    darken(open_dataset("toy", toy_copy).split("detector"))
    with pytest.raises(ValueError, match=rf"detector\.weights: {trained[0]} was trained on .*, but with other image "
                                         r"files \(pictures_hash [0-9a-f]{16}, now [0-9a-f]{16}\): put the files back"):
        ensure_detector(open_dataset("toy", toy_copy), toy_copy / "cache", Tiny(weights=trained[0]))


def test_ensure_detector_names_the_data_of_a_given_detector(toy_copy, tmp_path, caplog):
    """Its classes have the same names, so it fits; but what it has seen decides every number."""
    data = open_dataset("toy", toy_copy)
    facts = {"classes": data.classes, "data": "my pictures: 3 images", "data_hash": "0123"}
    save_detector(Detector("tiny", 25), tmp_path / "other", facts)
    ensure_detector(data, toy_copy / "cache", Tiny(weights=tmp_path / "other"))
    assert f"{tmp_path}/other was trained on other data (my pictures: 3 images [0123]) than this run reads " \
           f"({data.description} [{data.hash}])" in caplog.text
    save_detector(Detector("tiny", 25), tmp_path / "unknown", {})
    ensure_detector(data, toy_copy / "cache", Tiny(weights=tmp_path / "unknown"))
    assert f"{tmp_path}/unknown does not say which data it was trained on" in caplog.text


def test_ensure_detector_uses_a_detector_of_the_first_edition_and_says_so(toy_copy, trained, caplog):
    data = open_dataset("toy", toy_copy)
    before = first_edition_path(toy_copy / "cache", data, Tiny())
    save_detector(Detector("tiny", 25), before, {"classes": data.classes, "data_hash": data.hash})
    for weights in (None, before):
        caplog.clear()
        ensure_detector(data, toy_copy / "cache", Tiny(weights=weights))
        assert f"{before} does not say which image files it was trained on" in caplog.text
    assert trained == []
