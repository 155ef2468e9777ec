"""Data on the disk: `python -m sgg.data prepare | stats | verify | convert | toy`."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn
from rich.table import Column, Table

from sgg.common.atomic import write_json
from sgg.common.command_line import not_negative, output_file, positive, run_command, table_console
from sgg.common.parser import add_renamed, command_parser
from sgg.common.progress import image_bar
from sgg.config.options import add_plugin_option, add_setting_option, settings_given
from sgg.data import toy
from sgg.data.annotation_files import require_new
from sgg.data.catalogue import settings_of
from sgg.data.checks.summary import summarise, table
from sgg.data.dataset import DataSet
from sgg.data.fetch.prepare import prepare
from sgg.data.fetch.sources import published
from sgg.data.findings import TO_ITSELF, Finding
from sgg.data.options import add_data_set_options, open_by_options
from sgg.data.verify import Verified, verify
from sgg.methods.dataset import DATA_SETS, DataSettings

ROOT: dict[str, Any] = {"type": Path, "default": Path("data"), "metavar": "DIR",
                        "help": "folder of the data sets; default: data"}
DECIDE_EDITION = ("version", "difficulty")
"""The settings of the toy genome that decide its edition (`sgg.data.toy.edition`)."""
SHOWN = 20  # the number of files to list; the rest is only counted


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Returns 0, or 1 if the data are damaged or differ from the known numbers, or 2 after an error.
    """
    options = build_parser().parse_args(arguments)
    return run_command(lambda: _run(options), "interrupted; run the same command again to resume")


