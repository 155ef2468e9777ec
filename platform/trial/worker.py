"""What runs on the worker of a trial: the training loop of `sgg`, its output in the trial's own log."""

from __future__ import annotations

import logging
import math
import os
import sys
import traceback
from functools import partial
from pathlib import Path
from typing import Any

import ray.train

from sgg.common.run_log import Row, position

from ..study.directory import ERROR, LOG
from ..study.entry_points import find
from ..study.received import received
from .train_run import LostPeerError


def work(arguments: dict[str, Any]) -> None:
    """Train one trial and report each epoch to Ray.

    arguments: `config` (settings of one trial), `directory`, `fit` ("module:function" with the signature of
    `sgg.training.fit.fit`), `start_from` (a checkpoint of another trial, or None), `after` (position of the last row
    that Tune has had; later ones are reported, those of earlier attempts included).

    Raises RuntimeError naming the fault that stopped the training; the traceback is in error.txt. Its subclass
    LostPeerError says that the fault is another worker's.
    """
    directory = Path(arguments["directory"])
    directory.mkdir(parents=True, exist_ok=True)
    if ray.train.get_context().get_world_rank() == 0:
        (directory / ERROR).unlink(missing_ok=True)
    _write_output_to(directory / LOG)
    _use_own_gpu()
    try:
        fit = find(arguments["fit"])
        fit(received(arguments["config"]), directory, resume=True, start_from=arguments["start_from"],
            on_epoch_end=partial(_report, after=tuple(arguments["after"])))
    except Exception as error:
        # The last line of code of ours that a fault passes. It leaves as text, since not every exception can travel.
        traceback.print_exc()
        kind = LostPeerError if _is_of_a_peer(error) else RuntimeError
        if kind is RuntimeError or not (directory / ERROR).exists():  # a consequence does not hide its cause
            (directory / ERROR).write_text(traceback.format_exc(), encoding="utf-8")
        raise kind(f"{type(error).__name__}: {error}") from None


def _report(row: Row, after: tuple[int, int]) -> None:
    if position(row) <= after:
        return
    loss = row.get("loss")
    if loss is not None and not math.isfinite(loss):
        raise FloatingPointError(f"loss is {loss} in epoch {row['epoch']}")
    ray.train.report(row)


def _use_own_gpu() -> None:
    """Ray shows the workers of a trial that are on one node each other's GPUs."""
    if ray.train.get_context().get_world_size() > 1:
        import torch
        from ray.train.torch import get_device

        device = get_device()
        if device.type == "cuda":
            torch.cuda.set_device(device)


def _is_of_a_peer(error: Exception) -> bool:
    """Whether a collective operation failed because another worker did not take part."""
    distributed = sys.modules.get("torch.distributed")
    return distributed is not None and distributed.is_initialized() and (
        isinstance(error, distributed.DistError) or "gloo" in str(error))


def _write_output_to(path: Path) -> None:
    """From now on everything this process prints goes to `path`, what C libraries print included."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, force=True,
                        format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("ray").setLevel(logging.WARNING)
