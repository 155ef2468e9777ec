"""Options of the commands that compare generated features with real ones."""

from __future__ import annotations

import argparse
from pathlib import Path

from sgg.common.command_line import positive
from sgg.config.options import add_plugin_options


def add_study_options(parser: argparse.ArgumentParser, shown: str) -> None:
    """Add the trial and the sizes of the study. shown: what `--k` says of the numbers that it chooses."""
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a trial with a GAN, or one of its checkpoints")
    parser.add_argument("--images", type=positive, default=1000, metavar="N",
                        help="only the first N images of each split; default: 1000")
    parser.add_argument("--rows", type=positive, default=5000, metavar="N",
                        help="features of each sample; default: 5000")
    parser.add_argument("--k", type=positive, metavar="N", help=f"nearest neighbours of the {shown}")
    parser.add_argument("--groups", type=Path, metavar="FILE",
                        help="JSON file {group: [class, ...]}: the colours of the t-SNE image")
    add_plugin_options(parser)
