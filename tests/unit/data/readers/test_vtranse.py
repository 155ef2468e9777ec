"""Visual Genome in the VTransE split."""

import json

import h5py
import numpy as np
import pytest
from PIL import Image

from sgg.data.__main__ import main
from sgg.data.readers.vtranse import open_vtranse

CLASSES = {"__background__": 0, "dog": 1, "cat": 2}
PREDICATES = {"on": 0, "near": 1}
DOG, CAT, SMALL_DOG = [1, 2, 11, 12], [20, 5, 40, 40], [3, 3, 5, 5]
TRAIN = {"10": ([DOG, CAT, DOG], [CAT, DOG, SMALL_DOG], [[1, 0, 2], [2, 1, 1], [1, 1, 1]]),
         "9": ([DOG], [CAT], [[1, 1, 2]])}
TEST = {"7": ([DOG], [DOG], [[1, 0, 2]])}


def write(root, train=TRAIN, test=TEST, classes=CLASSES, predicates=PREDICATES):
    for folder in ("vtranse", "stanford_filtered"):
        (root / folder).mkdir(parents=True)
    with h5py.File(root / "vtranse" / "vg1_2_meta.h5", "w") as file:
        for part, images in (("train", train), ("test", test)):
            for image, arrays in images.items():
                for name, array in zip(("sub_boxes", "obj_boxes", "rlp_labels"), arrays, strict=True):
                    file[f"gt/{part}/{image}/{name}"] = np.array(array)
        for kind, names in (("cls", classes), ("pre", predicates)):
            for name, number in names.items():
                file[f"meta/{kind}/name2idx/{name}"] = number
    sizes = [{"image_id": number, "width": 50, "height": 60} for number in (7, 9, 10)]
    (root / "stanford_filtered" / "image_data.json").write_text(json.dumps(sizes))
    return root


def test_open_vtranse_takes_distinct_boxes_and_classes_as_objects(tmp_path):
    data = open_vtranse(write(tmp_path), num_val_images=1)
    graph = data.split("val").graph(0)
    assert data.classes == ["__background__", "dog", "cat"]
    assert data.predicates == ["__background__", "on", "near"]
    assert data.split("val").image_id(0) == "10"
    assert graph.boxes.tolist() == [DOG, CAT, SMALL_DOG]
    assert graph.labels.tolist() == [1, 2, 1]
    assert graph.relations.tolist() == [[0, 1, 1], [1, 0, 2], [0, 2, 2]]


def test_open_vtranse_reads_one_box_with_two_classes_as_two_objects(tmp_path):
    data = open_vtranse(write(tmp_path), num_val_images=1)
    graph = data.split("test").graph(0)
    assert graph.labels.tolist() == [1, 2]
    assert graph.relations.tolist() == [[0, 1, 1]]


def test_names_without_a_background_may_begin_at_one(tmp_path):
    data = open_vtranse(write(tmp_path, classes={"dog": 1, "cat": 2}), num_val_images=1)
    assert data.classes == ["__background__", "dog", "cat"]
    assert data.split("val").graph(0).labels.tolist() == [1, 2, 1]


def test_whole_numbers_may_be_stored_as_floats(tmp_path):
    data = open_vtranse(write(tmp_path, test={"7": ([DOG], [DOG], [[1., 0., 2.]])}), num_val_images=1)
    assert data.split("test").graph(0).labels.tolist() == [1, 2]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("number", [1.5, float("nan"), float("inf"), -float("inf"), 1e300])
def test_open_vtranse_refuses_what_is_no_whole_number(number, tmp_path):
    train = TRAIN | {"10": ([DOG, CAT], [CAT, DOG], [[1, 0, 2], [2, number, 1]])}
    with pytest.raises(ValueError, match=r"vg1_2_meta.h5: gt/train/10: 'rlp_labels' row 1 must be whole numbers of"):
        open_vtranse(write(tmp_path, train=train), num_val_images=1)


@pytest.mark.parametrize(("changes", "message"), [
    ({"train": {"8": TRAIN["9"]}}, r"image 8 of gt/train is not in .*image_data.json"),
    ({"train": TRAIN | {"9": ([DOG], [CAT, DOG], [[1, 1, 2]])}}, r"gt/train/9: .*'obj_boxes' must have shape \[1, 4\]"),
    ({"train": TRAIN | {"9": ([DOG], [CAT], [[1, 2, 2]])}}, r"image 9.jpg, relation 0: predicate 2 is not in 0..1"),
    ({"train": TRAIN | {"9": ([DOG], [CAT], [[3, 1, 2]])}}, r"image 9.jpg, object 0: class 3 is not in 1..2"),
    ({"train": TRAIN | {"9": ([DOG], [[9, 9, 9, 9]], [[1, 1, 2]])}}, r"image 9.jpg, object 1: box .* has no area"),
    ({"classes": {"dog": 1, "cat": 3}}, r"the numbers in meta/cls/name2idx must follow one another"),
    ({"predicates": {}}, r"has no group 'meta/pre/name2idx'"),
    ({"test": {}}, r"has no group 'gt/test'"),
])
def test_open_vtranse_names_a_wrong_record(changes, message, tmp_path):
    with pytest.raises(ValueError, match=r"vg1_2_meta.h5.*" + message):
        open_vtranse(write(tmp_path, **changes), num_val_images=1)


def test_open_vtranse_names_a_missing_file_and_the_remedy(tmp_path):
    root = write(tmp_path)
    (root / "vtranse" / "vg1_2_meta.h5").unlink()
    with pytest.raises(FileNotFoundError, match=r"vg1_2_meta.h5 is missing; put vg1_2_meta.h5 of the"):
        open_vtranse(root)


def test_main_counts_shots_and_verifies_images(tmp_path, capsys):
    """Test subsets count train and val: `dog on cat` occurs once, in image 10, so the test relation is 10-shot."""
    write(tmp_path / "VG")
    where = ["--data", "vtranse", "--root", str(tmp_path), "--num-val-images", "1"]
    assert main(["stats", *where, "--json", str(tmp_path / "stats.json")]) in (0, 1)
    found = {line["about"]: line["found"] for line in json.loads((tmp_path / "stats.json").read_text())}
    assert [found[f"test {subset}: relations"] for subset in ("zs", "10s", "100s", "all")] == ["0", "1", "0", "1"]

    folder = tmp_path / "VG" / "VG_100K"
    folder.mkdir(parents=True)
    for name in ("7", "9", "10"):
        Image.new("RGB", (50, 60), (20 * int(name), 0, 0)).save(folder / f"{name}.jpg")
    assert main(["verify", *where]) == 0
    (folder / "9.jpg").write_bytes((folder / "9.jpg").read_bytes()[:300])
    capsys.readouterr()
    assert main(["verify", *where]) == 1
    assert "9.jpg cannot be read, or is cut off" in capsys.readouterr().out


def test_open_vtranse_reads_a_class_name_with_a_slash(tmp_path):
    data = open_vtranse(write(tmp_path, classes={"__background__": 0, "dog": 1, "cat/kitten": 2}), num_val_images=1)
    assert data.classes == ["__background__", "dog", "cat/kitten"]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_open_vtranse_names_a_box_that_is_not_finite(number, tmp_path):
    train = TRAIN | {"9": ([[1., 2., number, 12.]], [CAT], [[1, 1, 2]])}
    with pytest.raises(ValueError, match=r"image 9.jpg, object \d: box .* is not finite"):
        open_vtranse(write(tmp_path, train=train), num_val_images=1)
