"""`python -m platform.extract CONFIG [key=value ...]`: make what trials share: maps and features, by Ray tasks, and a
generator (`augmentation.generator: shared`), by this process.

Each task writes those of a range of images. Tasks run at the same time on all GPUs and nodes. `platform.tune` and
`platform.train` do the same when Ray has more than one GPU or node.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and not __package__:
    print("run this from the repository's root: python -m platform.extract CONFIG [key=value ...]", file=sys.stderr)
    sys.exit(2)

from sgg.common.command_line import run_command
from sgg.common.metric_names import GENERATOR
from sgg.config import Study, load
from sgg.systems import generator_key, reads_features

from .cluster.feature_tasks import extract
from .cluster.interrupts import Interrupts
from .cluster.map_tasks import store_maps
from .cluster.session import ray_session, require_nodes, require_room
from .launch.arguments import parse
from .study.directory import StudyDirectory


def require_parts(study: Study) -> None:
    """Raise ConfigError, before Ray starts, when a part of a plugin that features need cannot be used."""
    if study.base.experiment.plugins:
        from sgg.experiment.data_checks import open_data  # imports numpy, which is slow

        from .launch.opened_data import require_plugins

        require_plugins(study, [], [(study.base, open_data(study.base))], "features")


def main(argv: list[str] | None = None) -> int:
    """Write the stores that trials of CONFIG read: the maps that `features.maps` asks for, and the features of training
    images that an augmentation reads; train the generator with which they begin, if they share one. What is complete
    stays. Returns 0, or 2 for bad input."""
    arguments = parse(argv, "extract", __doc__, resumes=False)

    @Interrupts(None).watched()
    def write() -> None:
        study = load(arguments.config, arguments.overrides)
        require_parts(study)
        # Ray installs its own handler of SIGTERM when it starts; the second watch replaces that one.
        with ray_session(study.base.resources.address, study.source) as total, Interrupts(None).watched():
            from .search.schedule import resources_per_task  # imports Ray, which reads the session's variables

            require_nodes(study)
            wanted = resources_per_task(study, total.get("GPU", 0))
            require_room(study, wanted, "a task")
            config = StudyDirectory.of(study).with_plugins(study).base
            for path in store_maps(config, wanted, total):
                print(f"maps: {path}")
            if not reads_features(config):
                print("no features are extracted, because no augmentation of these settings reads them")
            else:
                for store in extract(config, wanted):
                    print(f"{len(store):,} rows, {store.num_bytes:,} bytes: {store.path}")
            if generator_key(config):
                from sgg.training.preparation import prepare

                print(f"generator: {prepare(config, make_maps=False).parts[GENERATOR]}")

    return run_command(write)


if __name__ == "__main__":
    sys.exit(main())
