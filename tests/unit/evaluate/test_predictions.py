"""Predictions on disk: a reader gets what the writer got, and files are complete or absent."""

import json
from dataclasses import replace

import numpy as np
import pytest

from sgg.evaluate.predictions import BLOCK, PredictionFile, PredictionWriter, Protocol
from tests.oracles.scenes import PREDICATES, SUBSET, TRAIN, scenes

SOURCE = {"checkpoint": "runs/a", "epoch": 3, "data": {"name": "toy", "description": "four classes", "hash": "ab"}}
FIELDS = ("boxes", "labels", "label_scores", "pairs", "predicate_scores")


def protocol(modes=("sgcls", "sgdet")):
    return Protocol("test", modes, ["__background__", "a", "b", "c"], ["__background__", "on", "in", "at"],
                    TRAIN, SUBSET, np.array([9.0, 4, 2, 1]), SOURCE)


def images(count):
    return [(f"image{number}", sgcls[0], {"sgcls": sgcls[1], "sgdet": sgdet[1]})
            for number, (sgcls, sgdet) in enumerate(zip(scenes("sgcls", count), scenes("sgdet", count), strict=True))]


def write(path, entries, modes=("sgcls", "sgdet")):
    with PredictionWriter(path, protocol(modes)) as writer:
        for entry in entries:
            writer.add(*entry)
    return path


@pytest.mark.parametrize("count", [0, 1, BLOCK, BLOCK + 5])
def test_prediction_file_returns_the_images_that_were_written(tmp_path, count):
    entries = images(count)
    saved = PredictionFile(write(tmp_path / "deep" / "predictions.npz", entries))
    assert len(saved) == len(list(saved)) == count
    for (name, truth, predictions), (want_name, want_truth, want) in zip(saved, entries, strict=True):
        assert name == want_name
        for field in ("boxes", "labels", "relations"):
            np.testing.assert_array_equal(getattr(truth, field), getattr(want_truth, field))
        for mode in ("sgcls", "sgdet"):
            for field in FIELDS:
                got = getattr(predictions[mode], field)
                np.testing.assert_array_equal(got, getattr(want[mode], field))


def test_prediction_file_returns_the_protocol(tmp_path):
    saved = PredictionFile(write(tmp_path / "predictions.npz", images(2))).protocol
    want = protocol()
    assert (saved.split, saved.modes, saved.classes, saved.predicates) == ("test", want.modes, want.classes,
                                                                         want.predicates)
    assert (saved.train_triplets, saved.subset_triplets, saved.source) == (TRAIN, SUBSET, SOURCE)
    np.testing.assert_array_equal(saved.predicate_counts, want.predicate_counts)


def test_prediction_file_returns_the_fallbacks(tmp_path):
    path = tmp_path / "predictions.npz"
    with PredictionWriter(path, protocol()) as writer:
        writer.fallbacks = 7
    assert PredictionFile(path).fallbacks == 7
    assert PredictionFile(write(path, images(1))).fallbacks is None


def test_metrics_weigh_predicates_by_powers_of_their_counts():
    metrics = protocol().metrics(["sgdet"], [20], [0, 0.5])["sgdet"]
    assert metrics.num_predicates == PREDICATES
    assert list(metrics.weights) == [0, 0.5]
    assert metrics.weights[0.5].tolist() == [3, 2, 2**0.5, 1]
    with pytest.raises(ValueError, match="mode must be one of sgcls, sgdet here, got predcls"):
        protocol().metrics(["predcls"], [20], [0])


@pytest.mark.parametrize("field", ["label_scores", "predicate_scores"])
def test_add_refuses_scores_of_a_model_that_has_diverged(tmp_path, field):
    name, truth, predictions = next(entry for entry in images(9) if len(entry[2]["sgdet"].pairs))
    scores = getattr(predictions["sgdet"], field).astype(float)
    scores[0] = np.nan
    spoilt = predictions | {"sgdet": replace(predictions["sgdet"], **{field: scores})}
    with pytest.raises(FloatingPointError, match=rf"^runs/a, after epoch 3, has diverged: .*{name} in sgdet are not"):
        write(tmp_path / "predictions.npz", [(name, truth, spoilt)])
    assert list(tmp_path.iterdir()) == []


