"""Bring published weights into our own format; make a checkpoint that predicts without a data set.

    python -m sgg.checkpoint import vgrel.pth --out imported/imp_gan [--data gqa] [--try-both 200 --root data]
    python -m sgg.checkpoint import vg-faster-rcnn.tar --out imported/motifs
    python -m sgg.checkpoint import model_0016000.pth --out imported/motifs_x101 [--root data]
    python -m sgg.checkpoint export RUN_DIR/trials/TRIAL --out DIR

The drawing of box pairs (model.edge_boxes) that a model was trained with changes its metrics, and its weights do not
show which one that was: the published commands for Visual Genome used `union_frame` (their `motifs`), those for GQA
`image_frame` (their `raw_boxes`). --try-both measures both.

A file of Scene-Graph-Benchmark (KaihuaTang/Scene-Graph-Benchmark.pytorch) or of the code of T-CAR or PE-Net needs no
such choice. Where the data set is under --root, the import also writes what sgg.predict needs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sgg.common.command_line import positive, run_command
from sgg.common.parser import add_data_option, command_parser
from sgg.config.edge_boxes import OF_PAPERS, current_name
from sgg.config.options import add_plugin_option, add_plugin_options, plugins_given
from sgg.methods.dataset import DATA_SETS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0, or 2 if a file does not fit or a plugin cannot be used."""
    return run_command(lambda: _run(arguments))


def build_parser() -> argparse.ArgumentParser:
    """The parser of its commands."""
    parser = command_parser("sgg.checkpoint", __doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    importing = commands.add_parser("import", help="convert vg-faster-rcnn.tar, vgrel.pth, or a file of "
                                                   "Scene-Graph-Benchmark")
    importing.add_argument("published", type=Path, metavar="PUBLISHED", help="the file as it was published")
    importing.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    importing.add_argument("--edge-boxes", type=_drawing, choices=OF_PAPERS,
                           help="how the model was trained to draw pairs of boxes; its weights do not show it. "
                                "Default: what --try-both finds, else image_frame for gqa and union_frame for others")
    importing.add_argument("--try-both", type=positive, metavar="N",
                           help="evaluate the first N validation images with each drawing and take the better one")
    importing.add_argument("--root", type=Path, default=Path("data"), metavar="DIR",
                           help="folder of the data sets, for --try-both and for names of classes; default: data")
    importing.add_argument("--device", default="auto",
                           help="for --try-both: cpu, cuda, ...; default: auto, a GPU if there is one")
    add_plugin_option(importing, "which brings the data set")
    add_data_option(importing, list(DATA_SETS), "--data-name",
                    help=f"the data set that the model was trained on: {', '.join(DATA_SETS)}, or of a plugin; "
                         "default: what its number of classes says, else vg")
    exporting = commands.add_parser("export", help="put a checkpoint and all that predictions need into one folder")
    exporting.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="folder of a trial or of a checkpoint")
    exporting.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    exporting.add_argument("--root", type=Path, metavar="DIR",
                           help="folder of the data sets, for a checkpoint of an earlier version; default: the one of "
                                "the training")
    add_plugin_options(exporting)
    return parser


def _drawing(text: str) -> str:
    """The current name of a drawing. Prints a note if the given name is a former one."""
    if (name := current_name(text)) != text:
        print(f"note: --edge-boxes {text} is called {name} now", file=sys.stderr)
    return name


def _run(arguments: Sequence[str] | None) -> None:
    if plugins := plugins_given(arguments):
        from sgg.methods.plugins import load_plugins

        load_plugins(plugins)  # before --data is parsed, which may name their data sets
    options = build_parser().parse_args(arguments)
    (_import if options.command == "import" else _export)(options)


def _export(options: argparse.Namespace) -> None:
    from sgg.predict.export import export

    print(f"wrote {export(options.checkpoint, options.out, options.root, options.allow_changed_plugin)}")


def _import(options: argparse.Namespace) -> None:
    from sgg.importing.edge_boxes import EdgeBoxesComparison
    from sgg.importing.published import import_published

    comparison = EdgeBoxesComparison(options.try_both, options.root, options.device) if options.try_both else None
    written = import_published(options.published, options.out, options.edge_boxes, options.data, comparison,
                               print, options.root)
    print(f"wrote {written}")


if __name__ == "__main__":
    sys.exit(main())
