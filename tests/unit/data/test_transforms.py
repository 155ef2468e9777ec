"""Pictures as squares, and pictures that cannot be read."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from sgg.data.transforms import padding_facts, read_picture, to_square


@pytest.mark.parametrize(("height", "width"), [(3, 5), (5, 3), (4, 4)])
@pytest.mark.parametrize("flipped", [False, True])
def test_the_picture_is_in_the_corner_of_a_padded_square(height, width, flipped):
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    square = to_square(picture, flipped)
    side = max(height, width)
    expected = np.empty((side, side, 3), np.uint8)
    expected[:] = 124, 116, 103
    expected[:height, :width] = picture[:, ::-1] if flipped else picture
    np.testing.assert_array_equal(square.permute(1, 2, 0).numpy(), expected.astype(np.float32) / 255)
    assert square.dtype == torch.float32


def test_padding_leaves_the_residue_of_the_reference():
    """Its colour is ImageNet's mean cut to eight bits: what is left of it once a detector has normalised a picture."""
    transform = GeneralizedRCNNTransform(6, 6, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    square = transform.normalize(to_square(np.zeros((6, 3, 3), np.uint8)))
    residue = torch.tensor([124 / 255 - 0.485, 116 / 255 - 0.456, 103 / 255 - 0.406]) / torch.tensor(
        [0.229, 0.224, 0.225])
    torch.testing.assert_close(residue, torch.tensor([0.0056, -0.0049, -0.0092]), atol=5e-5, rtol=0)
    torch.testing.assert_close(square[:, :, 3:], residue[:, None, None].expand(3, 6, 3), atol=1e-6, rtol=0)


def test_padding_is_part_of_an_identity_where_there_is_any():
    assert padding_facts(np.array([[4, 4], [7, 7]])) == {}
    assert padding_facts(np.array([[4, 4], [7, 6]])) == {"padding": [124, 116, 103]}


def test_grey_and_transparent_pictures_become_rgb(tmp_path):
    Image.new("L", (4, 3), 7).save(tmp_path / "grey.png")
    Image.new("RGBA", (4, 3), (1, 2, 3, 128)).save(tmp_path / "glass.png")
    assert read_picture(tmp_path / "grey.png").tolist() == [[[7, 7, 7]] * 4] * 3
    assert read_picture(tmp_path / "glass.png").tolist() == [[[1, 2, 3]] * 4] * 3


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_pixels_of_jpeg_files_are_those_of_pil(mode, subsampling, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (45, 61, 3), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(tmp_path / "a.jpg", quality=90, subsampling=subsampling)
    with Image.open(tmp_path / "a.jpg") as image:
        expected = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(read_picture(tmp_path / "a.jpg").astype(int) - expected).max() <= 1


def test_pictures_that_cannot_be_read_are_named(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[:len(content) // 2])
    (tmp_path / "end.jpg").write_bytes(content[:-1])
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"picture .*none.jpg is missing"):
        read_picture(tmp_path / "none.jpg")
    for name in ("cut", "end", "text", "empty"):
        with pytest.raises(ValueError, match=rf"picture .*{name}.jpg cannot be read, or is cut off"):
            read_picture(tmp_path / f"{name}.jpg")
    with pytest.raises(ValueError, match=r"a.jpg is 60x40 pixels, but its annotation was made for 40x60"):
        read_picture(tmp_path / "a.jpg", (60, 40))
