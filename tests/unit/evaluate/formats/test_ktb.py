"""Files of Scene-Graph-Benchmark.pytorch: read without running their code, and refused for other data."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from sgg.common.pickles import read_pickle
from sgg.evaluate.foreign import ForeignPredictions
from sgg.evaluate.formats.ktb import CONTAINER, RESIZED, _BoxList, resized_size
from sgg.structures import SceneGraph
from tests.unit.evaluate.formats.small_data import data_of

FOLDER = Path(__file__).parents[3] / "golden" / "files" / "formats"
INFO = json.loads((FOLDER / "custom_data_info.json").read_text())
CLASSES, PREDICATES = INFO["ind_to_classes"][1:], INFO["ind_to_predicates"][1:]


def read_test_file() -> dict:
    return read_pickle(FOLDER / "eval_results.pytorch", {CONTAINER: _BoxList})


def annotated(content: dict) -> list[SceneGraph]:
    """The annotation in the file."""
    return [SceneGraph(one.bbox.numpy(), one.extra_fields["labels"].numpy(), one.extra_fields["relation_tuple"].numpy())
            for one in content["groundtruths"]]


def data_of_file(content: dict, classes=CLASSES, predicates=PREDICATES):
    return data_of(annotated(content), classes, predicates, [one.size[::-1] for one in content["groundtruths"]])


def predictions(path, data, mode="sgdet"):
    return list(ForeignPredictions(path, "ktb", data, "test", mode))


def test_file_of_a_test_is_read_as_it_is() -> None:
    content = read_test_file()
    found = predictions(FOLDER / "eval_results.pytorch", data_of_file(content))
    assert len(found) == len(content["predictions"]) > 1
    for (_, _, by_mode), wanted in zip(found, content["predictions"], strict=True):
        one, fields = by_mode["sgdet"], wanted.extra_fields
        np.testing.assert_allclose(one.boxes, wanted.bbox.numpy(), rtol=1e-6)
        for got, key in ((one.labels, "pred_labels"), (one.label_scores, "pred_scores"), (one.pairs, "rel_pair_idxs"),
                         (one.predicate_scores, "pred_rel_scores")):
            np.testing.assert_array_equal(got, fields[key].numpy())


@pytest.mark.parametrize(("classes", "predicates", "message"), [
    (CLASSES, PREDICATES[:-1],
     r"'pred_rel_scores' has 6 columns, background included, but the data set has 4 predicates: "),
    (CLASSES[:3], PREDICATES, r"the data set has 3"),
])
def test_file_of_other_names_is_refused(classes, predicates, message) -> None:
    with pytest.raises(ValueError, match=rf"eval_results.pytorch: image \d .*{message}"):
        predictions(FOLDER / "eval_results.pytorch", data_of_file(read_test_file(), classes, predicates))


def test_file_of_other_images_is_refused() -> None:
    """Of another number of images, and of other objects, which the message names."""
    content = read_test_file()
    graphs = annotated(content)
    with pytest.raises(ValueError, match=r"annotated and \d predicted images, but the split has 1 with a relation"):
        predictions(FOLDER / "eval_results.pytorch", data_of(graphs[:1], CLASSES, PREDICATES))
    other = [SceneGraph(one.boxes, one.labels % len(CLASSES) + 1, one.relations) for one in graphs]
    with pytest.raises(ValueError, match=r"image 0 \(test/0\): its annotation is not that of the data set: by the data "
                                         rf"set's names it has \d objects \({CLASSES[graphs[0].labels[0] - 1]}, "):
        predictions(FOLDER / "eval_results.pytorch", data_of(other, CLASSES, PREDICATES))


class Evil:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_file_with_code_is_refused_and_runs_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "eval_results.pytorch"
    for save in (lambda value: torch.save(value, path), lambda value: path.write_bytes(pickle.dumps(value)),
                 lambda value: torch.save(value, path, _use_new_zipfile_serialization=False)):
        save({"groundtruths": [], "predictions": [Evil()]})
        with pytest.raises(ValueError, match=r"eval_results.pytorch"):
            predictions(path, data_of_file(read_test_file()))
    assert not (tmp_path / "ran").exists()


def custom_data(content: dict, classes=CLASSES):
    """A data set with as many images as the file, of the sizes that the toolkit would keep."""
    boxes = np.array([[0, 0, 50, 50], [10, 10, 90, 90]], np.float32)
    graph = SceneGraph(boxes, np.array([1, 2]), np.array([[0, 1, 1]]))
    sizes = [(500, 500), (700, 500), (800, 900)]
    return data_of([graph] * len(content), classes, PREDICATES, sizes[:len(content)]), sizes


@pytest.fixture
def custom(tmp_path):
    """The golden file, whose images are those of the data set."""
    shutil.copy(FOLDER / "custom_prediction.json", tmp_path)
    (tmp_path / "custom_data_info.json").write_text(json.dumps(INFO | {
        "idx_to_files": [f"/elsewhere/test/{number}.jpg" for number in range(3)]}))
    return tmp_path / "custom_prediction.json"


def test_file_of_own_images_is_in_pixels_of_the_image_and_in_order_of_triplets(custom) -> None:
    content = json.loads(custom.read_text())
    data, sizes = custom_data(content)
    found = predictions(custom, data)
    assert len(found) == len(content)
    for (_, _, by_mode), wanted, (height, width) in zip(found, content.values(), sizes, strict=True):
        one = by_mode["sgdet"]
        resized = resized_size(width, height)
        np.testing.assert_allclose(one.boxes * np.tile(np.array(resized) / [width, height], 2), wanted["bbox"],
                                   rtol=1e-5, atol=1e-3)
        assert one.labels.tolist() == wanted["bbox_labels"]
        scores = one.predicate_scores[:, 1:].max(1) * one.label_scores[one.pairs].prod(1)
        assert (np.diff(scores) <= 1e-9).all()
        rows = {tuple(pair): row for pair, row in zip(wanted["rel_pairs"], wanted["rel_all_scores"], strict=True)}
        for pair, row in zip(one.pairs.tolist(), one.predicate_scores, strict=True):
            np.testing.assert_allclose(row, rows[tuple(pair)])


def test_file_of_own_images_of_other_classes_is_refused(custom) -> None:
    content = json.loads(custom.read_text())
    data, _ = custom_data(content, [*CLASSES[:-1], "sofa"])
    with pytest.raises(ValueError, match=rf"custom_data_info.json: its classes are not .* no '{CLASSES[-1]}'; it has"):
        predictions(custom, data)


@pytest.mark.parametrize(("changes", "message"), [
    ({"ind_to_classes": CLASSES},
     rf"'ind_to_classes' must begin with an entry for the background.* got '{CLASSES[0]}'"),
    ({"ind_to_predicates": PREDICATES},
     rf"'ind_to_predicates' must begin with .* got '{PREDICATES[0]}': .* first entry"),
    ({"ind_to_predicates": []}, r"'ind_to_predicates' must begin with .* got no name"),
])
def test_file_of_own_images_needs_names_that_begin_with_the_background(custom, changes, message) -> None:
    """Without it the first name would be lost, and all others would move by one."""
    info = custom.parent / "custom_data_info.json"
    info.write_text(json.dumps(json.loads(info.read_text()) | changes))
    with pytest.raises(ValueError, match=f"custom_data_info.json: {message}"):
        predictions(custom, custom_data(json.loads(custom.read_text()))[0])


def test_file_of_own_images_without_its_names_is_refused(custom) -> None:
    data, _ = custom_data(json.loads(custom.read_text()))
    (custom.parent / "custom_data_info.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"put the custom_data_info.json that was written with custom_pred"):
        predictions(custom, data)


@pytest.mark.parametrize(("changes", "message"), [
    ({"bbox": [[0, 0, 2000, 9]], "bbox_labels": [1], "bbox_scores": [1.0], "rel_pairs": [], "rel_all_scores": []},
     r"has the box \[0.0, 0.0, 2000.0, 9.0\], but the toolkit resizes the image from 500x500 to 600x600 pixels"),
    ({"bbox_labels": []}, r"has \d boxes, 0 labels and"), ({"rel_pairs": [[0, 99]], "rel_all_scores": [[0] * 6]},
                                                         r"has a pair with object 99, but the image has"),
    ({"bbox_scores": ["x"]}, r"'bbox_scores' must be numbers"),
])
def test_file_of_own_images_names_a_wrong_record(custom, changes, message) -> None:
    content = json.loads(custom.read_text())
    content["0"] |= changes
    custom.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"custom_prediction.json: image '0' {message}"):
        predictions(custom, custom_data(content)[0])


@pytest.mark.parametrize(("size", "resized"), [((500, 500), (600, 600)), ((1000, 400), (1000, 400)),
                                               ((500, 375), (800, 600)), ((375, 500), (600, 800)),
                                               ((1024, 300), (1000, 293))])
def test_resized_size_by_hand(size, resized) -> None:
    """The shorter side becomes 600, unless the longer one would have more than 1000."""
    assert resized_size(*size) == resized
    assert RESIZED == (600, 1000)
