"""The stores of the detector's outputs that a process reads."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sgg.config import Config

from .stored import OpenedSplit, StoredSplit

log = logging.getLogger(__name__)


class OpenedStores:
    """The stores that were opened, by split. They stay open, so that rows in their memory are read once.

    stored: gives the stores of a split.
    """

    def __init__(self, stored: Callable[[str], StoredSplit], config: Config) -> None:
        self._stored, self._maps = stored, config.features.maps
        self._opened: dict[str, OpenedSplit] = {}
        self._warned: set[str] = set()

    def of(self, split: str) -> OpenedSplit | None:
        """The stores of a split; None where `features.maps` is off, or one of them is missing. Raises what
        `StoredSplit.open` raises."""
        stored = self._stored(split)
        if not stored.in_use:
            return None
        if not stored.complete:
            self.warn_of_missing(split)
            return None
        if split not in self._opened or not self._opened[split].unchanged:
            self._opened[split] = stored.open()
        return self._opened[split]

    def warn_of_missing(self, split: str) -> None:
        """Log, once, that stores are missing that the settings ask for: this process computes their rows from images.
        """
        stored = self._stored(split)
        if self._maps in ("exact", "float16") and split not in self._warned and not stored.complete:
            self._warned.add(split)
            log.warning("features.maps=%s: the maps of %s are not stored where this process looks (%s), so it computes "
                        "them from images; python -m sgg.features maps CONFIG stores them", self._maps, split,
                        stored.paths["map"])
