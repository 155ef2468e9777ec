"""Images per second and core: JPEG decoding, mirroring, padding, resizing, compared with the plain way; header checks.

    python benchmarks/images.py [--quick] [--json FILE]

The plain way decodes, mirrors and pads in PIL and then makes a tensor. Our way also decodes in PIL, but mirrors and
pads while it makes the tensor. Both resize as the detector does, by torch's bilinear interpolation; times are given
with and without it. If torchvision still has a decoder, the former way, which used it, is measured too. Headers are
checked as before a run: of new files, and then of the same files again, without the time of the disk. Images are
synthetic. All times are processor time of one thread, which other processes on the machine hardly change.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.results import Row, arguments_of, below, judged, report, times
from sgg.data.images.image_files import read_image
from sgg.data.images.image_index import ImageIndex
from sgg.data.loading.transforms import PADDING, to_square
from sgg.detector.pixels import as_floats

SIDE = 592  # size of the images that VGG16's detector gets
SIZES = ((375, 500), (500, 333), (600, 800), (768, 1024))
MEAN_COLOUR = (124, 116, 104)


def write_images(folder: Path, count: int) -> list[Path]:
    """Write images of smooth shapes, texture and noise."""
    rng, paths = np.random.default_rng(0), []
    for index in range(count):
        height, width = SIZES[index % len(SIZES)]
        pixels = rng.normal(128, 4, (height, width, 3))
        for grain, strength in ((64, 1.0), (16, 0.7), (4, 0.4)):
            coarse = rng.integers(0, 256, (height // grain + 1, width // grain + 1, 3), dtype=np.uint8)
            pixels += strength * (np.asarray(Image.fromarray(coarse).resize((width, height)), dtype=float) - 128)
        paths.append(folder / f"{index}.jpg")
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(paths[-1], quality=85)
    return paths


def plain(path: Path) -> torch.Tensor:
    """PIL, then a tensor."""
    with Image.open(path) as file:
        image = file.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    side = max(image.size)
    image = ImageOps.expand(image, (0, 0, side - image.width, side - image.height), MEAN_COLOUR)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float().div(255).contiguous()


def ours(path: Path) -> torch.Tensor:
    """The way of the loader, and the division that follows on the detector's device."""
    return as_floats(to_square(read_image(path), flipped=True))


def with_torchvision(path: Path) -> torch.Tensor:
    """The loader's former way with torchvision's decoder, which divided levels while it filled the square."""
    from torchvision.io import ImageReadMode, decode_jpeg

    content = torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)
    pixels = decode_jpeg(content, ImageReadMode.RGB).permute(1, 2, 0).numpy()[:, ::-1]
    height, width, _ = pixels.shape
    square = np.empty((3, max(height, width), max(height, width)), dtype=np.float32)
    for channel, level in enumerate(PADDING):
        np.divide(pixels[..., channel], np.float32(255), out=square[channel, :height, :width])
        square[channel, height:] = square[channel, :, width:] = np.float32(level) / np.float32(255)
    return torch.from_numpy(square)


def header_rates(folder: Path, count: int) -> tuple[float, float]:
    """Headers checked per second of processor time, of new files and of the same files again.

    count: number of file names, which link to the images in `folder`.
    """
    images, names = list(folder.glob("*.jpg")), folder / "names"
    names.mkdir()
    files = [f"{number}.jpg" for number in range(count)]
    for number, file in enumerate(files):
        os.link(images[number % len(images)], names / file)
    rates = []
    for _ in range(2):
        start = time.process_time()
        assert None not in ImageIndex(names, folder / "index.json").headers(files)
        rates.append(count / (time.process_time() - start))
    return rates[0], rates[1]


def rate(way: Callable[[Path], torch.Tensor], paths: list[Path], resize: bool, repeats: int) -> float:
    """Images per second of processor time; the best of some repeats."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        for path in paths:
            square = way(path)
            if resize:
                torch.nn.functional.interpolate(square[None], (SIDE, SIDE), mode="bilinear", align_corners=False)
        seconds.append(time.process_time() - start)
    return len(paths) / min(seconds)


def _in_turns(ways: tuple[Callable[[Path], torch.Tensor], ...], paths: list[Path], repeats: int) -> list[float]:
    """The best rate of each way. The ways take turns, so that other load slows all of them."""
    turns = [[rate(way, paths, False, 1) for way in ways] for _ in range(3 * repeats)]
    return [max(of_way) for of_way in zip(*turns, strict=True)]


def decoded_difference(paths: list[Path]) -> float:
    """The largest difference between the pixels of our decoder and of PIL, in levels of 0 to 255."""
    differences = []
    for path in paths:
        with Image.open(path) as image:
            expected = np.asarray(image.convert("RGB")).astype(int)
        differences.append(np.abs(read_image(path).astype(int) - expected).max())
    return float(max(differences))


def measure(count: int, repeats: int, headers: int) -> list[Row]:
    """The benchmark's rows."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_images(Path(folder), count)
        rows = []
        for name, resize in (("images/decode_flip_pad", False), ("images/decode_flip_pad_resize", True)):
            reference, value = (rate(way, paths, resize, repeats) for way in (plain, ours))
            rows.append(times(name, value, "images/s/core", reference))
        if hasattr(torchvision.io, "decode_jpeg"):
            sides = _in_turns((ours, with_torchvision), paths, repeats)
            rows.append(times("images/beside_torchvision", sides[0], "images/s/core", sides[1]))
        at_first, again = header_rates(Path(folder), headers)
        rows.append(judged("images/headers", at_first, "images/s/core", None, 2000, at_first >= 2000))
        rows.append(times("images/headers_again", again, "images/s/core", at_first, goal=2))
        difference = decoded_difference(paths)
    rows.append(below("images/decoder_difference_from_pil", difference, "of 255", goal=1.0))
    return rows


def main() -> int:
    """Measure, print, and write the numbers."""
    options = arguments_of(__doc__, "few images, once").parse_args()
    return report(measure(*((8, 1, 500) if options.quick else (40, 5, 100_000))), options)


if __name__ == "__main__":
    sys.exit(main())
