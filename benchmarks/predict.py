"""`sgg.predict` on a folder of images: images a second, with and without pictures, beside detector and model alone.

    python benchmarks/predict.py CHECKPOINT [--images N] [--quick] [--json FILE]

CHECKPOINT is a trial on the toy genome, such as that of `tune_configs/demo.yaml`. The images are those of the toy
genome's test split, or any other folder (--folder). "Alone" runs detector and model on the same batches, which are
decoded before the clock starts. Each way runs three times in turn and its best time counts, so that other processes on
the machine matter less; goals are for an idle machine with two cores. Processor time is that of all threads, and hardly
depends on other processes. Memory: the most that the process held after all images, above that after each way had run
on a tenth of them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.process_memory import status_bytes
from benchmarks.common.results import Row, arguments_of, below, judged, report
from sgg.predict.images import ImageFile, find_images, read_pixels
from sgg.predict.predictor import Predictor
from sgg.predict.run import Run

ROUNDS = 3


def seconds(work: Callable[[], object]) -> np.ndarray:
    """[2] the time on the clock, and of the processor."""
    start = np.array([time.perf_counter(), time.process_time()])
    work()
    return np.array([time.perf_counter(), time.process_time()]) - start


def alone(predictor: Predictor, files: list[ImageFile], batch: int) -> np.ndarray:
    """The times of detector and model on images that are decoded already, a few batches at a time."""
    spent, rest = np.zeros(2), iter(files)
    while part := list(islice(rest, batch)):
        read = [read_pixels(file.path) for file in part]
        names = [file.name for file in part]
        spent += seconds(lambda read=read, names=names: predictor.predict(read, names))
    return spent


def rows(predictor: Predictor, files: list[ImageFile], rounds: int = ROUNDS, batch: int = 8) -> Iterator[Row]:
    """Speed of each way, and memory."""
    with tempfile.TemporaryDirectory() as folder:
        def run(pictures: bool, some: list[ImageFile]) -> np.ndarray:
            faults: list[str] = []
            one = Run(predictor, Path(folder), batch, pictures=pictures)
            spent = seconds(lambda: faults.extend(one.predict(some, lambda done, total: None)))
            assert not faults
            return spent

        drawn, first = files[:max(batch, len(files) // 4)], files[:max(batch, len(files) // 10)]
        alone(predictor, first, batch)
        run(False, first)
        run(True, first)
        before = status_bytes("VmHWM")
        times = [(alone(predictor, files, batch), run(False, files), run(True, drawn)) for _ in range(rounds)]
        after = status_bytes("VmHWM")
    best = np.array(times).min(0)  # [3 ways, 2 clocks]
    model, plain, pictures = best[:, 0].tolist()
    count = len(files)
    yield judged("detector and model alone", count / model, "images/s", None, None, True)
    yield judged("JSON only", count / plain, "images/s", None, 20, count / plain >= 20)
    yield below("time of JSON only", plain, "s", model, None) | {"goal": "1.1 times alone", "ok": plain <= 1.1 * model}
    yield judged("with pictures", len(drawn) / pictures, "images/s", None, 3, len(drawn) / pictures >= 3)
    for way, images, spent in zip(("detector and model alone", "JSON only", "with pictures"),
                                  (count, count, len(drawn)), best[:, 1].tolist(), strict=True):
        yield judged(f"processor time: {way}", 1000 * spent / images, "ms/image", None, None, True)
    yield below("memory that all images took beyond the first tenth", (after - before) / 2**20, "MiB", None, 64)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark."""
    parser = arguments_of(__doc__, "40 images, one round")
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="the folder of a trial")
    parser.add_argument("--folder", type=Path, default=Path("data/toy/VG_100K"), metavar="DIR", help="of images")
    parser.add_argument("--images", type=int, default=1000, metavar="N", help="the number of images")
    options = parser.parse_args(arguments)
    files, _ = find_images([options.folder], Path("no such folder"))
    count = 40 if options.quick else options.images
    return report(rows(Predictor(options.checkpoint, "cpu"), files[-count:], 1 if options.quick else ROUNDS), options)


if __name__ == "__main__":
    raise SystemExit(main())
