"""Which predicates the mirror image of a picture exchanges: "to the left of" becomes "to the right of".

They are found by their names: a name with the word left or right (leftmost, rightward, left-hand, ...) is
*directional*. Its partner is the name with these words exchanged, word by word, whatever case and separators are ("left
of", "Right_Of", "isRightOf"). `right` before another word of place ("right behind", "right next to") means "directly":
without a partner that name is not directional. Published names: in GQA "to the left of" and "to the right of"; in
Visual Genome none. A file of one's own can say the pairs itself (`mirror_pairs`, see sgg/data/readers/custom.py), and
then names are not searched.
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
"""Words that make an adverb of a `right` before them."""

Pairs = Sequence[tuple[str, str]]


def mirrored_predicates(predicates: Sequence[str], pairs: Pairs | None = None) -> np.ndarray:
    """[R] int64: what each predicate is in a mirror image; itself where mirroring does not change it, NO_PARTNER where
    it does and no predicate says the other.

    predicates: names, background first. pairs: names that mirroring exchanges; None: found by name.
    """
    number = {name: row for row, name in enumerate(predicates)}
    table = np.arange(len(predicates))
    if pairs is not None:
        for one, other in pairs:
            table[number[one]], table[number[other]] = number[other], number[one]
        return table
    words = [_words(name) for name in predicates]
    rows: dict[tuple[str, ...], list[int]] = {}
    for row, said in enumerate(words):
        rows.setdefault(said, []).append(row)
    for row, said in enumerate(words):
        exchanged = tuple(_exchange(word) for word in said)
        if exchanged == said:
            continue
        partners = rows.get(exchanged, [])
        if len(partners) == 1 and len(rows[said]) == 1:
            table[row] = partners[0]
        elif partners or not _is_adverb(said):
            table[row] = NO_PARTNER
    return table


Exchanged = Mapping[str, str | None]
"""The names that mirroring changes: each with its partner, None where there is none and images are not mirrored."""


def exchanged_names(predicates: Sequence[str], table: np.ndarray) -> dict[str, str | None]:
    """What a table [R] of `mirrored_predicates` changes, by names, as files of results have it."""
    return {name: None if other == NO_PARTNER else predicates[other]
            for row, (name, other) in enumerate(zip(predicates, table.tolist(), strict=True)) if other != row}


def difference(then: Exchanged | None, now: Exchanged) -> str | None:
    """In words, how mirroring changes other predicates now than when something was trained; None where it changes the
    same, or where that is not known, as in files of earlier versions."""
    if then is None or dict(then) == dict(now):
        return None
    name = next(name for name in (*then, *now) if then.get(name, name) != now.get(name, name))
    was, here = (f"{partner!r}" if (partner := table.get(name, name)) is not None else "nothing"
                 for table in (then, now))
    return (f"was trained where mirroring an image exchanged other predicates: {name!r} became {was}, here it becomes "
            f"{here}")


def _words(name: str) -> tuple[str, ...]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name))
    return tuple(re.findall(r"\w+", apart.casefold().replace("_", " ")))


def _exchange(word: str) -> str:
    found = _SIDES.fullmatch(word)
    return _EXCHANGED[found[1]] + (found[2] or "") if found else word


def _is_adverb(words: tuple[str, ...]) -> bool:
    """Whether each word of a side is a `right` that means "directly"."""
    return all(word == _exchange(word) or (word == "right" and following in _PLACES)
               for word, following in zip(words, (*words[1:], ""), strict=True))
