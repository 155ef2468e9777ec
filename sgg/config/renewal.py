"""Making the schema of settings anew, after a registry has got or lost an entry."""

from __future__ import annotations

from pydantic import BaseModel

from .adjusting import declare_adjustments
from .chosen import choice_of
from .experiment import Config
from .json_schema import forget_schema
from .schema import Evaluation, Settings
from .section import section_type
from .setting import forget_settings


def renew_schema() -> None:
    """Let all sections of settings allow the entries that registries have now."""
    declare_adjustments(Evaluation)
    _renew(Settings)
    Settings.model_rebuild(force=True)
    Config.model_rebuild(force=True)
    forget_settings()
    forget_schema()


def _renew(section: type[BaseModel]) -> bool:
    """Make anew what holds a registry's section, the innermost first; returns whether this does."""
    holds = False
    for field in section.model_fields.values():
        if (choice := choice_of(field)) is not None:
            holds = True
            for entry in choice.registry.entries.values():
                _renew(entry)
        elif (below := section_type(field)) is not None:
            holds |= _renew(below)
    if holds:
        section.model_rebuild(force=True)
    return holds
