"""The images of a split that are evaluated, found by the names that files of predictions give them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from sgg.data.dataset import DataSet, stem
from sgg.structures import SceneGraph


class TruthImages:
    """The images of a split that have a relation, in their order.

    classes, predicates: names of the data set, background first.
    """

    def __init__(self, data: DataSet, split: str) -> None:
        self.data, self.split = data, data.split(split)
        self.classes, self.predicates = data.classes, data.predicates

    def __len__(self) -> int:
        return len(self.split)

    def graph(self, row: int) -> SceneGraph:
        """The annotation of an image."""
        return self.split.graph(row)

    def size(self, row: int) -> tuple[int, int]:
        """Height and width of an image."""
        return self.split.size(row)

    def image_id(self, row: int) -> str:
        """The name of an image."""
        return self.split.image_id(row)

    def finder(self, names: Sequence[str]) -> Callable[[str], int | None]:
        """Finds the rows of images by the names that a file gives all of its images: `of_path` if it finds more of them
        than `of_id`, else that. One file has names of one kind; an id may be equal to the file name of another image.
        """
        by_path, by_id = (sum(find(name) is not None for name in names) for find in (self.of_path, self.of_id))
        return self.of_path if by_path > by_id else self.of_id

    def of_path(self, name: str) -> int | None:
        """The row of an image by the path of its file, with or without its ending. One of the two paths may lack its
        first folders. None for an image that is not evaluated."""
        path = stem(name)
        row = self._by_last_part.get(_last_part(name))
        if path in self._by_path or row is None:
            return self._by_path.get(path)
        own = self.image_id(row)
        return row if f"/{own}".endswith(f"/{path}") or path.endswith(f"/{own}") else None

    def of_id(self, one: str) -> int | None:
        """The row of an image by the id in the data set's file; None for an image that is not evaluated."""
        return self._by_id.get(one)

    def any_named(self, paths: Iterable[str]) -> bool:
        """Whether one of the paths ends with the name of an image file of the data set, in any split."""
        known = {_last_part(file) for file in self.data.annotations.files.tolist()}
        return any(_last_part(path) in known for path in paths)

    @cached_property
    def _by_id(self) -> dict[str, int]:
        """The rows by ids that occur once."""
        if self.data.image_ids is None:
            return {}
        id_of = dict(zip(self.data.annotations.files.tolist(), self.data.image_ids.tolist(), strict=True))
        return _unique([id_of[file] for file in self.split.annotations.files.tolist()])

    @cached_property
    def _by_path(self) -> dict[str, int]:
        return {stem(file): row for row, file in enumerate(self.split.annotations.files.tolist())}

    @cached_property
    def _by_last_part(self) -> dict[str, int]:
        return _unique([_last_part(path) for path in self._by_path])


def _last_part(path: str) -> str:
    return stem(path).rpartition("/")[2]


def _unique(names: Sequence[str]) -> dict[str, int]:
    """The place of each name that occurs once."""
    places: dict[str, int | None] = {}
    for place, name in enumerate(names):
        places[name] = None if name in places else place
    return {name: place for name, place in places.items() if place is not None}


def require_names(found: Sequence[str], known: Sequence[str], kind: str) -> None:
    """Raise ValueError unless the data set has all names that a file has. kind: of names, for the message. found,
    known: without and with the background."""
    if unknown := [name for name in found if name not in known[1:]]:
        raise ValueError(f"its {kind} are not those of the data set, which has no {_listed(unknown)}; it has "
                         f"{_listed(known[1:])}: choose the data set of the predictions (--data)")


def require_numbers(largest: int, known: Sequence[str], kind: str) -> None:
    """Raise ValueError if a number, counted from 0 without the background, has no name in the data set."""
    if largest >= len(known) - 1:
        raise ValueError(f"it has the {kind} {largest}, counted from 0, but the data set has "
                         f"{len(known) - 1}: {_listed(known[1:])}; choose the data set of the predictions (--data)")


def _listed(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(map(repr, names[:most])) + (f", and {len(names) - most} more" if len(names) > most else "")
