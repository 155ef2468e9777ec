"""HTML from Python. Every text is escaped, unless it was made here; so no name in the data can become markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

VOID = frozenset({"img", "input", "meta", "link", "br"})
LONG = 40


class Markup(str):
    """Text that is HTML already."""


def tag(element: str, /, *children: str | None, **attributes: str | int | bool | None) -> Markup:
    """An element. children: texts, which are escaped, and markup; None is left out. attributes: `class_` is `class`,
    `data_words` is `data-words`; True writes the name alone, False and None leave it out."""
    written = "".join(
        f" {key.strip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items() if value is not None and value is not False)
    return Markup(f"<{element}{written}>" + ("" if element in VOID else f"{joined(children)}</{element}>"))


def joined(parts: Iterable[str | None]) -> Markup:
    """Texts, which are escaped, and markup, one after another."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts if part is not None))


def name(text: str) -> Markup:
    """A name from the data. Letters that change the direction of text act within it only. A long one, which a table
    cuts, is also its title."""
    return tag("bdi", text, title=text if len(text) > LONG else None)


def definitions(facts: Sequence[tuple[str, str]]) -> Markup:
    """A list of terms, each with its text or markup."""
    return tag("dl", *(part for term, text in facts for part in (tag("dt", term), tag("dd", text))))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> Markup:
    """A table that scrolls sideways where it is too wide. numbers: columns that are aligned to the right."""
    right = frozenset(numbers)

    def cells(kind: str, row: Sequence[str]) -> Markup:
        return joined(tag(kind, cell, class_="number" if column in right else None)
                      for column, cell in enumerate(row))

    body = joined(tag("tr", cells("td", row)) for row in rows)
    return tag("div", tag("table", tag("thead", tag("tr", cells("th", heads))), tag("tbody", body)), class_="scroll")


def bar(fraction: float) -> Markup:
    """A bar for a number of 0 to 1."""
    return tag("span", tag("span", class_="fill", style=f"width:{100 * min(max(fraction, 0.0), 1.0):.1f}%"),
               class_="track")
