"""Writes the feature store of a config by Ray tasks, each over a range of images.

This is not in `extract.py`, because that file is the main program of its process. Other processes cannot import the
functions of a main program.
"""

from __future__ import annotations

import json
import logging
from functools import cache
from pathlib import Path
from typing import Any

from sgg.config import Config
from sgg.systems import reads_features

from ..study.paths import absolute
from ..study.received import received
from .session import largest_node, nodes

log = logging.getLogger(__name__)

RETRIES = 3
"""How often Ray starts a task again after its node or process was lost."""
LOG_EVERY_S = 60.0
"""How long to wait for a task to end before the log says which resources the tasks need."""


def worth_sharing(config: Config, total: dict[str, float]) -> bool:
    """Whether trials of a config read a feature store, and several nodes or GPUs can write it."""
    return reads_features(config) and (total.get("GPU", 0) > 1 or len(nodes()) > 1)


def extract(config: Config, resources: dict[str, float]) -> Any:
    """The sealed feature store of a config's training nodes. Tasks with `resources` each write the parts that it lacks.

    Raises what `sgg.systems.prepare` raises, and OSError when Ray has lost a task's process `RETRIES` + 1 times.
    """
    import ray
    from rich.progress import track

    from sgg.features import StoreWriter, ensure_store
    from sgg.systems import open_foundation

    extraction, path = open_foundation(config).training_features()
    ranges = extraction.ranges()

    def write(writer: StoreWriter, missing: list[int]) -> None:
        task = ray.remote(_write_part).options(num_cpus=resources["CPU"], num_gpus=resources.get("GPU", 0),
                                               max_retries=RETRIES)
        settings = absolute(config, Path.cwd()).model_dump_json()
        waiting = [task.remote(settings, writer, number, ranges[number]) for number in missing]
        try:
            for _ in track(missing, description="features"):
                done, waiting = next_done(waiting, path, resources)
                ray.get(done)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            raise OSError(f"{path}: a task that writes the feature store was lost {RETRIES + 1} times, the last time "
                          f"by {type(error).__name__}; the finished parts remain. Give each task more memory "
                          "(resources.cpus, resources.gpus) and run the command again") from error
        finally:
            for left in waiting:
                ray.cancel(left)

    return ensure_store(path, extraction.identity, len(ranges), write)


def next_done(waiting: list[Any], path: Path, resources: dict[str, float]) -> tuple[list[Any], list[Any]]:
    """Wait until a task ends. Returns it and the others.

    Ray ends a task whose process or node dies. A task that no node has room for waits for a new node; the log says so.
    """
    import ray

    while True:
        done, waiting = ray.wait(waiting, timeout=LOG_EVERY_S)
        if done:
            return done, waiting
        needs = ", ".join(f"{amount:g} {name} (the largest node has {largest_node(name):g})"
                          for name, amount in resources.items())
        log.warning("%s: waiting for %d tasks that write this feature store; each needs %s", path, len(waiting), needs)


def _write_part(settings: str, writer: Any, number: int, images: range) -> None:
    """Write one part. This runs on a worker."""
    extraction = _extraction(settings)
    extraction.write_part(writer, number, extraction.batches(images))


@cache
def _extraction(settings: str) -> Any:
    """The extraction of a config. Each worker process opens it once, for all tasks that it runs."""
    from sgg.experiment.torch_setup import configure_torch
    from sgg.systems import open_foundation

    config = received(json.loads(settings))
    extraction = open_foundation(config).training_features()[0]
    configure_torch(config)
    return extraction
