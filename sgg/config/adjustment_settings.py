"""The settings of adjustments after training: `evaluation.<name>` for each entry of their registry."""

from __future__ import annotations

import copy

from pydantic import BaseModel

from sgg.methods.adjustment import ADJUSTMENTS

_declared: set[str] = set()


def declare_adjustments(evaluation: type[BaseModel]) -> None:
    """Add the setting of every registered adjustment to a section, and remove those of adjustments that are gone."""
    entries = ADJUSTMENTS.entries
    for name in _declared - entries.keys():
        del evaluation.model_fields[name]
        del evaluation.__annotations__[name]
    for name, entry in entries.items():
        field = copy.copy(entry.model_fields["values"])
        evaluation.model_fields[name] = field
        evaluation.__annotations__[name] = field.annotation
    _declared.clear()
    _declared.update(entries)
    evaluation.model_rebuild(force=True)
