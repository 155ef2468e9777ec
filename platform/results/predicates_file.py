"""Reads predicates.json of a trial, which `sgg/evaluate/predicate_recall.py` writes and describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sgg.common.metric_names import PREDICATE_GROUPS
from sgg.common.run_log import PREDICATES, read_optional_json


def read_predicates(directory: Path) -> dict[str, Any] | None:
    """The recall of each predicate in a trial's folder; None where it was not written.

    Raises ValueError that names a file that is cut off or of another form.
    """
    path = directory / PREDICATES
    found = read_optional_json(path, split=str, predicates=list, training=list, relations=list, groups=list,
                               recall=dict, means=dict)
    if found is not None and not _is_consistent(found):
        raise ValueError(f"{path} must have an entry for each of its {len(found['predicates'])} predicates in every "
                         "list, and one for each group in every mean; delete it, and the report leaves it out")
    return found


def _is_consistent(found: dict[str, Any]) -> bool:
    size = len(found["predicates"])
    try:
        lists = [values for of_mode in found["recall"].values() for values in of_mode.values()]
        means = [values for of_mode in found["means"].values() for values in of_mode.values()]
        lists += [found["training"], found["relations"], found["groups"]]
        return (all(len(values) == size for values in lists) and set(found["groups"]) <= set(PREDICATE_GROUPS)
                and all(tuple(values) == PREDICATE_GROUPS for values in means))
    except (AttributeError, TypeError):  # no mapping, or no list
        return False
