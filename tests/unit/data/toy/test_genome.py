"""Writing a toy genome: the files, that they are whole, and that they are the same every time."""

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from sgg.data import open_dataset
from sgg.data.toy import Sizes, describe, generate
from sgg.data.toy.dataset import open_toy
from sgg.data.toy.editions import edition_of
from sgg.data.toy.editions.second import SECOND
from sgg.data.toy.kinds import CLASSES
from sgg.data.toy.scene import Composer
from sgg.data.toy.world import World

PREDICATES = SECOND.predicates
SMALL = Sizes(train=6, val=3, test=4, detector=3)
ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    generate(root / "toy", seed=1, sizes=SMALL)
    return root


def digest(directory):
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(directory.rglob("*")) if path.is_file()}


def test_generate_gives_the_same_bytes_for_a_seed_also_in_another_process(root, tmp_path):
    code = ("import sys; from sgg.data.toy import Sizes, generate; "
            "generate(sys.argv[1], seed=1, sizes=Sizes(train=6, val=3, test=4, detector=3))")
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "toy")], cwd=ROOT, check=True)
    assert digest(tmp_path / "toy") == digest(root / "toy")
    assert len(digest(root / "toy")) == 13 + 3 + 2 * 4


def test_generate_gives_other_files_for_another_seed(root, tmp_path):
    generate(tmp_path / "toy", seed=2, sizes=SMALL)
    ours, theirs = digest(root / "toy"), digest(tmp_path / "toy")
    assert ours.keys() == theirs.keys()
    assert not any(ours[name] == theirs[name] for name in ours if name.endswith((".jpg", ".h5")))


def test_files_have_visual_genomes_layout(root):
    folder = root / "toy" / "stanford_filtered"
    with h5py.File(folder / "VG-SGG.h5") as file:
        arrays = {name: file[name][()] for name in file}
    assert arrays["split"].tolist() == [0] * 9 + [2] * 4
    boxes, relations = len(arrays["labels"]), len(arrays["predicates"])
    assert arrays["labels"].shape == (boxes, 1)
    assert arrays["boxes_1024"].shape == arrays["boxes_512"].shape == (boxes, 4)
    assert arrays["relationships"].shape == (relations, 2)
    for kind, rows in (("box", boxes), ("rel", relations)):
        first, last = arrays[f"img_to_first_{kind}"], arrays[f"img_to_last_{kind}"]
        assert first[0] == 0
        assert last[-1] == rows - 1
        assert (first[1:] == last[:-1] + 1).all()
    assert all(array.dtype.kind == "i" for array in arrays.values())
    owner = np.searchsorted(arrays["img_to_last_box"], arrays["relationships"])
    assert (owner[:, 0] == owner[:, 1]).all()

    names = json.loads((folder / "VG-SGG-dicts.json").read_text())
    assert names["idx_to_label"][str(names["label_to_idx"]["dog"])] == "dog"
    assert names["idx_to_predicate"]["1"] == PREDICATES[1]
    assert sum(names["object_count"].values()) == boxes
    assert sum(names["predicate_count"].values()) == relations
    images = json.loads((folder / "image_data.json").read_text())
    pictures = [root / "toy" / "VG_100K" / f"{image['image_id']}.jpg" for image in images]
    assert [Image.open(path).size for path in pictures] == [(image["width"], image["height"]) for image in images]


def test_generate_writes_what_was_composed(root):
    data = open_dataset("toy", root)
    assert data.classes == list(CLASSES)
    assert data.predicates == list(PREDICATES)
    assert [len(data.split(name)) for name in ("train", "val", "test", "detector")] == [6, 3, 4, 3]
    world = World.build(SECOND, 1)
    for number, name in enumerate(("val", "train", "test", "detector"), start=1):
        for index in range(len(data.split(name))):
            graph, scene = data.split(name).graph(index), Composer(world, name).compose((1, number, index))
            assert graph.labels.tolist() == [thing.label for thing in scene.things]
            assert graph.relations.tolist() == [list(relation) for relation in scene.relations]
            np.testing.assert_allclose(graph.boxes, [thing.box for thing in scene.things], atol=.2)  # of 176 pixels


def test_held_out_compositions_are_named_and_absent_from_training(root):
    facts = json.loads((root / "toy" / "stanford_filtered" / "toy.json").read_text())
    assert facts["version"] == SECOND.version
    assert facts["num_val_images"] == 3
    assert facts["sizes"] == {"train": 6, "val": 3, "test": 4, "detector": 3}
    held_out = {tuple(names) for part in ("test", "val") for names in facts["held_out"][part]}
    assert len(held_out) > 100
    data = open_dataset("toy", root)
    shown = {(CLASSES[s], PREDICATES[p], CLASSES[o]) for s, p, o in data.split("train").triplets().triplets.tolist()}
    assert not shown & held_out


