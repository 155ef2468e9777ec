"""The data sets that a study was begun with, and whether they are still what is here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sgg.common.metric_names import PARTS
from sgg.config import ConfigError
from sgg.systems import parts_of

from .study_file import StudyFile

if TYPE_CHECKING:
    from sgg.data.provenance import DataProvenance  # imports numpy, which faults of settings do not wait for


@dataclass(frozen=True)
class BegunData:
    """What study.json says of each data set; nothing where the study has not begun.

    path: the folder of the study. source: the origin of the settings, for messages.
    """

    path: Path
    source: str
    sets: Sequence[DataProvenance]

    @classmethod
    def of(cls, path: Path, source: str, found: StudyFile | None) -> BegunData:
        """The data sets of a study.json, which may not be there."""
        return cls(path, source, [] if found is None else [found["data"], *found.get("more_data", [])])

    @property
    def first(self) -> BegunData:
        """The data set of the first trial alone."""
        return replace(self, sets=self.sets[:1])

    def require(self, opened: Mapping[str, str]) -> None:
        """Raise ConfigError unless each of them is opened now. opened: hash -> description."""
        for data in self.sets:
            if data.get("hash") not in opened:
                now = ", ".join(f"{description!r} [{digest}]" for digest, description in opened.items())
                raise ConfigError(self.source, [f"data: {self.path} was begun on {data.get('description')!r} "
                                                f"[{data.get('hash')}], now it is {now}: put the data back, or choose "
                                                "another experiment.name"])

    def require_parts(self, here: Sequence[DataProvenance]) -> None:
        """Raise ConfigError unless each has the parts that it was begun with, for example the detector, and the same
        predicates are exchanged where images are mirrored. A part that is not there yet is not compared."""
        from sgg.data.mirroring import difference  # imports numpy, which faults of settings do not wait for

        for then in self.sets:
            for now in (data for data in here if data["hash"] == then.get("hash")):
                known = parts_of(now)
                for name, digest in parts_of(then).items():
                    if known.get(name, digest) != digest:
                        raise ConfigError(self.source, [
                            f"{name}: {self.path} was begun with the {name} {digest}, now it is {known[name]}: put it "
                            f"back ({PARTS[name]}, or the cache of data.root), or choose another experiment.name"])
                if fault := difference(then.get("mirrored"), now.get("mirrored") or {}):
                    raise ConfigError(self.source, [f"data: {self.path} {fault}: put back the version of this program, "
                                                    "or choose another experiment.name"])

    def require_images(self, here: Iterable[Mapping[str, str]]) -> None:
        """Raise ConfigError unless the images of each are here.

        here: for each data set, split -> hash of its images. A study of the first edition does not say its images; then
        nothing is compared, and `here` is not read.
        """
        known = [pictures for data in self.sets if (pictures := data.get("pictures"))]
        found = list(here) if known else []
        for then in known:
            differing = min(([split for split in then if then[split] != now.get(split)] for now in found), key=len)
            if differing:
                raise ConfigError(self.source, [f"data: {self.path} was begun with other images of "
                                                f"{', '.join(differing)}: put them back, or choose another "
                                                "experiment.name"])
