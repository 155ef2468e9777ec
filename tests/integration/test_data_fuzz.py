"""Spoilt annotation files: each is refused in one of our errors, or read with every image, object and relation."""

import json
import random
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from sgg.data.readers.coco_relations import open_coco_relations
from sgg.data.readers.custom import open_custom
from sgg.data.readers.gqa import open_gqa
from sgg.data.readers.open_images_json import open_open_images_json
from sgg.data.readers.psg import open_psg
from sgg.data.readers.visual_genome import open_visual_genome
from sgg.data.readers.vrd import open_vrd
from sgg.data.readers.vtranse import open_vtranse
from sgg.data.writers.coco_relations import write_coco_relations
from sgg.data.writers.custom import write_custom
from sgg.data.writers.open_images_json import write_open_images_json
from sgg.data.writers.psg import write_psg
from sgg.data.writers.vrd import write_vrd

TINY = Path(__file__).parents[1] / "golden" / "files" / "vg_tiny_data" / "VG"
IMAGES = 10  # of the tiny genome: small files are spoilt more thoroughly, and read sooner
MUTATIONS = 300  # of each format


def small_genome(directory):
    """The first images of the tiny genome, in Visual Genome's own files."""
    source, folder = TINY / "stanford_filtered", directory / "stanford_filtered"
    folder.mkdir(parents=True)
    shutil.copy(source / "VG-SGG-dicts.json", folder)
    (folder / "image_data.json").write_text(json.dumps(json.loads((source / "image_data.json").read_text())[:IMAGES]))
    with h5py.File(source / "VG-SGG.h5") as old, h5py.File(folder / "VG-SGG.h5", "w") as new:
        for name, dataset in old.items():
            new[name] = dataset[:IMAGES] if len(dataset) == len(old["split"]) else dataset[:]
        for kind, names in (("box", ("boxes_1024", "labels")), ("rel", ("relationships", "predicates"))):
            end = new[f"img_to_last_{kind}"][:].max() + 1
            for name in names:
                rows = new[name][:end]
                del new[name]
                new[name] = rows
    return directory


def open_vg(directory):
    return open_visual_genome(directory, num_val_images=3)


def as_gqa(directory):
    data = open_vg(small_genome(directory / "source"))
    files = {"train": {}, "val": {}}
    for image in range(len(data.annotations)):
        graph = data.annotations.graph(image)
        objects = {}
        for row, (box, label) in enumerate(zip(graph.boxes.tolist(), graph.labels.tolist(), strict=True)):
            relations = [{"name": data.predicates[predicate], "object": f"o{other}"}
                         for subject, other, predicate in graph.relations.tolist() if subject == row]
            box = {"x": box[0], "y": box[1], "w": box[2] - box[0], "h": box[3] - box[1]}
            objects[f"o{row}"] = {"name": data.classes[label], **box, "relations": relations}
        height, width = data.annotations.sizes[image].tolist()
        part = "val" if data.splits[image] == 2 else "train"
        files[part][str(image)] = {"width": width, "height": height, "objects": objects}
    (directory / "sceneGraphs").mkdir(parents=True)
    for part, graphs in files.items():
        (directory / "sceneGraphs" / f"{part}_sceneGraphs.json").write_text(json.dumps(graphs))
        (directory / f"{part}_images.json").write_text(json.dumps(list(graphs)))
    shutil.rmtree(directory / "source")
    return directory


def as_vtranse(directory):
    data = open_vg(small_genome(directory))
    (directory / "vtranse").mkdir()
    with h5py.File(directory / "vtranse" / "vg1_2_meta.h5", "w") as file:
        for kind, names in (("cls", data.classes), ("pre", data.predicates)):
            for number, name in enumerate(names):
                file[f"meta/{kind}/name2idx/{name}"] = number
        for image in range(len(data.annotations)):
            graph = data.annotations.graph(image)
            if len(graph.relations):
                group = f"gt/{'test' if data.splits[image] == 2 else 'train'}/{data.annotations.files[image][:-4]}"
                file[f"{group}/sub_boxes"] = graph.boxes[graph.relations[:, 0]]
                file[f"{group}/obj_boxes"] = graph.boxes[graph.relations[:, 1]]
                file[f"{group}/rlp_labels"] = graph.triplets()
    (directory / "stanford_filtered" / "VG-SGG.h5").unlink()
    (directory / "stanford_filtered" / "VG-SGG-dicts.json").unlink()
    return directory


