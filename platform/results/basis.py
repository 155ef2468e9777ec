"""The basis of results: what they were measured on and with. Results of different bases are never pooled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from sgg.common.hashing import value_hash
from sgg.common.metric_names import PARTS
from sgg.data.zero_shot_list import describe_list
from sgg.systems import parts_of

if TYPE_CHECKING:
    from sgg.data.provenance import DataProvenance


@dataclass(frozen=True, order=True)
class Basis:
    """What metrics must have in common to be comparable, as texts; a text is empty when a trial does not say it."""

    data: str
    embeddings: str = ""
    parts: tuple[tuple[str, str], ...] = ()
    pictures: str = ""
    plugins: str = ""
    zero_shot_list: str = ""
    conventions: str = ""
    sets: tuple[Basis, ...] = ()
    """The basis of each data set, where results of several are pooled (`pooling.py`)."""

    @classmethod
    def of_several(cls, bases: Iterable[Basis]) -> Basis:
        """The basis of results that are pooled over data sets; that of the one where there is one."""
        sets = tuple(dict.fromkeys(bases))
        return sets[0] if len(sets) == 1 else cls(f"{len(sets)} data sets", sets=sets)

    @classmethod
    def of(cls, provenance: DataProvenance) -> Basis:
        """The basis of a trial, from the `data` entry of its config.json."""
        return cls(describe_data(provenance.get("description", "unknown"), provenance.get("hash") or ""),
                   describe_data(provenance.get("embeddings", ""), provenance.get("embeddings_hash") or ""),
                   tuple(parts_of(provenance).items()), describe_images(provenance.get("pictures")),
                   ", ".join(describe_data(name, digest) for name, digest in provenance.get("plugins", {}).items()),
                   describe_list(provenance.get("zero_shot_list")),
                   "relation NMS" if provenance.get("relation_nms") else "")

    def words(self) -> dict[str, str]:
        """Name -> text, empty when a trial does not say it. `pictures` is what files of results call the images. Texts
        of several data sets are joined."""
        if self.sets:
            words = [one.words() for one in self.sets]
            return {name: "; ".join(dict.fromkeys(one[name] for one in words if one[name])) for name in words[0]}
        return {"data": self.data, "embeddings": self.embeddings, **dict.fromkeys(PARTS, ""), **dict(self.parts),
                "pictures": self.pictures, "plugins": self.plugins, "zero_shot_list": self.zero_shot_list,
                "conventions": self.conventions}

    @property
    def each(self) -> tuple[Basis, ...]:
        """The basis of each data set."""
        return self.sets or (self,)

    def __str__(self) -> str:
        if self.sets:
            return "\n".join([f"pooled over {self.data}:", *(f"  {one}" for one in self.sets)])
        return "; ".join(f"{name}: {text}" for name, text in self.words().items() if text)


class OnBasis(Protocol):
    """What is asked of a row (`result_row.ResultRow`)."""

    @property
    def basis(self) -> Basis:
        """What it was measured on."""


AnyRow = TypeVar("AnyRow", bound=OnBasis)


def by_basis(rows: Iterable[AnyRow]) -> dict[Basis, list[AnyRow]]:
    """The rows on each basis. Both keep their order."""
    groups: dict[Basis, list[AnyRow]] = {}
    for row in rows:
        groups.setdefault(row.basis, []).append(row)
    return groups


def describe_data(description: str, content_hash: str) -> str:
    """The description of a data set, of a file of word vectors or of a generator, with the beginning of its hash."""
    return f"{description} [{content_hash[:8]}]" if content_hash else description


def describe_images(hashes: dict[str, str] | None) -> str:
    """One hash for the images of all splits; "" for results of the first edition, which do not say it."""
    return value_hash(hashes)[:8] if hashes else ""
