"""What a store holds, printed for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table

from sgg.common.command_line import table_console

if TYPE_CHECKING:
    from sgg.features import FeatureStore
    from sgg.features.image_store import ImageStore

CHECKSUMS = {True: "each with its checksum, which is verified whenever it is read",
             False: "not verified: the store is of the first edition, which has no checksums"}


def describe(store: FeatureStore) -> None:
    """Print the contents of a store."""
    identity, rows = store.identity, len(store)
    for name, value in {
        "store": store.path, "features": f"{identity.source} {identity.kind}, {list(store.row_shape)} float16",
        "rows": f"{rows:,}",
        "checksums": CHECKSUMS[store.verified],
        "bytes": f"{store.num_bytes:,} ({store.num_bytes / max(rows, 1):,.0f} a row, {store.codec})",
        "detector": identity.detector, "data": identity.data, "settings": json.dumps(identity.settings),
    }.items():
        print(f"{name:11}{value}")
    classes = Table("label", "class", "rows", box=box.SIMPLE, pad_edge=False)
    for label, (name, count) in enumerate(zip(identity.classes, store.counts.tolist(), strict=True)):
        if label or count:
            classes.add_row(str(label), escape(name), f"{count:,}")
    table_console().print(classes)


def describe_images(store: ImageStore) -> None:
    """Print the contents of a store with one row per image."""
    identity, rows = store.identity, len(store)
    views = identity.settings.get("views", 1)
    seen = "in both views, as they are and mirrored" if views == 2 else "in one view, as they are"
    for name, value in {
        "store": store.path, "outputs": f"{identity.kind}, {list(store.row_shape)} {store.dtype}",
        "images": f"{rows // views:,} of {identity.settings.get('part')}, {seen}",
        "rows": f"{rows:,} in {store.num_shards:,} shards", "checksums": CHECKSUMS[True],
        "bytes": f"{store.num_bytes:,} ({store.num_bytes / max(rows, 1):,.0f} a row, {store.row_bytes:,} before "
                 f"compression, {store.codec})",
        "detector": identity.detector, "data": identity.data, "settings": json.dumps(identity.settings),
    }.items():
        print(f"{name:11}{value}")