def as_custom(directory):
    write_custom(open_vg(small_genome(directory / "source")), directory)
    shutil.rmtree(directory / "source")
    return directory


def written(write):
    """The same data by a writer of ours, without links to images."""
    def make(directory):
        write(open_vg(small_genome(directory / "source")), directory)
        shutil.rmtree(directory / "source")
        for path in [path for path in directory.rglob("*") if path.is_symlink()]:
            path.unlink()
        return directory
    return make


def with_images(make):
    """Images of a size that fits all boxes, where the format has no sizes."""
    def also(directory):
        make(directory)
        for part in ("train", "test"):
            for name in json.loads((directory / f"annotations_{part}.json").read_text()):
                Image.new("L", (1024, 1024)).save(directory / f"sg_{part}_images" / name)
        return directory
    return also


def counts(data):
    annotations = data.annotations
    return len(annotations), len(annotations.labels), len(annotations.relations)


def counts_in_gqa(directory):
    """What the files say, which may be less than before: GQA's objects outside the image are left out, and nothing
    tells of an object that is not there.
    """
    totals = np.zeros(3, dtype=int)
    for part in ("train", "val"):
        graphs = json.loads((directory / "sceneGraphs" / f"{part}_sceneGraphs.json").read_text())
        for image in set(json.loads((directory / f"{part}_images.json").read_text())):
            objects = graphs[image]["objects"]
            inside = {key for key, o in objects.items() if o["x"] >= 0 and o["y"] >= 0 and o["w"] > 0 and o["h"] > 0}
            relations = [relation for key in inside for relation in objects[key]["relations"]
                         if relation["object"] in inside]
            totals += 1, len(inside), len(relations)
    return tuple(totals.tolist())


def counts_in_vtranse(directory):
    """What the file says: a changed box or class may be one object more, or the same as another."""
    images = objects = relations = 0
    with h5py.File(directory / "vtranse" / "vg1_2_meta.h5") as file:
        for part in ("train", "test"):
            for group in file[f"gt/{part}"].values():
                triplets = group["rlp_labels"][:]
                named = {(*box, label) for name, column in (("sub_boxes", 0), ("obj_boxes", 2))
                         for box, label in zip(group[name][:].tolist(), triplets[:, column].tolist(), strict=True)}
                images, objects, relations = images + 1, objects + len(named), relations + len(triplets)
    return images, objects, relations


def counts_in_custom(directory):
    """What the file says: an object without relations can be taken out of it without a trace."""
    content = json.loads((directory / "annotations.json").read_text())
    return tuple(len(content[section]) for section in ("images", "annotations", "relations"))


def counts_in_coco_relations(directory):
    """What the files say: objects of images that are not listed are left out, with their relations. The text of keys
    that are ignored is not decoded."""
    totals = np.zeros(3, dtype=int)
    for path in directory.rglob("*.json"):
        content = json.loads(path.read_text(errors="replace"))
        listed = {image["id"] for image in content["images"]}
        objects = {one["id"] for one in content["annotations"] if one["image_id"] in listed}
        relations = [one for one in content["rel_annotations"] if {one["subject_id"], one["object_id"]} <= objects]
        totals += len(listed), len(objects), len(relations)
    return tuple(totals.tolist())


def counts_in_psg(directory):
    """What the file says: a relation that an image has twice counts once."""
    images = json.loads((directory / "psg.json").read_text())["data"]
    return (len(images), sum(len(image["annotations"]) for image in images),
            sum(len({tuple(relation) for relation in image["relations"]}) for image in images))


def counts_in_open_images_json(directory):
    images = [image for path in directory.rglob("vrd-*.json") for image in json.loads(path.read_text())]
    return len(images), sum(len(image["bbox"]) for image in images), sum(len(image["rel"]) for image in images)


def counts_in_vrd(directory):
    """What the files say: objects are those of relations; those without extent are left out."""
    images = objects = relations = 0
    for part in ("train", "test"):
        for listed in json.loads((directory / f"annotations_{part}.json").read_text()).values():
            named, images = set(), images + 1
            for ends in ([one["subject"], one["object"]] for one in listed):
                if all(end["bbox"][1] > end["bbox"][0] and end["bbox"][3] > end["bbox"][2] for end in ends):
                    relations += 1
                    named |= {(end["category"], *end["bbox"]) for end in ends}
            objects += len(named)
    return images, objects, relations


