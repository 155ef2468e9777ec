"""PSG's own file: what is wrong with it is named with the record."""

import copy
import json

import pytest

from sgg.data.readers.psg import open_psg


def image(number, file):
    return {"file_name": file, "height": 40, "width": 60, "image_id": str(number), "annotations": [
        {"bbox": [0, 0, 10, 10], "bbox_mode": 0, "category_id": 0},
        {"bbox": [5, 5, 20, 30], "bbox_mode": 0, "category_id": 2}], "relations": [[0, 1, 1]]}


CONTENT = {"data": [image(number, f"train2017/{number}.jpg") for number in (1, 2, 3)], "test_image_ids": ["3"],
           "thing_classes": ["cat", "dog"], "stuff_classes": ["grass"], "predicate_classes": ["over", "on"]}


def write(folder, edit=lambda content: None):
    content = copy.deepcopy(CONTENT)
    edit(content)
    (folder / "psg.json").write_text(json.dumps(content))
    return folder


def test_open_psg_counts_from_0(tmp_path):
    data = open_psg(write(tmp_path), num_val_images=1)
    graph = data.split("test").graph(0)
    assert (graph.labels.tolist(), graph.relations.tolist()) == ([1, 3], [[0, 1, 2]])
    assert data.split("val").image_path(0) == tmp_path / "train2017" / "1.jpg"


def test_open_psg_counts_from_the_entry_of_the_background(tmp_path):
    def edit(content):
        content["predicate_classes"].insert(0, "__background__")

    data = open_psg(write(tmp_path, edit), num_val_images=1)
    assert data.predicates == ["__background__", "over", "on"]
    assert data.split("test").graph(0).relations.tolist() == [[0, 1, 1]]


WRONG = {
    "class": (lambda c: c["data"][1]["annotations"][0].update(category_id=3),
              r"2.jpg, object 0: class 3 is not in 0..2"),
    "predicate": (lambda c: c["data"][1]["relations"][0].__setitem__(2, 2), r"relation 0: predicate 2 is not in 0..1"),
    "object": (lambda c: c["data"][1]["relations"][0].__setitem__(1, 2),
               r"data\[1\] relations\[0\] is \[0, 2, 1\], but subject and object count the 2 annotations .* from 0"),
    "relation": (lambda c: c["data"][1]["relations"].append([0, 1]), r"relations\[1\] must be \[subject, object, pred"),
    "mode": (lambda c: c["data"][0]["annotations"][1].update(bbox_mode=1),
             r"data\[0\] annotations\[1\] must have 'bbox_mode' 0 \(x1, y1, x2, y2 in pixels\), got 1: convert"),
    "image twice": (lambda c: c["data"][1].update(image_id="1"), r"data\[1\] and data\[0\] have the same image_id '1'"),
    "unknown test": (lambda c: c["test_image_ids"].append("9"), r"'test_image_ids' has 1 ids .* such as '9'"),
    "background": (lambda c: c["predicate_classes"].append("background"),
                   r"predicate_classes\[2\] is 'background', .*: only the first entry can"),
    "key": (lambda c: c.pop("stuff_classes"), r"must have list under 'stuff_classes'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_open_psg_names_a_wrong_record(name, tmp_path):
    edit, message = WRONG[name]
    with pytest.raises(ValueError, match=f"psg.json.*{message}"):
        open_psg(write(tmp_path, edit), num_val_images=1)


def test_open_psg_names_a_missing_file_and_the_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"psg.json is missing; put PSG's psg.json there, and COCO's folders"):
        open_psg(tmp_path)
