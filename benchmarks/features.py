"""The feature store compared with the reference's HDF5 file: gathering, writing, several readers, bytes, a cold page
cache; and compared with itself without checksums of rows.

    python benchmarks/features.py [--quick] [--json FILE] [--codec lz4] [--directory DIR] [--baseline-rows N]

Features are synthetic: RoIs of rectified, smoothed noise of the size of VGG16's map, 512x7x7. The threshold of the
rectification gives the HDF5 file the 45 KB per row of the reference's (docs/SYSTEM.md section 7: about 30 GB in total).
The baseline writes one dataset per class, float32, gzip 4, one row per chunk, and gathers row by row. A full run has
100,000 rows for the store (about 4 GB in DIR, and 5 GB more while it is written; DIR is the temporary folder by
default, and the files are removed afterwards), and 3,000 for the baseline, whose speed does not depend on the number
(`--baseline-rows 100000` shows it).

Writing is measured in processor time of all threads (which a busy machine changes little) and in wall time. Gathering
with one thread is measured in processor time. Gathering with two threads, as a trial does, the cold page cache and
several readers, each on its own processor, are measured in wall time, for which the machine must be idle.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import cycle
from pathlib import Path

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from torchvision.ops import roi_align

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.results import arguments_of, judged, report, times
from sgg.common.command_line import positive
from sgg.features import FeatureStore, StoreIdentity, array, write_store
from sgg.features.shards import CHECKSUM_BYTES, EncodedRows, write_shard

CLASSES, CHANNELS, GATHERED = 151, 512, 288  # 24 images of 12 objects
SHAPE = (CHANNELS, 7, 7)
NAMES = ["__background__", *(f"class{label}" for label in range(1, CLASSES))]
IDENTITY = StoreIdentity(NAMES, detector="synthetic", data="synthetic")
DISTINCT = 1024
READY_S = 300


def synthetic_features(threshold: float = 1.3) -> np.ndarray:
    """[DISTINCT, 512, 7, 7] float32; the first value of row i is i."""
    generator = torch.Generator().manual_seed(0)
    maps = F.avg_pool2d(torch.randn(4, CHANNELS, 38, 38, generator=generator), 3, 1, 1) * 3
    extent = torch.rand(DISTINCT, 2, generator=generator) * 350 + 48
    corner = torch.rand(DISTINCT, 2, generator=generator) * (592 - extent)
    image = torch.randint(4, (DISTINCT, 1), generator=generator)
    features = roi_align((maps - threshold).relu(), torch.cat([image, corner, corner + extent], 1), 7, 1 / 16, 2)
    features[:, 0, 0, 0] = torch.arange(DISTINCT)
    return features.numpy()


def long_tailed_labels(rows: int, seed: int = 0) -> np.ndarray:
    """[rows] classes from 1, with frequencies proportional to 1 / rank, in the order of images."""
    frequency = 1 / np.arange(1, CLASSES)
    return np.random.default_rng(seed).choice(CLASSES - 1, rows, p=frequency / frequency.sum()) + 1


def write_ours(path: Path, features: np.ndarray, labels: np.ndarray, codec: str) -> FeatureStore:
    """A store of len(labels) rows in the order of images; row i is features[i % DISTINCT]."""
    def part(start: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = labels[start:start + DISTINCT]
        return features[:len(chosen)], chosen

    parts = [lambda start=start: part(start) for start in range(0, len(labels), DISTINCT)]
    return write_store(path, IDENTITY, parts, codec)


def without_checksums(store: FeatureStore, path: Path) -> FeatureStore:
    """A copy of `store` in the format of the first edition, whose rows have no checksums."""
    rows = len(store)
    step = array.rows_per_shard(store.row_shape)
    array.create(path, (rows, *store.row_shape), step, store.codec, 1)
    metadata = json.loads((path / "zarr.json").read_text())
    metadata["codecs"][0]["configuration"]["codecs"].pop()
    sizes = []
    for source, target in zip(*(array.shard_paths(one, -(-rows // step)) for one in (store.path, path)), strict=True):
        write_shard(target, [row[:-CHECKSUM_BYTES] for row in EncodedRows(source, step)])
        sizes.append(target.stat().st_size)
    attributes = array.attributes(store.path) | {"feature_store": 1, "shard_bytes": sizes}
    (path / "zarr.json").write_text(json.dumps(metadata | {"attributes": attributes}))
    return FeatureStore.open(path)


def by_class(features: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """The same rows by class name, [n, 512*7*7]."""
    rows = {NAMES[label]: features[np.flatnonzero(labels == label) % DISTINCT] for label in np.unique(labels)}
    return {name: of_class.reshape(len(of_class), -1) for name, of_class in rows.items()}


def write_hdf5(path: Path, rows: dict[str, np.ndarray]) -> None:
    """Write the rows of each class in the format of the reference."""
    with h5py.File(path, "w") as file:
        for name, of_class in rows.items():
            file.create_dataset(name, data=of_class, chunks=(1, of_class.shape[1]), compression="gzip",
                                compression_opts=4)


def gather_hdf5(file: h5py.File, labels: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    """One row for each label, one after another."""
    rows = [file[NAMES[label]][rng.integers(len(file[NAMES[label]]))] for label in labels]
    return torch.from_numpy(np.stack(rows)).view(-1, *SHAPE)


def seconds(call: Callable[[], object], repeats: int, clock: Callable[[], float] = time.process_time) -> float:
    """The median time of a call."""
    times = []
    for _ in range(repeats):
        start = clock()
        call()
        times.append(clock() - start)
    return statistics.median(times)


def both(call: Callable[[], object]) -> tuple[float, float]:
    """Processor time of all threads, and wall time, of one call."""
    begun, started = time.process_time(), time.perf_counter()
    call()
    return time.process_time() - begun, time.perf_counter() - started


def write_baseline(path: Path, features: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Processor time and wall time to write rows, which are ready in memory, to HDF5."""
    grouped = by_class(features, labels)
    return both(lambda: write_hdf5(path, grouped))


