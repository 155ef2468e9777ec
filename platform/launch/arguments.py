"""The command line that tune, train and extract share: a config file and settings that replace those of the file."""

from __future__ import annotations

import argparse

from sgg.common.parser import command_parser


def build_parser(command: str, description: str | None, resumes: bool = True) -> argparse.ArgumentParser:
    """The parser of `python -m platform.<command>`. resumes: whether the command runs trials."""
    parser = command_parser(f"platform.{command}", description)
    parser.add_argument("config", help="a YAML file, see tune_configs/")
    parser.add_argument("overrides", nargs="*", metavar="key=value",
                        help="settings that replace those of the file, for example loss.kind=dnorm; of values with "
                             "commas, loss.kind=baseline,dnorm, a search tries all")
    if resumes:
        ways = parser.add_mutually_exclusive_group()
        ways.add_argument("--resume", action="store_true", help="resume the run of this name")
        ways.add_argument("--dry-run", action="store_true",
                          help="print the resolved settings, the trials, what is made first, and the time, disk and "
                               "memory that they take, and stop; nothing is written")
        parser.add_argument("--allow-changed-plugin", dest="overrides_after", action="append_const", default=[],
                            const="experiment.allow_changed_plugins=true",
                            help="use a plugin although its files have changed since")
    return parser


def parse(argv: list[str] | None, command: str, description: str | None, resumes: bool = True) -> argparse.Namespace:
    """The arguments of `python -m platform.<command>`: config, overrides and, if `resumes`, resume and dry_run."""
    arguments = build_parser(command, description, resumes).parse_intermixed_args(argv)
    arguments.overrides += vars(arguments).get("overrides_after", [])
    return arguments
