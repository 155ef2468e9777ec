"""Ray tasks over the parts of a store that trials share. A task that is lost with its process or node is run again."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sgg.config import Config

from ..study.paths import absolute
from ..study.received import received
from .session import largest_node

log = logging.getLogger(__name__)

RETRIES = 3
"""How often Ray starts a task again after its node or process was lost."""
LOG_EVERY_S = 60.0
"""How long to wait for a task to end before the log says which resources the tasks need."""


def run_tasks(function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], path: Path, resources: dict[str, float],
              description: str) -> list[Any]:
    """Run a function as Ray tasks with `resources`, one for each tuple of arguments, and return the results in the
    order of the tasks. path: of the store that they write, for messages. description: of the progress bar.

    Raises what the function raises, and OSError when Ray has lost a task's process `RETRIES` + 1 times.
    """
    import ray
    from rich.progress import track

    task = ray.remote(function).options(num_cpus=resources["CPU"], num_gpus=resources.get("GPU", 0),
                                        max_retries=RETRIES)
    every = [task.remote(*arguments) for arguments in tasks]
    waiting = every
    try:
        for _ in track(tasks, description=description):
            done, waiting = next_done(waiting, path, resources)
            ray.get(done)
        return ray.get(every)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        raise OSError(f"{path}: a task that writes this store was lost {RETRIES + 1} times, the last time by "
                      f"{type(error).__name__}; the finished parts remain. Give each task more memory (resources.cpus, "
                      "resources.gpus) and run the command again") from error
    finally:
        for left in waiting:
            ray.cancel(left)


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
        log.warning("%s: waiting for %d tasks that write this store; each needs %s", path, len(waiting), needs)


def sent(config: Config) -> str:
    """The settings of a config for `foundation_of` in another process."""
    return absolute(config, Path.cwd()).model_dump_json()


@cache
def foundation_of(settings: str) -> Any:
    """The foundation of a config. Each worker process opens it once, for all tasks that it runs."""
    from sgg.experiment.torch_setup import configure_torch
    from sgg.systems import open_foundation

    config = received(json.loads(settings))
    foundation = open_foundation(config)
    configure_torch(config)
    return foundation
