"""Image files of every kind become the pixels that a viewer shows, or are refused by name; also without decoding."""

import io
import tracemalloc

import numpy as np
import pytest
import torch
import torchvision.io
from PIL import Image, ImageFile

from sgg.data.images.image_files import ANIMATED, DEEP, TRANSPARENT, TURNED, read_header, read_image

NOISE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
PICTURE = Image.fromarray(NOISE)


def saved(path, picture=PICTURE, **options):
    picture.save(path, **options)
    return path


def encoded(pixels, mode, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "JPEG", quality=90, **options)
    return file.getvalue()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not hasattr(torchvision.io, "decode_jpeg"), reason="torchvision no longer decodes images")
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_read_image_decodes_jpeg_like_torchvision(mode, progressive, subsampling, tmp_path, monkeypatch):
    """Results before and after the change of decoder are comparable to the last bit."""
    monkeypatch.setattr(ImageFile, "MAXBLOCK", 2**20)  # PIL cannot write noise otherwise
    for height, width in ((1, 1), (7, 9), (16, 16), (33, 48), (45, 61)):
        noise = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(noise[:3, :3]).resize((width, height)))
        for pixels in (noise, smooth):
            content = encoded(pixels, mode, subsampling=subsampling, progressive=progressive)
            (tmp_path / "a.jpg").write_bytes(content)
            expected = torchvision.io.decode_jpeg(torch.frombuffer(bytearray(content), dtype=torch.uint8),
                                                  torchvision.io.ImageReadMode.RGB)
            np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), expected.permute(1, 2, 0).numpy())


