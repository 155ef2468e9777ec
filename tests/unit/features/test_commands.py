"""`python -m sgg.features`: what it prints, and mistakes in one line with exit status 2."""

import json
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from sgg.common.hashing import file_hash
from sgg.evaluate import feature_quality as quality
from sgg.features import FeatureStore, StoreIdentity, __main__, array, write_store
from sgg.systems.two_stage.extraction import Extraction, store_path
from sgg.systems.two_stage.foundation import TwoStageFoundation

CLASSES = ["__background__", "cat", "dog"]


@pytest.fixture
def config(tmp_path):
    (tmp_path / "one.yaml").write_text("data: {name: toy}\n")
    return tmp_path / "one.yaml"


@pytest.fixture
def foundation(tmp_path, monkeypatch):
    """What stands for data and detector, which are asked for without a store of their own."""
    parts = []
    data = SimpleNamespace(classes=CLASSES, predicates=["__background__", "on"], hash="a1",
                           image_hash=lambda part: "p1", title="the data",
                           split=lambda *which: parts.append(which) or FakePart(which[0]))
    found = SimpleNamespace(experiment=SimpleNamespace(data=data, cache=tmp_path / "cache"),
                            detector=SimpleNamespace(channels=2, image_size=64, levels=1), detector_hash="d1",
                            parts=parts, stored_maps=lambda split: None)
    monkeypatch.setattr(TwoStageFoundation, "open", lambda config: found)
    return found


class FakePart:
    annotations = SimpleNamespace(sizes=np.full((7, 2), 64))

    def __init__(self, name):
        self.name = name

    def __len__(self):
        return 0 if self.name == "val" else 7


def test_info_prints_classes_counts_and_bytes(tmp_path, capsys):
    identity = StoreIdentity([*CLASSES[:2], "dog[b]"], "d1", "a1", settings={"part": "train"})
    store = write_store(tmp_path / "n", identity, [lambda: (np.zeros((1200, 2, 7, 7)), np.full(1200, 2))])
    assert __main__.main(["info", str(tmp_path / "n")]) == 0
    printed = capsys.readouterr().out
    for text in ("1,200", f"{store.num_bytes:,}", "real node, [2, 7, 7] float16", "d1", "a1", "cat", "dog[b]",
                 '{"part": "train"}'):
        assert text in printed


