"""Images per second and core: JPEG decoding, mirroring, padding, resizing, compared with the plain way; bytes that a
loading process passes, and its memory; header checks.

    python benchmarks/images.py [--quick] [--json FILE]

The plain way decodes, mirrors and pads in PIL and then makes a tensor. Our way also decodes in PIL, but mirrors and
pads while it makes the tensor. Times are given with and without normalising and resizing for the detector, which
resizes what the plain way gives; ours resizes larger images in loading. The former way padded in floating point, and
the detector resized: `load` is the part of a loading process, with the copy into shared memory, `load_and_resize` also
the detector's. If torchvision still has a decoder, the way with it is measured too. Headers are checked as before a
run: of new files, and then of the same files again, without the time of the disk. The photograph has 24 megapixels;
memory is the largest resident size of a new process, above that at its start. Images are synthetic. All times are
processor time of one thread, which other processes on the machine hardly change.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image, ImageOps
from torchvision.models.detection.transform import GeneralizedRCNNTransform

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.process_memory import clear_peak, status_bytes
from benchmarks.common.results import Row, arguments_of, below, judged, report, times
from sgg.data.images.image_files import read_image
from sgg.data.images.image_index import ImageIndex
from sgg.data.loading.shared_batch import SharedBatch
from sgg.data.loading.transforms import PADDING, to_square
from sgg.detector.pixels import as_floats

SIDE = 592  # size of the images that VGG16's detector gets
SIZES = ((375, 500), (500, 333), (600, 800), (768, 1024))
MEAN_COLOUR = (124, 116, 104)
TRANSFORM = GeneralizedRCNNTransform(SIDE, SIDE, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]).eval()


def write_images(folder: Path, count: int, sizes: Sequence[tuple[int, int]] = SIZES) -> list[Path]:
    """Write images of smooth shapes, texture and noise."""
    rng, paths = np.random.default_rng(0), []
    for index in range(count):
        height, width = sizes[index % len(sizes)]
        pixels = rng.normal(128, 4, (height, width, 3))
        for grain, strength in ((64, 1.0), (16, 0.7), (4, 0.4)):
            coarse = rng.integers(0, 256, (height // grain + 1, width // grain + 1, 3), dtype=np.uint8)
            pixels += strength * (np.asarray(Image.fromarray(coarse).resize((width, height)), dtype=float) - 128)
        paths.append(folder / f"{width}x{height}-{index}.jpg")
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


def loaded(path: Path) -> torch.Tensor:
    """What a loading process passes: bytes of at most the detector's size."""
    return to_square(read_image(path), flipped=True, largest=SIDE)


def former(path: Path) -> torch.Tensor:
    """What it passed formerly: the whole square in floating point, made of an array that PIL copied twice."""
    with Image.open(path) as image:
        return padded_floats(np.asarray(image)[:, ::-1])


def with_torchvision(path: Path) -> torch.Tensor:
    """The loader's way with torchvision's decoder, before the former one."""
    from torchvision.io import ImageReadMode, decode_jpeg

    content = torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)
    return padded_floats(decode_jpeg(content, ImageReadMode.RGB).permute(1, 2, 0).numpy()[:, ::-1])


def padded_floats(pixels: np.ndarray) -> torch.Tensor:
    """[3, s, s] float32 in [0, 1] of an image [h, w, 3] uint8."""
    height, width, _ = pixels.shape
    square = np.empty((3, max(height, width), max(height, width)), dtype=np.float32)
    for channel, level in enumerate(PADDING):
        plane = square[channel, :height, :width]
        plane[...] = pixels[..., channel]
        plane /= np.float32(255)
        square[channel, height:] = square[channel, :, width:] = np.float32(level) / np.float32(255)
    return torch.from_numpy(square)