def test_read_image_makes_the_pixels_once(tmp_path):
    """PIL alone would make them twice at a time, beside its own. The image is higher than a strip, and no multiple."""
    pixels = np.arange(1000, dtype=np.uint16)[:, None, None].repeat(1500, 1).repeat(3, 2).astype(np.uint8)
    path = saved(tmp_path / "a.png", Image.fromarray(pixels))
    tracemalloc.start()
    try:
        found = read_image(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(found, pixels)
    assert peak < 1.4 * pixels.nbytes


def turned(pixels, orientation):
    """By the definition of each orientation: where the stored first row and first column are shown."""
    rows_are_columns, upside_down, mirrored = {1: (0, 0, 0), 2: (0, 0, 1), 3: (0, 1, 1), 4: (0, 1, 0),
                                               5: (1, 0, 0), 6: (1, 0, 1), 7: (1, 1, 1), 8: (1, 1, 0)}[orientation]
    shown = pixels.swapaxes(0, 1) if rows_are_columns else pixels
    shown = shown[::-1] if upside_down else shown
    return shown[:, ::-1] if mirrored else shown


@pytest.mark.parametrize("ending", ["png", "tif", "webp", "jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_read_image_turns_images_as_viewers_do(ending, orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if ending == "webp" else {}
    path = saved(tmp_path / f"a.{ending}", exif=exif, **options)
    stored = NOISE if ending != "jpg" else read_image(saved(tmp_path / "plain.jpg"))
    expected = turned(stored, orientation)
    np.testing.assert_array_equal(read_image(path), expected)
    header = read_header(path)
    assert (header.height, header.width) == expected.shape[:2]
    assert header.notes == ((TURNED,) if orientation > 1 else ())


def test_size_fault_names_the_exif_orientation(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "a.jpg", exif=exif)
    assert read_image(path, (60, 40)).shape == (60, 40, 3)
    with pytest.raises(ValueError, match=r"a.jpg is 40x60 pixels, .* made for 60x40: its EXIF orientation is 6, so "
                                         r"viewers turn it; remove the tag"):
        read_image(path, (40, 60))
    with pytest.raises(ValueError, match=r"is 40x60 pixels, but its annotation was made for 50x40$"):
        read_image(path, (40, 50))


def test_read_image_ignores_damaged_exif(tmp_path):
    path = saved(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert read_image(path).shape == (40, 60, 3)
    assert read_header(path).fault == ""


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_read_image_takes_the_upper_eight_of_sixteen_bits(ending, tmp_path):
    levels = np.array([[0, 255, 256, 32768, 65535]], np.uint16)
    path = saved(tmp_path / f"a.{ending}", Image.fromarray(levels))
    assert read_image(path)[0].tolist() == [[level] * 3 for level in (0, 0, 1, 128, 255)]
    assert read_header(path).notes == (DEEP,)


def test_read_image_of_a_tiff_with_white_as_zero(tmp_path):
    path = saved(tmp_path / "a.tif", Image.fromarray(np.array([[0, 65535]], np.uint16)), tiffinfo={262: 0})
    assert read_image(path)[0, :, 0].tolist() == [255, 0]


@pytest.mark.parametrize(("dtype", "named"), [(np.float32, "floating-point numbers"), (np.int32, "32-bit numbers")])
def test_read_image_refuses_pixels_of_unknown_brightness(dtype, named, tmp_path):
    path = saved(tmp_path / "a.tif", Image.fromarray(np.ones((3, 4), dtype)))
    assert named in read_header(path).fault
    with pytest.raises(ValueError, match=rf"a.tif holds {named} .*: save it with 8 or 16 bits"):
        read_image(path)


def test_read_image_makes_transparent_pixels_white(tmp_path):
    """(1, 2, 3) at 128 of 255 over white: 255 - 128 / 255 x 254 = 127.5 and so on."""
    palette = Image.new("P", (4, 3), 1)
    palette.putpalette([9, 9, 9, 5, 6, 7])
    grey = np.array([[7, 8]], np.uint16)
    for name, picture, options, expected in (
            ("glass.png", Image.new("RGBA", (4, 3), (1, 2, 3, 128)), {}, [128, 128, 129]),
            ("clear.webp", Image.new("RGBA", (4, 3), (1, 2, 3, 0)), {"lossless": True}, [255, 255, 255]),
            ("grey.png", Image.new("LA", (4, 3), (7, 0)), {}, [255, 255, 255]),
            ("palette.png", palette, {"transparency": 1}, [255, 255, 255]),
            ("palette.gif", palette, {"transparency": 1}, [255, 255, 255]),
            ("key.png", Image.new("RGB", (4, 3), (1, 2, 3)), {"transparency": (1, 2, 3)}, [255, 255, 255]),
            ("deep.png", Image.fromarray(grey), {"transparency": 7}, [255, 255, 255])):
        path = saved(tmp_path / name, picture, **options)
        assert read_image(path)[0, 0].tolist() == expected, name
        assert TRANSPARENT in read_header(path).notes, name


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_read_image_converts_other_colours_to_rgb(mode, tmp_path):
    picture = PICTURE.convert(mode)
    path = saved(tmp_path / "a.tif", picture)
    np.testing.assert_array_equal(read_image(path), np.asarray(picture.convert("RGB")))
    assert read_header(path).notes == ()


def test_read_image_takes_the_first_frame(tmp_path):
    black, white = Image.new("L", (4, 3), 0), Image.new("L", (4, 3), 255)
    for ending in ("gif", "webp", "tif", "png"):
        path = saved(tmp_path / f"a.{ending}", black, save_all=True, append_images=[white])
        assert read_image(path).max() < 9, ending
        assert ANIMATED in read_header(path).notes, ending


@pytest.mark.parametrize("ending", ["jpg", "png", "gif", "webp", "bmp", "tif"])
def test_read_header_finds_a_cut_file(ending, tmp_path):
    content = saved(tmp_path / f"a.{ending}").read_bytes()
    path = tmp_path / f"cut.{ending}"
    for lost in (8, len(content) // 2, len(content) - 20):
        path.write_bytes(content[:-lost])
        assert "cut off" in read_header(path).fault, lost
        with pytest.raises(ValueError, match=rf"cut.{ending} cannot be read, or is cut off"):
            read_image(path)


def test_read_header_ignores_the_end_of_a_thumbnail(tmp_path):
    thumbnail = encoded(NOISE[:8, :8], "RGB")
    header = b"Exif\0\0" + thumbnail
    content = saved(tmp_path / "a.jpg", exif=header).read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[:-2])
    assert "it has no end marker" in read_header(tmp_path / "a.jpg").fault


def test_read_header_ignores_data_after_the_image(tmp_path):
    """Telephones put films behind their images."""
    path = saved(tmp_path / "a.jpg")
    plain = read_image(path)
    path.write_bytes(path.read_bytes() + bytes(50_000))
    assert read_header(path).fault == ""
    np.testing.assert_array_equal(read_image(path), plain)


def test_read_image_and_read_header_say_how_large_an_image_may_be(tmp_path, monkeypatch):
    """PIL refuses twice the pixels of which it warns."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5_000)
    Image.new("RGB", (101, 100)).save(tmp_path / "large.png")
    fault = "has more than 10,000 pixels: make it smaller"
    with pytest.raises(ValueError, match=rf"large\.png {fault}"):
        read_image(tmp_path / "large.png")
    assert read_header(tmp_path / "large.png").fault == fault


def test_read_image_and_read_header_name_a_file_that_is_no_image(tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "folder.jpg").mkdir()
    for read in (read_image, read_header):
        with pytest.raises(FileNotFoundError, match=r"image file .*none.jpg is missing"):
            read(tmp_path / "none.jpg")
    for name, reason in (("text", "cannot be read, or is cut off: it is of no known image format"),
                         ("empty", "cannot be read, or is cut off: "), ("folder", "cannot be read: Is a directory")):
        assert reason in read_header(tmp_path / f"{name}.jpg").fault
        with pytest.raises(ValueError, match=rf"image file .*{name}.jpg {reason}"):
            read_image(tmp_path / f"{name}.jpg")


def test_read_header_fingerprint_covers_length_and_both_ends(tmp_path):
    path = tmp_path / "a"
    content = bytearray(np.random.default_rng(0).bytes(50_000))
    prints = set()
    for change in (None, 0, 16_383, 33_616, 49_999):
        path.write_bytes(bytes(byte ^ (place == change) for place, byte in enumerate(content)))
        prints.add(read_header(path).fingerprint)
    path.write_bytes(content[:20_000] + bytes(10) + content[20_000:])
    assert len(prints | {read_header(path).fingerprint}) == 6


@pytest.mark.filterwarnings("error")
def test_read_image_accepts_a_jpeg_with_wrong_bytes_inside(tmp_path):
    """A limit that docs/SYSTEM.md section 1 states. Where this fails, Pillow has learnt to tell: let `verify` do so."""
    path = saved(tmp_path / "a.jpg")
    before, content = read_image(path), bytearray(path.read_bytes())
    middle = len(content) * 2 // 3
    content[middle:middle + 64] = bytes(64)
    path.write_bytes(content)
    assert not np.array_equal(read_image(path), before)
