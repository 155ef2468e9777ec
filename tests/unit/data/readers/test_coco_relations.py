"""COCO with relations: what is wrong with a file is named with the record and the remedy."""

import copy
import json

import pytest

from sgg.data import open_dataset
from sgg.data.readers.coco_relations import FILE, open_coco_relations
from sgg.data.splits import SPLITS

CONTENT = {
    "images": [{"id": 7, "file_name": "a.jpg", "width": 30, "height": 40},
               {"id": 8, "file_name": "b.jpg", "width": 30, "height": 40}],
    "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
    "annotations": [{"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 2, 3.5, 4]},
                    {"id": 2, "image_id": 7, "category_id": 2, "bbox": [0, 0, 5, 5]},
                    {"id": 3, "image_id": 8, "category_id": 2, "bbox": [0, 0, 5, 5], "segmentation": []}],
    "rel_categories": [{"id": 1, "name": "on"}, {"id": 2, "name": "near"}],
    "rel_annotations": [{"id": 0, "image_id": 7, "subject_id": 1, "object_id": 2, "predicate_id": 2},
                        {"id": 1, "subject_id": 2, "object_id": 1, "predicate_id": 1}],
}


def write(folder, content, **of_splits):
    for split in SPLITS:
        (folder / split).mkdir(exist_ok=True)
        (folder / split / FILE).write_text(json.dumps(of_splits.get(split, content)))
    return folder


def edited(edit):
    content = copy.deepcopy(CONTENT)
    edit(content)
    return content


def put(section, row, **values):
    return lambda content: content[section][row].update(values)


def test_open_dataset_reads_the_folder_that_the_setting_names(tmp_path):
    (tmp_path / "IndoorVG").mkdir()
    write(tmp_path / "IndoorVG", CONTENT)
    data = open_dataset("coco-relations", tmp_path, folder="IndoorVG")
    assert data.description.startswith("IndoorVG (COCO with relations): 1/1/1 images (train/val/test), 2 classes")
    assert data.split("val").image_path(0) == tmp_path / "IndoorVG" / "val" / "a.jpg"
    assert data.split("val").graph(0).boxes.tolist() == [[1, 2, 4.5, 6], [0, 0, 5, 5]]


def test_names_for_the_background_are_left_out(tmp_path):
    """Numbers follow ids, in whatever order the file has them."""
    def edit(content):
        content["rel_categories"] = [{"id": 2, "name": "near"}, {"id": 0, "name": "__no_relation__"},
                                     {"id": 1, "name": "on"}]
        content["categories"].append({"id": 0, "name": "__background__"})

    data = open_coco_relations(write(tmp_path, edited(edit)))
    assert (data.classes, data.predicates) == (["__background__", "dog", "cat"], ["__background__", "on", "near"])
    assert data.split("test").graph(0).relations.tolist() == [[0, 1, 2], [1, 0, 1]]
    assert not data.findings


def test_objects_of_images_that_are_not_listed_are_left_out_with_their_relations(tmp_path):
    def edit(content):
        content["annotations"] += [{"id": 8, "image_id": 99, "category_id": 1, "bbox": [0, 0, 5, 5]},
                                   {"id": 9, "image_id": 99, "category_id": 1, "bbox": [0, 0, 5, 5]}]
        content["annotations"].insert(0, content["annotations"].pop())
        content["rel_annotations"].append({"subject_id": 8, "object_id": 9, "predicate_id": 1})

    data = open_coco_relations(write(tmp_path, CONTENT, test=edited(edit)))
    finding, = data.findings
    assert (finding.count, finding.of, finding.severity) == (2, 11, "fault")
    assert finding.example == f"{tmp_path}/test/{FILE}: annotations[0] is of image 99"
    assert data.split("test").graph(0).relations.tolist() == data.split("val").graph(0).relations.tolist()


def test_a_few_objects_without_extent_are_left_out_with_their_relations(tmp_path):
    """One of 2,000, which may be a slip; a third of three is refused, see below."""
    def edit(content):
        content["annotations"] += [{"id": 10 + number, "image_id": 8, "category_id": 1, "bbox": [0, 0, 5, 5]}
                                   for number in range(1999)]
        content["annotations"][3]["bbox"] = [3, 3, 0, 5]
        content["rel_annotations"].append({"subject_id": 10, "object_id": 11, "predicate_id": 1})

    data = open_coco_relations(write(tmp_path, CONTENT, train=edited(edit)))
    finding, = data.findings
    assert (finding.kind, finding.count, finding.of, finding.severity) == ("objects without extent", 1, 2008, "note")
    assert finding.example == f"{tmp_path}/train/{FILE}: annotations[3]"
    assert data.split("train").graph(0).relations.tolist() == data.split("val").graph(0).relations.tolist()
    assert len(data.split("train")) == 1


WRONG = {
    "id missing": (lambda c: c["annotations"][1].pop("id"), r"annotations\[1\].*; sgg/data/readers/coco_relations.py"),
    "id of text": (put("images", 1, id="8"), r"`int`, got `str` - at `\$.images\[1\].id`"),
    "id negative": (put("annotations", 1, id=-1), r"annotations\[1\].id"),
    "id twice": (put("annotations", 2, id=1), r"annotations\[0\] and annotations\[2\] have the same id 1: ids must be"),
    "class twice": (put("categories", 1, id=1), r"categories\[0\] and categories\[1\] have the same id 1"),
    "name twice": (put("categories", 1, name="dog"), r"categories\[1\] and categories\[0\] are both 'dog'"),
    "no names": (lambda c: c.update(categories=[]), r"'categories' must hold at least one name"),
    "names and ids": (lambda c: c["rel_categories"].append("at"), r"rel_categories\[2\] is a name alone"),
    "class from 0": (lambda c: [one.update(category_id=one["category_id"] - 1) for one in c["annotations"]],
                     r"annotations\[0\] refers to category_id 0, which is not in 'categories' \(ids 1 to 2\); "
                     r"category_id seems to count from 0, but the list from 1: add 1 to every category_id"),
    "predicates of a list from 0": (
        lambda c: [one.update(id=one["id"] - 1) for one in c["rel_categories"]],
        r"rel_annotations\[0\] refers to predicate_id 2, .* \(ids 0 to 1\); .*: subtract 1 from every predicate_id"),
    "background": (lambda c: (c["rel_categories"].append({"id": 0, "name": "__background__"}),
                              c["rel_annotations"][1].update(predicate_id=0)),
                   r"rel_annotations\[1\] refers to predicate_id 0, which is not in 'rel_categories' \(ids 1 to 2\)"),
    "object gone": (put("rel_annotations", 0, object_id=5), r"rel_annotations\[0\] refers to object_id 5, which is"),
    "across images": (put("rel_annotations", 0, object_id=3),
                      r"rel_annotations\[0\] joins objects of two images: subject_id 1 is of image 7, object_id 3 of "
                      r"image 8; ids of annotations must be unique in the whole file"),
    "other image": (put("rel_annotations", 0, image_id=8),
                    r"rel_annotations\[0\] has image_id 8, but its objects are of image 7"),
    "box short": (put("annotations", 0, bbox=[1, 2, 3]), r"length 4.*annotations\[0\].bbox"),
    "box empty": (put("annotations", 0, bbox=[1, 2, 0, 3]), r"image train/a.jpg, object 0: box \[.*\] .* has no area"),
    "width": (put("images", 0, width=0), r"images\[0\].width"),
    "file elsewhere": (put("images", 1, file_name="../b.jpg"), r"images\[1\] must have a path below the folder of"),
    "file twice": (put("images", 1, file_name="a.png"), r"images\[1\] and images\[0\] have the file names"),
    "list missing": (lambda c: c.pop("rel_annotations"), r"missing required field `rel_annotations`; sgg/data/readers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_open_coco_relations_names_a_wrong_record(name, tmp_path):
    edit, message = WRONG[name]
    with pytest.raises(ValueError, match=f"{tmp_path}.*{message}"):
        open_coco_relations(write(tmp_path, edited(edit)))


def test_open_coco_relations_refuses_splits_of_other_classes(tmp_path):
    other = edited(put("categories", 1, name="horse"))
    with pytest.raises(ValueError, match=rf"test/{FILE}: 'categories' must be those of .*train/{FILE}, but there is "
                                         r"\(2, 'horse'\) in place of \(2, 'cat'\)"):
        open_coco_relations(write(tmp_path, CONTENT, test=other))
    shorter = edited(lambda content: content["rel_categories"].append({"id": 3, "name": "at"}))
    with pytest.raises(ValueError, match=r"val.*'rel_categories' must be .*, but there is 3 names in place of 2 names"):
        open_coco_relations(write(tmp_path, CONTENT, val=shorter))


def test_open_coco_relations_names_a_missing_split_and_the_remedy(tmp_path):
    write(tmp_path, CONTENT)
    (tmp_path / "val" / FILE).unlink()
    with pytest.raises(FileNotFoundError, match=rf"val/{FILE} is missing; put the files .*data\.folder"):
        open_coco_relations(tmp_path)


def test_open_coco_relations_names_a_file_that_is_cut_off(tmp_path):
    path = write(tmp_path, CONTENT) / "test" / FILE
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=rf"test/{FILE} is not JSON, or is cut off"):
        open_coco_relations(tmp_path)
