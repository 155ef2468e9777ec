"""Files of arrays that follow from the training data."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import numpy as np
import pytest

from sgg.experiment.derived_arrays import FOLDER, ensure, path_of, read
from sgg.methods.derived import DerivedFile

MADE: Counter = Counter()


def make():
    MADE["file"] += 1
    return {"scores": np.arange(3.0), "network/weight": np.ones((2, 2), np.float32)}


FILE = DerivedFile("table", "table of a test", {"triplets": "abc", "rate": 0.1}, make)


def test_ensure_makes_a_file_once_for_all(tmp_path) -> None:
    """Four that need it at the same time: one makes it, the others wait."""
    MADE.clear()
    together = Barrier(4)

    def needed(_):
        together.wait()
        return ensure(tmp_path, FILE)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(needed, range(4)))
    assert MADE == {"file": 1}
    for arrays in found:
        assert arrays.keys() == {"scores", "network/weight"}
        np.testing.assert_array_equal(arrays["scores"], [0, 1, 2])
        assert arrays["network/weight"].dtype == np.float32
    assert path_of(tmp_path, FILE).parent == tmp_path / FOLDER


def test_path_of_follows_from_the_identity(tmp_path) -> None:
    same, other = replace(FILE, make=dict), replace(FILE, identity={"triplets": "abd", "rate": 0.1})
    assert path_of(tmp_path, same) == path_of(tmp_path, FILE) != path_of(tmp_path, other)


def test_ensure_leaves_nothing_half_written(tmp_path) -> None:
    def fails():
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        ensure(tmp_path, replace(FILE, make=fails))
    assert not list((tmp_path / FOLDER).glob("*.npz"))
    assert ensure(tmp_path, FILE).keys() == {"scores", "network/weight"}, "another try makes it"


@pytest.mark.parametrize("damage", [lambda content: content[:100], lambda content: b"", lambda content: content.replace(
    np.arange(3.0).tobytes(), np.arange(1.0, 4).tobytes())], ids=["cut", "empty", "changed"])
def test_read_names_a_damaged_file(tmp_path, damage) -> None:
    ensure(tmp_path, FILE)
    path = path_of(tmp_path, FILE)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=rf"{path.name} is damaged .*delete it, and a run makes it again"):
        read(path)
