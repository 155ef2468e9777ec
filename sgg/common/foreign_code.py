"""Errors of code from outside the repository, which a command reports in one line like any mistake of the user."""

from __future__ import annotations

from collections.abc import Callable

DESCRIBERS: list[Callable[[Exception], str | None]] = []
"""Each describes an error of foreign code in one line, and returns None for any other error.
`sgg.methods.plugin_errors` adds one."""


def described(error: Exception) -> str | None:
    """The description of an error of foreign code; None for an error of our own code."""
    return next((text for describe in DESCRIBERS if (text := describe(error)) is not None), None)
