"""Bring the papers' published weights into our own format.

    python -m sgg.checkpoint import vgrel.pth --out imported/imp_gan [--data-name gqa]
    python -m sgg.checkpoint import vg-faster-rcnn.tar --out imported/motifs
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sgg.checkpoint.importing import TITLES, import_published
from sgg.command import answered


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 2 where the file does not fit."""
    parser = argparse.ArgumentParser(prog="python -m sgg.checkpoint", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    importing = commands.add_parser("import", help="convert vg-faster-rcnn.tar or vgrel.pth")
    importing.add_argument("published", type=Path)
    importing.add_argument("--out", type=Path, required=True, help="folder to write")
    importing.add_argument("--edge-boxes", choices=["motifs", "raw_boxes"], default="motifs",
                           help="how the model was trained to draw pairs of boxes; its weights do not tell")
    importing.add_argument("--data-name", choices=list(TITLES),
                           help="what the model was trained on; default: what its number of classes tells, else vg")
    options = parser.parse_args(arguments)
    return answered(lambda: _import(options))


def _import(options: argparse.Namespace) -> None:
    print(f"wrote {import_published(options.published, options.out, options.edge_boxes, options.data_name)}")


if __name__ == "__main__":
    sys.exit(main())
