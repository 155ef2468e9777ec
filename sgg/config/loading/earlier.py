"""Settings of runs of earlier versions: those that such a run lacks had their default, or describe how it behaved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sgg.config.conditions import acting
from sgg.config.defaults import complete
from sgg.config.schema import Settings
from sgg.config.setting import applying, settings_of
from sgg.methods.dataset import DATA_SETS
from sgg.settings.keys import flatten, with_values

from .searched_entries import current_settings

FIRST_EDITION = {"model.edge_boxes": "union_frame", "training.drop_last": False,
                 "augmentation.reconstruction_bias": True, "data.flip_predicates": "keep"}
"""How a run of the first edition behaved, in settings that it did not have. Any other setting that an older run lacks
had its default. It also kept relations of an object to itself (`data.self_relations`); its data hash shows that."""


def first_edition(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of `FIRST_EDITION` that a run lacks, as far as they had an effect. settings: by dotted key, those of
    the run; an axis of a search is a mapping."""
    lacking = {key: value for key, value in FIRST_EDITION.items() if key not in settings}
    if not _has_sides(settings.get("data.name")):
        lacking.pop("data.flip_predicates", None)
    known = {"model.frequency_bias": "off", "data.flip": True, "augmentation.terms": ["D", "G", "rec"], **settings}
    with_effect = acting(Settings, {**known, **lacking})
    return {key: value for key, value in lacking.items() if key in with_effect}


def completed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run that have an effect, by dotted key as they are now, with those that its version lacked.

    settings: those that the run wrote, by dotted key. Settings of entries of registries that are not registered in this
    process stay as they are.
    """
    now = current_settings(dict(settings))
    if _is_whole(now):
        return acting(Settings, now)
    known = applying(Settings, now.get)
    behaved = {key: value for key, value in first_edition(now).items() if key in known}
    filled = flatten(complete(Settings, with_values({}, {**behaved, **now})))
    defaults = {key: setting.as_written(setting.default) for key, setting in known.items() if key not in filled}
    return acting(Settings, {**defaults, **filled})


def _is_whole(settings: Mapping[str, Any]) -> bool:
    """Whether settings lack none of this version, and have none that another entry of a registry has."""
    known, every = applying(Settings, settings.get), settings_of(Settings)
    return all(key in settings and (settings[key] is not None or setting.takes_none)
               for key, setting in known.items()) and not any(key in every and key not in known for key in settings)


def _has_sides(name: Any) -> bool:
    """Whether mirroring may change a predicate of a data set; true for a searched or unknown one."""
    entry = DATA_SETS.entries.get(name) if isinstance(name, str) else None
    return entry is None or entry.has_sides
