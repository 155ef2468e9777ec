"""GQA's scene graphs and question lists."""

import copy
import json
import os

import pytest
from PIL import Image

from sgg.data import open_dataset
from sgg.data.__main__ import main
from sgg.data.readers.gqa import open_gqa


def thing(name, box, *relations):
    record = dict(zip("xywh", box, strict=True))
    return {"name": name, **record, "attributes": [], "relations": [{"name": p, "object": o} for p, o in relations]}


def image(**objects):
    return {"width": 100, "height": 80, "location": "street", "objects": objects}


TRAIN = {
    "9": image(a=thing("dog", (1, 2, 10, 20), ("near", "b"), ("to the left of", "b")), b=thing("cat", (30, 30, 90, 9))),
    "10": image(a=thing("dog", (-1, 2, 10, 20), ("near", "b")), c=thing("tree", (50, 0, 4, 4)),
                b=thing("cat", (3, 3, 9, 9), ("near", "c"), ("on", "a"))),
    "11": image(a=thing("zebra", (0, 0, 0, 5))),
    "2": image(a=thing("dog", (0, 0, 5, 5), ("on", "b")), b=thing("cat", (5, 5, 5, 5))),
}
VAL = {"7": image(a=thing("dog", (0, 0, 5, 5), ("on", "b")), b=thing("bus", (0, 0, 5, 5))),
       "8": image(a=thing("boat", (0, 0, 5, 5), ("to the right of", "b")), b=thing("boat", (5, 0, 5, 5)))}
ASKED = {"train": ["9", "10", "2", "9"], "val": ["8", "7"]}


def write(root, train=TRAIN, val=VAL, asked=ASKED):
    folder = root / "GQA" / "sceneGraphs"
    folder.mkdir(parents=True, exist_ok=True)
    for part, graphs in (("train", train), ("val", val)):
        (folder / f"{part}_sceneGraphs.json").write_text(json.dumps(graphs))
        questions = {str(number): {"imageId": image_id, "semantic": [{"operation": "select"}], "question": "?"}
                     for number, image_id in enumerate(asked[part])}
        (root / "GQA" / f"{part}_balanced_questions.json").write_text(json.dumps(questions))
    return root / "GQA"


def opened(root, **options):
    return open_gqa(root / "GQA", root / "VG" / "VG_100K", num_val_images=1, **options)


def test_open_gqa_sorts_names_of_both_files(tmp_path):
    write(tmp_path)
    data = opened(tmp_path)
    assert data.classes == ["__background__", "boat", "bus", "cat", "dog", "tree", "zebra"]
    assert data.predicates == ["__background__", "near", "on", "to the left of", "to the right of"]


def test_open_gqa_takes_the_first_training_ids_as_validation(tmp_path):
    write(tmp_path)
    data = opened(tmp_path)
    assert {name: data.split(name).annotations.files.tolist() for name in ("train", "val", "test")} == {
        "val": ["10.jpg"], "train": ["2.jpg", "9.jpg"], "test": ["7.jpg", "8.jpg"]}
    assert data.split("val").image_path(0) == tmp_path / "VG" / "VG_100K" / "10.jpg"


def test_open_gqa_names_validation_that_takes_all_of_training(tmp_path):
    write(tmp_path)
    with pytest.raises(ValueError, match=r"train 0, val 3, test 2; choose another num_val_images, which is 5,000$"):
        open_gqa(tmp_path / "GQA", tmp_path / "VG" / "VG_100K")


def test_open_gqa_leaves_out_objects_outside_their_images(tmp_path):
    write(tmp_path)
    graph = opened(tmp_path).split("val").graph(0)
    assert graph.boxes.tolist() == [[50, 0, 54, 4], [3, 3, 12, 12]]
    assert graph.relations.tolist() == [[1, 0, 1]]
    found = {finding.kind: finding for finding in opened(tmp_path).findings}
    assert found["objects before their image or without extent"].count == 1  # 11.jpg is asked about by nobody
    assert found["objects before their image or without extent"].example.endswith("image 10 object a")
    wide = opened(tmp_path).split("train").graph(1)
    assert wide.boxes.tolist() == [[1, 2, 11, 22], [30, 30, 100, 39]]  # the second clipped
    assert wide.relations.tolist() == [[0, 1, 1], [0, 1, 3]]


def test_open_gqa_excludes_left_and_right(tmp_path):
    write(tmp_path)
    data = opened(tmp_path, exclude_left_right=True)
    assert data.predicates == ["__background__", "near", "on"]
    assert len(data.split("test")) == 1
    assert data.split("train").graph(1).relations.tolist() == [[0, 1, 1]]
    assert data.title == "GQA without left and right"


def test_open_gqa_makes_its_image_list_anew_for_other_questions(tmp_path):
    directory, cache = write(tmp_path), tmp_path / "cache"
    first = opened(tmp_path, cache=cache)
    assert json.loads((cache / "gqa" / "train_images.json").read_text())["images"] == ["10", "2", "9"]
    assert first.findings == opened(tmp_path, cache=cache).findings
    write(tmp_path, asked=ASKED | {"train": ["9", "10"]})  # other questions in their place
    assert len(opened(tmp_path, cache=cache).split("train")) == 1
    write(tmp_path)
    assert opened(tmp_path, cache=cache).hash == first.hash
    for part in ("train", "val"):
        (directory / f"{part}_balanced_questions.json").unlink()
    assert opened(tmp_path, cache=cache).hash == first.hash  # the list alone is there


