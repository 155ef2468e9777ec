"""Addresses of the published files. Addresses and sizes are as their publishers and users state them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sgg.methods.dataset import DATA_SETS


@dataclass(frozen=True)
class Source:
    """A file on the internet.

    url: its address. target: its place below ROOT; for a zip archive, the folder of its files. size: in bytes, if
    known. sha256: its checksum, if known. wanted: a pattern for the base names of the files to unpack; None: the file
    is no archive. unpacked: an upper bound of the bytes of all unpacked files.
    """

    url: str
    target: str
    size: int | None = None
    sha256: str | None = None
    wanted: re.Pattern[str] | None = None
    unpacked: int = 0

    @property
    def file_name(self) -> str:
        """The last part of the address."""
        return self.url.rpartition("/")[2]


_STANFORD = "https://svl.stanford.edu/projects/scene-graph"
_PICTURES = re.compile(r"\d+\.jpg")
_GB = 10**9

_VG_PICTURES = (
    Source("https://cs.stanford.edu/people/rak248/VG_100K_2/images.zip", "VG/VG_100K", 9_731_705_982,
           wanted=_PICTURES, unpacked=11 * _GB),
    Source("https://cs.stanford.edu/people/rak248/VG_100K_2/images2.zip", "VG/VG_100K", 5_471_658_058,
           wanted=_PICTURES, unpacked=7 * _GB),
)
SOURCES: dict[str, tuple[Source, ...]] = {
    "vg": (
        Source(f"{_STANFORD}/dataset/VG-SGG.h5", "VG/stanford_filtered/VG-SGG.h5"),
        Source(f"{_STANFORD}/dataset/VG-SGG-dicts.json", "VG/stanford_filtered/VG-SGG-dicts.json"),
        Source(f"{_STANFORD}/VG/image_data.json", "VG/stanford_filtered/image_data.json"),
        *_VG_PICTURES,
    ),
    "gqa": (
        Source("https://downloads.cs.stanford.edu/nlp/data/gqa/sceneGraphs.zip", "GQA/sceneGraphs",
               wanted=re.compile(r"(train|val)_sceneGraphs\.json"), unpacked=2 * _GB),
        Source("https://downloads.cs.stanford.edu/nlp/data/gqa/questions1.2.zip", "GQA",
               wanted=re.compile(r"(train|val)_balanced_questions\.json"), unpacked=4 * _GB),
        *_VG_PICTURES,
    ),
    "glove": (
        Source("https://downloads.cs.stanford.edu/nlp/data/glove.6B.zip", "glove", 862_182_613,
               "617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb",
               wanted=re.compile(r"glove\.6B\.200d\.txt"), unpacked=_GB),
    ),
}


def published() -> dict[str, tuple[Source, ...]]:
    """The files that `prepare` can download, by name: those above, and the `sources` of data sets of plugins."""
    return {name: entry.sources for name, entry in DATA_SETS.entries.items() if entry.sources} | SOURCES
