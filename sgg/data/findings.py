"""Findings: oddities and faults of a data set for which it is not refused, with their number and effect on training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["note", "fault"]
TO_ITSELF = "relations of an object to itself"
"""A kind of finding. Its severity is `note` if the relations were dropped, `fault` if they were kept."""


@dataclass(frozen=True)
class Finding:
    """One kind of oddity or fault.

    kind: a short constant name, to follow a number: "clipped boxes". count: the number of cases. of: the number of
    checked items; None if there is no such number. example: the first case, as text. effect: one sentence about its
    effect on training. severity: `note` if metrics stay correct; `fault` if the data should be corrected.
    """

    kind: str
    count: int
    of: int | None
    example: str
    effect: str
    severity: Severity = "note"

    @property
    def often(self) -> str:
        """The number of cases in words."""
        return f"{self.count:,}" if self.of is None else f"{self.count:,} of {self.of:,}"


def in_words(findings: Iterable[Finding]) -> str:
    """The counts of all findings in one line; "" if there are none."""
    return ", ".join(f"{finding.count:,} {finding.kind}" for finding in findings)
