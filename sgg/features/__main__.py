"""Commands: `python -m sgg.features extract | maps | repair | info | verify | import-hdf5 | quality`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.progress import track
from rich.table import Column, Table

from sgg.common.atomic import require_writable
from sgg.common.command_line import positive, run_command, table_console
from sgg.common.metric_names import SUBSETS
from sgg.common.parser import add_renamed, command_parser
from sgg.config import load
from sgg.config.options import add_plugin_option
from sgg.features.description import CHECKSUMS, describe, describe_images
from sgg.features.options import add_study_options
from sgg.methods.plugins import load_plugins

if TYPE_CHECKING:
    from sgg.config import Config
    from sgg.features import Progress, StoreIdentity
    from sgg.systems.two_stage.extraction import Extraction
    from sgg.systems.two_stage.stored import StoredSplit

VERIFIED_AT_ONCE = 256  # rows
SPLITS = ("train", "val", "test")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 2 after a user's mistake, with the message in one line."""
    options = build_parser().parse_args(arguments)
    return run_command(lambda: options.command(options))


def extract(options: argparse.Namespace) -> None:
    """Write the store of a split's features, unless it is there."""
    extraction, cache = _extraction(options)
    path = _place(options, cache, extraction.identity)
    describe(extraction.ensure(path, _bar(f"{options.kind} features of {options.split}")))


def maps(options: argparse.Namespace) -> None:
    """Write the stores of the detector's outputs that are missing, or say what they would take."""
    config = _config(options)
    splits = SPLITS if options.split is None else (options.split,)
    if options.counts is not None and (not options.estimate or len(options.counts) != len(splits)):
        raise ValueError(f"--counts goes with --estimate, and has a number of images for each of {', '.join(splits)}")
    if options.estimate:
        from sgg.systems.two_stage.map_estimates import estimate_lines

        print("\n".join(estimate_lines(config, splits, options.counts)))
        return
    from sgg.features.image_store import ImageStore
    from sgg.systems.two_stage.storing import decide_all, store_outputs

    stored = _stored_splits(config, splits)
    store_outputs(decide_all(stored, config))
    for path in (path for one in stored for path in one.paths.values()):
        describe_images(ImageStore.open(path))


def repair(options: argparse.Namespace) -> None:
    """Compute the damaged rows of the stores of a config again."""
    from sgg.systems.two_stage.repairing import repair_stores

    for line in repair_stores(_stored_splits(_config(options), SPLITS), _bar):
        print(line)


def info(options: argparse.Namespace) -> None:
    """Print the contents of stores."""
    from sgg.features import FeatureStore
    from sgg.features.image_metadata import is_image_store
    from sgg.features.image_store import ImageStore

    for path in options.store:
        if is_image_store(path):
            describe_images(ImageStore.open(path))
        else:
            describe(FeatureStore.open(path))


def verify(options: argparse.Namespace) -> None:
    """Read every row of stores and check its checksum. Raises ValueError that names the first damaged rows."""
    from sgg.features import FeatureStore
    from sgg.features.image_metadata import is_image_store
    from sgg.features.image_store import ImageStore

    for path in options.store:
        if is_image_store(path):
            images = ImageStore.open(path)
            for shard in _bar("rows")(range(images.num_shards)):
                images[images.rows_of(shard)]
            print(f"{path}: {len(images):,} rows, {CHECKSUMS[True]}")
            continue
        store = FeatureStore.open(path)
        for start in _bar("rows")(range(0, len(store), VERIFIED_AT_ONCE)):
            store[start:start + VERIFIED_AT_ONCE]
        print(f"{path}: {len(store):,} rows, {CHECKSUMS[store.verified]}")


def from_hdf5(options: argparse.Namespace) -> None:
    """Import a file of the reference system as the features of training nodes for a config's data and detector."""
    from sgg.features import import_hdf5

    if not options.file.is_file():
        raise FileNotFoundError(f"{options.file}: no such file")
    extraction, cache = _extraction(options)
    identity = extraction.identity.of_import(options.file)
    path = _place(options, cache, identity)
    describe(import_hdf5(options.file, path, identity, _bar("import"), extraction.row_shape))
    print(f"a run with detector.features={path} trains on these features, not on our own extraction")