def drop_page_cache(path: Path) -> None:
    """Remove the contents of a file, or of all files of a folder, from the page cache."""
    os.sync()
    for file in files_of(path):
        descriptor = os.open(file, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def fill_page_cache(path: Path) -> None:
    """Read a file, or all files of a folder, into the page cache."""
    for file in files_of(path):
        with file.open("rb") as contents:
            while contents.read(2**24):
                pass


def files_of(path: Path) -> list[Path]:
    """The file itself, or the files of a folder."""
    return [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]


def read_for(path: Path, seed: int, duration: float, start, results) -> None:
    """A reader process with its own processor, if there are enough: rows per second, and whether every row had its
    class."""
    torch.set_num_threads(1)
    processors = sorted(os.sched_getaffinity(0), reverse=True)  # the first one has most of the system's own work
    os.sched_setaffinity(0, {processors[seed % len(processors)]})
    store = FeatureStore.open(path, IDENTITY, threads=1)
    generator, drawn = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
    batches = long_tailed_labels(GATHERED * 64, seed).reshape(-1, GATHERED)
    batches = batches[np.isin(batches, np.flatnonzero(store.counts)).all(1)]
    expected = [first_values(store.counts, store.draw(batch, drawn)) for batch in batches]
    store.sample(batches[0], torch.Generator())
    start.wait(READY_S)
    gathered, right, begun = 0, True, time.perf_counter()
    while time.perf_counter() - begun < duration or gathered == 0:
        number = gathered // GATHERED
        if number == len(batches):
            break
        sample = store.sample(batches[number], generator)
        right &= bool(np.array_equal(sample[:, 0, 0, 0].numpy(), expected[number]))
        gathered += GATHERED
    results.put((gathered / (time.perf_counter() - begun), right))


def first_values(counts: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The expected first value of these rows of a store written by `write_ours`."""
    order = np.argsort(long_tailed_labels(int(counts.sum())), kind="stable")
    return (order[rows] % DISTINCT).astype(np.float32)


def readers(path: Path, count: int, duration: float) -> tuple[float, bool]:
    """Rows per second of `count` reader processes together, and whether all rows were right."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sgg.features"])
    start, results = context.Barrier(count), context.Queue()
    processes = [context.Process(target=read_for, args=(path, seed, duration, start, results)) for seed in range(count)]
    for process in processes:
        process.start()
    found = [results.get(timeout=READY_S + duration) for _ in processes]
    for process in processes:
        process.join()
    return sum(rate for rate, _ in found), all(right for _, right in found)


