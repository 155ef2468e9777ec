"""`python -m platform.results RUN_DIR...`: the trials of one or several searches as one table.

With --best it names the best checkpoint instead, alone on standard output, so that
`python -m sgg.predict "$(python -m platform.results RUN_DIR --best)" IMAGE-OR-FOLDER --out DIR` uses it.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and not __package__:
    print("run this from the repository's root: python -m platform.results RUN_DIR...", file=sys.stderr)
    sys.exit(2)

import argparse
import os

from sgg.common.command_line import run_command
from sgg.common.parser import command_parser

from .aggregate import aggregate
from .best import best_checkpoint
from .collection import collect
from .differences import baseline_of, present
from .formats import FORMATS, OF_DIFFERENCES, Results
from .headline import require_measured


def main(argv: list[str] | None = None) -> int:
    """Print the results of RUN_DIRs. Returns 0, or 2 for bad input."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _show_best(arguments) if arguments.best else _show(arguments))


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command."""
    parser = command_parser("platform.results", __doc__)
    parser.add_argument("run_dirs", nargs="+", metavar="RUN_DIR", help="the folder <output>/<name> of a search or run")
    parser.add_argument("--format", choices=tuple(FORMATS), help="of the output; default: table")
    parser.add_argument("--by", metavar="KEY,...",
                        help="the settings that distinguish rows; default: all that differ between trials")
    parser.add_argument("--metric", help="the metric of tables and the picture, for example mR@50; default: ngR at a K "
                                         "at which rows can be told apart. With --best: by which it is the best in "
                                         "validation, mR@50 or val/predcls/all/mR@50; default: search.metric")
    parser.add_argument("--baseline", action="append", metavar="ROW",
                        help="compare all rows with this one, in a table of their differences: the name of a row, or "
                             "settings such as loss.kind=dnorm; may be given several times; default: search.baseline")
    parser.add_argument("--best", action="store_true",
                        help="print the path of the best checkpoint, and nothing else, to standard output")
    return parser


def _show_best(arguments: argparse.Namespace) -> None:
    if arguments.format or arguments.by or arguments.baseline:
        raise ValueError("--best prints one path: leave out --format, --by and --baseline")
    best, metric = best_checkpoint(arguments.run_dirs, arguments.metric)
    print(best.described(metric), file=sys.stderr)
    print(best.path)


def _show(arguments: argparse.Namespace) -> None:
    collection = collect(arguments.run_dirs)
    rows = aggregate(collection, arguments.by.split(",") if arguments.by else None)
    if arguments.baseline:
        collection.baselines = arguments.baseline
        for words in arguments.baseline:
            baseline_of(rows, words)
    require_measured(rows, arguments.metric)
    form = arguments.format or "table"
    baselines = present(rows, collection.baselines)
    if form in OF_DIFFERENCES and not baselines:
        raise ValueError(f"--format {form} compares rows with a baseline: name one by --baseline ROW")
    width = os.get_terminal_size().columns if sys.stdout.isatty() else None
    sys.stdout.write(FORMATS[form](Results(collection, rows, arguments.run_dirs, baselines, arguments.metric, width)))


if __name__ == "__main__":
    sys.exit(main())
