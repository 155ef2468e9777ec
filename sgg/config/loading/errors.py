"""`ConfigError`: all faults of a config, one per line, each with its key and the remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from sgg.config.choice import choice_at, others_with, owner_of, untagged

from .renamed import new_key


class ConfigError(ValueError):
    """Settings that cannot be used. `faults` holds one message for each faulty key."""

    def __init__(self, source: str, faults: list[str]):
        self.source, self.faults = source, faults
        super().__init__("\n".join([f"{source}: {len(faults)} fault{'s' if len(faults) != 1 else ''}",
                                    *(f"  {fault}" for fault in faults)]))


def messages(error: ValidationError, schema: type[BaseModel]) -> list[str]:
    """One line for each faulty key: the key, the allowed values, the given value."""
    found: dict[str, list[Any]] = {}
    for fault in error.errors():
        found.setdefault(dotted(place_of(fault, schema)), []).append(fault)
    # A key that allows several types has one fault for each type.
    return [_alternatives(key, faults) if len(faults) > 1 else _message(key, faults[0], schema)
            for key, faults in found.items()]


def place_of(fault: Any, schema: type[BaseModel]) -> tuple[Any, ...]:
    """The path of a fault through the settings. For an unknown entry of a registry it ends at the entry's name."""
    place = untagged(fault["loc"], schema)
    return (*place, fault["ctx"]["discriminator"].strip("'")) if fault["type"] == "union_tag_invalid" else place


def _alternatives(key: str, faults: list[Any]) -> str:
    first, *others = (_demand(fault).partition(", ")[0] for fault in faults)
    return f"{key} must {' or '.join([first, *(text.removeprefix('be ') for text in others)])}, " \
           f"got {faults[0]['input']!r}"


def _message(key: str, fault: Any, schema: type[BaseModel]) -> str:
    match fault["type"]:
        case "extra_forbidden":
            return _unknown(key, fault["loc"], schema)
        case "union_tag_invalid":
            known, given = re.findall(r"'([^']*)'", fault["ctx"]["expected_tags"]), fault["ctx"]["tag"]
            choice = choice_at(untagged(fault["loc"], schema), schema)
            known = known if choice is None else choice.names
            return f"{key} must be {one_of(known)}, got {given!r}{did_you_mean(given, known)}"
        case "literal_error":
            known = re.findall(r"'([^']*)'", fault["ctx"]["expected"])
            return f"{key} must {_demand(fault)}, got {fault['input']!r}{did_you_mean(fault['input'], known)}"
        case "listed_twice":
            return f"{key} lists a value twice: {fault['input']!r}"
        case "value_error":
            return f"{key}: {fault['ctx']['error']}"
        case _:
            return f"{key} must {_demand(fault)}, got {fault['input']!r}"


def _demand(fault: Any) -> str:
    """The requirement for a value, beginning with a verb."""
    context = fault.get("ctx", {})
    match fault["type"]:
        case "literal_error":
            return f"be one of {context['expected']}"
        case "greater_than_equal":
            return f"be >= {context['ge']:.12g}"
        case "greater_than":
            return f"be > {context['gt']:.12g}"
        case "less_than_equal":
            return f"be <= {context['le']:.12g}"
        case "less_than":
            return f"be < {context['lt']:.12g}"
        case "too_short":
            return f"list at least {context['min_length']} value{'s' if context['min_length'] > 1 else ''}"
        case "path_type":
            return "be a path"
        case "int_from_float":
            return "be a whole number"
        case "string_pattern_mismatch":
            return f"match the pattern {context['pattern']}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "be a mapping of settings"
        case _:
            _, separator, reason = fault["msg"].partition(" should ")
            return reason if separator else f"be valid ({fault['msg']})"


def dotted(path: Sequence[Any]) -> str:
    """The dotted key of a path: `gan.perturb.alpha` for `("gan", "perturb", "alpha")`. List positions get brackets."""
    words = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path if not _is_union_branch(part)]
    return "".join(words).removeprefix(".")


def _is_union_branch(part: Any) -> bool:
    # The location holds pydantic's name of the union member that it tried: "literal['auto']", "constrained-float"
    return isinstance(part, str) and (part in {"float", "int", "str", "constrained-float", "constrained-int"}
                                      or part.startswith(("literal[", "list[", "function-")))


def one_of(names: list[str]) -> str:
    """The allowed names in words: one of 'a', 'b' or 'c'."""
    *others, last = (repr(name) for name in names)
    return f"one of {', '.join(others)} or {last}" if others else last


def in_words(names: list[str], last: str = "and") -> str:
    """A list in words: a, b and c."""
    return f" {last} ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def did_you_mean(given: Any, known: Iterable[str]) -> str:
    """The end of a message that proposes the most similar known name; "" if no name is similar."""
    close = difflib.get_close_matches(str(given), list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _unknown(key: str, location: tuple[Any, ...], schema: type[BaseModel]) -> str:
    """The message for a key that its section, or the chosen entry, does not have."""
    owner, entry = owner_of(location, schema)
    *sections, name = untagged(location, schema)
    if (new := new_key(key)) != key:
        return f"{key} is called {new} now, and {new} is given, too: leave one of them out"
    known = list(owner.model_fields)
    close = difflib.get_close_matches(str(name), known, n=1)
    meant = [f"{section}.{name}" for section, its in schema.model_fields.items()
             if name in getattr(its.annotation, "model_fields", {})] or [dotted([*sections, each]) for each in close]
    hint = f"did you mean {in_words(meant, 'or')}?" if meant else f"known here: {', '.join(known)}"
    if entry is None:
        return f"{key} is not a setting; {hint}"
    choice, having = others_with(str(name), sections, schema)
    hint = f"it is a setting of {dotted([*sections, choice])} {in_words(having)}; {hint}" if having else hint
    return f"{key} is not a setting of {entry}; {hint}"