def test_prediction_writer_leaves_nothing_of_an_unfinished_file(tmp_path):
    def interrupted():
        yield from images(BLOCK + 1)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write(tmp_path / "predictions.npz", interrupted())
    assert list(tmp_path.iterdir()) == []


def test_prediction_writer_keeps_an_older_file_until_the_new_one_is_complete(tmp_path):
    path = write(tmp_path / "predictions.npz", images(2))
    with pytest.raises(RuntimeError), PredictionWriter(path, protocol()):
        raise RuntimeError
    assert len(PredictionFile(path)) == 2


def test_prediction_file_refuses_other_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.npz: no such predictions file"):
        PredictionFile(tmp_path / "nowhere.npz")
    path = tmp_path / "text.npz"
    path.write_text("no archive")
    with pytest.raises(ValueError, match=r"text.npz is not a predictions file"):
        PredictionFile(path)
    np.savez(path, something=np.zeros(2))
    with pytest.raises(ValueError, match=r"text.npz is not a predictions file"):
        PredictionFile(path)
    whole = write(tmp_path / "whole.npz", images(3)).read_bytes()
    path.write_bytes(whole[:len(whole) // 2])
    with pytest.raises(ValueError, match=r"text.npz is not a predictions file"):
        PredictionFile(path)


def without(text, key):
    return {name: value for name, value in text.items() if name != key}


SPOILT = [
    ("protocol", None, "is not a predictions file.*protocol is missing"),
    ("protocol", "{", "is not a predictions file: its protocol is not JSON"),
    ("protocol", "[]", "its protocol must hold a mapping, but holds list"),
    ("protocol", lambda text: json.dumps(without(json.loads(text), "format")), "its protocol: format is missing"),
    ("protocol", lambda text: json.dumps(json.loads(text) | {"format": 9}), "of format 9, not of 1"),
    ("protocol", lambda text: json.dumps(without(json.loads(text), "modes")), "its protocol: modes is missing"),
    ("protocol", lambda text: json.dumps(json.loads(text) | {"source": {}}), "protocol.source: data is missing"),
    ("train_triplets", None, "train_triplets is missing"),
    ("subset_triplets", np.zeros((2, 3), int), r"subset_triplets must have shape \[\*, 4\] .*, got \[2, 3\] of int64"),
    ("predicate_counts", np.zeros(3), r"predicate_counts must have shape \[4\]"),
    ("images", np.zeros(2), "images must have shape"),
    ("00000/truth/boxes", None, "00000/truth/boxes is missing"),
    ("00000/truth/objects", np.zeros(1, int), r"00000/truth/objects must have shape \[3\]"),
    ("00000/sgcls/pairs", np.zeros((1, 2), int), r"00000/sgcls/pairs must have shape"),
    ("00000/sgcls/labels", np.array([{}], object), "00000/sgcls/labels cannot be read: Object arrays"),
]


@pytest.mark.parametrize(("name", "value", "message"), SPOILT, ids=[message for *_, message in SPOILT])
def test_prediction_file_names_a_damaged_file_and_its_fault(tmp_path, name, value, message):
    path = write(tmp_path / "p.npz", images(3))
    with np.load(path) as file:
        arrays = dict(file)
    changed = value(str(arrays[name])) if callable(value) else value
    arrays = without(arrays, name) | ({} if changed is None else {name: changed})
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=f"p.npz.*{message}"):
        list(PredictionFile(path))


def test_prediction_file_names_a_damaged_array(tmp_path):
    path = write(tmp_path / "p.npz", images(3))
    whole = bytearray(path.read_bytes())
    place = whole.index(b"00000/sgcls/predicate_scores.npy") + 300
    whole[place] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"p.npz: 00000/sgcls/predicate_scores cannot be read: Bad CRC-32"):
        list(PredictionFile(path))
