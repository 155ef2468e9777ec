"""The features of training relations in their store, beside those pooled from the maps of their images."""

import numpy as np
import pytest
import torch

from sgg.config import validate
from sgg.models.roi_align import pool
from sgg.models.union_boxes import union
from sgg.systems import reads_features
from sgg.systems.two_stage.foundation import stored_relations
from sgg.systems.two_stage.relation_features import StoredRelations
from tests.untrained import untrained


@pytest.fixture
def foundation(toy_root, tmp_path):
    return untrained(validate({
        "data": {"name": "toy", "root": str(toy_root), "cache": str(tmp_path), "workers": 0},
        "augmentation": {"kind": "feature_mixing"}}), toy_root)


def test_the_bank_holds_relations_of_images_that_training_reads(toy_root, tmp_path) -> None:
    """The first 5 images, with at least three objects each: what a comparison by few data may use."""
    one = untrained(validate({
        "data": {"name": "toy", "root": str(toy_root), "cache": str(tmp_path), "train_images": 5, "min_objects": 3},
        "augmentation": {"kind": "feature_mixing", "examples": 1000}}), toy_root)
    kept, read = stored_relations(one.experiment), one.experiment.split("train").annotations
    whole = one.experiment.data.split("train").annotations
    assert len(read.files) == 5
    assert set(whole.files[whole.image_of_relation[kept]]) <= set(read.files)
    assert 0 < kept.sum() < len(read.relations), "head predicates are not mixed in"


def test_stored_relations_have_the_features_of_their_boxes(foundation) -> None:
    """The detector computes each image anew; float16 rounds by 5e-4."""
    (extraction, _), relations = foundation.training_features()[0], foundation.relations
    annotations, detector = extraction.split.annotations, foundation.detector
    assert len(relations.triplets) == len(annotations.relations) > 50
    chosen = np.arange(0, len(relations.triplets), 11)[::-1].copy()
    found = relations.request(chosen, torch.device("cpu")).result()
    for features, relation in zip(found, chosen.tolist(), strict=True):
        image = int(annotations.image_of_relation[relation])
        batch = next(iter(extraction.batches(range(image, image + 1))))
        subject, object_, predicate = annotations.relations[relation]
        own = batch.boxes[[subject, object_]]
        np.testing.assert_array_equal(relations.boxes[relation], own)
        labels = batch.labels[[subject, object_]].tolist()
        assert relations.triplets[relation].tolist() == [labels[0], predicate, labels[1]]
        longer = max(batch.sizes[0].tolist())
        boxes = own * (detector.frame_of(longer) / longer)
        boxes = torch.cat([boxes, union(boxes[:1], boxes[1:])])
        feature_map = detector.outputs(batch.images, [longer], [batch.boxes], ()).map
        expected = pool(feature_map, boxes, torch.zeros(3, dtype=torch.long), 7, 1 / detector.stride)
        torch.testing.assert_close(features, expected, rtol=2e-3, atol=1e-4)


def test_stored_relations_from_exact_maps_are_those_from_images(toy_root, tmp_path, monkeypatch) -> None:
    """The features in the two stores are equal. Where the maps are stored, the detector computes none again."""
    def made(maps: str, kind: str):
        torch.manual_seed(0)  # of the detector's weights
        return untrained(validate({
            "data": {"name": "toy", "root": str(toy_root), "cache": str(tmp_path / maps), "workers": 0},
            "features": {"maps": maps}, "augmentation": kind}), toy_root)

    def features(foundation) -> torch.Tensor:
        relations = foundation.relations
        return relations.request(np.arange(len(relations.triplets)), torch.device("cpu")).result()

    from_images = features(made("off", "feature_mixing"))
    made("exact", "off").make_ready()
    stored = made("exact", "feature_mixing")
    monkeypatch.setattr(stored.detector, "outputs", lambda *_: pytest.fail("the detector computes maps again"))
    assert torch.equal(features(stored), from_images)


def test_request_of_no_relation_reads_nothing(foundation) -> None:
    assert isinstance(foundation.relations, StoredRelations)
    found = foundation.relations.request(np.arange(0), torch.device("cpu")).result()
    assert found.shape == (0, 3, foundation.detector.channels, 7, 7)


def test_training_features_are_those_that_the_settings_read(toy_root, tmp_path) -> None:
    def kinds(**augmentation):
        config = validate({"data": {"name": "toy", "root": str(toy_root), "cache": str(tmp_path)},
                           "augmentation": augmentation})
        found = [extraction.kind for extraction, _ in untrained(config, toy_root).training_features()]
        assert reads_features(config) is bool(found)
        return found

    assert kinds(kind="off") == []
    assert kinds(kind="gan") == ["node"]
    assert kinds(kind="gan", visual_conditioning=False) == []
    assert kinds(kind="feature_mixing") == ["relation"]
    assert kinds(kind="feature_mixing", perturb={"method": "rand"}) == ["node", "relation"]
