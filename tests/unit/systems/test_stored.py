"""Stored outputs of the detector: the same numbers as from images, in training and in evaluation."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from sgg.config import validate
from sgg.features.array import shard_of
from sgg.features.image_store import ImageStore
from sgg.systems.contract import Draws
from sgg.systems.two_stage.foundation import TwoStageFoundation
from sgg.systems.two_stage.stored import StoredSplit
from tests.untrained import untrained


def foundation_of(toy_root: Path, cache: Path, maps: str = "exact", image_size: int | None = None,
                  **sections) -> TwoStageFoundation:
    """A detector of random weights; its stores are in `cache`. image_size: of the detector; None: that of the images.
    """
    settings = {"data": {"name": "toy", "root": str(toy_root), "cache": str(cache), "train_images": 8,
                         "eval_images": 4},
                "features": {"maps": maps}, "training": {"epochs": 2, "batch_size": 4},
                "evaluation": {"modes": ["sgcls"], "batch_size": 2}}
    for section, values in sections.items():
        settings[section] = settings.get(section, {}) | values
    torch.manual_seed(0)
    return untrained(validate(settings), toy_root, image_size)


def steps(foundation: TwoStageFoundation, count: int = 4) -> list[dict[str, float]]:
    """The losses of the first steps."""
    torch.manual_seed(0)
    system, batches, losses = foundation.build(), foundation.training_batches(), []
    system.train()
    for epoch in (1, 2):
        for batch in batches.epoch(epoch):
            found = system.training_step(batch, Draws(0, epoch)).losses
            losses.append({name: value.item() for name, value in found.items()})
    return losses[:count]


@pytest.mark.parametrize("mode", ["sgcls", "sgdet"])
@pytest.mark.parametrize("head", ["imp", "motifs"])
def test_training_from_exact_stores_equals_training_from_images(toy_root, tmp_path, mode, head) -> None:
    sections = {"training": {"mode": mode}, "model": {"head": head}, "evaluation": {"modes": [mode]}}
    stored, images = (foundation_of(toy_root, tmp_path, maps, **sections) for maps in ("exact", "off"))
    stored.make_ready()
    first = next(stored.training_batches().epoch(1))
    assert not first.images, "nobody reads an image"
    assert first.outputs is not None
    assert steps(stored) == steps(images)


def test_training_from_exact_stores_equals_training_from_images_that_are_resized(toy_root, tmp_path) -> None:
    """Images of 176 pixels become 119 of the detector's 120."""
    sections = {"training": {"mode": "sgdet"}, "model": {"head": "motifs"}, "evaluation": {"modes": ["sgdet"]}}
    stored, images = (foundation_of(toy_root, tmp_path, maps, 120, **sections) for maps in ("exact", "off"))
    stored.make_ready()
    assert {tuple(one.shape) for one in next(images.training_batches().epoch(1)).images} == {(3, 119, 119)}
    assert steps(stored) == steps(images)
    assert stored.stored("val").identities["map"].settings["resized"] == "to 8 bits"


@pytest.mark.parametrize("modes", [["sgcls", "predcls"], ["sgcls", "sgdet"]])
def test_evaluation_from_exact_stores_equals_evaluation_from_images(toy_root, tmp_path, modes) -> None:
    foundation = foundation_of(toy_root, tmp_path, evaluation={"modes": modes}, model={"head": "motifs"})
    foundation.make_ready()
    predictor = foundation.build_predictor()
    with predictor.evaluating():
        for batch, other in zip(foundation.evaluation_batches("val"), foundation.experiment.evaluation_batches("val"),
                                strict=True):
            found, expected = predictor.predict(batch, modes), predictor.predict(other, modes)
            assert found.counts == expected.counts
            for mode in modes:
                for one, two in zip(found.predictions[mode], expected.predictions[mode], strict=True):
                    for name in ("boxes", "labels", "label_scores", "pairs", "predicate_scores"):
                        assert torch.equal(getattr(one, name), getattr(two, name)), (mode, name)


def test_training_from_float16_stores_gives_close_losses(toy_root, tmp_path) -> None:
    stored, images = (foundation_of(toy_root, tmp_path, maps) for maps in ("float16", "off"))
    stored.make_ready()
    for one, other in zip(steps(stored), steps(images), strict=True):
        for name, value in other.items():
            assert one[name] == pytest.approx(value, rel=1e-2)
    assert stored.stored("train").open().stores["map"][[3]].dtype == np.float16


def test_small_outputs_are_read_from_the_disk_once(toy_root, tmp_path, monkeypatch) -> None:
    """The second evaluation reads nothing; with `features.in_memory: 0` it reads every image again."""
    read: list[int] = []
    request = ImageStore.request
    monkeypatch.setattr(ImageStore, "request", lambda self, rows: read.extend(rows) or request(self, rows))
    for in_memory, factor in ((128, 1), (0, 2)):
        foundation = foundation_of(toy_root, tmp_path, features={"maps": "exact", "in_memory": in_memory})
        foundation.make_ready()
        read.clear()
        first, second = ([batch.outputs.map for batch in foundation.evaluation_batches("val")] for _ in range(2))
        assert len(read) == factor * len(foundation.stored("val").split)
        assert all(map(torch.equal, first, second))


