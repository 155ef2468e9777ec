"""The editions of the toy genome, by version."""

from __future__ import annotations

from sgg.data.toy.edition import Edition
from sgg.data.toy.editions.second import SECOND
from sgg.data.toy.editions.third import third

VERSIONS = (2, 3)


def edition_of(version: int, difficulty: float) -> Edition:
    """The edition of a version. difficulty: of version 3. Raises ValueError for another version, or a difficulty
    outside of 0 to 1."""
    if version not in VERSIONS:
        raise ValueError(f"the toy genome has the versions {' and '.join(map(str, VERSIONS))}, got {version}")
    return SECOND if version == SECOND.version else third(difficulty)
