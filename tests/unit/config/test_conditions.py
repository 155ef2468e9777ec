"""Settings with a condition: without effect they are refused if they decide results; others may wait in the file."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sgg.config import ConfigError, validate
from sgg.config.by_role import reference
from sgg.config.loading.checking import validate_written
from sgg.config.schema import Settings
from sgg.config.setting import Setting, declared
from sgg.settings.keys import find, flatten, with_values
from sgg.settings.marks import ActsWith

CANDIDATES = (True, False, 0, 1, 2, 3, 0.25, 0.5, "x", "off", "sgcls", "predcls", "sgd", "adamw", "step", "constant",
              "cosine", "cooccurrence", "auto", "contexts", "network", "refuse", "keep", "add", "rand", "neigh",
              "graphn", "shared", "fog", "asha", "exact", "offline", ["D"], ["rec"], None)
"""Values of which each setting takes some."""
CONDITIONS = [(setting, mark) for setting in {(one.key, one.chosen): one for one in declared(Settings)}.values()
              for mark in setting.marks(ActsWith)]


def values_of(key: str, holds) -> list[Any]:
    """The candidates that a setting takes and for which `holds` is true."""
    found = []
    for value in CANDIDATES:
        try:
            read = reference()[key].validated(value)
        except ValidationError:
            continue
        if type(value) in (bool, str, list, type(None)) or type(read) is not bool:
            found += [value] if holds(read) else []
    return found


def settings_with(setting: Setting, marks: dict[ActsWith, bool]) -> tuple[dict[str, Any], Any]:
    """Nested settings in which each condition of a setting holds, or not; and a value that is not its default."""
    base = with_values({"data": {"name": "toy"}}, dict(setting.chosen))
    for mark, holds in marks.items():
        key = mark.key(setting.key)
        if mark.holds(validate(base).value_of(key)) == holds:
            continue
        value, *_ = values_of(key, lambda value, mark=mark, holds=holds: mark.holds(value) == holds)
        base = with_values(base, {key: value})
    usual = find(validate(base).model_dump(mode="json"), setting.key)
    value = values_of(setting.key, lambda value: setting.as_written(value) != usual)[0]
    return with_values(base, {setting.key: value}), value


@pytest.mark.parametrize(("setting", "mark"), CONDITIONS, ids=lambda one: getattr(one, "key", "") if isinstance(
    one, Setting) else one.other)
def test_a_setting_without_effect(setting: Setting, mark: ActsWith) -> None:
    marks = dict.fromkeys(setting.marks(ActsWith), True)
    met, value = settings_with(setting, marks)
    assert flatten(validate(met).model_dump(mode="json"))[setting.key] == setting.as_written(value)
    unmet, value = settings_with(setting, marks | {mark: False})
    if setting.role.acts not in ("training", "measuring"):
        assert flatten(validate(unmet).model_dump(mode="json"))[setting.key] == setting.as_written(value)
        return
    with pytest.raises(ConfigError) as refused:
        validate(unmet)
    (fault,), other = refused.value.faults, mark.key(setting.key)
    assert fault.startswith(f"{setting.key} {setting.validated(value)} has no effect, since {other} is ")
    assert fault.endswith(f": leave it out, or use {mark.words(setting.key)}")
    written = flatten(validate_written(unmet, "a run").model_dump(mode="json"))
    assert written[setting.key] != setting.as_written(value), "earlier versions allowed it; it has its default then"


def test_no_setting_says_its_condition_in_words_alone() -> None:
    assert len(CONDITIONS) > 30
    assert not [key for key, setting in reference().items() if setting.description.startswith(("With ", "Only with "))]


def test_an_axis_of_a_search_may_have_a_value_with_effect() -> None:
    axis = {"search": "grid", "of": ["neigh", "graphn"]}
    assert ActsWith("method", ("graphn",)).holds(axis)
