"""The identity of a feature store: everything that decides its rows. A store with another identity is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from sgg.common.hashing import file_hash

KINDS = ("node", "edge", "global", "relation")
IMAGE_KINDS = ("map", "object_logits", "detections", "class_detections")
"""The kinds of stores with one row per image (`image_store.py`)."""
SOURCES = ("real", "generated")
IMPORTED = "imported"
"""The setting of an identity with the file that the features were imported from."""


class StoreMismatchError(ValueError):
    """A store holds features of another detector, data set or setting than expected."""


@dataclass(frozen=True, slots=True)
class StoreIdentity:
    """Everything that decides the rows of a store. Two stores with equal identity hold the same features, except for
    the last bits, which depend on the machine and the number of threads.

    classes: names of the labels that group the rows, background first (predicates for edges and relations, one name for
    global features); the classes of the detector where rows are images. detector: hash of the frozen detector. data:
    hash of the annotations. kind: one of `KINDS` (`sgg.systems.two_stage.extraction`) or of `IMAGE_KINDS`.
    source: real or generated. settings: JSON values that also decide the rows (split of the data, under the key `part`;
    size of a RoI; checkpoint of the generator; ...). pictures: hash of the image files; "" if it is unknown, as in
    stores of the first edition, which count as stores of any image files.

    Raises ValueError for an unknown kind or source, and for repeated class names.
    """

    classes: Sequence[str]
    detector: str
    data: str
    kind: str = "node"
    source: str = "real"
    settings: dict[str, Any] = field(default_factory=dict)
    pictures: str = ""

    def __post_init__(self) -> None:
        for name, value, allowed in (("kind", self.kind, (*KINDS, *IMAGE_KINDS)), ("source", self.source, SOURCES)):
            if value not in allowed:
                raise ValueError(f"StoreIdentity.{name} must be one of {', '.join(allowed)}, got {value!r}")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("StoreIdentity.classes has a name twice")
        object.__setattr__(self, "classes", list(self.classes))
        object.__setattr__(self, "settings", json.loads(json.dumps(self.settings)))

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values, without `pictures` if it is unknown."""
        values = asdict(self)
        return values if self.pictures else {name: value for name, value in values.items() if name != "pictures"}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> StoreIdentity:
        """The identity that `to_json` wrote; other keys are ignored."""
        return cls(**{one.name: values[one.name] for one in fields(cls) if one.name != "pictures"},
                   pictures=values.get("pictures", ""))

    def of_import(self, source: Path) -> StoreIdentity:
        """The identity of features of the same data and detector that another program extracted into the file `source`.
        Its settings describe the rows; how that program made them is unknown."""
        return replace(self, pictures="", settings={"part": self.settings.get("part", "train"), IMPORTED: {
            "file": source.name, "bytes": source.stat().st_size, "sha256": file_hash(source)}})

    @property
    def is_imported(self) -> bool:
        """Whether the rows come from a file of another program (`of_import`)."""
        return IMPORTED in self.settings

    def require_stand_in(self, actual: StoreIdentity, where: object) -> None:
        """Raise StoreMismatchError unless the rows of `actual`, found at `where`, can replace these: classes, detector,
        annotation, kind, source and split must be equal; the extraction may differ."""
        part = {"part": actual.settings.get("part")}
        replace(self, settings={"part": self.settings.get("part")}).require(replace(actual, settings=part), where)

    def require(self, actual: StoreIdentity, where: object) -> None:
        """Raise StoreMismatchError that names every different field unless `actual`, found at `where`, equals this."""
        faults = [f"{one.name} is {_short(getattr(actual, one.name))}, not {_short(getattr(self, one.name))}"
                  for one in fields(self) if getattr(actual, one.name) != getattr(self, one.name)
                  and not (one.name == "pictures" and "" in (actual.pictures, self.pictures))]
        if faults:
            raise StoreMismatchError(f"{where}: holds other features than asked for: {'; '.join(faults)}. "
                                     "Delete it, or write the features to another path")


def _short(value: object) -> str:
    text = f"{len(value)} names" if isinstance(value, list) else repr(value)
    return text if len(text) <= 160 else text[:157] + "..."
