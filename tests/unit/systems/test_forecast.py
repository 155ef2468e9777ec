"""What a run would make first, and what is there."""

import pytest

from sgg import systems
from sgg.config import validate
from sgg.data import open_dataset
from sgg.detector.cache import cache_path
from sgg.detector.files import save_detector
from sgg.detector.model import Detector
from sgg.experiment.context import Experiment
from sgg.systems.two_stage import storing

pytestmark = pytest.mark.usefixtures("torch_as_before")


@pytest.fixture
def config(toy_root, tmp_path):
    """Settings with a cache of their own."""
    def of(**sections):
        settings = {"data": {"name": "toy", "root": str(toy_root), "cache": str(tmp_path / "cache"), "workers": 0},
                    "detector": {"epochs": 2}, "training": {"epochs": 3},
                    "augmentation": {"kind": "gan", "perturb": {"method": "graphn"}}}
        return validate({**settings, **{name: settings.get(name, {}) | values for name, values in sections.items()}})
    return of


@pytest.fixture
def parts(toy_root):
    """The parts by name."""
    return lambda config: {part.name: part for part in systems.shared_parts(config, open_dataset("toy", toy_root))}


@pytest.fixture
def detector(config, toy_root):
    """The folder of a detector of random weights in the cache, where a trained one would be."""
    one, data = config(), open_dataset("toy", toy_root)
    folder = cache_path(one.cache, data, one.detector)
    folder.parent.mkdir(parents=True)
    save_detector(Detector(one.detector, len(data.classes)), folder, {"classes": data.classes})
    return folder


def test_shared_parts_before_anything_is_made(config, parts, toy_root, tmp_path):
    """The toy genome's detector has 25 classes, maps of 10 x 10 cells and 64 channels; of 24 images it learns."""
    one = config()
    found = parts(one)
    assert list(found) == ["detector", "word vectors", "maps", "node features"]
    assert [found[name].there for name in found] == [False, True, False, False]
    weights = Detector(one.detector, len(open_dataset("toy", toy_root).classes)).state_dict().values()
    assert found["detector"].bytes == sum(value.numel() * value.element_size() for value in weights)
    assert found["detector"].said == ["is trained first: 2 epochs on 24 images"]
    assert found["detector"].path.parent == tmp_path / "cache" / "detectors"
    assert found["word vectors"].said == [f"are counted in the training graphs, because {one.glove} is not there"]
    spec, objects = one.detector.spec, open_dataset("toy", toy_root).split("train").annotations.objects_per_image.sum()
    assert found["node features"].bytes == objects * spec.channels * 49 * 2
    side = spec.map_size(spec.image_size)
    # Three epochs read each of 32 images three times, and both views would be computed; val is read after each epoch.
    assert found["maps"].bytes == (2 * 32 + 8) * spec.channels * side * side * 4
    assert "auto stores train" in found["maps"].said[0]
    assert not (tmp_path / "cache").exists()


def test_shared_parts_beside_a_detector(config, parts, detector, tmp_path):
    """Maps are measured; after they are stored they are there. Only `prepare` writes."""
    before = sorted((tmp_path / "cache").rglob("*"))
    one = config()
    found = parts(one)
    assert (found["detector"].path, found["detector"].there, found["detector"].bytes) == (detector, True, 0)
    assert not found["maps"].there
    assert found["maps"].seconds > 0
    assert found["maps"].said[0].startswith("features.maps=auto: storing 72 maps of train, val, about ")
    assert found["node features"].path.name.startswith("real-node-")
    assert sorted((tmp_path / "cache").rglob("*")) == before
    systems.prepare(one)
    found = parts(one)
    assert found["maps"].said == ["of train, val are there"]
    assert all(part.there and part.bytes == 0 for part in found.values())
    assert found["node features"].path.is_dir()


@pytest.mark.parametrize(("maps", "said"), [
    ("off", "features.maps=off: each trial computes from images"),
    ("float16", "features.maps=float16 stores train, val, test: ")])
def test_shared_parts_with_maps_as_asked(config, parts, maps, said):
    found = parts(config(features={"maps": maps}))["maps"]
    assert found.said[0].startswith(said)
    assert found.there is (maps == "off")


def test_shared_parts_refuses_a_disk_without_room(config, parts, detector, monkeypatch):
    """As a run does."""
    monkeypatch.setattr(storing, "free_bytes", lambda cache: 200_000)
    with pytest.raises(ValueError, match=r"features\.maps=exact needs about"):
        parts(config(features={"maps": "exact"}))


def test_shared_parts_of_feature_mixing(config, parts):
    """A row of relation features has three regions."""
    one = config(augmentation={"kind": "feature_mixing", "examples": 1, "perturb": {"method": "off"}})
    found = parts(one)
    assert list(found) == ["detector", "word vectors", "maps", "relation features"]
    triplets = Experiment.open(one).data.split("train").annotations.triplets
    rows = int(one.augmentation.stored_relations(triplets, Experiment.open(one)).sum())
    assert found["relation features"].said[0].startswith(f"are extracted first: {rows} relations, ")
    assert found["relation features"].bytes == rows * 3 * one.detector.spec.channels * 49 * 2


def test_shared_parts_of_settings_that_need_fewer(config, parts):
    assert list(parts(config(augmentation={"kind": "gan", "visual_conditioning": False,
                                           "perturb": {"method": "off"}}))) == ["detector", "maps"]
