"""Ids of records, to which other records refer. All of a file are looked up at once."""

from __future__ import annotations

import numpy as np


class Ids:
    """The ids of the records of a list.

    ids: [n] int64. section: the name of the list, for messages. Raises ValueError that names two records with one id.
    """

    def __init__(self, ids: np.ndarray, section: str) -> None:
        self.section = section
        self._rows = np.argsort(ids, kind="stable")
        self._ids = ids[self._rows]
        again = np.flatnonzero(self._ids[1:] == self._ids[:-1])
        if len(again):
            one, other = self._rows[again[0]:again[0] + 2]
            raise ValueError(f"{section}[{one}] and {section}[{other}] have the same id {self._ids[again[0]]}: ids "
                             "must be unique in their list")

    def find(self, wanted: np.ndarray) -> np.ndarray:
        """[m] the row of each wanted id, -1 where there is none."""
        if not len(self._ids):
            return np.full(len(wanted), -1)
        place = np.searchsorted(self._ids, wanted).clip(max=len(self._ids) - 1)
        return np.where(self._ids[place] == wanted, self._rows[place], -1)

    def rows(self, wanted: np.ndarray, section: str, key: str) -> np.ndarray:
        """[m] the row of each wanted id. section, key: of the records that refer to them, for messages.

        Raises ValueError that names the first record whose id does not exist.
        """
        found = self.find(wanted)
        if len(missing := np.flatnonzero(found < 0)):
            row = missing[0]
            raise ValueError(f"{section}[{row}] refers to {key} {wanted[row]}, which is not in {self.section!r}"
                             f"{self._range()}{self._shifted(wanted, key)}")
        return found

    def _range(self) -> str:
        return f" (ids {self._ids[0]} to {self._ids[-1]})" if len(self._ids) else " (it is empty)"

    def _shifted(self, wanted: np.ndarray, key: str) -> str:
        """The end of the sentence, where all ids would exist if they were one more or one less."""
        for shift, here, there, remedy in (1, 0, 1, "add 1 to"), (-1, 1, 0, "subtract 1 from"):
            if (self.find(wanted + shift) >= 0).all():
                return f"; {key} seems to count from {here}, but the list from {there}: {remedy} every {key}"
        return ": correct the id, or add its record"
