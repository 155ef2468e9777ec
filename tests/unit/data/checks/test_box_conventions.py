"""Boxes that were written in another way than they are read, and honest ones that look a little like them."""

import json
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from sgg.data.checks.box_conventions import (
    CENTRE_AND_SIZE,
    CONVENTIONS,
    CORNER_AND_SIZE,
    CORNERS,
    CORNERS_BY_ROW,
    FAR_CORNER_FIRST,
    require_convention,
)
from sgg.data.checks.consistency import Rules
from sgg.data.readers.custom import open_custom
from sgg.data.readers.visual_genome import open_visual_genome

EXAMPLE = Path(__file__).parents[3] / "example" / "custom"
TINY = Path(__file__).parents[3] / "golden" / "files" / "vg_tiny_data" / "VG"


def honest(seed: int, boxes: int, largest: float = 1.0, crop: float = 0.0):
    """Corners [T, 4], sizes [T, 2] and images [T] of boxes that lie anywhere in images of any size.

    largest: side of the largest box, as a share of the image. crop: the share of the boxes' image that was cut off
    at each side, with the boxes left as they were.
    """
    rng = np.random.default_rng(seed)
    images = np.sort(rng.integers(0, max(1, boxes // 4), boxes))
    sizes = rng.integers(60, 800, (boxes, 2))[images]
    extent = rng.uniform(0.02, largest, (boxes, 2))
    near = rng.uniform(0, 1, (boxes, 2)) * (1 - extent)
    corners = (np.concatenate([near, near + extent], axis=1) - crop) / (1 - 2 * crop)
    seen = ((corners[:, 2:] > 0.05) & (corners[:, :2] < 0.95)).all(axis=1)
    return (corners * np.tile(sizes[:, ::-1], 2))[seen], sizes[seen], images[seen]


def refusal(corners, sizes, images, declared):
    try:
        require_convention(corners, sizes, images, declared, "file")
    except ValueError as error:
        return str(error)
    return ""


def read_as(written, declared, corners):
    """Corners as they come out of numbers written as one convention and read as another."""
    return declared.to_corners(written.from_corners(corners))


@pytest.mark.parametrize("declared", CONVENTIONS, ids=lambda convention: convention.name)
@pytest.mark.parametrize("crop", [0, 0.05, 0.2])
@pytest.mark.parametrize("largest", [0.06, 0.3, 1])
@pytest.mark.parametrize("boxes", [1, 3, 8, 30, 400])
def test_require_convention_accepts_correct_boxes(boxes, largest, crop, declared):
    """Small and large objects, at the border and cut off by it, few and many."""
    for seed in range(20):
        assert refusal(*honest(seed, boxes, largest, crop), declared) == ""


@pytest.mark.parametrize(("written", "declared"), [(CORNERS, CORNER_AND_SIZE), (CENTRE_AND_SIZE, CORNER_AND_SIZE),
                                                   (CORNER_AND_SIZE, CORNERS), (CORNER_AND_SIZE, CENTRE_AND_SIZE),
                                                   (CORNERS_BY_ROW, CORNER_AND_SIZE), (FAR_CORNER_FIRST, CORNERS)],
                         ids=lambda convention: convention.name)
@pytest.mark.parametrize("boxes", [40, 400])
def test_require_convention_names_another_convention(boxes, written, declared):
    for seed in range(10):
        corners, sizes, images = honest(seed, boxes, 0.6)
        text = refusal(read_as(written, declared, corners), sizes, images, declared)
        assert f"when read as {declared.name}, but " in text
        assert f"% fit as {written.name}" in text
        assert "--allow-clipping" in text


def test_corner_and_size_read_from_corners_moves_three_of_four_boxes_outside():
    """Whose centre lies in the right or lower half: 1 - 1/4."""
    corners, sizes, images = honest(0, 20_000, 0.3)
    text = refusal(read_as(CORNERS, CORNER_AND_SIZE, corners), sizes, images, CORNER_AND_SIZE)
    assert abs(int(text.split("%")[0].split()[-1]) - 75) <= 2


@pytest.mark.parametrize("declared", CONVENTIONS, ids=lambda convention: convention.name)
def test_require_convention_names_relative_boxes(declared):
    corners, sizes, images = honest(0, 12, 0.5)
    assert "are in 0..1" in refusal(corners / np.tile(sizes[:, ::-1], 2), sizes, images, declared)


@pytest.mark.parametrize(("factor", "message"), [(1.5, r"larger|as large"), (0.5, "times smaller")])
def test_require_convention_names_boxes_of_images_of_another_size(factor, message):
    corners, sizes, images = honest(0, 400, 0.3)
    assert re.search(message, refusal(corners * factor, sizes, images, CORNER_AND_SIZE))


def test_require_convention_names_exchanged_sides():
    _, sizes, images = honest(0, 60, 0.5)
    sizes[:] = [300, 500]
    corners = np.random.default_rng(0).uniform(0, 1, (len(sizes), 4)) * 100
    corners[:, 2:] += corners[:, :2]
    corners[::2, [1, 3]] += 290
    assert "width and height of the images are exchanged" in refusal(corners, sizes, images, CORNER_AND_SIZE)


def written_in_shares(x, y, width, height, sides):
    return x / sides[0], y / sides[1], width / sides[0], height / sides[1]


@pytest.mark.parametrize(("written", "named"), [
    (written_in_shares, "are in 0..1"),
    (lambda x, y, width, height, sides: (x + width / 2, y + height / 2, width, height), "fit as centre and size"),
    (lambda x, y, width, height, sides: (x, y, x + width, y + height), "fit as corners (x1, y1, x2, y2)"),
    (lambda x, y, width, height, sides: (y, x, y + height, x + width), "fit as corners, vertical first"),
    (lambda x, y, width, height, sides: (y, x, height, width), "or x and y of the boxes"),
    (lambda x, y, width, height, sides: (2 * x, 2 * y, 2 * width, 2 * height), "images 2.0 times as large")])
def test_require_convention_despite_boxes_outside_images(written, named):
    """As in the example: 4 of its 73 boxes stick out, so no way to read them lets all of them fit."""
    content = json.loads((EXAMPLE / "annotations.json").read_text())
    sides = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
    images = np.array([record["image_id"] for record in content["annotations"]])
    numbers = np.array([written(*record["bbox"], sides[record["image_id"]]) for record in content["annotations"]])
    sizes = np.array([sides[image][::-1] for image in images])
    assert named in refusal(CORNER_AND_SIZE.to_corners(numbers), sizes, images, CORNER_AND_SIZE)


def test_require_convention_accepts_a_few_strays():
    corners, sizes, images = honest(0, 4000, 0.4)
    corners[::30] += 300
    assert refusal(corners, sizes, images, CORNER_AND_SIZE) == ""


@pytest.fixture
def spoilt(tmp_path):
    """The example, its boxes written as corners."""
    content = json.loads((EXAMPLE / "annotations.json").read_text())
    for record in content["annotations"]:
        x, y, width, height = record["bbox"]
        record["bbox"] = [x, y, x + width, y + height]
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    return tmp_path


def test_corners_in_a_custom_file_are_refused_unless_allowed(spoilt):
    with pytest.raises(ValueError, match=r"annotations.json: \d\d% of .* but \d+% fit as corners .*allow-clipping"):
        open_custom(spoilt)
    findings = {found.kind: found for found in open_custom(spoilt, rules=Rules(allow_clipping=True)).findings}
    assert findings["clipped boxes"].count > findings["clipped boxes"].of / 4


def test_corners_in_visual_genomes_file_are_refused(tmp_path):
    shutil.copytree(TINY / "stanford_filtered", tmp_path / "stanford_filtered")
    with h5py.File(tmp_path / "stanford_filtered" / "VG-SGG.h5", "r+") as file:
        boxes = file["boxes_1024"][:]
        file["boxes_1024"][:] = np.concatenate([boxes[:, :2] - boxes[:, 2:] // 2, boxes[:, 2:]], axis=1)
    with pytest.raises(ValueError, match=r"VG-SGG.h5: 'boxes_1024': .* but \d+% fit as corner and size"):
        open_visual_genome(tmp_path, num_val_images=3)
