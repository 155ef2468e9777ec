"""Nested settings and dotted keys."""

import pytest

from sgg.settings.keys import flatten, put, with_values


def test_flatten() -> None:
    assert flatten({"a": {"b": 1, "c": {}}, "d": [1]}) == {"a.b": 1, "d": [1]}


def test_with_values_leaves_the_settings_as_they_are() -> None:
    settings = {"a": {"b": 1}}
    assert with_values(settings, {"a.b": 2, "c.d": 3}) == {"a": {"b": 2}, "c": {"d": 3}}
    assert settings == {"a": {"b": 1}}


def test_put_names_a_part_that_is_no_section() -> None:
    with pytest.raises(ValueError, match=r"a\.b\.c: a\.b is no section"):
        put({"a": {"b": 1}}, "a.b.c", 2)