def test_questions_that_are_only_touched_are_not_read_again(tmp_path, monkeypatch):
    directory, cache = write(tmp_path), tmp_path / "cache"
    first = opened(tmp_path, cache=cache).hash
    (directory / "train_balanced_questions.json").touch()
    monkeypatch.setattr("sgg.data.readers.gqa.Origin.of", lambda path: pytest.fail("read again"))
    assert opened(tmp_path, cache=cache).hash == first


def test_open_gqa_uses_a_plain_list_and_notes_its_unknown_origin(tmp_path):
    directory = write(tmp_path)
    plain = directory / "train_images.json"
    plain.write_text(json.dumps(["10", "2"]))
    data = opened(tmp_path, cache=tmp_path / "cache")
    assert len(data.split("train")) == 1
    found = data.findings[-1]
    assert (found.kind, found.count, found.severity) == ("images listed by a file of unknown origin", 2, "note")
    os.utime(plain, (1, 1))
    found = opened(tmp_path).findings[-1]
    assert found.severity == "fault"
    assert "train_balanced_questions.json" in found.example


def test_open_dataset_of_gqa(tmp_path):
    write(tmp_path)
    assert open_dataset("gqa", tmp_path, num_val_images=1, exclude_left_right=True).name == "gqa"
    with pytest.raises(ValueError, match=r"data.exclude_left_right is for data.name gqa, not vg"):
        open_dataset("vg", tmp_path, exclude_left_right=True)


def edited(path, value):
    graphs = copy.deepcopy(TRAIN)
    *keys, last = path
    record = graphs
    for key in keys:
        record = record[key]
    record[last] = value
    return graphs


WRONG = {
    "objects missing": (("9", "objects"), None, r"train_sceneGraphs.json: image 9 must have dict under 'objects'"),
    "image mistyped": (("9",), [], r"image 9 must have dict under 'objects', got \[\]"),
    "name mistyped": (("9", "objects", "a", "name"), 3, r"image 9 object a must have str under 'name'"),
    "relations missing": (("9", "objects", "b", "relations"), {}, r"object b must have list under 'relations'"),
    "box of text": (("9", "objects", "a", "x"), "1", r"image 9 object a must have int or float under 'x'"),
    "box infinite": (("9", "objects", "a", "w"), float("inf"), r"image 9 object a must have int or float under 'w'"),
    "size": (("9", "width"), 0, r"image 9 must have a height and width >= 1, got 80 and 0"),
    "other image": (("9", "objects", "a", "relations", 0, "object"), "z", r"relation 0 names the object 'z'"),
    "box outside": (("9", "objects", "a", "x"), 100, r"image 9.jpg, object 0: box .* lies outside the image"),
}


@pytest.mark.parametrize("name", WRONG)
def test_open_gqa_names_a_wrong_record(name, tmp_path):
    path, value, message = WRONG[name]
    write(tmp_path, train=edited(path, value))
    with pytest.raises(ValueError, match=message):
        opened(tmp_path)


def test_open_gqa_refuses_an_image_that_occurs_twice(tmp_path):
    path = write(tmp_path) / "sceneGraphs" / "train_sceneGraphs.json"
    path.write_text(path.read_text().replace('"2":', '"9":'))
    with pytest.raises(ValueError, match=r"train_sceneGraphs.json .* the key '9' occurs twice"):
        opened(tmp_path)


def test_questions_that_do_not_fit_are_named(tmp_path):
    write(tmp_path, asked={"train": ["9", "3"], "val": ["7"]})
    with pytest.raises(ValueError, match=r"train_balanced_questions.json: entry 1, '3', is not an image of"):
        opened(tmp_path)
    path = tmp_path / "GQA" / "train_balanced_questions.json"
    path.write_text('{"5": {"image": "9"}}')
    with pytest.raises(ValueError, match=r"train_balanced_questions.json: question 5 must have str under 'imageId'"):
        opened(tmp_path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"train_balanced_questions.json is missing; get .* prepare gqa"):
        opened(tmp_path)


def test_main_counts_shots_and_verifies_images(tmp_path, capsys):
    """`dog near cat` occurs once in training (9.jpg; 10.jpg is validation), so one test relation is 10-shot, the other
    zero-shot."""
    seen = image(a=thing("dog", (0, 0, 5, 5), ("near", "b")), b=thing("cat", (0, 0, 5, 5)))
    write(tmp_path, val={**VAL, "7": seen})
    where = ["--data", "gqa", "--root", str(tmp_path), "--num-val-images", "1"]
    assert main(["stats", *where, "--json", str(tmp_path / "stats.json")]) == 1  # not the known counts
    found = {line["about"]: line["found"] for line in json.loads((tmp_path / "stats.json").read_text())}
    assert [found[f"test {subset}: relations"] for subset in ("zs", "10s", "100s", "all")] == ["1", "1", "0", "2"]

    folder = tmp_path / "VG" / "VG_100K"
    folder.mkdir(parents=True)
    for name in ("2", "7", "8", "9", "10"):
        Image.new("RGB", (100, 80), (len(name), ord(name[-1]), 0)).save(folder / f"{name}.jpg")
    assert main(["verify", *where]) == 0
    (folder / "8.jpg").unlink()
    capsys.readouterr()
    assert main(["verify", *where]) == 1
    assert "8.jpg is missing" in capsys.readouterr().out
