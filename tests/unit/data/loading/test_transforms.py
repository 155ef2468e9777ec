"""Images as squares."""

import numpy as np
import pytest
import torch
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from sgg.data.loading.transforms import padding_identity, pixels_identity, to_square
from sgg.detector.pixels import as_floats


@pytest.mark.parametrize(("height", "width"), [(3, 5), (5, 3), (4, 4)])
@pytest.mark.parametrize("flipped", [False, True])
def test_to_square_puts_the_image_into_a_corner(height, width, flipped):
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    square = to_square(picture, flipped)
    side = max(height, width)
    expected = np.empty((side, side, 3), np.uint8)
    expected[:] = 124, 116, 103
    expected[:height, :width] = picture[:, ::-1] if flipped else picture
    np.testing.assert_array_equal(square.permute(1, 2, 0).numpy(), expected)
    assert square.dtype == torch.uint8


def test_to_square_padding_normalises_as_in_the_reference():
    """Its colour is ImageNet's mean cut to eight bits: what is left of it once a detector has normalised an image."""
    transform = GeneralizedRCNNTransform(6, 6, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    square = transform.normalize(as_floats(to_square(np.zeros((6, 3, 3), np.uint8))))
    residue = torch.tensor([124 / 255 - 0.485, 116 / 255 - 0.456, 103 / 255 - 0.406]) / torch.tensor(
        [0.229, 0.224, 0.225])
    torch.testing.assert_close(residue, torch.tensor([0.0056, -0.0049, -0.0092]), atol=5e-5, rtol=0)
    torch.testing.assert_close(square[:, :, 3:], residue[:, None, None].expand(3, 6, 3), atol=1e-6, rtol=0)


def test_padding_identity_is_empty_for_square_images():
    assert padding_identity(np.array([[4, 4], [7, 7]])) == {}
    assert padding_identity(np.array([[4, 4], [7, 6]])) == {"padding": [124, 116, 103]}


def test_pixels_identity_names_resizing_where_an_image_is_larger():
    assert pixels_identity(np.array([[4, 4], [7, 7]]), 7) == {}
    assert pixels_identity(np.array([[4, 4], [7, 6]]), 7) == {"padding": [124, 116, 103]}
    assert pixels_identity(np.array([[4, 4], [7, 7]]), 6) == {"resized": "to 8 bits"}


@pytest.mark.parametrize(("height", "width"), [(41, 60), (60, 41), (60, 60), (1, 60), (60, 1)])
@pytest.mark.parametrize("flipped", [False, True])
def test_to_square_resizes_larger_images_as_the_detector_does(height, width, flipped):
    """Half a level beside torchvision's resizing of the whole square; more where its float32 rounds other places."""
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    square = to_square(picture, flipped, 37)
    assert (square.dtype, square.is_contiguous()) == (torch.uint8, True)
    whole = as_floats(to_square(picture, flipped))
    transform = GeneralizedRCNNTransform(37, 37, [0.0] * 3, [1.0] * 3)
    expected, _ = transform.resize(whole)
    assert square.shape == expected.shape
    assert (as_floats(square) - expected).abs().max() <= 0.501 / 255
    assert torch.equal(to_square(picture, flipped, 60), to_square(picture, flipped)), "it is not larger"