def test_generate_keeps_a_genome_that_is_there_and_refuses_another_one(root):
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert generate(root / "toy", seed=1, sizes=SMALL) == root / "toy"
    with pytest.raises(FileExistsError, match=r"another toy genome: seed 1 \(wanted: 2\); delete it"):
        generate(root / "toy", seed=2, sizes=SMALL)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_generate_never_touches_a_folder_of_something_else(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="is no toy genome"):
        generate(tmp_path, sizes=SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_generate_leaves_nothing_when_interrupted(tmp_path):
    seen = []

    def interrupt(done, total):
        seen.append((done, total, [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")]))
        if done == 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "toy", sizes=SMALL, on_image=interrupt)
    assert seen == [(done, 16, []) for done in range(1, 16)]   # nothing is to be seen before it is whole
    assert not list(tmp_path.iterdir())
    generate(tmp_path / "toy", sizes=SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


def test_generate_deletes_what_a_killed_generation_left(tmp_path):
    code = ("import os, signal, sys; from sgg.data.toy import Sizes, generate; generate(sys.argv[1], "
            "sizes=Sizes(1, 1, 1, 1), on_image=lambda done, total: os.kill(os.getpid(), signal.SIGKILL))")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "toy")], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob(".toy.unfinished-*/VG_100K/*.jpg"))) == 1
    (tmp_path / ".toys").mkdir()
    generate(tmp_path / "toy", sizes=SMALL)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".toys", "toy"]


def test_generate_keeps_what_another_process_is_writing(tmp_path):
    def meanwhile(done, total):
        if done == 1:
            before = list(tmp_path.iterdir())
            generate(tmp_path / "toy", sizes=SMALL)
            assert set(tmp_path.iterdir()) == {*before, tmp_path / "toy"}

    generate(tmp_path / "toy", sizes=SMALL, on_image=meanwhile)
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


def test_generate_keeps_the_first_of_two_written_at_the_same_time(tmp_path):
    def meanwhile(done, total):
        if done == total:
            generate(tmp_path / "toy", sizes=SMALL)

    generate(tmp_path / "toy", sizes=SMALL, on_image=meanwhile)
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]
    assert len(open_dataset("toy", tmp_path).split("train")) == 6


def test_sizes_below_one_are_refused():
    with pytest.raises(ValueError, match=r"sizes.test must be >= 1, got 0"):
        Sizes(test=0)


def test_describe_counts_what_is_there(root):
    data = open_dataset("toy", root)
    lines = [line.split() for line in describe(data).splitlines()]
    train = next(line for line in lines if line[:1] == ["train"])
    assert train[1] == "6"
    assert train[2] == str(len(data.split("train").annotations.labels))
    zero_shot = next(line for line in lines if line[:1] == ["test"] and len(line) == 5)
    assert int(zero_shot[1]) == len(data.split("test", subset="zs").annotations.relations)
    assert sum(map(int, zero_shot[1:])) == len(data.split("test").annotations.relations)


def test_generate_of_another_version_or_difficulty_is_another_genome(root, tmp_path):
    """The same seed; each opens only as what it is."""
    one, other = (edition_of(3, difficulty) for difficulty in (0.5, 0.25))
    generate(tmp_path / "toy", seed=1, sizes=SMALL, edition=one)
    facts = json.loads((tmp_path / "toy" / "stanford_filtered" / "toy.json").read_text())
    assert (facts["version"], facts["difficulty"]) == (3, 0.5)
    with pytest.raises(FileExistsError, match=r"another toy genome: difficulty 0.5 \(wanted: 0.25\)"):
        generate(tmp_path / "toy", seed=1, sizes=SMALL, edition=other)
    data = open_toy(tmp_path / "toy", edition=one, seed=1)
    assert data.predicates == list(one.predicates)
    assert "toy genome (version 3, difficulty 0.5, seed 1)" in data.description
    for wanted, message in (
            ({"edition": other}, "has difficulty 0.5, not 0.25; delete .* or set data.difficulty=0.5"),
            ({"edition": one, "seed": 2}, "has seed 1, not 2; delete .* or set data.seed=1"),
            ({}, "has version 3, not 2, difficulty 0.5, not 0.0; delete .* or set data.version=3")):
        with pytest.raises(ValueError, match=message):
            open_toy(tmp_path / "toy", **wanted)
