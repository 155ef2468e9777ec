"""Read annotations of Visual Genome's real size: time and memory, compared with a plain loop over images.

    python benchmarks/annotations.py [--quick] [--json FILE]

The benchmark writes a synthetic VG-SGG.h5 with its JSON files (108,073 images, 150 classes, 50 predicates, the counts
of docs/SYSTEM.md section 1) to a temporary folder. A fresh process for each way then loads it with all subsets and
triplet tables. All times are processor time of one thread, which is the wall time on an idle machine with the files in
its cache.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.fresh_process import printed_by_child
from benchmarks.common.process_memory import status_bytes
from benchmarks.common.results import Row, arguments_of, below, report

IMAGES, CLASSES, PREDICATES = 108_073, 150, 50
NUM_VAL = 5000
SUBSETS = [("train", "all"), ("val", "zs"), ("val", "all"),
           ("test", "zs"), ("test", "10s"), ("test", "100s"), ("test", "all")]


def write_synthetic(directory: Path, images: int) -> None:
    """Write Visual Genome's three files, of `images` images, under `directory`."""
    rng = np.random.default_rng(0)
    folder = directory / "stanford_filtered"
    folder.mkdir(parents=True)
    objects = np.clip(rng.normal(10.6, 5.8, images).round().astype(int), 0, 62)
    # 89,169 of the 108,073 images have a relation; these have 7 on average
    relations = np.where((rng.random(images) < 0.83) & (objects > 1), rng.geometric(1 / 7, images), 0)
    first_box, last_box = ranges(objects)
    first_rel, last_rel = ranges(relations)
    wide_high = rng.choice([(500, 375), (375, 500), (800, 600), (640, 640), (1024, 768)], images)
    extent = np.repeat(wide_high * 1024 // wide_high.max(axis=1, keepdims=True), objects, axis=0)
    size = np.maximum(2, (extent * rng.uniform(0.02, 0.6, extent.shape)).astype(int))
    near = (rng.random(extent.shape) * (extent - size)).astype(int)
    popularity = 1 / np.arange(1, CLASSES + 1)
    owner = np.repeat(np.arange(images), relations)
    subject = (rng.random(len(owner)) * objects[owner]).astype(int)
    other = (subject + 1 + (rng.random(len(owner)) * (objects[owner] - 1)).astype(int)) % objects[owner]
    tail = 1 / np.arange(1, PREDICATES + 1) ** 1.5
    with h5py.File(folder / "VG-SGG.h5", "w") as file:
        file["split"] = np.where(rng.random(images) < 0.3, 2, 0).astype(np.int32)
        for name, values in (("img_to_first_box", first_box), ("img_to_last_box", last_box),
                             ("img_to_first_rel", first_rel), ("img_to_last_rel", last_rel)):
            file[name] = values.astype(np.int32)
        file["boxes_1024"] = np.concatenate([near + size // 2, size], axis=1).astype(np.int32)
        file["labels"] = rng.choice(CLASSES, len(extent), p=popularity / popularity.sum())[:, None] + 1
        file["relationships"] = (np.stack([subject, other], axis=1) + first_box[owner][:, None]).astype(np.int32)
        file["predicates"] = rng.choice(PREDICATES, len(owner), p=tail / tail.sum())[:, None] + 1
    names = {"label_to_idx": {f"class{i}": i for i in range(1, CLASSES + 1)},
             "predicate_to_idx": {f"predicate{i}": i for i in range(1, PREDICATES + 1)}}
    (folder / "VG-SGG-dicts.json").write_text(json.dumps(names))
    records = [{"width": int(w), "url": f"https://example.org/images/VG_100K_2/{i}.jpg", "height": int(h),
                "image_id": 10_000 + i, "coco_id": None, "flickr_id": i} for i, (w, h) in enumerate(wide_high)]
    (folder / "image_data.json").write_text(json.dumps(records))


def ranges(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last rows of images that own `counts` rows each; -1 for none."""
    last = np.cumsum(counts) - 1
    return np.where(counts, last - counts + 1, -1), np.where(counts, last, -1)


def load_ours(directory: Path) -> tuple[dict[str, list[int]], object]:
    """Numbers of images, relations and distinct triplets of every split and subset; and the last split."""
    from sgg.data.readers.visual_genome import open_visual_genome

    data = open_visual_genome(directory, num_val_images=NUM_VAL)
    sizes = {}
    for name, subset in SUBSETS:
        split = data.split(name, subset)
        sizes[f"{name} {subset}"] = [len(split), len(split.annotations.relations), len(split.triplets())]
    return sizes, split


def load_loop(directory: Path) -> tuple[dict[str, list[int]], object]:
    """The same numbers from a plain loop over images, with one array per image and dictionaries of counts."""
    folder = directory / "stanford_filtered"
    json.loads((folder / "image_data.json").read_text())
    with h5py.File(folder / "VG-SGG.h5") as file:
        arrays = {name: file[name][:] for name in file}
    splits: dict[str, list] = {"train": [], "val": [], "test": []}
    for image, first in enumerate(arrays["img_to_first_rel"]):
        if first < 0 or arrays["img_to_first_box"][image] < 0:
            continue
        start, end = arrays["img_to_first_box"][image], arrays["img_to_last_box"][image] + 1
        boxes = arrays["boxes_1024"][start:end].copy()
        boxes[:, :2] = boxes[:, :2] - boxes[:, 2:] / 2
        boxes[:, 2:] += boxes[:, :2]
        rows = slice(first, arrays["img_to_last_rel"][image] + 1)
        pairs = arrays["relationships"][rows] - start
        relations = np.column_stack([pairs, arrays["predicates"][rows]])
        test = arrays["split"][image] == 2
        name = "test" if test else "val" if len(splits["val"]) < NUM_VAL else "train"
        splits[name].append((boxes, arrays["labels"][start:end, 0], relations))

    def triplet(labels: np.ndarray, relation: np.ndarray) -> tuple[int, int, int]:
        subject, object_, predicate = relation
        return int(labels[subject]), int(predicate), int(labels[object_])

    def count(images: list) -> Counter:
        return Counter(triplet(labels, relation) for _, labels, relations in images for relation in relations)

    train = count(splits["train"])
    both = train + count(splits["val"])
    bounds = {"zs": (0, 0), "10s": (1, 10), "100s": (11, 100), "all": (0, 1 << 60)}
    sizes = {}
    for name, subset in SUBSETS:
        seen, (low, high) = both if name == "test" else train, bounds[subset]
        kept = []
        for boxes, labels, relations in splits[name]:
            rows = [relation for relation in relations if low <= seen[triplet(labels, relation)] <= high]
            if rows:
                kept.append((boxes, labels, np.array(rows)))
        sizes[f"{name} {subset}"] = [len(kept), sum(len(relations) for *_, relations in kept), len(count(kept))]
    return sizes, None


def child(way: str, directory: Path) -> None:
    """Load in this process; print seconds, peak memory and the numbers found."""
    load = {"ours": load_ours, "loop": load_loop}[way]
    import sgg.data  # noqa: F401  (the benchmark measures loading, not importing)
    start = time.process_time()
    sizes, split = load(directory)
    seconds = time.process_time() - start
    peak = status_bytes("VmHWM") / 2**20
    import torch.utils.data  # noqa: F401  (teaches the pickler of worker processes to share tensors)
    print(json.dumps({"seconds": seconds, "mebibytes": peak, "sizes": sizes,
                      "bytes_per_worker": len(ForkingPickler.dumps(split))}))


def run(way: str, directory: Path) -> dict:
    return printed_by_child(__file__, way, str(directory))


def measure(images: int, repeats: int) -> list[Row]:
    """The rows of the benchmark: the best of `repeats` runs of ours, one run of the loop."""
    with tempfile.TemporaryDirectory() as folder:
        write_synthetic(Path(folder), images)
        loop = run("loop", Path(folder))
        ours = min((run("ours", Path(folder)) for _ in range(repeats)), key=lambda result: result["seconds"])
    if ours["sizes"] != loop["sizes"]:
        raise SystemExit(f"the two ways disagree: {ours['sizes']} and {loop['sizes']}")
    full = images == IMAGES
    return [
        below("annotations/load", ours["seconds"], "s", loop["seconds"], 2.0 if full else None),
        below("annotations/peak_memory", ours["mebibytes"], "MiB", loop["mebibytes"], 1024.0 if full else None),
        below("annotations/sent_to_a_worker", ours["bytes_per_worker"] / 2**20, "MiB", None, 1.0),
    ]


def main() -> int:
    """Measure, print, and write the numbers."""
    parser = arguments_of(__doc__, "a seventh of the images, once")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]))
        return 0
    return report(measure(IMAGES // 7 if options.quick else IMAGES, repeats=1 if options.quick else 3), options)


if __name__ == "__main__":
    sys.exit(main())
