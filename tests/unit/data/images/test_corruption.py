"""Corruptions of pictures: the same for the same picture and seed, whatever the batch, the process and other draws."""

import sys

import numpy as np
import pytest
import torch
from imagecorruptions import get_corruption_names

from sgg.config.corruptions import CORRUPTIONS, SEVERITIES
from sgg.data import load_batches, open_dataset
from sgg.data.images import corruption as module
from sgg.data.images.corruption import Corruption
from sgg.data.images.image_files import read_image
from sgg.data.loading.transforms import to_square


@pytest.fixture
def picture() -> np.ndarray:
    """Waves of colour, 48 by 64 pixels."""
    y, x = np.mgrid[:48, :64]
    colours = [127 + 100 * np.sin(x / 7), 127 + 100 * np.cos(y / 5), 120 + x]
    return np.stack(colours, axis=2).clip(0, 255).astype(np.uint8)


def test_corruptions_are_the_common_ones_of_the_library() -> None:
    assert list(CORRUPTIONS) == get_corruption_names("common")


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_corruption_follows_from_seed_and_picture_alone(name: str, picture, capsys) -> None:
    first = Corruption(name, 3, seed=1)
    found = first(picture.copy(), "17")
    assert (found.shape, found.dtype) == (picture.shape, np.uint8)
    assert not np.array_equal(found, picture)
    np.random.seed(5)  # draws of others change nothing, and theirs go on
    np.testing.assert_array_equal(first(picture.copy(), "17"), found)
    after = np.random.random(3)
    np.random.seed(5)
    np.testing.assert_array_equal(after, np.random.random(3))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["gaussian_noise", "shot_noise", "impulse_noise", "glass_blur", "motion_blur", "snow",
                                  "frost", "fog", "elastic_transform"])
def test_corruption_draws_anew_for_each_picture_and_seed(name: str, picture) -> None:
    found = [Corruption(name, 3, seed)(picture.copy(), image) for seed, image in ((1, "17"), (1, "18"), (2, "17"))]
    assert not np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_corruption_of_contrast_by_hand(picture) -> None:
    """Severity 4 leaves a tenth of the distance to the mean colour."""
    mean = picture.mean(axis=(0, 1))
    expected = (picture - mean) * 0.1 + mean
    np.testing.assert_allclose(Corruption("contrast", 4, 0)(picture, "1"), np.floor(expected), atol=1)


@pytest.mark.parametrize("name", ["gaussian_noise", "defocus_blur", "contrast", "jpeg_compression", "pixelate"])
def test_corruption_of_a_higher_severity_is_farther_away(name: str, picture) -> None:
    away = [np.abs(Corruption(name, severity, 0)(picture, "1").astype(float) - picture).mean()
            for severity in SEVERITIES]
    assert away == sorted(away)


def test_corruption_names_a_picture_that_is_too_small(picture) -> None:
    with pytest.raises(ValueError, match=r"image 17 is 64x31 pixels, and the corruption fog needs at least 32"):
        Corruption("fog", 1, 0)(picture[:31], "17")


def test_corrupt_names_the_extra_that_brings_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, module.MODULE, None)
    module.corrupt.cache_clear()
    with pytest.raises(ValueError, match=r"evaluation\.corruption needs the package imagecorr.*corruptions\]"):
        module.corrupt()
    module.corrupt.cache_clear()


def test_load_batches_corrupts_each_image_before_it_is_resized(toy_root) -> None:
    split = open_dataset("toy", toy_root).split("test")
    noise = Corruption("gaussian_noise", 2, 7)
    files = [read_image(split.image_path(image), split.size(image)) for image in range(4)]
    by_hand = [to_square(noise(pixels, split.image_id(image)), False, 96) for image, pixels in enumerate(files)]
    for size, workers in ((1, 0), (3, 0), (2, 2)):
        batches = load_batches(split, size, workers=workers, largest=96, corruption=noise).epoch(0)
        images = [image for batch, _ in zip(batches, range(4), strict=False) for image in batch.images][:4]
        assert all(torch.equal(found, expected) for found, expected in zip(images, by_hand, strict=True))
