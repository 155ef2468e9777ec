"""SGBench's format, and agreement with the package `sgbench` where both mean the same."""

from __future__ import annotations

import copy
import json
import zipfile

import numpy as np
import pytest

from sgg.evaluate.evaluation import rescore
from sgg.evaluate.foreign import ForeignPredictions
from sgg.evaluate.formats import sgbench
from sgg.metrics import Conventions
from sgg.structures import SceneGraph
from tests.unit.evaluate.formats.small_data import SIDE, data_of

CLASSES, PREDICATES = ["a", "b", "c"], ["on", "at", "near", "by"]
CELLS = 5
KS = (5, 20, 50, 100)


def random_image(rng: np.random.Generator) -> tuple[SceneGraph, dict]:
    """Annotated objects in cells of a grid, so that a predicted box can overlap one of them only by half; predicted
    ones near them, several for one, with right and wrong classes, and anywhere. No relation is annotated twice."""
    count, cell = int(rng.integers(2, 12)), SIDE / CELLS
    cells = rng.choice(CELLS * CELLS, count, replace=False)
    corner = np.stack([cells % CELLS, cells // CELLS], axis=1) * cell + rng.uniform(1, 15, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(30, 60, (count, 2))], axis=1)
    labels = rng.integers(1, len(CLASSES) + 1, count)
    relations = np.column_stack([rng.integers(0, count, (12, 2)), rng.integers(1, len(PREDICATES) + 1, 12)])
    relations = np.unique(relations[:int(rng.integers(1, 13))], axis=0)
    predicted = int(rng.integers(1, 16))
    of = rng.integers(0, count, predicted)
    found = boxes[of] + rng.uniform(-12, 12, (predicted, 4))
    guesses = np.where(rng.random(predicted) < 0.8, labels[of], rng.integers(1, len(CLASSES) + 1, predicted))
    triplets = np.column_stack([rng.integers(0, predicted, (150, 2)), rng.integers(0, len(PREDICATES), 150)])
    first = np.unique(triplets, axis=0, return_index=True)[1]
    return SceneGraph(boxes.astype(np.float32), labels, relations), {
        "annotation": [{"category": int(label) - 1, "bbox": box} for label, box in zip(guesses, found.tolist(),
                                                                                      strict=True)],
        "triplets": triplets[np.sort(first)].tolist()}


def write(path, images):
    path.write_text(json.dumps({"version": 1, "images": images}))
    return path


def scored(path, data, ks=KS):
    found = ForeignPredictions(path, "sgbench", data, "test", "sgdet")
    conventions = {"absent_predicates_count": False, **found.conventions}
    return rescore(found, found.protocol().metrics(["sgdet"], ks, [0.0], conventions))


def plain_recall(graph, record, k):
    """The fraction of relations that are among the first k triplets, by a loop; and by predicate."""
    def overlap(one, other):
        sides = [min(one[i + 2], other[i + 2]) - max(one[i], other[i]) for i in (0, 1)]
        common = max(sides[0], 0) * max(sides[1], 0)
        areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
        return common / (sum(areas) - common)

    def same(end, number):
        one = record["annotation"][number]
        return one["category"] + 1 == graph.labels[end] and overlap(one["bbox"], graph.boxes[end].tolist()) >= 0.5

    hits = [any(same(s, i) and same(o, j) and p == q + 1 for i, j, q in record["triplets"][:k])
            for s, o, p in graph.relations.tolist()]
    return sum(hits) / len(hits)


def test_read_ranks_as_the_list_does(tmp_path) -> None:
    rng = np.random.default_rng(0)
    graphs, records = zip(*(random_image(rng) for _ in range(20)), strict=True)
    images = [{"id": f"test/{number}"} | record for number, record in enumerate(records)]
    values = scored(write(tmp_path / "p.json", images), data_of(graphs, CLASSES, PREDICATES))
    for k in KS:
        wanted = np.mean([plain_recall(graph, record, k) for graph, record in zip(graphs, records, strict=True)])
        assert values[f"sgdet/all/ngR@{k}"] == pytest.approx(wanted)
    assert values["sgdet/all/ngR@100"] > values["sgdet/all/ngR@5"] > 0


def test_recall_agrees_with_sgbench_on_random_scenes(tmp_path) -> None:
    """Recall and mean recall of 60 images, of which the file lacks one. Both are the same where no predicted box
    overlaps two annotated ones of its class and no relation is annotated twice; elsewhere SGBench gives a box to the
    one that it overlaps most, and counts a relation once."""
    reason = "needs `pip install --no-deps sgbench==1.0.0`: its metadata asks for numpy below 2, which it does not need"
    match, metrics, pred = (pytest.importorskip(f"sgbench.{name}", reason=reason)
                            for name in ("match", "metrics", "pred"))
    rng = np.random.default_rng(1)
    graphs, records = zip(*(random_image(rng) for _ in range(60)), strict=True)
    images = [{"id": f"test/{number}"} | record for number, record in enumerate(records)][:-1]
    values = scored(write(tmp_path / "p.json", images), data_of(graphs, CLASSES, PREDICATES), (20, 50, 100))
    parsed = pred.parse_pred({"images": images})
    recalls, by_predicate = {k: [] for k in (20, 50, 100)}, {k: [] for k in (20, 50, 100)}
    for number, graph in enumerate(graphs):
        one = parsed.get(f"test/{number}")
        truth = graph.relations - [0, 0, 1]
        if one is not None:
            assigned = match.match_instances(graph.boxes.astype(float), graph.labels - 1, one.bboxes, one.categories)
            matched = match.remap_triplets(assigned, one.triplets)
        else:
            matched = np.empty((0, 3), int)
        for k in recalls:
            recalls[k].append(metrics.recall(k, False, truth, matched, len(PREDICATES)))
            by_predicate[k].append(metrics.recall(k, True, truth, matched, len(PREDICATES)))
    for k in recalls:
        assert values[f"sgdet/all/ngR@{k}"] == pytest.approx(np.mean(recalls[k]))
        assert values[f"sgdet/all/ng-mR@{k}"] == pytest.approx(np.nanmean(by_predicate[k], axis=0).mean())


def test_writer_writes_what_read_reads(tmp_path) -> None:
    """A graph with one predicate for each pair: the same recall as of the graph itself."""
    rng = np.random.default_rng(2)
    graph, _ = random_image(rng)
    writer = sgbench.Writer((), ())
    order = rng.permutation(len(graph.relations))
    ranked = SceneGraph(graph.boxes, graph.labels, graph.relations[order])
    writer.add("test/0.jpg", (SIDE, SIDE), ranked, np.ones(len(graph)), np.linspace(1, 0.5, len(order)))
    writer.write(tmp_path / "p.json")
    values = scored(tmp_path / "p.json", data_of([graph], CLASSES, PREDICATES), (1, 2, 100))
    assert values["sgdet/all/ngR@100"] == 1
    assert values["sgdet/all/ngR@1"] == pytest.approx(1 / len(order))


GOOD = {"id": "test/0", "annotation": [{"category": 0, "bbox": [0, 0, 9, 9]}, {"category": 2, "bbox": [0, 0, 9, 9]}],
        "triplets": [[0, 1, 3]]}
GRAPH = SceneGraph(np.array([[0, 0, 9, 9], [0, 0, 9, 9]], np.float32), np.array([1, 3]), np.array([[0, 1, 4]]))


def test_read_accepts_the_keys_of_the_readme(tmp_path) -> None:
    record = {"id": 0, "categories": [0, 2], "bboxes": [[0, 0, 9, 9], [0, 0, 9, 9]], "triplets": [[0, 1, 3]]}
    assert scored(write(tmp_path / "p.json", [record]), data_of([GRAPH], CLASSES, PREDICATES))["sgdet/all/R@5"] == 1


def test_predicates_that_are_not_listed_are_no_hits(tmp_path) -> None:
    """The pair is listed with another predicate. As scores of 0 the others would be found at rank 2."""
    wrong = GOOD | {"triplets": [[0, 1, 0]]}
    data = data_of([GRAPH], CLASSES, PREDICATES)
    assert scored(write(tmp_path / "p.json", [wrong]), data)["sgdet/all/ngR@100"] == 0
    assert Conventions().zero_scores_count


@pytest.mark.parametrize(("changes", "message"), [
    ({"annotation": [{"category": 3, "bbox": [0, 0, 9, 9]}]},
     r"it has the class 3, counted from 0, but the data set has 3: 'a', 'b', 'c'; choose the data set .*--data"),
    ({"triplets": [[0, 1, 4]]},
     r"it has the predicate 4, counted from 0, but the data set has 4: 'on', 'at', 'near', 'by'"),
    ({"triplets": [[0, 2, 1]]}, r"'triplets' has the object 2, but the image has 2, counted from 0"),
    ({"triplets": [[0, 1]]}, r"images\[0\] triplets\[0\] must be 3 whole numbers >= 0, got \[0, 1\]"),
    ({"annotation": [{"category": 0, "bbox": [0, 0]}]},
     r"object 0 must have a 'bbox' \[x1, y1, x2, y2\], got \[0, 0\]"),
    ({"annotation": [{"bbox": [0, 0, 1, 1]}]}, r"category\[0\] must be 1 whole numbers >= 0"),
    ({"id": "elsewhere"}, r"has none of the 1 images of test of small, such as test/0: choose the data set and split"),
])
def test_read_names_a_wrong_record(tmp_path, changes, message) -> None:
    path = write(tmp_path / "p.json", [copy.deepcopy(GOOD) | changes])
    with pytest.raises(ValueError, match=f"p.json.*{message}") as raised:
        scored(path, data_of([GRAPH], CLASSES, PREDICATES))
    assert str(raised.value).count("p.json") == 1, "the file is named once"


def test_read_refuses_another_version(tmp_path) -> None:
    (tmp_path / "p.json").write_text('{"version": 2, "images": []}')
    with pytest.raises(ValueError, match=r"p.json: must have 'version' 1, got 2"):
        scored(tmp_path / "p.json", data_of([GRAPH], CLASSES, PREDICATES))


def test_read_refuses_an_archive_with_masks(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("triplets.json", "{}")
    with pytest.raises(ValueError, match=r"p.zip is an archive with masks, which are not read: name a file with boxes"):
        scored(tmp_path / "p.zip", data_of([GRAPH], CLASSES, PREDICATES))


def test_an_image_twice_is_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match="has image test/0 twice"):
        scored(write(tmp_path / "p.json", [GOOD, GOOD | {"id": "test/0.jpg"}]), data_of([GRAPH], CLASSES, PREDICATES))
