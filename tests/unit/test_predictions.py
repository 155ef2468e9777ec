"""Predictions on disk: what goes in comes out, whole or not at all."""

import numpy as np
import pytest

from sgg.predictions import BLOCK, PredictionFile, PredictionWriter, Protocol
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
def test_images_come_back_as_they_went_in(tmp_path, count):
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


def test_the_protocol_comes_back(tmp_path):
    saved = PredictionFile(write(tmp_path / "predictions.npz", images(2))).protocol
    want = protocol()
    assert (saved.part, saved.modes, saved.classes, saved.predicates) == ("test", want.modes, want.classes,
                                                                         want.predicates)
    assert (saved.train_triplets, saved.subset_triplets, saved.source) == (TRAIN, SUBSET, SOURCE)
    np.testing.assert_array_equal(saved.predicate_counts, want.predicate_counts)


def test_metrics_weigh_predicates_by_powers_of_their_counts():
    metrics = protocol().metrics(["sgdet"], [20], [0, 0.5])["sgdet"]
    assert metrics.num_predicates == PREDICATES
    assert list(metrics.weights) == [0, 0.5]
    assert metrics.weights[0.5].tolist() == [3, 2, 2**0.5, 1]
    with pytest.raises(ValueError, match="mode must be one of sgcls, sgdet here, got predcls"):
        protocol().metrics(["predcls"], [20], [0])


def test_nothing_is_left_of_a_file_that_was_not_finished(tmp_path):
    def interrupted():
        yield from images(BLOCK + 1)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write(tmp_path / "predictions.npz", interrupted())
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_stays_until_the_new_one_is_whole(tmp_path):
    path = write(tmp_path / "predictions.npz", images(2))
    with pytest.raises(RuntimeError), PredictionWriter(path, protocol()):
        raise RuntimeError
    assert len(PredictionFile(path)) == 2


def test_other_files_are_refused(tmp_path):
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
