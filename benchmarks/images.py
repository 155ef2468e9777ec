"""Pictures per second and core: JPEG decoded, mirrored, padded, resized, beside the plain way.

    python benchmarks/images.py [--quick] [--json FILE]

The plain way decodes, mirrors and pads in PIL and then makes a tensor. Ours decodes in PIL too, but mirrors and
pads while it makes the tensor. Resizing is the detector's, torch's bilinear interpolation in both, and is timed
with and without. Pictures are synthetic. All times are processor time of one thread, which other processes on the
machine hardly lengthen.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.results import Row, arguments_of, below, report, times
from sgg.data.pictures import read_picture
from sgg.data.transforms import to_square

SIDE = 592  # what VGG16's detector resizes to
SIZES = ((375, 500), (500, 333), (600, 800), (768, 1024))
MEAN_COLOUR = (124, 116, 104)


def write_pictures(folder: Path, count: int) -> list[Path]:
    """Pictures of smooth shapes, texture and noise."""
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
    with Image.open(path) as image:
        picture = image.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    side = max(picture.size)
    picture = ImageOps.expand(picture, (0, 0, side - picture.width, side - picture.height), MEAN_COLOUR)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float().div(255).contiguous()


def ours(path: Path) -> torch.Tensor:
    """The loader's way."""
    return to_square(read_picture(path), flipped=True)


def rate(way: Callable[[Path], torch.Tensor], paths: list[Path], resize: bool, repeats: int) -> float:
    """Pictures per second of processor time; the best of some repeats."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        for path in paths:
            square = way(path)
            if resize:
                torch.nn.functional.interpolate(square[None], (SIDE, SIDE), mode="bilinear", align_corners=False)
        seconds.append(time.process_time() - start)
    return len(paths) / min(seconds)


def decoded_difference(paths: list[Path]) -> float:
    """The largest difference between our decoder's pixels and PIL's, of 255."""
    differences = []
    for path in paths:
        with Image.open(path) as image:
            expected = np.asarray(image.convert("RGB")).astype(int)
        differences.append(np.abs(read_picture(path).astype(int) - expected).max())
    return float(max(differences))


def measure(count: int, repeats: int) -> list[Row]:
    """The benchmark's rows."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_pictures(Path(folder), count)
        rows = []
        for name, resize in (("images/decode_flip_pad", False), ("images/decode_flip_pad_resize", True)):
            reference, value = (rate(way, paths, resize, repeats) for way in (plain, ours))
            rows.append(times(name, value, "images/s/core", reference))
        difference = decoded_difference(paths)
    rows.append(below("images/decoder_difference_from_pil", difference, "of 255", goal=1.0))
    return rows


def main() -> int:
    """Measure, print, and write the numbers."""
    options = arguments_of(__doc__, "few pictures, once").parse_args()
    return report(measure(8 if options.quick else 40, 1 if options.quick else 5), options)


if __name__ == "__main__":
    sys.exit(main())