def test_ensure_goes_on_after_an_interruption(toy_root, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("sgg.systems.two_stage.stored.rows_per_shard", lambda *_: 4)
    stored = foundation_of(toy_root, tmp_path).stored("train")
    computed = []

    def interrupted(batches):
        for number, batch in enumerate(batches):
            if number == 2:
                raise KeyboardInterrupt
            yield batch

    with pytest.raises(KeyboardInterrupt):
        stored.ensure(interrupted)
    assert not stored.complete
    monkeypatch.setattr(StoredSplit, "_rows", lambda self, batch, rows=StoredSplit._rows: computed.extend(batch.views)
                        or rows(self, batch))
    stored.ensure()
    assert [image for image, mirrored in computed if mirrored] == [4, 5, 6, 7], "the first two shards were there"
    stored.ensure()
    assert len(computed) == 8
    monkeypatch.undo()
    other = foundation_of(toy_root, tmp_path / "other").stored("train")
    other.ensure()
    for one, two in zip(*(opened.stores["map"][range(16)] for opened in (stored.open(), other.open())), strict=True):
        np.testing.assert_array_equal(one, two)


def test_ensure_adds_a_kind_and_leaves_sealed_stores_alone(toy_root, tmp_path) -> None:
    """Another head may need logits of the detector where the maps are stored already: no second copy of these."""
    foundation_of(toy_root, tmp_path).stored("train").ensure()
    (maps,) = tmp_path.rglob("*.zarr")
    other = foundation_of(toy_root, tmp_path, model={"head": "motifs"}).stored("train")
    assert not other.complete
    other.ensure()
    assert other.complete
    assert len(set(tmp_path.rglob("*.zarr")) - {maps}) == 1
    assert not list(tmp_path.rglob("*.writing"))


def test_identities_tell_what_decides_the_rows(toy_root, tmp_path) -> None:
    """Threads decide the last bits of exact maps only; the mode of training decides what is stored beside them."""
    def names(maps="exact", **sections) -> set[str]:
        stored = foundation_of(toy_root, tmp_path, maps, **sections).stored("train")
        return {path.name for path in stored.paths.values()}

    assert names() == names("auto") == names(evaluation={"modes": ["sgdet"]})
    assert names() != names(resources={"cpus": 2})
    assert names("float16") == names("float16", resources={"cpus": 2})
    assert names() != names(data={"flip": False})
    assert len(names(training={"mode": "sgdet"})) == 2
    assert names() < names(training={"mode": "sgdet"})


def test_training_batches_names_a_damaged_image_and_the_remedy(toy_root, tmp_path) -> None:
    foundation = foundation_of(toy_root, tmp_path)
    foundation.make_ready()
    stored = foundation.stored("train")
    file = shard_of(stored.paths["map"], 0, stored.row_shape("map"))
    content = bytearray(file.read_bytes())
    for place in range(0, len(content) - 16 * 16 - 4, 500):  # before the index of 16 rows
        content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"row \d+ \(image \d of train.*python -m sgg\.features repair"):
        steps(foundation)


def test_evaluation_batches_reads_images_where_a_store_is_missing_and_says_so_once(toy_root, tmp_path, caplog) -> None:
    foundation = foundation_of(toy_root, tmp_path)
    assert next(iter(foundation.evaluation_batches("val"))).images
    assert next(iter(foundation.evaluation_batches("val"))).images
    assert caplog.text.count("the maps of val are not stored where this process looks") == 1
    foundation.make_ready()
    assert not next(iter(foundation.evaluation_batches("val"))).images
    shutil.rmtree(foundation.stored("val").paths["map"])
    assert next(iter(foundation.evaluation_batches("val"))).images


def node_rows(foundation: TwoStageFoundation, path: Path) -> np.ndarray:
    ((extraction, _),) = foundation.training_features()
    return extraction.ensure(path)[:]


@pytest.mark.parametrize("kind", ["gan", "feature_mixing"])
def test_training_features_equal_those_from_images_where_exact_maps_are_stored(toy_root, tmp_path, monkeypatch,
                                                                               kind) -> None:
    """Mirrored maps lie between those of the images as they are."""
    foundation = foundation_of(toy_root, tmp_path, data={"train_images": None}, augmentation={"kind": kind})
    from_images = node_rows(foundation, tmp_path / "images.zarr")
    identity = foundation.training_features()[0][0].identity
    foundation.make_ready()
    monkeypatch.setattr(foundation.detector, "outputs", lambda *_: pytest.fail("the detector computes maps again"))
    np.testing.assert_array_equal(node_rows(foundation, tmp_path / "maps.zarr"), from_images)
    assert foundation.training_features()[0][0].identity == identity


@pytest.mark.parametrize(("maps", "images"), [("exact", 8), ("float16", None), ("off", None)])
def test_training_features_are_from_images_where_maps_are_not_the_same(toy_root, tmp_path, maps, images) -> None:
    """Rounded ones are not, and features are of all training images, also where a run trains on the first ones."""
    foundation = foundation_of(toy_root, tmp_path, maps, data={"train_images": images}, augmentation={"kind": "gan"})
    from_images = node_rows(foundation, tmp_path / "images.zarr")
    foundation.make_ready()
    assert foundation.stored_maps(foundation.experiment.data.split("train")) is None
    np.testing.assert_array_equal(node_rows(foundation, tmp_path / "again.zarr"), from_images)
