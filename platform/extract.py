"""`python -m platform.extract CONFIG [key=value ...]`: the features that trials share, written by Ray tasks.

Each task takes a range of the training images; several run at once, on all GPUs and nodes. `platform.tune` and
`platform.train` do the same where Ray has more than one GPU or node.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and not __package__:
    print("run this from the repository's root: python -m platform.extract CONFIG [key=value ...]", file=sys.stderr)
    sys.exit(2)

from functools import cache
from pathlib import Path
from typing import Any

from sgg.command import answered
from sgg.config import Config, load

from .arguments import parse
from .paths import absolute
from .ray_session import nodes, ray_session

RETRIES = 3
"""Of a task whose node or process is lost."""


def main(argv: list[str] | None = None) -> int:
    """Write the store of CONFIG's training nodes, or find it written. Returns 0, or 2 for bad input."""
    arguments = parse(argv, "extract", __doc__, resumes=False)

    def write() -> None:
        study = load(arguments.config, arguments.overrides)
        with ray_session(study.base.resources.address, study.source) as total:
            from .schedule import resources_per_task

            store = extract(study.base, resources_per_task(study, total.get("GPU", 0)))
            print(f"{len(store):,} rows, {store.num_bytes:,} bytes: {store.path}")

    return answered(write)


def worth_sharing(config: Config, total: dict[str, float]) -> bool:
    """Whether trials of a config read a store that Ray can write faster than this process alone."""
    wanted = config.gan.enabled and config.gan.visual_conditioning
    return wanted and (total.get("GPU", 0) > 1 or len(nodes()) > 1)


def extract(config: Config, resources: dict[str, float]) -> Any:
    """The sealed store of a config's training nodes; its missing parts are written by tasks with `resources` each.

    Raises what `sgg.build.prepare` raises.
    """
    import ray
    from rich.progress import track

    from sgg import build
    from sgg.features import StoreWriter, ensure_store

    extraction, path = build.node_features(build.prepare_detector(config))
    ranges = extraction.ranges()

    def write(writer: StoreWriter, missing: list[int]) -> None:
        task = ray.remote(_write_part).options(num_cpus=resources["CPU"], num_gpus=resources.get("GPU", 0),
                                               max_retries=RETRIES)
        settings = absolute(config, Path.cwd()).model_dump_json()
        waiting = [task.remote(settings, writer, number, ranges[number]) for number in missing]
        try:
            for _ in track(missing, description="features"):
                done, waiting = ray.wait(waiting)
                ray.get(done)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        finally:
            for left in waiting:
                ray.cancel(left)

    return ensure_store(path, extraction.identity, len(ranges), write)


def _write_part(settings: str, writer: Any, number: int, images: range) -> None:
    """On a worker."""
    extraction = _extraction(settings)
    extraction.write_part(writer, number, extraction.batches(images))


@cache
def _extraction(settings: str) -> Any:
    """Opened once by each worker process, which takes one task after another."""
    from sgg import build

    config = Config.model_validate_json(settings)
    ground = build.prepare_detector(config)
    build.configure_torch(config)
    return build.node_features(ground)[0]


if __name__ == "__main__":
    sys.exit(main())
