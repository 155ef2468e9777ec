"""`python -m platform.tune CONFIG [key=value ...] [--resume]`: a search over experiments."""

from __future__ import annotations

import sys

if __name__ == "__main__" and not __package__:
    print("run this from the repository's root: python -m platform.tune CONFIG [key=value ...]", file=sys.stderr)
    sys.exit(2)

import argparse

from sgg.command import answered
from sgg.config import load

from .search import Parts, run_study
from .search_space import read_axes


def main(argv: list[str] | None = None, parts: Parts | None = None) -> int:
    """Run the search that CONFIG describes. Returns 0, 1 when trials failed, 2 for bad input, 130 when interrupted."""
    arguments = parse(argv, "tune", __doc__)

    def search() -> int:
        study, axes = read_axes(load(arguments.config, arguments.overrides))
        return run_study(study, axes, arguments.resume, parts or Parts())

    return answered(search)


def parse(argv: list[str] | None, command: str, description: str | None) -> argparse.Namespace:
    """The command line that tune and train share."""
    parser = argparse.ArgumentParser(prog=f"python -m platform.{command}", description=description)
    parser.add_argument("config", help="a YAML file, see tune_configs/")
    parser.add_argument("overrides", nargs="*", metavar="key=value",
                        help="put over the file, for example loss.kind=dnorm")
    parser.add_argument("--resume", action="store_true", help="go on where the run of this name was left")
    return parser.parse_intermixed_args(argv)


if __name__ == "__main__":
    sys.exit(main())