def quality(options: argparse.Namespace) -> None:
    """Compare generated with real features and print the table."""
    from sgg.evaluate.feature_quality import REFERENCE, FeatureStudy, read_groups

    groups = read_groups(options.groups) if options.groups else None
    load_plugins(options.plugin)
    study = FeatureStudy.open(options.run, options.images, options.rows, _bar("features"), options.allow_changed_plugin)
    shown = options.k if options.k is not None else 5
    rows = study.write(sorted({1, 3, 5, 10, shown}), groups)
    few = [f"{row['features']} {row['sample']} ({row['n']:,})" for row in rows if f"precision@{shown}" not in row]
    if few:
        print(f"k = {shown} needs more features than these samples have: {', '.join(few)}")
    columns = {"frechet": "Frechet", f"precision@{shown}": "precision", f"density@{shown}": "density",
               f"recall@{shown}": "recall", f"coverage@{shown}": "coverage"}
    # 80 columns, what a file or a pipe gets, hold every heading.
    table = Table("kind", Column("sample", no_wrap=True), "n", *columns.values(), box=box.SIMPLE, pad_edge=False,
                  collapse_padding=True, title=f"against {REFERENCE[0]}, k = {shown}")
    for row in rows:
        table.add_row(row["features"], row["sample"], f"{row['n']:,}",
                      *(f"{row[name]:.3f}" if name in row else "" for name in columns))
    table_console().print(table)
    print(f"written: {study.output}/quality.json (every k) and {{node,edge,global}}.png")


def _config(options: argparse.Namespace) -> Config:
    """The settings of one experiment."""
    load_plugins(options.plugin)
    return load(options.config, options.overrides).base


def _stored_splits(config: Config, splits: Sequence[str]) -> list[StoredSplit]:
    """The stores of the detector's outputs. Raises ValueError where the config has none."""
    if config.features.maps == "off":
        raise ValueError("features.maps is off, so there are no stored maps: set features.maps=exact or "
                         "features.maps=float16 (in the file, or at the end of this command)")
    from sgg.systems.two_stage.foundation import TwoStageFoundation

    foundation = TwoStageFoundation.open(config)
    return [foundation.stored(name) for name in splits]


def _extraction(options: argparse.Namespace) -> tuple[Extraction, Path]:
    """The extraction for a config and the options, and the cache of the config. Raises OSError if the place that the
    options name cannot be written."""
    if options.out is not None:
        require_writable(options.out)
    from sgg.systems.two_stage.extraction import Extraction
    from sgg.systems.two_stage.foundation import TwoStageFoundation

    foundation = TwoStageFoundation.open(_config(options))
    data = foundation.experiment.data
    split = data.split(options.split, options.subset)
    if not len(split):
        raise ValueError(f"--subset {options.subset}: {options.split} of {data.title} has no image with such a "
                         "relation")
    settings = {} if options.subset == "all" else {"subset": options.subset}
    extraction = Extraction(data, split, foundation.detector, foundation.detector_hash, options.kind, settings=settings,
                            maps=foundation.stored_maps)
    return extraction, foundation.experiment.cache


def _place(options: argparse.Namespace, cache: Path, identity: StoreIdentity) -> Path:
    """The path of the store of an identity."""
    from sgg.systems.two_stage.extraction import store_path

    return options.out or store_path(cache, identity)


def _bar(description: str) -> Progress:
    return partial(track, description=description)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all its commands."""
    parser = command_parser("sgg.features", __doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=command, kind="node", split="train", subset="all", out=None)
        return added

    one = add("extract", extract, "write the features of a config's data and detector to a store; resumes after a kill")
    _add_config(one)
    one.add_argument("--kind", choices=["node", "edge", "global"], help="of which features; default: node")
    add_renamed(one, "--split", "--part", choices=SPLITS, help="of the data set; default: train")
    one.add_argument("--subset", choices=SUBSETS, help="only images with a relation of this subset; default: all")
    one = add("maps", maps, "store what a config's detector computes for every image; resumes after a kill")
    _add_config(one, out=False)
    one.add_argument("--split", choices=SPLITS, default=None, help="only of this split; default: all three")
    one.add_argument("--estimate", action="store_true", help="say what they would take, and write nothing")
    one.add_argument("--counts", type=counts, metavar="TRAIN,VAL,TEST",
                     help="with --estimate: numbers of images, for data that are not here")
    one = add("repair", repair, "compute the damaged rows of a config's stored maps again")
    _add_config(one, out=False)
    for name, command, text in (("info", info, "print what stores hold"),
                                ("verify", verify, "read every row of stores against its checksum")):
        add(name, command, text).add_argument("store", type=Path, nargs="+", metavar="STORE",
                                              help="folder of a store of features or maps")
    one = add("import-hdf5", from_hdf5, "import the reference's features.hdf5 as the training nodes of a config")
    one.add_argument("file", type=Path, help="features.hdf5: one dataset per class name")
    _add_config(one)
    one = add("quality", quality, "compare a run's generated features with real ones")
    add_study_options(one, "printed table; default: 5; the file has more")
    return parser


def counts(text: str) -> list[int]:
    """Argument type: whole numbers >= 1, separated by commas."""
    return [positive(part.strip()) for part in text.split(",")]


def _add_config(parser: argparse.ArgumentParser, out: bool = True) -> None:
    parser.add_argument("config", type=Path, help="YAML file of an experiment")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings that replace those of the file")
    add_plugin_option(parser, "beside those of the config")
    if out:
        parser.add_argument("--out", type=Path, metavar="DIR",
                            help="the store to write; default: where training looks for it")


if __name__ == "__main__":
    raise SystemExit(main())