FORMATS = {  # how to write it, how to read it, how much the files say there is (None: as much as before)
    "vg": (small_genome, open_vg, None),
    "gqa": (as_gqa, lambda directory: open_gqa(directory, directory, num_val_images=3), counts_in_gqa),
    "vtranse": (as_vtranse, lambda directory: open_vtranse(directory, num_val_images=3), counts_in_vtranse),
    "custom": (as_custom, open_custom, counts_in_custom),
    "coco-relations": (written(write_coco_relations), open_coco_relations, counts_in_coco_relations),
    "psg": (written(write_psg), lambda directory: open_psg(directory, num_val_images=3), counts_in_psg),
    "open-images-json": (written(write_open_images_json), open_open_images_json, counts_in_open_images_json),
    "vrd": (with_images(written(write_vrd)), lambda directory: open_vrd(directory, num_val_images=3), counts_in_vrd),
}
VALUES = [None, -1, 0, 1, 10**6, 2**40, 10**30, 0.5, 1e308, "", "obj1", "10", [], {}, [1], True]


def change_bytes(path, rng):
    """Cut the file, or overwrite, insert or delete a few of its bytes."""
    content = bytearray(path.read_bytes())
    place = rng.randrange(len(content))
    kind = rng.choice(["cut", "overwrite", "overwrite", "overwrite", "insert", "delete"])
    if kind == "cut":
        del content[place:]
    elif kind == "delete":
        del content[place:place + rng.randint(1, 16)]
    else:
        fresh = rng.randbytes(rng.randint(1, 4))
        content[place:place + (len(fresh) if kind == "overwrite" else 0)] = fresh
    path.write_bytes(content)


def change_json(path, rng):
    """Give one value somewhere in the JSON another value or type, or delete or repeat it."""
    content = json.loads(path.read_text())
    parent, key = None, None
    node = content
    while isinstance(node, dict | list) and node and (parent is None or rng.random() < 0.9):
        parent, key = node, rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
        node = parent[key]
    kind = rng.choice(["value", "value", "delete", "repeat"])
    if kind == "delete":
        del parent[key]
    elif kind == "repeat" and isinstance(parent, list):
        parent.append(node)
    else:
        parent[key] = rng.choice(VALUES)
    path.write_text(json.dumps(content))


def change_h5(path, rng):
    """Change an element of a dataset, or its length or type, or delete it."""
    with h5py.File(path, "r+") as file:
        names = []
        file.visititems(lambda name, entry: names.append(name) if isinstance(entry, h5py.Dataset) else None)
        name = rng.choice(names)
        values = file[name][()]
        kind = rng.choice(["element"] * 5 + ["length", "type", "delete"])
        del file[name]
        if kind == "element" or (kind == "length" and not values.ndim):
            values = np.array(values)
            place = np.unravel_index(rng.randrange(values.size), values.shape)
            values[place] = rng.choice([-(2**31), -1, 0, 1, 5, 2**31 - 1])
        elif kind == "length":
            values = values[:-1] if rng.random() < 0.5 else np.concatenate([values, values[-1:]])
        elif kind == "type":
            change = rng.choice([lambda v: v + 0.5, lambda v: v.astype(np.int8), lambda v: v.astype("S8"),
                                 lambda v: v[..., None]])
            values = change(np.array(values))
        if kind != "delete":
            file[name] = values


def spoil(directory, rng):
    """Change one file of the data set; says how, for the message of a failing test."""
    path = rng.choice(sorted(path for path in directory.rglob("*") if path.suffix in (".json", ".h5")))
    change = rng.choice([change_bytes, change_h5 if path.suffix == ".h5" else change_json])
    change(path, rng)
    return f"{change.__name__} of {path.name}"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", FORMATS)
def test_open_refuses_a_damaged_file_or_reads_it_in_full(name, tmp_path):
    make, read, count_in_files = FORMATS[name]
    whole = make(tmp_path / "whole")
    before, messages = counts(read(whole)), []
    for seed in range(MUTATIONS):
        spoilt = tmp_path / str(seed)
        shutil.copytree(whole, spoilt)
        done = f"seed {seed}, {spoil(spoilt, random.Random(f'{name} {seed}'))}"
        try:
            found = counts(read(spoilt))
        except (ValueError, FileNotFoundError) as error:
            messages.append((done, str(error)))
        else:
            expected = count_in_files(spoilt) if count_in_files else before
            assert found == expected, done
        shutil.rmtree(spoilt)
    assert len(messages) > MUTATIONS / 3
    assert [message for message in messages if str(tmp_path) not in message[1] or "\n" in message[1]] == []
