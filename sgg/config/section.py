"""What all groups of settings have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _off(value: Any) -> Any:
    # YAML 1.1 reads a bare `off` as false.
    return "off" if value is False else value


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


Share = Annotated[float, Field(ge=0, le=1)]
Off = BeforeValidator(_off)
"""For settings that may be `off`."""
Listed = BeforeValidator(_listed)
"""For lists; a single value is a list of one."""


class Section(BaseModel):
    """A group of settings; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)
