"""Open Images: its own tables, and the prepared JSON."""

import copy
import json

import pytest
from PIL import Image

from sgg.data.readers.open_images import open_open_images
from sgg.data.readers.open_images_json import open_open_images_json

HEAD = "ImageID,LabelName1,LabelName2,XMin1,XMax1,YMin1,YMax1,XMin2,XMax2,YMin2,YMax2,RelationshipLabel"
ON, WITHIN = "/m/1,/m/2,.1,.5,.25,.5,0,1,0,1,on", "/m/2,/m/1,0,1,0,1,.1,.5,.25,.5,inside_of"
ROWS = {"train": [f"a,{ON}", f"a,{WITHIN}", f"b,{ON}", "b,/m/1,/m/9,.1,.5,.25,.5,.1,.5,.25,.5,is"],
        "validation": [f"c,{ON}"]}
NAMES = "/m/1,Person\n/m/2,Bench\n/m/3,Horse\n"


def write(folder, rows=ROWS, names=NAMES):
    (folder / "images").mkdir()
    for split, lines in rows.items():
        (folder / f"challenge-2019-{split}-vrd.csv").write_text("\n".join([HEAD, *lines]))
        for line in lines:
            Image.new("RGB", (60, 40)).save(folder / "images" / f"{line.partition(',')[0]}.jpg")
    (folder / "challenge-2019-classes-vrd.csv").write_text(names)
    return folder


def test_open_images_finds_objects_and_sizes(tmp_path):
    """Classes are those that occur, by name. Validation is the test split where there is no table of test."""
    data = open_open_images(write(tmp_path), num_val_images=1)
    assert (data.classes[1:], data.predicates[1:]) == (["Bench", "Person"], ["inside_of", "on"])
    graph = data.split("val").graph(0)
    assert graph.boxes.tolist() == [[6, 10, 30, 20], [0, 0, 60, 40]]
    assert (graph.labels.tolist(), graph.relations.tolist()) == ([2, 1], [[0, 1, 2], [1, 0, 1]])
    assert [data.split(split).image_id(0) for split in ("train", "val", "test")] == ["b", "a", "c"]
    assert {one.kind: one.count for one in data.findings}['rows of attributes ("is")'] == 1


def test_open_images_takes_three_tables_as_three_splits(tmp_path):
    data = open_open_images(write(tmp_path, ROWS | {"test": [f"d,{WITHIN}", f"d,{ON}"]}))
    assert {split: [data.split(split).image_id(image) for image in range(len(data.split(split)))]
            for split in ("train", "val", "test")} == {"train": ["a", "b"], "val": ["c"], "test": ["d"]}


def test_open_images_leaves_out_boxes_without_extent(tmp_path):
    flat = "b,/m/1,/m/2,.1,.1,.25,.5,0,1,0,1,on"
    data = open_open_images(write(tmp_path, ROWS | {"train": [*ROWS["train"], flat]}), num_val_images=1)
    assert {one.kind: one.count for one in data.findings}["relations of objects without extent"] == 1


@pytest.mark.parametrize(("rows", "names", "message"), [
    ({"train": ["a,/m/1,/m/2,.1,1.5,.25,.5,0,1,0,1,on"]}, NAMES,
     r"challenge-2019-train-vrd.csv: line 2: the sides of boxes must be fractions of the image"),
    ({"train": ["a,/m/1,/m/2,.1,x,.25,.5,0,1,0,1,on"]}, NAMES, r"train-vrd.csv: the columns XMin1 to YMax2 must be"),
    ({}, "/m/1,Person\n", r"no table of names .* has the label '/m/2': put the table of the same release there"),
    ({}, "/m/1,Person\n/m/2,Person\n", r"class names\[1\] and class names\[0\] are both 'Person'"),
    ({}, "/m/1\n", r"classes-vrd.csv: line 1 must be a label and its name"),
])
def test_open_images_names_a_wrong_line(tmp_path, rows, names, message):
    with pytest.raises(ValueError, match=f"{tmp_path}.*{message}"):
        open_open_images(write(tmp_path, ROWS | rows, names))


def test_open_images_names_missing_and_doubtful_tables(tmp_path):
    write(tmp_path)
    path = tmp_path / "challenge-2019-train-vrd.csv"
    (tmp_path / "oidv6-train-annotations-vrd.csv").write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match=r"has 2 tables of train: challenge-2019-train-vrd.csv, oidv6.*; keep"):
        open_open_images(tmp_path)
    path.unlink()
    (tmp_path / "oidv6-train-annotations-vrd.csv").write_text("ImageID,LabelName1\na,b\n")
    with pytest.raises(ValueError, match=r"oidv6-train-annotations-vrd.csv has no column LabelName2; it needs ImageID"):
        open_open_images(tmp_path)
    (tmp_path / "oidv6-train-annotations-vrd.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"\*train\*vrd.csv is missing; put the tables"):
        open_open_images(tmp_path)


IMAGE = {"img_fn": "a", "img_size": [60, 40], "bbox": [[0, 0, 60, 40], [6, 10, 30, 20]], "det_labels": [1, 0],
         "rel": [[0, 1, 0]]}


def write_json(folder, edit=lambda image: None):
    (folder / "annotations").mkdir()
    names = {"obj": ["dog", "cat"], "rel": ["on", "at"]}
    (folder / "annotations" / "categories_dict.json").write_text(json.dumps(names))
    for split in ("train", "val", "test"):
        image = copy.deepcopy(IMAGE) | {"img_fn": split}
        edit(image)
        (folder / "annotations" / f"vrd-{split}-anno.json").write_text(json.dumps([image]))
    return folder


def test_prepared_open_images_count_from_0(tmp_path):
    data = open_open_images_json(write_json(tmp_path))
    graph = data.split("val").graph(0)
    assert (graph.labels.tolist(), graph.relations.tolist()) == ([2, 1], [[0, 1, 1]])
    assert data.split("val").size(0) == (40, 60)
    assert data.split("val").image_path(0) == tmp_path / "images" / "val.jpg"


def test_prepared_open_images_count_from_the_entry_of_the_background(tmp_path):
    write_json(tmp_path, lambda image: image.update(det_labels=[2, 1], rel=[[0, 1, 1]]))
    names = {"obj": ["__background__", "dog", "cat"], "rel": ["background", "on", "at"]}
    (tmp_path / "annotations" / "categories_dict.json").write_text(json.dumps(names))
    data = open_open_images_json(tmp_path)
    graph = data.split("val").graph(0)
    assert (data.classes[1:], data.predicates[1:]) == (["dog", "cat"], ["on", "at"])
    assert (graph.labels.tolist(), graph.relations.tolist()) == ([2, 1], [[0, 1, 1]])


@pytest.mark.parametrize(("changes", "message"), [
    ({"det_labels": [1]}, r"vrd-train-anno.json: \[0\] 'det_labels' must be 2 whole numbers, got \[1\]"),
    ({"det_labels": [1, 2]}, r"train.jpg, object 1: class 2 is not in 0..1"),
    ({"rel": [[0, 2, 0]]}, r"rel\[0\] is \[0, 2, 0\], but subject and object count the 2 boxes of the image from 0"),
    ({"rel": [[0, 1]]}, r"'rel\[0\]' must be 3 whole numbers"),
    ({"img_size": [0, 4]}, r"'img_size' must be a width and"),
    ({"bbox": [[0, 0, 1], [0, 0, 1, 1]]}, r"'bbox\[0\]' must be 4 numbers"),
])
def test_prepared_open_images_name_a_wrong_record(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        open_open_images_json(write_json(tmp_path, lambda image: image.update(changes)))
