"""The search algorithm of a random or grid search: it runs the planned trials, in their order."""

from __future__ import annotations

from typing import Any

from ray.tune.search import BasicVariantGenerator


class PlannedSearch(BasicVariantGenerator):
    """Ray's own, except that a search which resumes keeps its new `max_concurrent`.

    Tune restores a search algorithm from the snapshot of the command that was interrupted. Its user may resume with
    fewer trials at a time because the memory was too small for more.
    """

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a snapshot."""
        super().set_state(state | {"max_concurrent": self.max_concurrent})  # type: ignore[no-untyped-call]
