"""The classes of a detector, compared with those that it should have."""

from __future__ import annotations

from collections.abc import Sequence


def class_fault(classes: Sequence[str] | None, num_classes: int, wanted: Sequence[str],
                where: str = "the data set") -> str:
    """Why the classes of a detector are not those `wanted`, as the end of a sentence; "" if they are.

    classes: None if the detector does not name them; num_classes: their number. All count the background. where: what
    has the classes `wanted`, in words.
    """
    numbers = f"it has {num_classes - 1} classes, {where} {len(wanted) - 1}"
    if classes is None or list(classes) == list(wanted):
        return "" if num_classes == len(wanted) else numbers
    if sorted(classes) == sorted(wanted):
        place = next(place for place, (one, other) in enumerate(zip(classes, wanted, strict=True)) if one != other)
        return (f"it has the same classes in another order: number {place} is {classes[place]!r}, in {where} "
                f"{wanted[place]!r}")
    here, there = ([name for name in one if name not in other] for one, other in ((classes, wanted), (wanted, classes)))
    return (numbers + (f"; only the detector has {here[0]!r}" if here else "")
            + (f"; it lacks {there[0]!r}" if there else ""))