def memory_of(way: Callable[[Path], torch.Tensor], path: Path) -> float:
    """The memory in MiB that a process takes for an image, at its peak."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send_memory, args=(way, path, sender))
    process.start()
    found: float = receiver.recv()
    process.join()
    return found


def _send_memory(way: Callable[[Path], torch.Tensor], path: Path, sender: Connection) -> None:
    ctypes.CDLL(None).malloc_trim(0)  # else it would use what its parent left
    clear_peak()
    before = status_bytes("VmRSS")
    way(path)
    sender.send((status_bytes("VmHWM") - before) / 2**20)


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


def shared(way: Callable[[Path], torch.Tensor]) -> Callable[[Path], torch.Tensor]:
    """The way, with the copy into shared memory in which a loading process passes the image."""
    def share(path: Path) -> torch.Tensor:
        found: torch.Tensor = SharedBatch.of(way(path)).unpack()
        return found

    return share


def rate(way: Callable[[Path], torch.Tensor], paths: list[Path], resize: bool) -> float:
    """Images per second of processor time."""
    start = time.process_time()
    for path in paths:
        square = way(path)
        if resize:
            floats = TRANSFORM.normalize(as_floats(square))
            if floats.shape[-1] != SIDE:
                TRANSFORM.resize(floats)
    return len(paths) / (time.process_time() - start)


def _in_turns(ways: tuple[Callable[[Path], torch.Tensor], ...], paths: list[Path], repeats: int,
              resize: bool) -> list[float]:
    """The best rate of each way. The ways take turns, so that other load slows all of them."""
    turns = [[rate(way, paths, resize) for way in ways] for _ in range(3 * repeats)]
    return [max(of_way) for of_way in zip(*turns, strict=True)]


def decoded_difference(paths: list[Path]) -> float:
    """The largest difference between the pixels of our decoder and of PIL, in levels of 0 to 255."""
    differences = []
    for path in paths:
        with Image.open(path) as image:
            expected = np.asarray(image.convert("RGB")).astype(int)
        differences.append(np.abs(read_image(path).astype(int) - expected).max())
    return float(max(differences))


def mean_bytes(way: Callable[[Path], torch.Tensor], paths: list[Path]) -> float:
    """The bytes that are passed for an image."""
    return sum(way(path).nbytes for path in paths) / len(paths)


def passing(folder: Path, paths: list[Path], repeats: int, photograph: tuple[int, int]) -> list[Row]:
    """What loading takes and passes, compared with the former way. photograph: height and width of a large image."""
    rows = []
    for name, resize in (("images/load", False), ("images/load_and_resize", True)):
        value, reference = _in_turns((shared(loaded), shared(former)), paths, repeats, resize)
        rows.append(times(name, value, "images/s/core", reference))
    rows.append(below("images/passed", mean_bytes(loaded, paths) / 1e6, "MB/image", mean_bytes(former, paths) / 1e6))
    large = write_images(folder, 1, (photograph,))
    value, reference = _in_turns((shared(loaded), shared(former)), large, 1, False)
    rows.append(times("images/photograph_load", value, "images/s/core", reference))
    megabytes = [mean_bytes(way, large) / 1e6 for way in (loaded, former)]
    rows.append(below("images/photograph_passed", megabytes[0], "MB", megabytes[1]))
    rows.append(below("images/photograph_memory", memory_of(loaded, large[0]), "MiB", memory_of(former, large[0])))
    return rows


def measure(count: int, repeats: int, headers: int, photograph: tuple[int, int] = (4000, 6000)) -> list[Row]:
    """The benchmark's rows."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_images(Path(folder), count)
        rows = []
        for name, way, resize in (("images/decode_flip_pad", ours, False),
                                  ("images/decode_flip_pad_resize", loaded, True)):
            value, reference = _in_turns((way, plain), paths, repeats, resize)
            rows.append(times(name, value, "images/s/core", reference))
        rows += passing(Path(folder), paths, repeats, photograph)
        if hasattr(torchvision.io, "decode_jpeg"):
            sides = _in_turns((ours, with_torchvision), paths, repeats, False)
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
