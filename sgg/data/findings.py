"""What was found in a data set that is no reason to refuse it: how often, and what training does with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["note", "fault"]
TO_ITSELF = "relations of an object to itself"
"""The kind of a finding; where they were dropped its severity is `note`, where they were kept `fault`."""


@dataclass(frozen=True)
class Finding:
    """One kind of thing that was found.

    kind: a short name that stays the same, as a count reads: "clipped boxes". count: how many. of: how many were looked
    at; None where that says nothing. example: the first record, as text. effect: one sentence that says what training
    does with it. severity: `note` where figures stay right; `fault` where something should be mended.
    """

    kind: str
    count: int
    of: int | None
    example: str
    effect: str
    severity: Severity = "note"

    @property
    def often(self) -> str:
        """How often, in words."""
        return f"{self.count:,}" if self.of is None else f"{self.count:,} of {self.of:,}"


def in_words(findings: Iterable[Finding]) -> str:
    """The counts of all findings in one line; "" where there are none."""
    return ", ".join(f"{finding.count:,} {finding.kind}" for finding in findings)
