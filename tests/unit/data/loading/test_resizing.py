"""Resizing of the square of an image, beside torch's of the whole square."""

import tracemalloc

import numpy as np
import pytest
import torch
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from sgg.data.loading import resizing
from sgg.data.loading.resizing import resized_side, resized_square


@pytest.mark.parametrize("largest", [176, 592, 1333])
def test_resized_side_equals_torchvision(largest):
    """Of sides up to five times the size; some become a pixel smaller than the size."""
    transform = GeneralizedRCNNTransform(largest, largest, [0.0] * 3, [1.0] * 3).eval()
    found = set()
    with torch.device("meta"):
        for side in range(largest + 1, 5 * largest, largest // 20 | 1):
            expected = transform.resize(torch.empty(3, side, side))[0].shape[-1]
            assert resized_side(side, largest) == expected, side
            found.add(expected - largest)
    assert found == {0, -1}


def by_loops(pixels, resized, padding):
    """Each pixel by itself, in float64."""
    height, width, _ = pixels.shape
    side = max(height, width)
    square = np.empty((side, side, 3))
    square[:] = padding
    square[:height, :width] = pixels
    result = np.empty((resized, resized, 3))
    for row in range(resized):
        for column in range(resized):
            y, x = (max(0.0, (place + 0.5) * side / resized - 0.5) for place in (row, column))
            top, left = int(y), int(x)
            bottom, right = min(top + 1, side - 1), min(left + 1, side - 1)
            upper = square[top, left] * (1 - (x - left)) + square[top, right] * (x - left)
            lower = square[bottom, left] * (1 - (x - left)) + square[bottom, right] * (x - left)
            result[row, column] = upper * (1 - (y - top)) + lower * (y - top)
    return result.transpose(2, 0, 1)


@pytest.mark.parametrize("strip", [3, 128])
@pytest.mark.parametrize(("shape", "resized"), [((9, 14), 13), ((14, 9), 5), ((14, 14), 7), ((1, 30), 4)])
def test_resized_square_equals_loops(shape, resized, strip, monkeypatch):
    monkeypatch.setattr(resizing, "STRIP", strip)
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    found = resized_square(pixels, resized, (10, 20, 30))
    assert found.shape == (3, resized, resized)
    assert np.abs(found - by_loops(pixels, resized, (10, 20, 30))).max() < 0.5001
    assert resized_square(np.full((*shape, 3), 77, np.uint8), resized, (77, 77, 77)).tolist() == np.full(
        (3, resized, resized), 77).tolist(), "weights add up to one"


def test_resized_square_takes_memory_for_a_strip():
    """Of an image of 18 MB: a copy of it in float32 would take 72 MB, its square in bytes 27 MB."""
    pixels = np.zeros((2000, 3000, 3), np.uint8)
    tracemalloc.start()
    try:
        resized_square(pixels, 592, (124, 116, 103))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6e6
