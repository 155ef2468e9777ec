"""A training step of the papers' size on a GPU: time, memory, waiting for the device, and its share of the roof.

    python benchmarks/gpu.py [--device cuda] [--quick] [--json FILE] [--images N]

Without data and without a network. The batch has 24 images of 12 objects, with and without the GAN; the detector is not
measured. Each variant changes one thing: TF32, bf16 (`training.autocast_bf16`), `torch.compile`, `channels_last` of
the GAN's networks and of the maps. CUDA graphs are none of them: a graph replays one shape, and the numbers of objects
and pairs differ from batch to batch. The reference of a variant is the step in float32 of the same run. Further rows:

- `waits`: how often the host waits for the device in a step, as `torch.cuda.set_sync_debug_mode` counts it;
- `ratio_to_floor`: as in `benchmarks/step.py`;
- `share_of_roof`: the time that the step's products would take at the rate of one large product, plus that which the
  optimisers would take at the rate of a long sum, over the time of the step.

--quick: a small model without `torch.compile`, as a test that it runs; with `--device cpu` also where there is no GPU.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.floor import Bandwidth, seconds_of, take_turns, work_of
from benchmarks.common.live_memory import peak_of_shapes
from benchmarks.common.paper_step import PaperStep, Size, build
from benchmarks.common.results import Row, arguments_of, below, judged, report
from sgg.common.device import find_device
from sgg.config import validate
from sgg.experiment.torch_setup import configure_torch

PLAIN, COMPILED, CHANNELS_LAST = "float32", "compile", "channels_last"
VARIANTS: dict[str, dict[str, Any]] = {
    PLAIN: {}, "tf32": {"tf32": True}, "bf16": {"autocast_bf16": True}, COMPILED: {"compile": True}, CHANNELS_LAST: {}}
"""The settings of `training` of each variant."""
WARM, STEPS, WAITS_GOAL = 3, 10, 1
GiB = 2**30


def main() -> int:
    """Measure, print, write."""
    parser = arguments_of(__doc__, "a small model, one step of each variant")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, or cpu with --quick")
    parser.add_argument("--images", type=int, default=24, metavar="N", help="images of a batch (24)")
    options = parser.parse_args()
    device = find_device(options.device, "--device")
    if device.type == "cuda":
        print(torch.cuda.get_device_name(device), flush=True)
    return report(measure(options, device), options)


def measure(options: argparse.Namespace, device: torch.device) -> Iterator[Row]:
    """The rows of all variants, without and with the GAN."""
    size = replace(Size().quick() if options.quick else Size(), images=2 if options.quick else options.images)
    for gan in (False, True):
        plain = None
        for variant in VARIANTS:
            if options.quick and variant == COMPILED:
                continue
            step = variant_of(variant, size, gan, device)
            name = f"gpu/{'with' if gan else 'without'}_gan/{variant}"
            seconds, peak = timed(step, device, 1 if options.quick else STEPS)
            plain = plain or seconds
            yield below(name, seconds, "s", plain)
            if device.type == "cuda":
                yield below(f"{name}/peak_memory", peak / GiB, "GiB", peak_of_shapes(size, gan) / GiB)
                waits = waits_of(step)
                yield below(f"{name}/waits", waits, "", None, WAITS_GOAL)
            if variant in (PLAIN, "tf32"):
                yield from beside_roof(step, name, 1 if options.quick else 5, options.quick)
            del step


def variant_of(variant: str, size: Size, gan: bool, device: torch.device) -> PaperStep:
    """The step of a variant. Sets the number formats of this process."""
    training = VARIANTS[variant]
    settings = {"training": {"tf32": False, **training}, "resources": {"cpus": os.cpu_count()}}
    configure_torch(validate(settings))
    step = build(size, gan, device, training=training)
    if variant == CHANNELS_LAST:
        for network in step.system.augmenter.networks.values():
            network.to(memory_format=torch.channels_last)
        outputs = step.batch.outputs
        maps = outputs.map.contiguous(memory_format=torch.channels_last)
        step = replace(step, batch=replace(step.batch, outputs=outputs._replace(map=maps)))
    return step


def synchroniser(device: torch.device) -> Callable[[], object]:
    """Waits until a device has done everything."""
    return (lambda: torch.cuda.synchronize(device)) if device.type == "cuda" else (lambda: None)


def timed(step: PaperStep, device: torch.device, steps: int) -> tuple[float, int]:
    """The median seconds of a step, and the peak bytes that torch has allocated on a GPU."""
    for _ in range(WARM if steps > 1 else 1):
        step()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    seconds = statistics.median(seconds_of(step, synchroniser(device)) for _ in range(steps))
    return seconds, torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0


def waits_of(step: PaperStep) -> int:
    """How often the host waits for the GPU in a step."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            step()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    waits = [str(one.message) for one in found if "synchronizing" in str(one.message)]
    for one in found:
        print(f"  waits: {one.filename}:{one.lineno}: {one.message}")
    return len(waits)


def beside_roof(step: PaperStep, name: str, turns: int, quick: bool) -> Iterator[Row]:
    """The step beside its floor, and beside the fastest that this device multiplies and moves numbers."""
    device = step.system.device
    work, bandwidth = work_of(step), Bandwidth(1 << (20 if quick else 28), device)
    found = take_turns(step, work, bandwidth, turns, synchroniser(device))
    rate, moved = product_rate(128 if quick else 8192, device), bandwidth_of(bandwidth, device)
    flops = work.flops()
    roof = flops / rate + work.bytes / moved
    yield below(f"{name}/ratio_to_floor", found.ratio, "x")
    yield below(f"{name}/products", flops / 1e12, "TFLOP")
    yield below(f"{name}/rate_of_one_product", rate / 1e12, "TFLOP/s")
    yield below(f"{name}/bandwidth", moved / 1e9, "GB/s")
    yield judged(f"{name}/share_of_roof", roof / statistics.median(found.step), "", None, None, True)


def product_rate(side: int, device: torch.device) -> float:
    """Floating-point operations a second in a product of two square matrices, in the number format that is set."""
    first, second = (torch.rand(side, side, device=device) for _ in range(2))
    first @ second
    return 2 * side**3 / min(seconds_of(lambda: first @ second, synchroniser(device)) for _ in range(5))


def bandwidth_of(bandwidth: Bandwidth, device: torch.device) -> float:
    """Bytes a second."""
    return bandwidth.bytes / min(seconds_of(bandwidth.run, synchroniser(device)) for _ in range(5))


if __name__ == "__main__":
    sys.exit(main())
