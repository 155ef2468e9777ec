"""Keys and values of earlier versions, which config files, overrides, checkpoints and studies may still have.

They are translated to current keys and values before any other code reads the settings.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from sgg.config.edge_boxes import FORMER_NAMES
from sgg.settings.keys import find, has, put, remove

RENAMED = {
    "model.hidden_dim": "model.head.hidden_dim",
    "model.iterations": "model.head.iterations",
    "model.head.effect": "evaluation.effect",
    "gan.enabled": "augmentation.kind",
    "gan.embedding_dim": "embeddings.dim",
    "gan": "augmentation",
}
"""The current key of each key of an earlier version; for a section, the current prefix of all its keys."""
OF_ENTRIES = {("augmentation.kind", "feature_mixing"): {"augmentation.pairs_per_image": "augmentation.mixed_per_image"}}
"""The same of settings of one entry of a registry, by the setting that names it and its name. Other entries, such as
those of plugins, may have a setting of the former name."""
SECTIONS = ("gan", "model", "augmentation")
"""The sections in which settings of earlier versions stand."""
VALUES: dict[str, dict[Any, Any]] = {
    "gan.enabled": {True: "gan", False: "off"}, "model.edge_boxes": {**FORMER_NAMES},
    "model.head.effect": {word: [word] for word in ("none", "tde", "nie", "te")}}
"""The current value of each value that has another name now, by the key of the earlier version."""


def current_item(key: str, value: Any) -> tuple[str, Any]:
    """A dotted key and its value as they are now. The value may be an axis of a search."""
    if (values := VALUES.get(key)) is not None:
        if isinstance(value, dict) and isinstance(value.get("of"), list):
            value = {**value, "of": [_translated(one, values) for one in value["of"]]}
        value = _translated(value, values)
    return new_key(key), value


def new_key(key: str) -> str:
    """The name that a dotted key has now."""
    section, _, rest = key.partition(".")
    if not rest:
        return key
    return RENAMED.get(key) or (f"{RENAMED[section]}.{rest}" if section in RENAMED else key)


def new_key_in(settings: dict[str, Any], key: str) -> str:
    """The name that a dotted key has now, beside the other nested settings."""
    for (naming, entry), keys in OF_ENTRIES.items():
        named = find(settings, naming)
        listed = named.get("of") if isinstance(named, dict) else [named]
        if key in keys and isinstance(listed, list) and entry in listed:
            return keys[key]
    return new_key(key)


def renamed(settings: dict[str, Any]) -> dict[str, Any]:
    """A copy of nested settings with current keys.

    A key of an earlier version stays, so that the schema refuses it, if the current key is given, too, or cannot be
    set. The settings of a GAN that is not enabled had no effect and are left out, unless they perturb graphs or search
    something.
    """
    new = copy.deepcopy(settings)
    leaves = [leaf for section in SECTIONS for leaf in _leaves(settings.get(section), section)]
    for key, value in leaves:
        now, (_, value) = new_key_in(settings, key), current_item(key, value)
        if now == key:
            if key in VALUES:
                put(new, key, value)
            continue
        with suppress(ValueError):  # a part of the key is no section: the schema reports it
            if not has(new, now):
                put(new, now, value)
                remove(new, key)
            elif value is None:
                remove(new, key)
    if new.get("gan") == {}:
        del new["gan"]
    augmentation = new.get("augmentation")
    if "gan" in settings and isinstance(augmentation, dict) and not _has_effect(augmentation):
        new["augmentation"] = {"kind": "off"}
    return new


def old_keys(settings: dict[str, Any]) -> dict[str, str]:
    """Each key of an earlier version in nested settings, with the current key."""
    return {key: now for section in SECTIONS for key, _ in _leaves(settings.get(section), section)
            if (now := new_key_in(settings, key)) != key}


def unnamed_adjustments(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The adjustments under which a run of an earlier version measured every metric without naming them, with their
    values. settings: those of the run, nested, as it wrote them."""
    effect = find(dict(settings), "model.head.effect")
    return {"effect": effect} if effect not in (None, "none") else {}


def old_values(settings: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Each key of nested settings whose value has another name now, with the former and the current value as text."""
    found = {}
    for key, value in _leaves(settings.get("model"), "model"):
        _, now = current_item(key, value)
        if new_key(key) == key and now != value:
            was, become = (one["of"] if isinstance(one, dict) else [one] for one in (value, now))
            changed = [(old, new) for old, new in zip(was, become, strict=True) if old != new]
            found[key] = ", ".join(str(old) for old, _ in changed), ", ".join(str(new) for _, new in changed)
    return found


def _has_effect(augmentation: dict[str, Any]) -> bool:
    return augmentation.get("kind") not in (None, "off", False) or \
        find(augmentation, "perturb.method") not in (None, "off", False) or \
        any(isinstance(value, dict) for _, value in _leaves(augmentation, ""))


def _leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """The settings in a part of nested settings, by dotted key. An axis of a search counts as a setting."""
    if isinstance(value, dict) and "search" not in value:
        for name, below in value.items():
            yield from _leaves(below, f"{key}.{name}")
    elif value is not None or "." in key:
        yield key, value


def _translated(value: Any, values: dict[Any, Any]) -> Any:
    return values[value] if isinstance(value, bool | str) and value in values else value
