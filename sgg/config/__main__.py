"""The reference of all settings, or a JSON schema of config files for editors.

    python -m sgg.config                        every setting: type, range, default, meaning, roles
    python -m sgg.config --json-schema FILE     write a schema with which editors complete and check YAML; - prints it

With --plugin my_head.py the settings of your own entries are included.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from sgg.common.atomic import write_json
from sgg.common.command_line import run_command
from sgg.common.parser import command_parser
from sgg.config.options import add_plugin_option
from sgg.config.reference.description import describe_settings
from sgg.config.reference.json_schema import json_schema
from sgg.methods.plugins import load_plugins


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command."""
    parser = command_parser("sgg.config", __doc__.splitlines()[0])
    parser.add_argument("--json-schema", metavar="FILE", help="write a JSON schema of config files; - prints it")
    add_plugin_option(parser, "and show its settings, too")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Print the reference, or write the schema. Returns 0, or 2 if a file cannot be written or a plugin cannot be used.
    """
    options = build_parser().parse_args(arguments)
    return run_command(lambda: _show(options))


def _show(options: argparse.Namespace) -> None:
    load_plugins(options.plugin)
    if options.json_schema is None:
        print(describe_settings(), end="")
    elif options.json_schema == "-":
        print(json.dumps(json_schema(), indent=1))
    else:
        write_json(Path(options.json_schema), json_schema())


if __name__ == "__main__":
    sys.exit(main())
