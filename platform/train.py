"""`python -m platform.train CONFIG [key=value ...] [--resume]`: one experiment, run as a search of one trial."""

from __future__ import annotations

import sys

if __name__ == "__main__" and not __package__:
    print("run this from the repository's root: python -m platform.train CONFIG [key=value ...]", file=sys.stderr)
    sys.exit(2)

from sgg.command import answered
from sgg.config import ConfigError, load

from .search import Parts, run_study
from .search_space import read_axes
from .tune import parse


def main(argv: list[str] | None = None, parts: Parts | None = None) -> int:
    """Train what CONFIG describes, once per seed. Returns 0, 1 when it failed, 2 for bad input."""
    arguments = parse(argv, "train", __doc__)

    def train() -> int:
        study, axes = read_axes(load(arguments.config, arguments.overrides))
        if axes:
            raise ConfigError(study.source, [f"{axis.key} is searched: run a search with python -m platform.tune, or "
                                             f"choose one value: {axis.key}=..." for axis in axes])
        return run_study(study, axes, arguments.resume, parts or Parts())

    return answered(train)


if __name__ == "__main__":
    sys.exit(main())
