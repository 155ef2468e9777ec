"""The JSON layout for people's own data, and the example that ships with it."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest

from sgg.data import load_batches, open_dataset
from sgg.data.checks.consistency import Rules
from sgg.data.readers.custom import open_custom
from sgg.data.readers.visual_genome import open_visual_genome
from sgg.data.writers.custom import write_custom

EXAMPLE = Path(__file__).parents[3] / "example"
CONTENT = {
    "images": [{"id": "b", "file_name": "b.png", "width": 20, "height": 10, "split": "val"},
               {"id": 4, "file_name": "sub/a.png", "width": 30, "height": 40, "split": "train"},
               {"id": 5, "file_name": "c.png", "width": 30, "height": 40, "split": "test"}],
    "categories": [{"id": 30, "name": "dog"}, {"id": 10, "name": "cat"}],
    "annotations": [{"id": 1, "image_id": 4, "category_id": 30, "bbox": [1, 2, 3.5, 4]},
                    {"id": 2, "image_id": "b", "category_id": 10, "bbox": [0, 0, 5, 5]},
                    {"id": 3, "image_id": 4, "category_id": 10, "bbox": [10, 30, 40, 40]},
                    {"id": 4, "image_id": 5, "category_id": 30, "bbox": [0, 0, 1, 1], "iscrowd": 0},
                    {"id": 5, "image_id": 5, "category_id": 30, "bbox": [0, 0, 1, 2]},
                    {"id": 6, "image_id": "b", "category_id": 10, "bbox": [5, 0, 5, 5]}],
    "predicates": [{"id": "p", "name": "on"}],
    "relations": [{"subject_id": 4, "object_id": 5, "predicate_id": "p"},
                  {"subject_id": 3, "object_id": 1, "predicate_id": "p"},
                  {"subject_id": 2, "object_id": 6, "predicate_id": "p"}],
}


def write(directory, content):
    (directory / "annotations.json").write_text(json.dumps(content))
    return directory


def test_open_custom_turns_records_into_graphs(tmp_path):
    data = open_custom(write(tmp_path, CONTENT))
    train = data.split("train")
    graph = train.graph(0)
    assert data.classes == ["__background__", "dog", "cat"]
    assert data.predicates == ["__background__", "on"]
    assert train.image_id(0) == "sub/a"
    assert train.image_path(0) == tmp_path / "images" / "sub" / "a.png"
    assert train.size(0) == (40, 30)
    assert graph.boxes.tolist() == [[1, 2, 4.5, 6], [10, 30, 30, 40]]  # the second clipped
    assert graph.labels.tolist() == [1, 2]
    assert graph.relations.tolist() == [[1, 0, 1]]
    assert [len(data.split(name)) for name in ("val", "test")] == [1, 1]


def test_images_without_an_ending_have_names_of_their_own(tmp_path):
    content = copy.deepcopy(CONTENT)
    for index, name in enumerate(("day.1/a", "day.1/b", "day.2/a")):
        content["images"][index]["file_name"] = name
    data = open_custom(write(tmp_path, content))
    assert [data.split(name).image_id(0) for name in ("val", "train", "test")] == ["day.1/a", "day.1/b", "day.2/a"]


def test_open_custom_of_the_example():
    data = open_dataset("custom", EXAMPLE)
    assert data.description.startswith("nine pictures of the toy genome: 4/2/3 images")
    batch = next(load_batches(data.split("train"), 4).epoch(0))
    assert len(batch) == 4
    assert [tuple(image.shape) for image in batch.images] == [(3, 176, 176)] * 2 + [(3, 166, 166), (3, 176, 176)]


def test_open_custom_reads_all_hard_cases_of_the_example():
    """Landscape, portrait and 1:4; boxes that stick out; a relation annotated twice; two predicates on a pair. In every
    part, so that whatever reads the example meets them."""
    content = json.loads((EXAMPLE / "custom" / "annotations.json").read_text())
    size_of = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
    shapes = {width / height for width, height in size_of.values()}
    assert min(shapes) < 0.6
    assert 1 in shapes
    assert max(shapes) == 4
    boxes = np.array([[*one["bbox"], *size_of[one["image_id"]]] for one in content["annotations"]])
    x, y, width, height, *ends = boxes.T
    assert ((x < 0) | (y < 0) | (x + width > ends[0]) | (y + height > ends[1])).sum() == 5
    data = open_dataset("custom", EXAMPLE)
    for name in ("train", "val", "test"):
        annotations = data.split(name).annotations
        rows = np.column_stack([annotations.image_of_relation, annotations.relations])
        assert len(np.unique(rows, axis=0)) < len(rows)
        assert len(np.unique(rows[:, :3], axis=0)) < len(np.unique(rows, axis=0))
        assert (annotations.sizes[:, 0] != annotations.sizes[:, 1]).any()


def test_write_custom_keeps_content_and_hash(genome_directory, tmp_path):
    original = open_visual_genome(genome_directory, num_val_images=2)
    write_custom(original, tmp_path / "converted")
    converted = open_custom(tmp_path / "converted")
    assert converted.hash == original.hash
    assert converted.split("test").image_path(0).samefile(original.split("test").image_path(0))


def remove(section, index=None, key=None):
    def edit(content):
        if index is None:
            del content[section]
        elif key is None:
            del content[section][index]
        else:
            del content[section][index][key]
    return edit


def put(section, index, **values):
    return lambda content: content[section][index].update(values)


WRONG = {
    "section missing": (remove("relations"), r"has no 'relations'; .*as a list; sgg/data/readers/"),
    "section mistyped": (lambda c: c.update(images={}), r"must have list under 'images'"),
    "record mistyped": (lambda c: c["annotations"].insert(1, 3), r"annotations\[1\] must have int or str .*, got 3"),
    "key missing": (remove("images", 1, "width"), r"images\[1\] must have int under 'width'"),
    "id twice": (put("annotations", 2, id=1), r"the id 1 occurs more than once in 'annotations'"),
    "image unknown": (put("annotations", 2, image_id=9), r"annotations\[2\] refers to image_id 9, .* not in 'images'"),
    "object gone": (remove("annotations", 2), r"relations\[1\] refers to subject_id 3, which is not in 'annotations'"),
    "category unknown": (put("annotations", 0, category_id=1), r"annotations\[0\] refers to category_id 1"),
    "predicate unknown": (put("relations", 1, predicate_id=1), r"relations\[1\] refers to predicate_id 1"),
    "across images": (put("relations", 1, object_id=2), r"relations\[1\] joins objects of two images"),
    "box short": (put("annotations", 0, bbox=[1, 2, 3]), r"annotations\[0\] must have a 'bbox' \[x, y, width"),
    "box of text": (put("annotations", 0, bbox=[1, 2, 3, "4"]), r"annotations\[0\] must have a 'bbox'"),
    "box infinite": (put("annotations", 0, bbox=[1, 2, 3, float("inf")]), r"annotations\[0\] must have a 'bbox'"),
    "box empty": (put("annotations", 0, bbox=[1, 2, 0, 3]), r"image sub/a.png, object 0: box \[.*\] .* has no area"),
    "box outside": (put("annotations", 0, bbox=[31, 2, 5, 3]), r"image sub/a.png, object 0: box .* lies outside"),
    "split": (put("images", 0, split="valid"), r"images\[0\] must have 'split' train, val or test, got 'valid'"),
    "size": (put("images", 0, width=0), r"images\[0\] must have a height and width >= 1, got \[10, 0\]"),
    "huge": (put("images", 0, width=2**80), r"images\[0\] must have int under 'width'"),
    "names": (put("categories", 0, name="cat"), r"the names in 'categories' must be distinct"),
    "background": (put("categories", 0, name="__background__"), r"the names in 'categories' must be distinct, .* none"),
    "image twice": (put("images", 0, file_name="c.png"),
                      r"images\[2\] and images\[0\] have the file names 'c.png' and 'c.png': list an image once"),
    "image by two ways": (put("images", 2, file_name="sub/../sub/./a.png"), r"images\[2\] and images\[1\] have"),
    "one name of two": (put("images", 0, file_name="c.jpg"), r"names 'c.png' and 'c.jpg': .* names must differ"),
    "title": (lambda c: c.update(title=1), r"must have str under 'title'"),
    "no test": (put("images", 2, split="val"), r"every split needs images .* train 1, val 2, test 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_open_custom_names_a_wrong_record(name, tmp_path):
    edit, message = WRONG[name]
    content = copy.deepcopy(CONTENT)
    edit(content)
    with pytest.raises(ValueError, match=r"annotations\.json.*" + message):
        open_custom(write(tmp_path, content))


def test_open_custom_refuses_a_section_that_occurs_twice(tmp_path):
    write(tmp_path, CONTENT)
    path = tmp_path / "annotations.json"
    path.write_text(path.read_text()[:-1] + ', "relations": []}')
    with pytest.raises(ValueError, match=r"annotations.json .* the key 'relations' occurs twice in one object"):
        open_custom(tmp_path)


def test_open_custom_names_a_missing_file_and_the_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"annotations.json is missing; .*sgg/data/readers/custom.py"):
        open_custom(tmp_path)


VRD = {"predicate": 0, "subject": {"category": 1, "bbox": [0, 9, 0, 9]}, "object": {"category": 2}}


@pytest.mark.parametrize(("content", "name"), [
    ({"data": [], "thing_classes": [], "stuff_classes": [], "predicate_classes": []}, r"Open-PSG .*data.name=psg"),
    ({"1.jpg": [], "2.jpg": [VRD]}, r"VRD .*data.name=vrd"),
    ([{"image_id": 1, "relationships": []}], r"Visual Genome's relationships.json .*data.name=vg"),
    ([{"image_id": 1, "objects": []}], r"Visual Genome's objects.json"),
    ({"7": {"width": 3, "height": 3, "objects": {}}}, r"GQA's scene graphs: .*data.name=gqa"),
    ([{"ImageID": "a", "LabelName1": "/m/1", "LabelName2": "/m/2", "RelationshipLabel": "at"}],
     r"Open Images.*data.name=open-images"),
    ([{"img_fn": "a", "img_size": [], "bbox": [], "det_labels": [], "rel": []}],
     r"Open Images or VRD.*data.name=open-images-json"),
    ({"train": {}, "val": {}, "test": {}, "rel_categories": []}, "RelTR"),
    ({"images": [], "annotations": [], "categories": []}, "COCO's layout, without relations"),
])
def test_foreign_layout_names_known_layouts(content, name, tmp_path):
    with pytest.raises(ValueError, match=rf"annotations.json has another layout .*{name}.*readers/custom.py desc"):
        open_custom(write(tmp_path, content))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_open_custom_names_a_box_that_is_not_finite(number, tmp_path):
    write(tmp_path, CONTENT)
    path = tmp_path / "annotations.json"
    path.write_text(path.read_text().replace("3.5", number))
    with pytest.raises(ValueError, match=r"annotations\[0\] must have a 'bbox' \[x, y, width, height\]"):
        open_custom(tmp_path)


def test_open_custom_refuses_a_file_where_every_relation_is_of_an_object_to_itself(tmp_path):
    """The message tells that, and not only that there are no relations."""
    content = copy.deepcopy(CONTENT)
    for relation in content["relations"]:
        relation["object_id"] = relation["subject_id"]
    with pytest.raises(ValueError, match=r"train 0, val 0, test 0; 3 of 3 relations in the file are of an object to "
                                         r"itself \(the first: image b\.png, relation 0\).*data\.self_relations=keep"):
        open_custom(write(tmp_path, content))
    assert len(open_custom(write(tmp_path, content), rules=Rules(self_relations="keep")).split("train")) == 1


@pytest.mark.parametrize(("content", "message"), [
    ({}, r"annotations\.json: is empty: it has no 'images', 'categories', .*sgg/data/readers/custom\.py"),
    ({"images": [], "categories": []}, r"json: has no 'annotations', 'predicates', 'relations'; ")])
def test_open_custom_names_all_missing_lists(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        open_custom(write(tmp_path, content))
