"""Two processes, each with a GPU of its own, train as one does, over NCCL; and what they gain.

    python benchmarks/two_gpus.py [--device cuda] [--quick] [--json FILE]

Without data and without a network. In float64, without dropout, perturbation and conditioning, two steps with the GAN
on a batch of four images: losses, and the gradients that the optimisers of F, G and D get, are compared with those of
one process (`tests/integration/test_parallel.py` does the same on CPUs, and explains the tolerance). Then the time of a
step in float32 with 24 images on each of two GPUs, beside 24 images on one.

--quick: small models, as a test that it runs; with `--device cpu` over gloo, where there are no GPUs.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.floor import seconds_of
from benchmarks.common.in_float64 import float64_by_default, in_float64, note_gradient
from benchmarks.common.paper_step import Size, build
from benchmarks.common.results import Row, arguments_of, judged, report
from sgg.common import distributed as parallel
from sgg.systems.contract import Draws

WORKERS, STEPS, TIMED = 2, 2, 10
TOLERANCE = math.sqrt(torch.finfo(torch.float64).eps)
"""Relative to the norm of what is compared."""
NO_DRAWS = {"kind": "gan", "visual_conditioning": False}
"""No label is perturbed, and G is not conditioned, so nothing is left to a worker's own draws."""
Compared = tuple[list[dict[str, float]], dict[str, torch.Tensor]]


def main() -> int:
    """Measure, print, write."""
    parser = arguments_of(__doc__, "small models")
    parser.add_argument("--device", default="cuda", help="cuda, or cpu with --quick")
    options = parser.parse_args()
    if options.device == "cuda" and torch.cuda.device_count() < WORKERS:
        parser.error(f"--device: cuda needs {WORKERS} GPUs, torch sees {torch.cuda.device_count()}; there is "
                     "`--device cpu --quick`, which compares over gloo")
    return report(measure(options), options)


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """The rows."""
    small = replace(Size().quick(), images=4, dropout=0.0)
    alone = replace(Size().quick() if options.quick else Size(), images=2 if options.quick else 24)
    losses, gradients = trained(small, options.device)
    seconds = seconds_of_step(alone, options.device)
    for rank, ((their_losses, their_gradients), together) in enumerate(in_processes(small, alone, options.device)):
        far = max(abs(theirs[name] / ours[name] - 1) for ours, theirs in zip(losses, their_losses, strict=True)
                  for name in ours)
        yield judged(f"two_gpus/losses_of_worker_{rank}", far, "relative", None, f"<= {TOLERANCE:.1e}",
                     far <= TOLERANCE)
        for name, ours in gradients.items():
            far = float((their_gradients[name] - ours).norm() / ours.norm())
            yield judged(f"two_gpus/gradient_of_{name}_of_worker_{rank}", far, "relative", None,
                         f"<= {TOLERANCE:.1e}", far <= TOLERANCE)
        if rank == 0:
            yield judged("two_gpus/step", together, "s", seconds, None, True)


def in_processes(small: Size, alone: Size, device: str) -> list[tuple[Compared, float]]:
    """What `trained` and `seconds_of_step` return in each of the processes that work together."""
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.start_processes(_work, (small, alone, device, folder), WORKERS, start_method="forkserver")
        return [torch.load(Path(folder) / f"{rank}.pt", weights_only=False) for rank in range(WORKERS)]


def _work(rank: int, small: Size, alone: Size, device: str, folder: str) -> None:
    if device == "cuda":
        torch.cuda.set_device(rank)
    else:
        torch.set_num_threads(1)
    dist.init_process_group("nccl" if device == "cuda" else "gloo", init_method=f"file://{folder}/meeting", rank=rank,
                            world_size=WORKERS)
    found = trained(small, device), seconds_of_step(alone, device)
    torch.save(found, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


def trained(size: Size, device: str) -> Compared:
    """Of training in float64 on this process's share of a batch: the losses of each step, and the gradients that the
    optimisers get in the first one."""
    with float64_by_default():
        step = build(size, True, device, augmentation=NO_DRAWS)
        batch = in_float64(step.batch.split(parallel.num_workers())[parallel.rank()])
        gradients: dict[str, torch.Tensor] = {}
        for name, optimizer in step.system.optimizers.items():
            optimizer.register_step_pre_hook(partial(note_gradient, gradients, name))
        results = [step.system.training_step(batch, Draws(0, 1)) for _ in range(STEPS)]
    return [{name: float(value) for name, value in result.losses.items()} for result in results], gradients


def seconds_of_step(size: Size, device: str) -> float:
    """The shortest time of a step on a batch of this size in each process."""
    step = build(size, True, device)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    step()
    return min(seconds_of(step, wait) for _ in range(1 if size.channels < Size().channels else TIMED))


if __name__ == "__main__":
    sys.exit(main())
