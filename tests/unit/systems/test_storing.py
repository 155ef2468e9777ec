"""Whether maps are stored: what a run reads, what the disk holds, and what it says."""

import pickle
import re

import pytest

from sgg.config import validate
from sgg.systems.contract import MissingStores
from sgg.systems.two_stage import storing
from sgg.systems.two_stage.estimate import Estimate
from tests.unit.systems.test_stored import foundation_of


def config_of(**sections):
    return validate({"data": {"name": "toy"}, **sections})


@pytest.mark.parametrize(("sections", "reads"), [
    ({"training": {"epochs": 3}, "evaluation": {"every": 1}}, (3, 3, 1)),
    ({"training": {"epochs": 20}, "evaluation": {"every": 5}}, (20, 5, 1)),  # after epochs 1, 6, 11, 16 and 20
    ({"training": {"epochs": 2}, "evaluation": {"test": False}, "experiment": {"seed": [1, 2]}}, (4, 4, 0)),
    ({"training": {"epochs": 2}, "search": {"trials": 5}, "experiment": {"seed": [1, 2]}}, (20, 20, 10)),
])
def test_reads_of_a_split(sections, reads) -> None:
    assert tuple(storing.reads_of(config_of(**sections), name) for name in ("train", "val", "test")) == reads


def test_store_outputs_of_auto_stores_what_is_read_more_often_than_computed(toy_root, tmp_path, capsys) -> None:
    """Two epochs read each training image twice, and both of its views would be computed; test is read once."""
    foundation = foundation_of(toy_root, tmp_path, "auto")
    foundation.make_ready()
    assert [foundation.stored(name).complete for name in ("train", "val", "test")] == [False, True, False]
    assert "features.maps=auto: storing 4 maps of val" in capsys.readouterr().out
    longer = foundation_of(toy_root, tmp_path, "auto", training={"epochs": 3})
    longer.make_ready()
    assert longer.stored("train").complete


def test_store_outputs_says_what_each_split_takes(toy_root, tmp_path, capsys) -> None:
    foundation_of(toy_root, tmp_path, "exact").make_ready()
    said = capsys.readouterr().out
    for line in ("train: 16 maps", "val: 4 maps", "test: 4 maps"):
        assert re.search(rf"^  {line}, [\d.]+ MB \([\d.]+ MB before compression\), about .* to compute here$", said,
                         re.MULTILINE)


def test_store_outputs_of_auto_says_why_it_stores_nothing(toy_root, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(storing, "free_bytes", lambda cache: 200_000)
    foundation = foundation_of(toy_root, tmp_path, "auto", training={"epochs": 3})
    foundation.make_ready()
    said = capsys.readouterr().out
    assert "maps are not stored" in said
    assert "more than half of the 0.2 MB that are free" in said
    assert "float16" in said
    assert not any(foundation.stored(name).complete for name in ("train", "val", "test"))


@pytest.mark.parametrize("maps", ["exact", "float16"])
def test_store_outputs_refuses_a_disk_without_room(toy_root, tmp_path, monkeypatch, maps: str) -> None:
    monkeypatch.setattr(storing, "free_bytes", lambda cache: 200_000)
    with pytest.raises(ValueError, match=rf"features\.maps={maps} needs about [\d.]+ MB under .* for the maps of "
                                         r"train, val, test, and 0\.2 MB are free: set features\.maps=.*off, or "
                                         r"data\.cache"):
        foundation_of(toy_root, tmp_path, maps).make_ready()
    assert not list(tmp_path.rglob("*.zarr*"))


def test_estimate_is_close_to_the_files(toy_root, tmp_path) -> None:
    foundation = foundation_of(toy_root, tmp_path)
    splits = [foundation.stored(name) for name in ("train", "val")]
    estimate = Estimate.of(splits)
    assert estimate.rows == {"train": 16, "val": 4}
    assert estimate.plain == 4 * 32 * 22 * 22
    foundation.make_ready()
    stored = sum(one.open().stores["map"].num_bytes for one in splits)
    assert estimate.total == pytest.approx(stored, rel=0.2)
    assert len(estimate.lines()) == 3


@pytest.mark.parametrize(("maps", "warnings"), [("auto", 0), ("off", 0), ("exact", 3)])
def test_make_ready_leaves_stores_to_whoever_decided_on_them(toy_root, tmp_path, caplog, maps: str, warnings) -> None:
    foundation = foundation_of(toy_root, tmp_path, maps, training={"epochs": 3})
    foundation.make_ready(make_maps=False)
    assert not any(foundation.stored(name).complete for name in ("train", "val", "test"))
    assert caplog.text.count("are not stored where this process looks") == warnings


def test_missing_stores_says_what_is_stored_and_can_be_sent(toy_root, tmp_path) -> None:
    foundation = foundation_of(toy_root, tmp_path)
    missing = pickle.loads(pickle.dumps(foundation.missing_stores()))
    assert missing.seconds > 0
    assert "storing 24 maps of train, val, test" in missing.said[0]
    for split, writers in missing.writers.items():
        foundation.write_stores(split, writers, [0])
        for writer in writers.values():
            writer.seal()
    assert foundation.missing_stores() == MissingStores({})


def test_write_stores_refuses_stores_of_another_process_whose_numbers_differ(toy_root, tmp_path) -> None:
    missing = foundation_of(toy_root, tmp_path, resources={"cpus": 2}).missing_stores()
    with pytest.raises(ValueError, match=r"would compute other numbers .*computed\.threads 1, not 2.*maps=float16"):
        foundation_of(toy_root, tmp_path).write_stores("train", missing.writers["train"], [0])
