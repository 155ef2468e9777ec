"""Levels of 0 to 255 as floating point."""

import numpy as np
import pytest
import torch

from sgg.detector.pixels import as_floats


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_as_floats_divides_every_level_as_numpy_does(dtype) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    image = torch.from_numpy(levels.copy())
    expected = levels.astype({torch.float32: np.float32, torch.float64: np.float64}[dtype]) / 255
    np.testing.assert_array_equal(as_floats(image, dtype).numpy(), expected)
    assert image.numpy().tolist() == levels.tolist(), "the image stays"


def test_as_floats_takes_floating_point_as_it_is() -> None:
    image = torch.rand(3, 2, 2)
    assert as_floats(image) is image
    assert torch.equal(as_floats(image.double()), image)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int16, torch.bool])
def test_as_floats_names_a_wrong_type_and_the_remedy(dtype) -> None:
    with pytest.raises(ValueError, match=rf"uint8 .* got {dtype}; .*image\.to\(torch\.uint8\)"):
        as_floats(torch.zeros(3, 2, 2, dtype=dtype))
