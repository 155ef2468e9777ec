"""What all groups of settings have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError


def _off(value: Any) -> Any:
    # YAML 1.1 reads a bare `off` as false.
    return "off" if value is False else value


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


def _distinct(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise PydanticCustomError("listed_twice", "lists a value twice")
    return values


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:  # ~name of nobody here
        raise ValueError(f"{path}: {error}") from None


Share = Annotated[float, Field(ge=0, le=1)]
Off = BeforeValidator(_off)
"""For settings that may be `off`."""
Listed = BeforeValidator(_listed)
"""For lists; a single value is a list of one."""
Distinct = AfterValidator(_distinct)
"""For lists in which a value counts once."""
HomePath = Annotated[Path, AfterValidator(_expanded)]
"""A path in which a leading `~` is the user's home."""


class Section(BaseModel):
    """A group of settings; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)
