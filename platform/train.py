"""`python -m platform.train CONFIG [key=value ...] [--resume | --dry-run]`: run one experiment, a trial for each seed.

The config of a search serves too, when each searched setting gets one value, and `rows` one name. This command ignores
the settings that draw trials or stop them early (search.trials, search.algorithm, search.scheduler). It uses
search.metric, search.max_concurrent, search.max_failures and search.time_budget_s.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and not __package__:
    print("run this from the repository's root: python -m platform.train CONFIG [key=value ...]", file=sys.stderr)
    sys.exit(2)

from sgg.common.command_line import run_command
from sgg.config import ConfigError, Study, load
from sgg.config.by_role import reference
from sgg.config.loading.named_rows import ROW, ROWS, tried_rows
from sgg.settings.keys import with_values

from .launch.arguments import parse
from .launch.dry_run import plan_study
from .launch.run import run_study
from .search.search_space import faults_of_axes, read_axes
from .study.entry_points import EntryPoints


def main(argv: list[str] | None = None, entry_points: EntryPoints | None = None) -> int:
    """Run the experiment of CONFIG once per seed.

    Returns 0, 1 when a trial failed, 2 for bad input, 130 when interrupted.
    """
    arguments = parse(argv, "train", __doc__)

    def train() -> int:
        loaded = with_its_row(load(arguments.config, arguments.overrides, faults_of_axes))
        study, axes = read_axes(without_search(loaded))
        if axes:
            keys = [ROWS if axis.key == ROW else axis.key for axis in axes]
            raise ConfigError(study.source, [f"{key} is searched: run a search with python -m platform.tune, or "
                                             f"choose one value: {key}=..." for key in keys])
        if arguments.dry_run:
            return plan_study(study, axes, entry_points or EntryPoints())
        return run_study(study, axes, arguments.resume, entry_points or EntryPoints())

    return run_command(train)


def with_its_row(study: Study) -> Study:
    """The study with the settings of its row in place of its rows, where one is chosen."""
    if len(tried_rows(study.axes)) != 1:
        return study
    axes = {key: axis for key, axis in study.axes.items() if key != ROW}
    return Study.of(study.base.model_dump(mode="json"), axes, study.source)


def without_search(study: Study) -> Study:
    """The study with default values for the settings that draw trials or stop them early."""
    plain = {key: setting.default for key, setting in reference().items()
             if key.startswith("search.") and setting.role.acts == "drawing"}
    return Study.of(with_values(study.given, plain), study.axes, study.source)


if __name__ == "__main__":
    sys.exit(main())
