"""The one error of a config: every fault of a file, one a line, each with its key and the remedy."""

from __future__ import annotations

import difflib
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError


class ConfigError(ValueError):
    """Settings that cannot be used. `faults` holds one message per offending key."""

    def __init__(self, source: str, faults: list[str]):
        self.source, self.faults = source, faults
        super().__init__("\n".join([f"{source}: {len(faults)} fault{'s' if len(faults) != 1 else ''}",
                                    *(f"  {fault}" for fault in faults)]))


def messages(error: ValidationError, schema: type[BaseModel]) -> list[str]:
    """One line per offending key: the key, what is allowed, what was given."""
    found: dict[str, list[str]] = {}
    for fault in error.errors():
        found.setdefault(dotted(list(fault["loc"])), []).append(_message(fault, schema))
    # A key that may be of several kinds fails once per kind.
    return [" or ".join([texts[0], *(text.split(" must be ")[-1] for text in texts[1:])]) for texts in found.values()]


def _message(fault: Any, schema: type[BaseModel]) -> str:
    path, given = list(fault["loc"]), fault["input"]
    key = dotted(path)
    context = fault.get("ctx", {})
    match fault["type"]:
        case "extra_forbidden":
            return f"{key} is not a setting; {_suggestion(path, schema)}"
        case "literal_error":
            return f"{key} must be one of {context['expected']}, got {given!r}"
        case "greater_than_equal":
            return f"{key} must be >= {context['ge']:g}, got {given}"
        case "greater_than":
            return f"{key} must be > {context['gt']:g}, got {given}"
        case "less_than_equal":
            return f"{key} must be <= {context['le']:g}, got {given}"
        case "less_than":
            return f"{key} must be < {context['lt']:g}, got {given}"
        case "value_error":
            text = str(context["error"])
            return f"{key}: {text}" if key else text
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{key} must be a mapping of settings, got {given!r}"
        case _:
            reason = fault["msg"].removeprefix("Input should be ").removeprefix("Value should ")
            return f"{key} must be {reason}, got {given!r}"


def dotted(path: list[Any]) -> str:
    """`("gan", "perturb", "alpha")` as `gan.perturb.alpha`; list positions in brackets."""
    words = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path if not _is_union_branch(part)]
    return "".join(words).removeprefix(".")


def _is_union_branch(part: Any) -> bool:
    # pydantic names the tried member of a union in the location: "literal['auto']", "float", "constrained-float"
    return isinstance(part, str) and (part in {"float", "int", "str", "constrained-float", "constrained-int"}
                                      or part.startswith(("literal[", "list[", "function-")))


def _suggestion(path: list[Any], schema: type[BaseModel]) -> str:
    owner = schema
    for part in path[:-1]:
        owner = section_type(owner, part) or owner
    known = list(owner.model_fields)
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    return f"did you mean {dotted([*path[:-1], close[0]])}?" if close else f"known here: {', '.join(known)}"


def section_type(owner: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The schema of the sub-section `name` of `owner`, or None where it is a plain setting."""
    field = owner.model_fields.get(name)
    if field is None:
        return None
    candidates = [field.annotation, *(get_args(field.annotation) if get_origin(field.annotation) else ())]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
