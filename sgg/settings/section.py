"""`Section`, the base class of all groups of settings, and types that several of them use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from .roles import Role


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
    except RuntimeError as error:  # ~name of an unknown user
        raise ValueError(f"{path}: {error}") from None


Fraction = Annotated[float, Field(ge=0, le=1)]
Off = BeforeValidator(_off)
"""For settings that may be `off`."""
Listed = BeforeValidator(_listed)
"""For lists; a single value is read as a list of one."""
Distinct = AfterValidator(_distinct)
"""For lists that may hold each value only once."""
HomePath = Annotated[Path, AfterValidator(_expanded)]
"""A path in which a leading `~` stands for the user's home."""


class Section(BaseModel):
    """A group of settings. An unknown key is an error. Every setting has a role and a docstring."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False,
                              use_attribute_docstrings=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **keywords: Any) -> None:
        """Raise TypeError for a setting without a role."""
        for name, field in cls.model_fields.items():
            if section_type(field) is None and not any(isinstance(mark, Role) for mark in field.metadata):
                raise TypeError(f"{cls.__name__}.{name} has no role: add one of runs(), draws(), measures(), trains() "
                                "(sgg/settings/roles.py) to its annotation")


def section_type(field: FieldInfo | None) -> type[BaseModel] | None:
    """The section that a field of the schema holds; None for a plain setting, or if there is no field."""
    if field is None:
        return None
    candidates = [field.annotation, *(get_args(field.annotation) if get_origin(field.annotation) else ())]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
