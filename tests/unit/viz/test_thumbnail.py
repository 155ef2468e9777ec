"""Thumbnails: their size is bounded, and subject and object are told apart."""

import io

import numpy as np
import pytest
from PIL import Image

from sgg.viz.thumbnail import MOST_BYTES, OBJECT, SIDE, SUBJECT, thumbnail


def opened(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def is_like(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(pixels - np.array(colour)).max(-1) < 60


@pytest.mark.parametrize(("size", "wanted"), [((480, 640), (180, 240)), ((60, 60), (240, 240)), ((3000, 10), (240, 2))])
def test_thumbnail_has_the_longer_side(size, wanted) -> None:
    image = np.full((*size, 3), 128, np.uint8)
    assert opened(thumbnail(image, (0, 0, 5, 5), (2, 2, 9, 9))).shape[:2] == wanted
    assert SIDE == 240


def test_thumbnail_of_noise_is_bounded() -> None:
    """Noise is what compresses worst."""
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    assert len(thumbnail(noise, (0, 0, 100, 100), (50, 50, 300, 300))) <= MOST_BYTES


@pytest.mark.parametrize(("low", "high", "first", "wide"), [(370, 570, 270, 400), (320, 620, 215, 510)])
def test_thumbnail_shows_the_surroundings_of_the_boxes(low, high, first, wide) -> None:
    """Of 1,000 pixels two fifths, or 1.7 times both boxes together if that is more, with these in the middle. The image
    is dark from pixel 500 on."""
    image = np.full((1000, 1000, 3), 250, np.uint8)
    image[:, 500:] = 0
    pixels = opened(thumbnail(image, (low, low, low + 50, high), (high - 70, low, high, high)))
    assert pixels.shape[:2] == (240, 240)
    dark = (pixels[5] < 60).all(-1)
    assert np.flatnonzero(dark)[0] == pytest.approx(240 * (500 - first) / wide, abs=2)


def test_thumbnail_draws_a_solid_and_a_dashed_box() -> None:
    """At the scale of 1: the left side of the subject's box is blue throughout, that of the object's has gaps."""
    pixels = opened(thumbnail(np.full((240, 240, 3), 250, np.uint8), (30, 20, 110, 200), (130, 20, 220, 200)))
    subject, other = (is_like(pixels[40:195, x], colour) for x, colour in ((30, SUBJECT), (130, OBJECT)))
    assert subject.mean() > 0.97
    assert 0.35 < other.mean() < 0.75
