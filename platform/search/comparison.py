"""How a search compares its trials, in words."""

from __future__ import annotations

from sgg.config.search import Search

RULES = ("asha", "median", "pbt")


def comparison(search: Search) -> str:
    """Which metrics compare trials; of two, who uses which."""
    names = [name for name, _ in search.objectives]
    if len(names) == 1:
        return f"trials are compared by {names[0]}"
    chooser = "optuna looks for the best trade-offs between them" if search.algorithm == "optuna" else \
        f"{search.algorithm} chooses trials without them"
    rule = f"; {search.scheduler} compares trials by the first" if search.scheduler in RULES else ""
    return f"trials are compared by {names[0]} and {names[1]}: {chooser}{rule}; results mark the Pareto front"
