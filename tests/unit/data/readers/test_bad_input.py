"""What every reader says of the same kinds of bad input: the file, the record and the remedy.

The tables of single readers have more kinds; this one holds what all must say of ids, of numbers that begin at another
number, of entries for the background, and of relations that leave their image.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sgg.data.readers.coco_relations import open_coco_relations
from sgg.data.readers.custom import open_custom
from sgg.data.readers.gqa import open_gqa
from sgg.data.readers.open_images import open_open_images
from sgg.data.readers.open_images_json import open_open_images_json
from sgg.data.readers.psg import open_psg
from sgg.data.readers.visual_genome import open_visual_genome
from sgg.data.readers.vrd import open_vrd
from sgg.data.readers.vtranse import open_vtranse
from tests.unit.data.conftest import Genome
from tests.unit.data.readers import (
    test_coco_relations,
    test_custom,
    test_gqa,
    test_open_images,
    test_psg,
    test_vrd,
    test_vtranse,
)

Edit = Callable[[Any], object]


def coco(folder: Path, edit: Edit) -> None:
    open_coco_relations(test_coco_relations.write(folder, test_coco_relations.edited(edit)))


def psg(folder: Path, edit: Edit) -> None:
    open_psg(test_psg.write(folder, edit), num_val_images=1)


def vrd(folder: Path, edit: Edit) -> None:
    open_vrd(test_vrd.write(folder, edit=edit), num_val_images=1)


def open_images(folder: Path, edit: Edit) -> None:
    """edit: of the lines of each table, `names` among them."""
    tables = {**copy.deepcopy(test_open_images.ROWS), "names": test_open_images.NAMES.split()}
    edit(tables)
    names = "\n".join(tables.pop("names")) + "\n"
    open_open_images(test_open_images.write(folder, tables, names), num_val_images=1)


def prepared(folder: Path, edit: Edit) -> None:
    open_open_images_json(test_open_images.write_json(folder, edit))


def visual_genome(folder: Path, edit: Edit) -> None:
    genome = Genome()
    edit(genome)
    open_visual_genome(genome.write(folder, images=False), num_val_images=2)


def vtranse(folder: Path, edit: Edit) -> None:
    content = copy.deepcopy({"train": test_vtranse.TRAIN, "test": test_vtranse.TEST, "classes": test_vtranse.CLASSES,
                             "predicates": test_vtranse.PREDICATES})
    edit(content)
    open_vtranse(test_vtranse.write(folder, **content), num_val_images=1)


def gqa(folder: Path, edit: Edit) -> None:
    content = copy.deepcopy({"train": test_gqa.TRAIN, "asked": test_gqa.ASKED})
    edit(content)
    test_gqa.write(folder, **content)
    open_gqa(folder / "GQA", folder / "VG", num_val_images=1)


def custom(folder: Path, edit: Edit) -> None:
    content = copy.deepcopy(test_custom.CONTENT)
    edit(content)
    open_custom(test_custom.write(folder, content))


def shift(records: list[dict[str, Any]], key: str, step: int) -> None:
    for record in records:
        record[key] += step


BAD = {
    # an id is missing
    "coco, no id": (coco, lambda c: c["annotations"][1].pop("id"), "train/_annotations.coco.json", "annotations[1]",
                    "sgg/data/readers/coco_relations.py describes the layout"),
    "psg, no id": (psg, lambda c: c["data"][1].pop("image_id"), "psg.json", "data[1]", "must have str or int under"),
    "vg, no id": (visual_genome, lambda g: g.images[4].pop("image_id"), "image_data.json", "record 4",
                  "must have a whole number >= 0 under 'image_id'"),
    "custom, no id": (custom, lambda c: c["annotations"][1].pop("id"), "annotations.json", "annotations[1]",
                      "must have int or str under 'id'"),
    # an id occurs twice
    "coco, id twice": (coco, lambda c: c["annotations"][2].update(id=1), "train/_annotations.coco.json",
                       "annotations[0] and annotations[2]", "ids must be unique in their list"),
    "psg, id twice": (psg, lambda c: c["data"][1].update(image_id="1"), "psg.json", "data[1] and data[0]",
                      "list an image once"),
    "vg, id twice": (visual_genome, lambda g: g.images[4].update(image_id=103), "image_data.json", "image_id 103",
                     "list an image once"),
    "custom, id twice": (custom, lambda c: c["annotations"][2].update(id=1), "annotations.json", "the id 1",
                         "ids must be unique in their list"),
    # an id of nothing
    "coco, unknown id": (coco, lambda c: c["rel_annotations"][0].update(object_id=5), "_annotations.coco.json",
                         "rel_annotations[0] refers to object_id 5", "correct the id, or add its record"),
    "psg, unknown id": (psg, lambda c: c["test_image_ids"].append("9"), "psg.json", "'test_image_ids' has 1 ids",
                        "leave them out, or add their images"),
    "vtranse, unknown id": (vtranse, lambda c: c.update(train={"8": c["train"]["9"]}), "vg1_2_meta.h5", "image 8",
                            "use files of one release"),
    "gqa, unknown id": (gqa, lambda c: c["asked"].update(train=["9", "3"]), "train_balanced_questions.json",
                        "entry 1, '3'", "use files of one release"),
    "open images, unknown label": (open_images, lambda t: t.update(names=["/m/1,Person"]), "*classes-vrd.csv",
                                   "the label '/m/2'", "put the table of the same release there"),
    "custom, unknown id": (custom, lambda c: c["relations"][0].update(object_id=9), "annotations.json",
                           "relations[0] refers to object_id 9", "correct the id, or add its record"),
    "vg, other number of images": (visual_genome, lambda g: g.images.pop(), "VG-SGG.h5", "10 images",
                                   "use files of one release"),
    # numbers begin at another number than in the layout
    "coco, from 0": (coco, lambda c: shift(c["annotations"], "category_id", -1), "_annotations.coco.json",
                     "annotations[0] refers to category_id 0", "add 1 to every category_id"),
    "psg, from 1": (psg, lambda c: [shift(image["annotations"], "category_id", 1) for image in c["data"]], "psg.json",
                    "image train2017/1.jpg, object 1: class 3", "subtract 1 from the number of every class"),
    "vrd, from 1": (vrd, lambda f: [shift([one["subject"], one["object"]], "category", 1)
                                    for name in list(f)[:2] for of in f[name].values() for one in of],
                    "annotations_train.json", "image sg_train_images/a.jpg, object 1: class 3",
                    "subtract 1 from the number of every class"),
    "prepared, from 1": (prepared, lambda image: image.update(det_labels=[2, 1]), "vrd-train-anno.json",
                         "image train.jpg, object 0: class 2", "subtract 1 from the number of every class"),
    "vg, from 0": (visual_genome, lambda g: g.arrays.update(labels=g.arrays["labels"] - 1), "VG-SGG.h5",
                   "image 100.jpg, object 0: class 0", "add 1 to the number of every class"),
    "vg, predicates from 0": (visual_genome, lambda g: g.arrays.update(predicates=g.arrays["predicates"] - 1),
                              "VG-SGG.h5", "image 100.jpg, relation 0: predicate 0",
                              "add 1 to the number of every predicate"),
    # one number is of nothing
    "psg, one number": (psg, lambda c: c["data"][1]["annotations"][0].update(category_id=3), "psg.json",
                        "image train2017/2.jpg, object 0: class 3", "correct the number, or add the class"),
    "vtranse, one number": (vtranse, lambda c: c["train"].update({"9": ([test_vtranse.DOG], [test_vtranse.CAT],
                                                                        [[1, 2, 2]])}),
                            "vg1_2_meta.h5", "image 9.jpg, relation 0: predicate 2", "add the predicate to the list"),
    # an entry for the background where none may be
    "coco, background": (coco, lambda c: (c["rel_categories"].append({"id": 0, "name": "__background__"}),
                                          c["rel_annotations"][1].update(predicate_id=0)),
                         "_annotations.coco.json", "rel_annotations[1] refers to predicate_id 0", "correct the id"),
    "psg, background": (psg, lambda c: c["predicate_classes"].append("background"), "psg.json", "predicate_classes[2]",
                        "only the first entry can"),
    "vrd, background": (vrd, lambda f: f["predicates.json"].append("no relation"), "predicates.json", "names[2]",
                        "only the first entry can"),
    "custom, background": (custom, lambda c: c["categories"][0].update(name="__background__"), "annotations.json",
                           "the names in 'categories'", "none '__background__'"),
    # a relation leaves its image
    "coco, two images": (coco, lambda c: c["rel_annotations"][0].update(object_id=3), "_annotations.coco.json",
                         "rel_annotations[0] joins objects of two images", "ids of annotations must be unique in the"),
    "coco, other image": (coco, lambda c: c["rel_annotations"][0].update(image_id=8), "_annotations.coco.json",
                          "rel_annotations[0] has image_id 8", "correct image_id, or leave it out"),
    "psg, two images": (psg, lambda c: c["data"][1]["relations"][0].__setitem__(1, 2), "psg.json",
                        "data[1] relations[0] is [0, 2, 1]", "correct the numbers"),
    "prepared, two images": (prepared, lambda image: image.update(rel=[[0, 2, 0]]), "vrd-train-anno.json",
                             "[0] rel[0] is [0, 2, 0]", "correct the numbers"),
    "vg, two images": (visual_genome, lambda g: g.arrays["relationships"].__setitem__((3, 1), 0), "VG-SGG.h5",
                       "image 101.jpg, relation 1", "a relation joins two objects of its image"),
    "gqa, two images": (gqa, lambda c: c["train"]["9"]["objects"]["a"]["relations"][0].update(object="z"),
                        "train_sceneGraphs.json", "image 9 object a, relation 0", "correct its key, or leave"),
    "custom, two images": (custom, lambda c: c["relations"][0].update(object_id=1), "annotations.json",
                           "relations[0] joins objects of two images", "must be of one"),
}


@pytest.mark.parametrize("name", BAD)
def test_readers_name_the_file_the_record_and_the_remedy(name: str, tmp_path: Path) -> None:
    opened, edit, file, record, remedy = BAD[name]
    with pytest.raises(ValueError, match=re.escape(remedy)) as refused:
        opened(tmp_path, edit)
    said = str(refused.value)
    assert type(refused.value) is ValueError
    assert str(tmp_path) in said
    assert file in said
    assert record in said
