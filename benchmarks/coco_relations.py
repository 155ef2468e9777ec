"""Read COCO with relations at the size of VG150: time and memory, compared with Python's own reader of JSON.

    python benchmarks/coco_relations.py [--quick] [--json FILE]

The benchmark writes a synthetic data set (100,000 images, 1,000,000 boxes, 600,000 relations, 150 classes, 50
predicates) in three files to a temporary folder. A fresh process opens it as `data.name=coco-relations` does, with all
checks. Another one only parses the files with `json`. Time is processor time of one thread, which is the wall time on
an idle machine with the files in its cache; memory is the peak of the whole process, its imports included.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.fresh_process import printed_by_child
from benchmarks.common.process_memory import status_bytes
from benchmarks.common.results import Row, arguments_of, below, report
from sgg.data.annotations import Annotations
from sgg.data.dataset import BACKGROUND, DataSet
from sgg.data.splits import SPLITS
from sgg.data.writers.coco_relations import write_coco_relations

IMAGES, OBJECTS, RELATIONS = 100_000, 10, 6
CLASSES, PREDICATES = 150, 50
SECONDS, GIBIBYTES = 4.0, 1.5


def synthetic(images: int) -> DataSet:
    """A data set of `images` images, each with OBJECTS objects and RELATIONS relations."""
    rng = np.random.default_rng(0)
    sizes = rng.choice([(375, 500), (500, 375), (600, 800), (768, 1024)], images)
    extent = np.repeat(sizes[:, ::-1], OBJECTS, axis=0)
    side = np.maximum(2, (extent * rng.uniform(0.05, 0.6, extent.shape)).astype(int))
    near = (rng.random(extent.shape) * (extent - side)).astype(int)
    subjects = rng.integers(0, OBJECTS, images * RELATIONS)
    objects = (subjects + rng.integers(1, OBJECTS, len(subjects))) % OBJECTS
    annotations = Annotations(
        np.array([f"{number}.jpg" for number in range(images)]), sizes, np.arange(images + 1) * OBJECTS,
        np.concatenate([near, near + side], axis=1).astype(np.float32), rng.integers(1, CLASSES + 1, len(extent)),
        np.arange(images + 1) * RELATIONS,
        np.column_stack([subjects, objects, rng.integers(1, PREDICATES + 1, len(subjects))]))
    splits = rng.choice(list(SPLITS.values()), images, p=[0.7, 0.05, 0.25]).astype(np.int8)
    return DataSet("synthetic", "synthetic", [BACKGROUND, *(f"class{number}" for number in range(1, CLASSES + 1))],
                   [BACKGROUND, *(f"predicate{number}" for number in range(1, PREDICATES + 1))], annotations, splits,
                   Path("images"))


def open_ours(directory: Path) -> list[int]:
    """Numbers of images, objects and relations."""
    from sgg.data.readers.coco_relations import open_coco_relations

    annotations = open_coco_relations(directory).annotations
    return [len(annotations), len(annotations.labels), len(annotations.relations)]


def parse(directory: Path) -> list[int]:
    """The same numbers from the parsed files."""
    contents = [json.loads(path.read_bytes()) for path in directory.rglob("*.json")]
    return [sum(len(content[key]) for content in contents) for key in ("images", "annotations", "rel_annotations")]


WAYS = {"ours": open_ours, "json": parse}


def child(way: str, directory: Path) -> None:
    """Load in this process; print seconds, peak memory and what was found."""
    import sgg.data.readers.coco_relations  # noqa: F401  (the benchmark measures loading, not importing)
    start = time.process_time()
    found = WAYS[way](directory)
    seconds = time.process_time() - start
    print(json.dumps({"seconds": seconds, "gibibytes": status_bytes("VmHWM") / 2**30, "found": found}))


def run(way: str, directory: Path) -> dict:
    return printed_by_child(__file__, way, str(directory))


def measure(images: int, repeats: int) -> list[Row]:
    """The rows of the benchmark: the best of `repeats` runs of ours, one run of `json`."""
    with tempfile.TemporaryDirectory() as folder:
        write_coco_relations(synthetic(images), Path(folder))
        plain = run("json", Path(folder))
        ours = min((run("ours", Path(folder)) for _ in range(repeats)), key=lambda result: result["seconds"])
    if ours["found"] != plain["found"]:
        raise SystemExit(f"the two ways disagree: {ours['found']} and {plain['found']}")
    full = images == IMAGES
    return [
        below("coco_relations/load", ours["seconds"], "s", plain["seconds"], SECONDS if full else None),
        below("coco_relations/peak_memory", ours["gibibytes"], "GiB", plain["gibibytes"], GIBIBYTES if full else None),
    ]


def main() -> int:
    """Measure, print, and write the numbers."""
    parser = arguments_of(__doc__, "a hundredth of the images, once")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]))
        return 0
    return report(measure(IMAGES // 100 if options.quick else IMAGES, repeats=1 if options.quick else 3), options)


if __name__ == "__main__":
    sys.exit(main())