def _run(options: argparse.Namespace) -> int:
    from sgg.methods.plugins import load_plugins  # imports the schema of all settings, which `--help` does not need

    load_plugins(options.plugin)
    return options.run(options)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all its commands."""
    parser = command_parser("sgg.data", __doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run, plugin=[])
        return added

    getting = command("prepare", _prepare, "download and unpack a published data set")
    getting.add_argument("name", help=f"{', '.join(published())}, or of a plugin")
    add_plugin_option(getting, "whose data set names the files to download")
    add_renamed(getting, "--root", "--to", **ROOT)
    getting.add_argument("--mirror", metavar="URL", help="download all files from below this address")
    getting.add_argument("--keep-archives", action="store_true", help="keep the archives after unpacking them")
    for added in (command("stats", _stats, "count all splits and subsets, and compare with the known numbers"),
                  command("verify", _verify, "find faults of the files, and say how training treats them"),
                  command("convert", _convert, "write a data set in another format")):
        add_data_set_options(added, "which defines the data set")
        if added.prog.endswith("convert"):
            add_renamed(added, "--out", "--to", type=Path, required=True, metavar="DIR", help="folder to write")
            added.add_argument("--format", default="custom",
                               help=f"the format: that of {', '.join(_formats())}, or of a plugin; default: custom")
        else:
            added.add_argument("--json", type=output_file, metavar="FILE",
                               help="also write all results to this file")
        if added.prog.endswith("verify"):
            added.add_argument("--decode", action="store_true",
                               help="read and decode every image; without it, read only headers and ends of the files")
            added.add_argument("--detector", type=Path, metavar="DIR",
                               help="a trained detector: verify that it fits the data, and measure it on val")
            added.add_argument("--images", type=positive, metavar="N",
                               help="with --detector: measure it on the first N images of val only")
            added.add_argument("--device", default="auto",
                               help="with --detector: cpu, cuda, ...; default: auto, a GPU if there is one")
    making = command("toy", _toy, "generate the toy genome")
    add_renamed(making, "--out", "--to", type=Path, metavar="DIR",
                help="folder to write; default: where data.name=toy looks for this genome, data/toy or beside it")
    making.add_argument("--seed", type=not_negative, default=0, help="seed of the genome; default: 0")
    add_setting_option(making, {"data": DataSettings})
    return parser


def _open(options: argparse.Namespace) -> DataSet:
    data = open_by_options(options)
    print(data.banner)
    return data


def _open_all_the_same(options: argparse.Namespace) -> DataSet:
    """Open like `_open`, but turn a refusal of boxes into a finding, so that images are checked, too.

    Raises what opening raises if the annotation cannot be read at all.
    """
    try:
        return _open(options)
    except ValueError as refusal:
        try:
            data = open_by_options(options, allow_clipping=True, survey=True)
        except ValueError:
            raise refusal from None
        print(data.banner)
        found = Finding("refused annotation", 1, None, str(refusal), "A run is refused before it starts. The "
                        "other lines say what it would do otherwise.", "fault")
        return replace(data, findings=(found, *data.findings))


def _prepare(options: argparse.Namespace) -> int:
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        def report_on(name: str) -> Callable[[int, int | None], None]:
            task = progress.add_task(name, total=None)
            return lambda done, total: progress.update(task, completed=done, total=total)

        for path in prepare(options.name, options.root, mirror=options.mirror, keep_archives=options.keep_archives,
                            progress=report_on):
            print(path)
    return 0


def _stats(options: argparse.Namespace) -> int:
    data = _open(options)
    dropped = options.self_relations == "drop" and any(one.kind == TO_ITSELF for one in data.findings)
    # The known numbers of published files count all their relations.
    lines = summarise(data, open_by_options(options, self_relations="keep") if dropped else data)
    print(*table(lines), sep="\n")
    known = [line for line in lines if line.known]
    differing = [line for line in known if line.differs]
    if known:
        print(f"{len(known) - len(differing)} of {len(known)} numbers are equal to those of the published files")
    if options.json:
        write_json(options.json, [line.to_json() for line in lines])
    return 1 if differing else 0


def _verify(options: argparse.Namespace) -> int:
    from sgg.systems.derived_files import check_derived  # imports tensorstore

    data = _open_all_the_same(options)
    with image_bar("images") as on_image:
        found = verify(data, options.root, options.decode, report=on_image)
    check_derived(found, data)
    measured = _verify_detector(found, data, options) if options.detector else {}
    if found.findings:
        table_console().print(_table(found.findings))
    else:
        print("no findings: all files are in order")
    for kind, texts in found.files.items():
        print(f"{kind}: {len(texts):,}")
        for text in texts[:SHOWN]:
            print(f"  {text}")
        if len(texts) > SHOWN:
            print(f"  ... and {len(texts) - SHOWN:,} more (--json FILE lists all)")
    if not options.decode:
        print("only the headers and ends of image files were read; --decode decodes them")
    if measured:
        from sgg.detector.tables import metric_table

        table_console().print(metric_table(measured))
    if options.json:
        write_json(options.json, found.to_json() | ({"detector": measured} if options.detector else {}))
    return 1 if found.has_faults else 0


def _verify_detector(found: Verified, data: DataSet, options: argparse.Namespace) -> dict[str, float]:
    """The metrics of the detector; {} where images cannot be read or its classes differ."""
    from sgg.detector.verification import verify_detector  # imports torch

    if found.missing or found.damaged:
        print("the detector is not measured, since images are missing or damaged")
        return {}
    measured = verify_detector(found, data, options.detector, options.images, options.device)
    found.sort()
    return measured


def _table(findings: Iterable[Finding]) -> Table:
    shown = Table("", Column("how often", justify="right"), "what", Column("example", overflow="fold"),
                  "what training does", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for finding in findings:
        shown.add_row(finding.severity, finding.often, *map(escape, (finding.kind, finding.example, finding.effect)))
    return shown


def _convert(options: argparse.Namespace) -> int:
    if options.format not in _formats():
        raise ValueError(f"--format must be one of {', '.join(_formats())}, got {options.format!r}; if a plugin "
                         "defines it, name the plugin (--plugin)")
    entry = DATA_SETS[options.format]
    require_new(options.out, entry.files)
    settings = entry().write(_open(options), options.out)
    print(*(options.out / file for file in entry.files), sep="\n")
    print(f"to read the same splits: {_reading(options.format, options.out, settings)}")
    return 0


def _reading(name: str, folder: Path, settings: dict[str, Any]) -> str:
    """The options with which commands read a data set that was written into a folder. settings: as `write` returned
    them."""
    entry = DATA_SETS[name]
    root = ["--root", str(folder.parent)] if entry.place or "folder" in settings else []
    own = [word for key, value in settings.items() for word in (
        ["--num-val-images", str(value)] if key == "num_val_images" else ["--set", f"data.{key}={value}"])]
    renamed = f", once the folder is called {entry.place}" if entry.place and folder.name != entry.place else ""
    return shlex.join(["--data", name, *root, *own]) + renamed


def _formats() -> list[str]:
    """The names of data sets whose format can be written."""
    return [name for name, entry in DATA_SETS.entries.items() if entry.files]


def _toy(options: argparse.Namespace) -> int:
    from sgg.data.toy.dataset import open_toy

    given = settings_given(options, "data")
    if others := [name for name in given if name not in DECIDE_EDITION]:
        raise ValueError(f"--set data.{others[0]} has no effect here: leave it out; --set takes "
                         f"{' and '.join(f'data.{name}' for name in DECIDE_EDITION)}, and --seed the seed of the "
                         "genome")
    settings = settings_of("toy", Path("data"), given | {"seed": options.seed or None})
    folder = options.out or settings.folder
    with image_bar("toy genome") as on_image:
        toy.generate(folder, options.seed, on_image=on_image, edition=settings.edition)
    print(open_toy(folder, edition=settings.edition).banner)
    return 0


if __name__ == "__main__":
    sys.exit(main())
