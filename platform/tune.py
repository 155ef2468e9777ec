"""`python -m platform.tune CONFIG [key=value ...] [--resume | --dry-run]`: run a search over experiments."""

from __future__ import annotations

import sys

if __name__ == "__main__" and not __package__:
    print("run this from the repository's root: python -m platform.tune CONFIG [key=value ...]", file=sys.stderr)
    sys.exit(2)

from sgg.common.command_line import run_command
from sgg.config import load

from .launch.arguments import parse
from .launch.dry_run import plan_study
from .launch.run import run_study
from .search.search_space import faults_of_search, read_axes
from .study.entry_points import EntryPoints


def main(argv: list[str] | None = None, entry_points: EntryPoints | None = None) -> int:
    """Run the search of CONFIG. Returns 0, 1 when trials failed, 2 for bad input, 130 when interrupted."""
    arguments = parse(argv, "tune", __doc__)

    def search() -> int:
        study, axes = read_axes(load(arguments.config, arguments.overrides, faults_of_search))
        if arguments.dry_run:
            return plan_study(study, axes, entry_points or EntryPoints())
        return run_study(study, axes, arguments.resume, entry_points or EntryPoints())

    return run_command(search)


if __name__ == "__main__":
    sys.exit(main())
