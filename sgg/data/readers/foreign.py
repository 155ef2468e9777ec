"""Recognise JSON files of other data sets and tools by their keys, so that an error can name them."""

from __future__ import annotations

from typing import Any

from sgg.data.records import Record

PAGE = ("sgg/data/readers/custom.py describes the right layout (python -c \"import "
        "sgg.data.readers.custom as page; help(page)\"), and tests/example/custom is an example")


_OF_FILE = (
    ({"thing_classes", "predicate_classes"}, "the layout of Open-PSG (psg.json): use data.name=psg"),
    ({"images", "rel_annotations", "rel_categories"}, "COCO with relations: use data.name=coco-relations"),
    ({"rel_categories"}, "the layout of rel.json, which RelTR and others read beside COCO's annotation"),
    ({"label_to_idx", "predicate_to_idx"}, "Visual Genome's VG-SGG-dicts.json: for its split use data.name=vg"),
    ({"images", "annotations", "categories", "relationships"}, "a COCO layout with 'relationships'"),
    ({"images", "annotations", "categories", "relation_categories"}, "a COCO layout with 'relation_categories'"),
)
"""Keys of the outermost object, and the layout that has them."""
_OF_RECORD = (
    ({"image_id", "relationships"}, "Visual Genome's relationships.json or scene_graphs.json: for its split use "
                                    "data.name=vg, with the files that `python -m sgg.data prepare vg` fetches"),
    ({"image_id", "objects"}, "Visual Genome's objects.json: for its split use data.name=vg"),
    ({"predicate", "subject", "object"}, "the layout of VRD (annotations_train.json): use data.name=vrd"),
    ({"objects", "width", "height"}, "GQA's scene graphs: put them under ROOT/GQA/sceneGraphs, use data.name=gqa"),
    ({"ImageID", "RelationshipLabel"}, "Open Images' visual relationships: use data.name=open-images"),
    ({"img_fn", "rel"}, "Open Images or VRD, prepared for scene graphs (img_fn, rel): use "
                           "data.name=open-images-json"),
)
"""Keys of a record and the layout that has them. The record is in a list, in an object by image, or in the list of an
image."""


def foreign_layout(content: Any) -> str | None:
    """The known foreign layout of a JSON value, in words; None if it has none of them."""
    if isinstance(content, dict):
        for keys, name in _OF_FILE:
            if keys <= content.keys():
                return name
        coco, ours = {"images", "annotations", "categories"}, {"predicates", "relations"}
        if coco <= content.keys() and not ours & content.keys():
            return "COCO's layout, without relations"
    record = _first_record(content)
    return next((name for keys, name in _OF_RECORD if keys <= record.keys()), None)


def _first_record(content: Any) -> Record:
    """The first JSON object below the outermost list or object."""
    if isinstance(content, dict):
        content = list(content.values())
    for entry in content[:100] if isinstance(content, list) else []:
        if isinstance(entry, list) and entry:
            entry = entry[0]
        if isinstance(entry, dict):
            return entry
    return {}
