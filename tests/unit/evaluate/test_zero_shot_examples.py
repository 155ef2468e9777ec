"""Zero-shot hits and misses: recall's own matching decides, and the sample is the same every time."""

from __future__ import annotations

import base64
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from sgg.evaluate.zero_shot_examples import EACH, Example, sample, write_zero_shot, zero_shot_of
from sgg.metrics import SceneGraphMetrics, relation_ranks
from tests.oracles.scenes import PREDICATES, SUBSET, TRAIN, scenes

NAMES = (["__background__", "cat", "<b>horse</b>", "hat"], ["__background__", "on", "rides", "wears"])
BOX = (1.0, 2.0, 30.0, 40.0)


def watched(mode, images):
    """The zero-shot relations that metrics of the mode count in images."""
    metrics, found = SceneGraphMetrics(mode, PREDICATES, TRAIN, SUBSET), []
    metrics.watch = lambda counted: found.extend(zero_shot_of(counted, mode != "sgdet"))
    for number, (truth, prediction) in enumerate(images):
        metrics.update(truth, prediction, f"image {number}")
    return metrics.compute(), found


@pytest.mark.parametrize("mode", ["predcls", "sgcls", "sgdet"])
def test_zero_shot_of_has_the_ranks_of_recall(mode) -> None:
    """Each image's unseen relations with the rank that `relation_ranks` gives them, and so the recall itself."""
    images = scenes(mode, 80)
    values, found = watched(mode, images)
    wanted = [(f"image {number}", place, int(rank)) for number, (truth, prediction) in enumerate(images)
              for place, rank in enumerate(relation_ranks(truth, prediction, mode).unconstrained)
              if SUBSET.get(tuple(truth.triplets()[place].tolist()), 0) == 0]
    assert [(one.image, one.place, one.rank) for one in found] == wanted
    assert len(found) == values["zs/num_relations"] > 20
    by_image: dict[str, list[bool]] = {}
    for one in found:
        by_image.setdefault(one.image, []).append(one.rank < 20)
    assert np.mean([np.mean(hits) for hits in by_image.values()]) == pytest.approx(values["zs/ngR@20"])
    for one in found:
        truth, _ = images[int(one.image.split()[1])]
        subject, other, predicate = truth.relations[one.place]
        assert one.triplet == (truth.labels[subject], predicate, truth.labels[other])
        assert (one.subject, one.other) == (tuple(truth.boxes[subject]), tuple(truth.boxes[other]))


def test_zero_shot_of_names_the_best_triplet_on_the_pair() -> None:
    images = scenes("sgcls", 80)
    _, found = watched("sgcls", images)
    assert any(one.predicted is None for one in found)  # pairs that the model did not rank
    for one in found:
        truth, prediction = images[int(one.image.split()[1])]
        subject, other, _ = truth.relations[one.place]
        rows = [row for row, pair in enumerate(prediction.pairs.tolist()) if pair == [subject, other]]
        if rows:
            scores = prediction.predicate_scores[rows[0]]
            best = max(range(1, PREDICATES), key=lambda p, scores=scores: scores[p])
            assert one.predicted == (prediction.labels[subject], best, prediction.labels[other])
        else:
            assert one.predicted is None


def example(image, place=0, triplet=(1, 1, 1), rank=0):
    return Example(image, place, triplet, BOX, (20.0, 20.0, 60.0, 60.0), rank, triplet)


def test_sample_has_each_image_and_triplet_once_in_an_order_that_no_model_changes() -> None:
    found = [example(str(image), place, (1 + image % 7, 1, 1 + place), image)
             for image in range(30) for place in (0, 1)]
    hits, misses = (sample(found, hit, 15) for hit in (True, False))
    assert all(one.rank < 15 for one in hits)
    assert all(one.rank >= 15 for one in misses)
    for chosen in (hits, misses):
        assert len({one.image for one in chosen}) == len({one.triplet for one in chosen}) == len(chosen) > 3
    assert hits == sample(reversed(found), True, 15)
    ranked_otherwise = [one._replace(rank=0) for one in found]
    order = [one.order for one in sample(ranked_otherwise, True, 15)]
    assert order == sorted(order)


class Images:
    """A split of image files; those of odd numbers are missing."""

    def __init__(self, folder, count):
        self.folder, self.count = folder, count
        for number in range(0, count, 2):
            Image.fromarray(np.full((80, 100, 3), 9 * number, np.uint8)).save(folder / f"{number}.png")

    def __len__(self):
        return self.count

    def image_id(self, image):
        return str(image)

    def image_path(self, image):
        return self.folder / f"{image}.png"


def test_write_zero_shot_passes_over_images_that_cannot_be_read(tmp_path, caplog) -> None:
    found = [example(str(image), 0, (1 + image % 3, 1 + image // 3 % 3, 1 + image // 9 % 3), 0 if image % 4 else 10**6)
             for image in range(26)]
    write_zero_shot(tmp_path, found, {20: 0.9, 50: 0.96, 100: 0.99}, Images(tmp_path, 26), NAMES,
                    {"split": "test", "epoch": 3, "mode": "sgcls"})
    written = json.loads((tmp_path / "zero_shot.json").read_text())
    assert (written["k"], written["relations"], written["hits"]) == (20, 26, 19)
    hits, misses = ([one for one in written["examples"] if one["hit"] is hit] for hit in (True, False))
    assert (len(hits), len(misses)) == (EACH, EACH)
    assert all(int(one["image"]) % 2 == 0 for one in written["examples"])
    assert ".png is missing" in caplog.text
    assert {one["subject"] for one in written["examples"]} <= set(NAMES[0][1:])
    assert Image.open(io.BytesIO(base64.b64decode(hits[0]["picture"]))).size == (240, 192)
    assert len((tmp_path / "zero_shot.json").read_bytes()) < 2 * EACH * 20_000


def test_write_zero_shot_without_a_zero_shot_relation_writes_nothing(tmp_path) -> None:
    write_zero_shot(tmp_path, [], {20: 0.5}, SimpleNamespace(), NAMES, {})
    assert list(tmp_path.iterdir()) == []