def measure(directory: Path, rows: int, baseline_rows: int, codec: str) -> Iterable[dict]:
    """The rows of the benchmark; every ratio is ours over the baseline in the same run."""
    features, labels, rng = synthetic_features(), long_tailed_labels(rows), np.random.default_rng(0)
    few = labels[:baseline_rows]
    hdf5, small = directory / "features.hdf5", directory / "small.zarr"
    writing, writing_wall = (baseline_rows / took for took in write_baseline(hdf5, features, few))
    ours, ours_wall = (baseline_rows / took for took in both(lambda: write_ours(small, features, few, codec)))
    yield times("features/write", ours, "rows/s of processor", writing, goal=5)
    yield times("features/write_wall", ours_wall, "rows/s", writing_wall, goal=5)

    path = directory / "nodes.zarr"
    store = None

    def write_all() -> None:
        nonlocal store
        store = write_ours(path, features, labels, codec)

    took, took_wall = both(write_all)
    yield times(f"features/write_{rows}_rows", rows / took, "rows/s of processor", writing, goal=5)
    yield times(f"features/write_{rows}_rows_wall", rows / took_wall, "rows/s", writing_wall, goal=5)
    yield times("features/bytes_per_row", store.num_bytes / rows, "bytes", hdf5.stat().st_size / baseline_rows)

    wall = time.perf_counter
    requests = [rng.choice(few, GATHERED) for _ in range(20)]
    batches = cycle(requests)
    drop_page_cache(hdf5)
    with h5py.File(hdf5) as file:
        reference_cold = GATHERED / seconds(lambda: gather_hdf5(file, next(batches), rng), 5, wall)

    drop_page_cache(path)
    store, generator = FeatureStore.open(path), torch.Generator().manual_seed(0)
    cold = GATHERED / seconds(lambda: store.sample(next(batches), generator), 10, wall)
    fill_page_cache(path)
    fill_page_cache(hdf5)
    with h5py.File(hdf5) as file:
        of_baseline = [] if baseline_rows == rows else [(small, baseline_rows, 2, wall, "rows/s", 9)]
        for where, name, threads, clock, unit, goal in (
                *of_baseline,  # exactly the rows of the baseline
                (path, rows, 2, wall, "rows/s", 9),
                (path, f"{rows}_one_thread", 1, time.process_time, "rows/s of processor", None)):
            store = FeatureStore.open(where, threads=threads)
            store.sample(requests[0])
            # Both take turns of about the same length, so that both meet the same state of the machine. The first
            # calls after one thread of the other left a processor idle are a third slower than the following ones.
            pairs = [(seconds(lambda: gather_hdf5(file, next(batches), rng), 1, clock),
                      seconds(lambda: store.sample(next(batches), generator), 10, clock)) for _ in requests]  # noqa: B023
            reference, warm = (GATHERED / statistics.median(column) for column in zip(*pairs, strict=True))
            yield times(f"features/gather_{GATHERED}_of_{name}", warm, unit, reference, goal)
    plain = without_checksums(FeatureStore.open(small), directory / "plain.zarr")
    yield from beside_no_checksums(FeatureStore.open(small), plain, few)
    yield times(f"features/gather_{GATHERED}_of_{rows}_cold", cold, "rows/s", reference_cold)

    alone, right = readers(path, 1, 4)
    together, right2 = readers(path, 2, 4)
    yield times("features/two_readers_over_one", together, "rows/s", alone, goal=1.7)
    eight, right8 = readers(path, 8, 4)
    correct = right and right2 and right8
    yield judged("features/eight_readers_correct", float(correct), "share", None, 1, correct)
    yield times("features/eight_readers_over_one", eight, "rows/s", alone)


def beside_no_checksums(store: FeatureStore, plain: FeatureStore, labels: np.ndarray) -> Iterable[dict]:
    """The cost of checksums for a reader: the same draws from both stores, in turn, in wall time and in processor time.
    """
    requests = cycle([np.random.default_rng(number).choice(labels, GATHERED) for number in range(20)])
    for clock, name in ((time.perf_counter, "rows/s"), (time.process_time, "rows/s of processor")):
        pairs = [[seconds(lambda: one.sample(batch, torch.Generator().manual_seed(0)), 3, clock)  # noqa: B023
                  for one in (store, plain)] for batch, _ in zip(requests, range(60), strict=False)]
        verified, unverified = (GATHERED / statistics.median(column) for column in zip(*pairs, strict=True))
        suffix = "_processor" if clock is time.process_time else ""
        yield times(f"features/gather_with_checksums{suffix}", verified, name, unverified, goal=0.9)


def main() -> int:
    """Measure, print, and write the numbers."""
    parser = arguments_of(__doc__, "6,000 rows, 600 for the baseline")
    parser.add_argument("--codec", default="lz4", choices=["lz4", "zstd", "none"])
    parser.add_argument("--directory", type=Path, help="folder of the stores, on the disk to measure")
    parser.add_argument("--baseline-rows", type=positive, default=3_000, metavar="N",
                        help="rows of the HDF5 file; 100000 makes it as large as the store (3 minutes more, 12 GB)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows, baseline_rows = (6_000, 600) if options.quick else (100_000, options.baseline_rows)
    with tempfile.TemporaryDirectory(dir=options.directory) as folder:
        return report(measure(Path(folder), rows, baseline_rows, options.codec), options)


if __name__ == "__main__":
    sys.exit(main())
