"""The training function of a worker: it runs the training of `sgg`, with its output in the trial's log."""

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
from sgg.config import Config
from sgg.methods.plugin_errors import reason_of

from ..study.entry_points import find
from ..study.received import received
from ..study.trial_record import ERROR, LOG
from .jobs import Report
from .reported import reported
from .train_run import LostPeerError

log = logging.getLogger(__name__)


def work(arguments: dict[str, Any], report: Report) -> None:
    """Train one trial and report each epoch.

    arguments: `config` (settings of one trial), `directory`, `fit` ("module:function" with the signature of
    `sgg.training.fit.fit`), `start_from` (a checkpoint of another trial, or None), `after` (position of the last row
    that Tune has received; later rows are reported, including those of earlier attempts).

    Raises RuntimeError with the error that stopped the training, as `sgg.methods.plugin_errors.reason_of` describes it;
    the traceback is in error.txt. Raises its subclass LostPeerError when the cause is another worker.
    """
    directory = Path(arguments["directory"])
    directory.mkdir(parents=True, exist_ok=True)
    if ray.train.get_context().get_world_rank() == 0:
        (directory / ERROR).unlink(missing_ok=True)
    _write_output_to(directory / LOG)
    log.info("worker process %d", os.getpid())
    _use_own_gpu()
    try:
        fit = find(arguments["fit"])
        config = received(arguments["config"])
        fit(config, directory, resume=True, start_from=arguments["start_from"],
            on_epoch_end=partial(_report, report, config=config, after=tuple(arguments["after"])),
            make_maps=False)  # the search has decided on them
    except Exception as error:
        # The error goes to another process as text, since not every exception can be pickled.
        traceback.print_exc()
        kind = LostPeerError if _is_of_a_peer(error) else RuntimeError
        if kind is RuntimeError or not (directory / ERROR).exists():  # the first error is the cause
            (directory / ERROR).write_text(traceback.format_exc(), encoding="utf-8")
        raise kind(reason_of(error)) from None


def _report(report: Report, row: Row, config: Config, after: tuple[int, int]) -> None:
    if position(row) <= after:
        return
    loss = row.get("loss")
    if loss is not None and not math.isfinite(loss):
        raise FloatingPointError(f"loss is {loss} in epoch {row['epoch']}")
    report(reported(row, config))


def _use_own_gpu() -> None:
    """Select this worker's GPU. All workers of a trial that run on one node see all GPUs of the trial."""
    if ray.train.get_context().get_world_size() > 1:
        import torch
        from ray.train.torch import get_device

        device = get_device()
        if device.type == "cuda":
            torch.cuda.set_device(device)


def _is_of_a_peer(error: Exception) -> bool:
    """Whether the error is that of a collective operation in which another worker did not take part."""
    distributed = sys.modules.get("torch.distributed")
    return distributed is not None and distributed.is_initialized() and (
        isinstance(error, distributed.DistError) or "gloo" in str(error))


def _write_output_to(path: Path) -> None:
    """Append all output of this process to `path` from now on, including the output of C libraries."""
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
