"""The peak memory of a training step of the papers' size, from shapes, and the proof of it by real steps.

    python benchmarks/step_memory.py [--quick] [--json FILE]

VGG16 heads, 12 objects an image, batches of 24 and 4 images, with and without the GAN, and with and without
`training.recompute_box_heads`; the detector's 0.5 GiB of weights are not in it. The proof: a fresh process runs two
steps of 4 images; the memory that it took at most (the system's figure), less what it had before it built networks, is
compared with the computed figure. It also holds what operators allocate for themselves.

--quick: a small model without GAN, as a test that it runs. A full run takes 5 minutes on two idle cores, and 5 GiB.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.fresh_process import printed_by_child
from benchmarks.common.live_memory import peak_of_shapes
from benchmarks.common.paper_step import Size, build
from benchmarks.common.process_memory import clear_peak, status_bytes
from benchmarks.common.results import Row, arguments_of, judged, report

IMAGES = (24, 4)
PROVED = 4
"""The images of the batch that a real process runs."""
TOLERANCE = 0.15
"""How far the real figure may be from the computed one."""


def main() -> int:
    """Measure, print, write."""
    parser = arguments_of(__doc__, "a small model")
    parser.add_argument("--child", choices=["with", "without"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(taken_by_steps(size_of(options.quick, PROVED), options.child == "with")))
        return 0
    return report(measure(options.quick), options)


def size_of(quick: bool, images: int) -> Size:
    """The size of a step."""
    return replace(Size().quick() if quick else Size(), images=images)


def measure(quick: bool) -> Iterator[Row]:
    """The computed peaks, and the real ones beside them."""
    for images in (PROVED,) if quick else IMAGES:
        for gan in (False,) if quick else (False, True):
            for recompute in (False, True):
                peak = peak_of_shapes(size_of(quick, images), gan, training={"recompute_box_heads": recompute})
                name = f"step_memory/{images}_images_{_name(gan)}" + "_recomputed" * recompute
                yield judged(name, peak / 2**30, "GiB", None, None, True)
                if images == PROVED and not recompute:
                    real = in_fresh_process(quick, gan)
                    yield judged(f"{name}_real", real / 2**30, "GiB", peak / 2**30, f"within {TOLERANCE:.0%}",
                                 abs(real / peak - 1) <= TOLERANCE)


def in_fresh_process(quick: bool, gan: bool) -> int:
    """`taken_by_steps` in a process of its own."""
    returned_at_once = {"MALLOC_MMAP_THRESHOLD_": "65536"}  # else the C library keeps what was freed
    return printed_by_child(__file__, "with" if gan else "without", *["--quick"] * quick, environment=returned_at_once)


def taken_by_steps(size: Size, gan: bool) -> int:
    """The bytes by which the peak of this process's memory rises for two steps."""
    build(size.without_networks(), gan)()  # loads libraries
    clear_peak()
    before = status_bytes("VmRSS")
    step = build(size, gan)
    for _ in range(2):
        step()
    return status_bytes("VmHWM") - before


def _name(gan: bool) -> str:
    return "with_gan" if gan else "without_gan"


if __name__ == "__main__":
    sys.exit(main())
