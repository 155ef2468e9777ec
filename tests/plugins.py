"""Sources of plugins that tests write to files."""

HEAD = """
from typing import Annotated, Literal

from sgg.methods.head import HEADS, Head
from sgg.settings.roles import trains


@HEADS.register
class Mine(Head):
    kind: Annotated[Literal["mine"], trains()] = "mine"

    def build(self, sizes, words=None):
        raise NotImplementedError
"""
"""A relation head that is registered, and no more."""
