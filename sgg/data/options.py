"""Options of commands that open a data set by its name."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from sgg.common.command_line import positive
from sgg.config.options import add_plugin_option, add_setting_option, settings_given
from sgg.data.checks.consistency import USUAL, Rules
from sgg.methods.dataset import DATA_SETS, DataSettings

if TYPE_CHECKING:
    from sgg.data.dataset import DataSet


def add_data_set_options(parser: argparse.ArgumentParser, use: str,
                         sections: dict[str, type[BaseModel]] | None = None) -> None:
    """Add the options that name a data set and say how it is read. The defaults are those of training, so counts are
    those of training.

    use: of plugins, for the help text. sections: other sections of settings that `--set` takes.
    """
    parser.add_argument("--data", metavar="NAME", default="auto",
                        help=f"the data set: auto (default), {', '.join(DATA_SETS)}, or of a plugin")
    add_plugin_option(parser, use)
    parser.add_argument("--root", type=Path, default=Path("data"), metavar="DIR",
                        help="folder of the data sets; default: data")
    add_reading_options(parser, sections)


def add_reading_options(parser: argparse._ActionsContainer, sections: dict[str, type[BaseModel]] | None = None) -> None:
    """Add the options that say how a data set is read. sections: as in `add_data_set_options`."""
    add_setting_option(parser, {"data": DataSettings, **(sections or {})})
    parser.add_argument("--num-val-images", type=positive, metavar="N",
                        help="as data.num_val_images; default: the data set's own number")
    parser.add_argument("--exclude-left-right", action="store_true",
                        help="as data.exclude_left_right: GQA without its two largest predicates")
    parser.add_argument("--allow-clipping", action="store_true",
                        help="as data.allow_clipping: accept boxes of a doubtful convention, clipped to the image")
    parser.add_argument("--self-relations", choices=["drop", "keep"], default=USUAL.self_relations,
                        help=f"as data.self_relations: relations of an object to itself; "
                             f"default: {USUAL.self_relations}")


def open_by_options(options: argparse.Namespace, allow_clipping: bool | None = None, survey: bool = False,
                    self_relations: Literal["drop", "keep"] | None = None) -> DataSet:
    """Open the data set that these options name. allow_clipping, self_relations: in place of those of the options.
    survey: as in `Rules`. Raises what `sgg.data.open_dataset` raises."""
    from sgg.data.catalogue import open_dataset

    clipping = options.allow_clipping if allow_clipping is None else allow_clipping
    return open_dataset(options.data, options.root, num_val_images=options.num_val_images,
                        exclude_left_right=options.exclude_left_right,
                        rules=Rules(clipping, self_relations or options.self_relations, survey),
                        **settings_given(options, "data"))
