"""The command line that tune, train and extract share: a config file and what is put over it."""

from __future__ import annotations

import argparse


def parse(argv: list[str] | None, command: str, description: str | None, resumes: bool = True) -> argparse.Namespace:
    """The arguments of `python -m platform.<command>`: config, overrides and, where it `resumes` a run, resume."""
    parser = argparse.ArgumentParser(prog=f"python -m platform.{command}", description=description)
    parser.add_argument("config", help="a YAML file, see tune_configs/")
    parser.add_argument("overrides", nargs="*", metavar="key=value",
                        help="put over the file, for example loss.kind=dnorm")
    if resumes:
        parser.add_argument("--resume", action="store_true", help="go on where the run of this name was left")
        parser.add_argument("--allow-changed-plugin", dest="overrides_after", action="append_const", default=[],
                            const="experiment.allow_changed_plugins=true",
                            help="go on although a plugin's files have changed")
    arguments = parser.parse_intermixed_args(argv)
    arguments.overrides += vars(arguments).get("overrides_after", [])
    return arguments