def test_verify_reads_every_row(tmp_path, capsys):
    store = write_store(tmp_path / "n", StoreIdentity(CLASSES, "d1", "a1"),
                        [lambda: (np.arange(300 * 98.0).reshape(300, 2, 7, 7), np.full(300, 2))])
    assert __main__.main(["verify", str(store.path)]) == 0
    assert "300 rows, each with its checksum" in capsys.readouterr().out
    shard = array.shard_paths(store.path, 1)[0]
    contents = bytearray(shard.read_bytes())
    contents[len(contents) // 2] ^= 1
    shard.write_bytes(contents)
    assert __main__.main(["verify", str(store.path)]) == 2
    assert "files are damaged: row 1" in capsys.readouterr().err


def test_info_of_nothing(tmp_path, capsys):
    assert __main__.main(["info", str(tmp_path / "none.zarr")]) == 2
    assert "error: " in (message := capsys.readouterr().err)
    assert "no feature store here" in message
    assert message.count("\n") == 1


def test_import_describes_the_store_and_how_a_run_uses_it(tmp_path, config, foundation, capsys, caplog):
    """It never passes for our own extraction. A run that makes that tells of the import, and how it would be used."""
    source = tmp_path / "features.hdf5"
    with h5py.File(source, "w") as file:
        file["dog"] = np.ones((3, 2 * 49), np.float32)
    assert __main__.main(["import-hdf5", str(source), str(config), "augmentation.kind=gan"]) == 0
    (path,) = (tmp_path / "cache" / "features").glob("real-node-*.zarr")
    store = FeatureStore.open(path)
    assert store.counts.tolist() == [0, 0, 3]
    assert (store.identity.detector, store.identity.data, store.identity.pictures) == ("d1", "a1", "")
    assert store.identity.settings == {"part": "train", "imported": {
        "file": "features.hdf5", "bytes": source.stat().st_size, "sha256": file_hash(source)}}
    assert f"detector.features={path}" in capsys.readouterr().out
    own = StoreIdentity(CLASSES, "d1", "a1", settings={"part": "train", "images": 7, "pooled": 7}, pictures="p1")
    assert store_path(tmp_path / "cache", own) != path
    assert f"{path} holds imported features of these data. They are not used; features are extracted. Set " \
           f"detector.features={path}" in caplog.text


def test_import_elsewhere(tmp_path, config, foundation):
    with h5py.File(tmp_path / "features.hdf5", "w") as file:
        file["dog"] = np.ones((3, 2 * 49), np.float32)
    arguments = ["import-hdf5", str(tmp_path / "features.hdf5"), str(config), "--out", str(tmp_path / "mine.zarr")]
    assert __main__.main(arguments) == 0
    assert len(FeatureStore.open(tmp_path / "mine.zarr")) == 3


def test_extract_asks_for_the_part(config, foundation, monkeypatch):
    asked = []
    monkeypatch.setattr(Extraction, "ensure", lambda *arguments: asked.append(arguments))
    monkeypatch.setattr(__main__, "describe", lambda store: None)
    assert __main__.main(["extract", str(config), "--kind", "edge", "--split", "test", "--subset", "zs"]) == 0
    [(extraction, path, _)] = asked
    assert foundation.parts == [("test", "zs")]
    assert extraction.identity.settings == {"part": "test", "images": 7, "pooled": 7, "subset": "zs"}
    assert path.name.startswith("real-edge-")


def test_main_names_a_subset_without_an_image(config, foundation, capsys):
    assert __main__.main(["extract", str(config), "--split", "val", "--subset", "zs"]) == 2
    assert "--subset zs: val of the data has no image with such a relation" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "message"), [
    (["extract", "none.yaml"], "none.yaml: no such config file"),
    (["extract", "{config}", "augmentation.kin=gan"], "augmentation.kin"),
    (["quality", "{folder}"], "holds no checkpoint"),
])
def test_main_answers_mistakes_in_one_message(config, tmp_path, capsys, arguments, message):
    assert __main__.main([one.format(config=config, folder=tmp_path) for one in arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--rows", "0"), ("--k", "0"), ("--images", "-5")])
def test_numbers_out_of_range(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        __main__.main(["quality", "run", *words])
    assert f"argument {words[0]}: must be a whole number >= 1, got {words[1]}" in capsys.readouterr().err


def test_quality_prints_a_table(tmp_path, monkeypatch, capsys):
    def write(ks, groups):
        assert ks == [1, 3, 5, 7, 10]
        assert groups == {"pets": ["cat", "dog"]}
        values = {"frechet": 12.3456, "precision@7": 0.5, "recall@7": 0.25, "density@7": 1.5, "coverage@7": 0.75}
        return [{"features": "node", "sample": "fake test", "n": 1234, **values},
                {"features": "edge", "sample": "fake test zs", "n": 6}]

    study = SimpleNamespace(write=write, output=tmp_path)
    monkeypatch.setattr(quality.FeatureStudy, "open", lambda *arguments: study)
    (tmp_path / "groups.json").write_text(json.dumps({"pets": ["cat", "dog"]}))
    assert __main__.main(["quality", "run", "--k", "7", "--groups", str(tmp_path / "groups.json")]) == 0
    printed = capsys.readouterr().out
    for text in ("real train, k = 7", "1,234", "12.346", "1.500", "fake test zs",
                 "k = 7 needs more features than these samples have: edge fake test zs (6)"):
        assert text in printed


@pytest.mark.parametrize(("content", "message"), [
    (b"pets: cat", "Expecting value"), (b"\xff", "can't decode byte"), (b"[1]", "but holds list"),
    (b'{"pets": "cat"}', "but 'pets' is 'cat'"), (b'{"pets": [1]}', r"but 'pets' is [1]"),
])
def test_groups_that_are_none_are_named(tmp_path, capsys, content, message):
    (tmp_path / "groups.json").write_bytes(content)
    assert __main__.main(["quality", "run", "--groups", str(tmp_path / "groups.json")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: --groups {tmp_path / 'groups.json'} must hold JSON {{group: [class, ...]}}")
    assert message in said


def test_describe_an_empty_store(capsys):
    identity = StoreIdentity(CLASSES, "d1", "a1")
    __main__.describe(EmptyStore(identity))
    assert "0 (0 a row, lz4)" in capsys.readouterr().out


class EmptyStore:
    path, row_shape, num_bytes, codec, counts, verified = "n", (2, 7, 7), 0, "lz4", np.zeros(3, int), True

    def __init__(self, identity):
        self.identity = identity

    def __len__(self):
        return 0
