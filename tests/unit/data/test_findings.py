"""What loaders find in files and accept all the same."""

from dataclasses import replace

import numpy as np
import pytest

from sgg.data.annotations import Annotations
from sgg.data.checks.consistency import USUAL, Rules, checked
from sgg.data.findings import Finding, in_words
from sgg.data.readers.visual_genome import open_visual_genome


def annotations(*boxes: list[float], images: int = 1) -> Annotations:
    """Images of 100x80 pixels: all `boxes` in the first, none in the others; no relations."""
    return Annotations(np.array([f"{number}.jpg" for number in range(images)]), np.tile([[80, 100]], (images, 1)),
                       np.array([0, *[len(boxes)] * images]), np.array(boxes, dtype=np.float32).reshape(-1, 4),
                       np.ones(len(boxes), dtype=np.int64), np.zeros(images + 1, dtype=np.int64),
                       np.empty((0, 3), dtype=np.int64))


def found(given: Annotations, rules: Rules = USUAL, stray_share: float = 0) -> dict[str, Finding]:
    _, findings = checked(given, "file", ["-", "thing"], ["-", "on"], rules, stray_share=stray_share)
    return {finding.kind: finding for finding in findings}


def test_checked_finds_nothing_in_annotation_without_faults():
    assert found(annotations([0, 0, 100, 80], [5, 5, 6, 6])) == {}


def test_boxes_that_are_cut_are_counted_with_the_first_of_them():
    clipped = found(annotations([0, 0, 9, 9], [90, 10, 120, 20], [-5, 0, 9, 9]))["clipped boxes"]
    assert (clipped.count, clipped.of, clipped.severity) == (2, 3, "note")
    assert clipped.example == ("image 0.jpg, object 1: box [90.0, 10.0, 120.0, 20.0] (x1 y1 x2 y2) in a image of "
                               "100x80 pixels")


def test_checked_accepts_a_pixel_of_rounding():
    assert found(annotations([-1, 0, 101, 81])) == {}
    assert list(found(annotations([-1.5, 0, 100, 80]))) == ["clipped boxes"]


def test_checked_counts_a_box_wholly_outside_once():
    outside = found(annotations([0, 0, 9, 9], [120, 10, 140, 20]), Rules(allow_clipping=True))
    assert list(outside) == ["boxes outside their images"]
    assert outside["boxes outside their images"].severity == "fault"


def test_checked_notes_the_few_boxes_outside_of_published_files():
    outside = found(annotations([0, 0, 9, 9], [120, 10, 140, 20]), stray_share=0.5)
    assert outside["boxes outside their images"].severity == "note"


def test_images_without_objects_are_counted():
    assert found(annotations([0, 0, 9, 9], images=3))["images without objects"] == Finding(
        "images without objects", 2, 3, "image 1.jpg", "The image is in no split.")


@pytest.mark.parametrize(("of", "text"), [(None, "1,200 clipped boxes"), (5000, "1,200 of 5,000 clipped boxes")])
def test_in_words(of, text):
    finding = Finding("clipped boxes", 1200, of, "", "")
    assert f"{finding.often} {finding.kind}" == text
    assert in_words([finding, finding]) == "1,200 clipped boxes, 1,200 clipped boxes"


def test_findings_of_a_data_set_are_counted_in_its_banner(genome_directory):
    data = open_visual_genome(genome_directory, num_val_images=2)
    assert [finding.kind for finding in data.findings] == ["images without objects"]
    assert "; 1 images without objects" in data.banner
    assert "without objects" not in data.description  # which is part of a result's identity


def with_relations(*relations: list[int]) -> Annotations:
    rows = np.array(relations, dtype=np.int64).reshape(-1, 3)
    return replace(annotations([0, 0, 9, 9], [5, 5, 20, 20]), rel_ptr=np.array([0, len(rows)]), relations=rows)


def test_checked_drops_and_counts_or_keeps_relations_of_an_object_to_itself():
    given = with_relations([0, 1, 1], [1, 1, 1])
    names = ["-", "thing"], ["-", "on"]
    kept, findings = checked(given, "file", *names, USUAL)
    assert kept.relations.tolist() == [[0, 1, 1]]
    assert kept.rel_ptr.tolist() == [0, 1]
    assert [(one.kind, one.count, one.of, one.example) for one in findings] == [
        ("relations of an object to itself", 1, 2, "image 0.jpg, relation 1")]
    kept, findings = checked(given, "file", *names, Rules(self_relations="keep"))
    assert kept.relations.tolist() == [[0, 1, 1], [1, 1, 1]]
    assert findings[0].severity == "fault"


@pytest.mark.parametrize("other", ["Dog", "dog ", "do g", "\uff44og"])
def test_names_that_differ_by_little_are_found(other):
    _, findings = checked(annotations([0, 0, 9, 9]), "file", ["-", "dog", "cat", other], ["-", "on"], USUAL)
    assert [(one.kind, one.count) for one in findings] == [("names of classes that are nearly equal", 2)]
    assert findings[0].example == f"'dog' and {other!r}"
