"""Find the predicates that mirroring an image exchanges: "to the left of" becomes "to the right of".

Names decide: a name with the word left or right (leftmost, rightward, left-hand, ...) is *directional*. Its partner is
the name with these words exchanged, word by word; case and separators do not matter ("left of", "Right_Of",
"isRightOf"). `right` before another word of place ("right behind", "right next to") means "directly": such a name is
not directional unless it has a partner. In published data sets these are "to the left of" and "to the right of" of GQA;
Visual Genome has none. A custom data set can list the pairs itself (`mirror_pairs`, see sgg/data/readers/custom.py);
then names do not matter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np

NO_PARTNER = -1
_SIDES = re.compile(r"(left|right)(most|wards?|hand(?:ed)?|side)?")
_EXCHANGED = {"left": "right", "right": "left"}
_PLACES = {"above", "across", "after", "against", "along", "alongside", "around", "at", "atop", "before", "behind",
           "below", "beneath", "beside", "between", "by", "close", "in", "inside", "into", "near", "next", "off", "on",
           "onto", "opposite", "outside", "over", "through", "under", "underneath", "up"}
"""Words after which a preceding `right` is an adverb."""

Pairs = Sequence[tuple[str, str]]


def mirrored_predicates(predicates: Sequence[str], pairs: Pairs | None = None) -> np.ndarray:
    """[R] int64: the predicate that each predicate becomes in a mirrored image. It is the predicate itself if mirroring
    does not change it, and NO_PARTNER if there is no predicate for the mirrored relation.

    predicates: names, background first. pairs: names that mirroring exchanges; None: find them by name.
    """
    number = {name: row for row, name in enumerate(predicates)}
    table = np.arange(len(predicates))
    if pairs is not None:
        for one, other in pairs:
            table[number[one]], table[number[other]] = number[other], number[one]
        return table
    words = [_words(name) for name in predicates]
    rows: dict[tuple[str, ...], list[int]] = {}
    for row, name_words in enumerate(words):
        rows.setdefault(name_words, []).append(row)
    for row, name_words in enumerate(words):
        exchanged = tuple(_exchange(word) for word in name_words)
        if exchanged == name_words:
            continue
        partners = rows.get(exchanged, [])
        if len(partners) == 1 and len(rows[name_words]) == 1:
            table[row] = partners[0]
        elif partners or not _is_adverb(name_words):
            table[row] = NO_PARTNER
    return table


Exchanged = Mapping[str, str | None]
"""The names of predicates that mirroring changes, each with its partner; None: no partner, so no image with it is
mirrored."""


def exchanged_names(predicates: Sequence[str], table: np.ndarray) -> dict[str, str | None]:
    """The changes of a table [R] of `mirrored_predicates` by names, for files of results."""
    return {name: None if other == NO_PARTNER else predicates[other]
            for row, (name, other) in enumerate(zip(predicates, table.tolist(), strict=True)) if other != row}


def difference(then: Exchanged | None, now: Exchanged) -> str | None:
    """A sentence that names a predicate whose mirroring has changed since a training; None if nothing has changed, or
    if it is unknown, as in files of earlier versions."""
    if then is None or dict(then) == dict(now):
        return None
    name = next(name for name in (*then, *now) if then.get(name, name) != now.get(name, name))
    was, here = (f"{partner!r}" if (partner := table.get(name, name)) is not None else "nothing"
                 for table in (then, now))
    return (f"was trained with another exchange of predicates in mirrored images: {name!r} became {was}, here it "
            f"becomes {here}")


def _words(name: str) -> tuple[str, ...]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name))
    return tuple(re.findall(r"\w+", apart.casefold().replace("_", " ")))


def _exchange(word: str) -> str:
    found = _SIDES.fullmatch(word)
    return _EXCHANGED[found[1]] + (found[2] or "") if found else word


def _is_adverb(words: tuple[str, ...]) -> bool:
    """Whether each left or right in a name is a `right` that means "directly"."""
    return all(word == _exchange(word) or (word == "right" and following in _PLACES)
               for word, following in zip(words, (*words[1:], ""), strict=True))
