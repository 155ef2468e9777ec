"""The parser of a command: `--version`, and options that also answer to the name of an earlier version."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any


def command_parser(command: str, description: str | None, **options: Any) -> argparse.ArgumentParser:
    """The parser of `python -m <command>`, which has `--version`. options: further arguments of ArgumentParser."""
    parser = argparse.ArgumentParser(prog=f"python -m {command}", description=description, **options)
    parser.add_argument("--version", action=_ShowVersion, nargs=0,
                        help="print the version and the git commit, and exit")
    return parser


def add_renamed(parser: argparse.ArgumentParser, name: str, former: str, **options: Any) -> None:
    """Add the option `name`, which was called `former`. The former name works, with a note on standard error; `--help`
    and messages show the new one only."""
    action = parser.add_argument(name, former, action=_Renamed, **options)
    action.option_strings = [name]


def add_data_option(parser: argparse.ArgumentParser, names: Collection[str], *former: str, of_plugins: bool = False,
                    **options: Any) -> None:
    """Add `--data NAME` to a command in which earlier versions took `--data FOLDER` for what `--root` is now.

    names: what NAME may be; a folder that has none of these names goes to `--root`, with a note on standard error.
    of_plugins: whether NAME may be another one that is no folder, because a plugin defines it. former: an earlier name
    of the option, as in `add_renamed`.
    """
    action = parser.add_argument("--data", *former, action=_NameOrFolder, names=names, of_plugins=of_plugins,
                                 metavar="NAME", **options)
    action.option_strings = ["--data"]


class _ShowVersion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from sgg.common.versions import describe_program, program  # asks git

        print(f"{parser.prog}: {describe_program(program())}")
        parser.exit()


class _Renamed(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any,
                 option_string: str | None = None) -> None:
        if option_string not in self.option_strings:
            _note(f"{option_string} is now called {self.option_strings[0]}")
        setattr(namespace, self.dest, values)


class _NameOrFolder(_Renamed):
    def __init__(self, option_strings: Sequence[str], dest: str, names: Collection[str], of_plugins: bool,
                 **options: Any) -> None:
        super().__init__(option_strings, dest, **options)
        self.names, self.of_plugins = names, of_plugins

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any,
                 option_string: str | None = None) -> None:
        if values in self.names or (self.of_plugins and not Path(values).is_dir()):
            super().__call__(parser, namespace, values, option_string)
        elif Path(values).is_dir():
            _note(f"the folder of the data sets is now called --root: --root {values}")
            namespace.root = Path(values)
        else:
            raise argparse.ArgumentError(self, f"is the name of a data set ({', '.join(self.names)}), got {values}; "
                                               "the folder of the data sets is --root")


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)
