"""Options of commands for plugins, and for settings of single entries of a registry."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from pydantic import BaseModel

from sgg.settings.keys import with_values


def add_plugin_option(parser: argparse.ArgumentParser, use: str) -> None:
    """Add the option `--plugin`. use: the purpose, for the help text."""
    parser.add_argument("--plugin", action="append", default=[], metavar="FILE|MODULE",
                        help=f"load this plugin, {use}; may be given several times")


def plugins_given(arguments: Sequence[str] | None) -> list[str]:
    """The plugins that the option `--plugin` names in the arguments of a command, for a command whose parser depends on
    them. arguments: None: those of the process. A wrong argument is left to the parser of the command."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    add_plugin_option(parser, "")
    try:
        return parser.parse_known_args(arguments)[0].plugin
    except argparse.ArgumentError:
        return []


def add_plugin_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that opens checkpoints, whose plugins the user has to name."""
    add_plugin_option(parser, "which the checkpoint was trained with")
    parser.add_argument("--allow-changed-plugin", action="store_true",
                        help="use a plugin even if its files have changed since the training")


def add_setting_option(parser: argparse._ActionsContainer, sections: Mapping[str, type[BaseModel]]) -> None:
    """Add the option `--set KEY=VALUE`, for the settings that only some entries of a registry have.

    sections: by name in a config, the settings that all entries have. The command has other options for these.
    """
    def setting(text: str) -> tuple[str, Any]:
        from sgg.config.loading.yaml_text import read_yaml  # it imports the whole schema, which `--help` does not need

        key, separator, value = text.partition("=")
        section, _, name = key.partition(".")
        if not separator or section not in sections or not name:
            raise argparse.ArgumentTypeError(f"must be KEY=VALUE, with a KEY that begins with "
                                             f"{' or '.join(f'{section}.' for section in sections)}, got {text}")
        if name in sections[section].model_fields:
            raise argparse.ArgumentTypeError(f"{key} is no setting of a single entry: use its own option; if there is "
                                             "none, it has no effect here")
        if not value.strip():
            raise argparse.ArgumentTypeError(f"{key} is given no value: write one after the =")
        try:
            return key, read_yaml(value)
        except yaml.YAMLError as error:
            raise argparse.ArgumentTypeError(f"{key}: {value!r} is not YAML: {' '.join(str(error).split())}") from None

    parser.add_argument("--set", dest="settings", action="append", default=[], type=setting, metavar="KEY=VALUE",
                        help=f"a setting that only some entries of {' and '.join(sections)} have, in the syntax of a "
                             "config; may be given several times")


def settings_given(options: argparse.Namespace, section: str) -> dict[str, Any]:
    """The settings of a section that `--set` gives, by name."""
    return with_values({}, dict(options.settings)).get(section, {})
