"""VRD's files: sizes of image files, objects of relations, boxes by rows."""

import json

import pytest
from PIL import Image

from sgg.data.readers.vrd import open_vrd

RELATIONS = [{"predicate": 1, "subject": {"category": 0, "bbox": [2, 12, 5, 25]},
              "object": {"category": 2, "bbox": [0, 20, 0, 30]}},
             {"predicate": 0, "subject": {"category": 2, "bbox": [0, 20, 0, 30]},
              "object": {"category": 2, "bbox": [1, 20, 0, 30]}}]
FILES = {"annotations_train.json": {"a.jpg": RELATIONS, "b.jpg": RELATIONS, "none.jpg": []},
         "annotations_test.json": {"a.jpg": RELATIONS[:1]}, "objects.json": ["cat", "dog", "bench"],
         "predicates.json": ["near", "on"]}


def write(folder, images=("train/a", "train/b", "train/none", "test/a"), edit=lambda files: None):
    files = json.loads(json.dumps(FILES))
    edit(files)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    for image in images:
        split, name = image.split("/")
        place = folder / f"sg_{split}_images" / f"{name}.jpg"
        place.parent.mkdir(exist_ok=True)
        Image.new("RGB", (60, 40)).save(place)
    return folder


def test_open_vrd_finds_objects_and_sizes(tmp_path):
    data = open_vrd(write(tmp_path), num_val_images=1)
    graph = data.split("train").graph(0)
    assert data.split("train").size(0) == (40, 60)
    assert data.split("train").image_path(0) == tmp_path / "sg_train_images" / "b.jpg"
    assert graph.boxes.tolist() == [[5, 2, 25, 12], [0, 0, 30, 20], [0, 1, 30, 20]]
    assert (graph.labels.tolist(), graph.relations.tolist()) == ([1, 3, 3], [[0, 1, 2], [1, 2, 1]])
    assert data.split("test").graph(0).relations.tolist() == [[0, 1, 2]]


def test_open_vrd_counts_from_the_entry_of_the_background(tmp_path):
    """Numbers count places in the lists, so an entry at the front moves all of them by one."""
    def edit(files):
        files["objects.json"].insert(0, "background")
        files["predicates.json"].insert(0, "__background__")
        for relation in [one for name in FILES if "annotations" in name for image in files[name].values()
                         for one in image]:
            relation["predicate"] += 1
            for end in ("subject", "object"):
                relation[end]["category"] += 1

    data = open_vrd(write(tmp_path, edit=edit), num_val_images=1)
    graph = data.split("train").graph(0)
    assert (data.classes[1:], data.predicates[1:]) == (FILES["objects.json"], FILES["predicates.json"])
    assert (graph.labels.tolist(), graph.relations.tolist()) == ([1, 3, 3], [[0, 1, 2], [1, 2, 1]])


def test_open_vrd_leaves_out_objects_without_extent(tmp_path):
    def edit(files):
        files["annotations_train.json"]["b.jpg"][0]["subject"]["bbox"] = [5, 5, 0, 9]

    data = open_vrd(write(tmp_path, edit=edit), num_val_images=1)
    found = {one.kind: (one.count, one.of, one.example) for one in data.findings}
    assert found["relations of objects without extent"] == (
        1, 5, f"{tmp_path}/annotations_train.json: image b.jpg relation 0")
    assert data.split("train").graph(0).relations.tolist() == [[0, 1, 1]]


def test_open_vrd_finds_an_image_of_another_ending(tmp_path):
    """Of the published test images one is a GIF, which the annotation calls .jpg."""
    write(tmp_path)
    (tmp_path / "sg_test_images" / "a.jpg").rename(tmp_path / "sg_test_images" / "a.gif")
    data = open_vrd(tmp_path, num_val_images=1)
    assert data.split("test").image_path(0) == tmp_path / "sg_test_images" / "a.gif"
    assert data.split("test").image_id(0) == "sg_test_images/a"
    (tmp_path / "sg_test_images" / "a.png").touch()
    with pytest.raises(FileNotFoundError, match=r"the first is .*sg_test_images/a\.jpg"):
        open_vrd(tmp_path)


def test_open_vrd_names_missing_images_and_why_they_are_needed(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"1 of 4 images are missing, the first is .*sg_train_images/b.jpg; the "
                                                r"annotation has no sizes of images, .*: put VRD's"):
        open_vrd(write(tmp_path, ("train/a", "train/none", "test/a")))


WRONG = {
    "box": (lambda f: f["annotations_test.json"]["a.jpg"][0]["object"].update(bbox=[1, 2, 3]),
            r"annotations_test.json: image a.jpg relation 0: must have a 'bbox' \[ymin, ymax, xmin, xmax\]"),
    "class": (lambda f: f["annotations_test.json"]["a.jpg"][0]["object"].update(category=3),
              r"image sg_test_images/a.jpg, object 1: class 3 is not in 0..2"),
    "predicate": (lambda f: f["annotations_test.json"]["a.jpg"][0].update(predicate="on"),
                  r"relation 0: must have int under 'predicate'"),
    "list": (lambda f: f["annotations_test.json"].update({"a.jpg": {}}), r"a.jpg must have a list of relations"),
    "path": (lambda f: f["annotations_test.json"].update({"../a.jpg": []}), r"must have a path below the folder"),
    "names": (lambda f: f["objects.json"].append("cat"), r"names\[3\] and names\[0\] are both 'cat'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_open_vrd_names_a_wrong_record(name, tmp_path):
    edit, message = WRONG[name]
    with pytest.raises(ValueError, match=f"{tmp_path}.*{message}"):
        open_vrd(write(tmp_path, edit=edit), num_val_images=1)
