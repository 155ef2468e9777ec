"""Where settings stand: in the config file, on the command line, or in both."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .errors import in_words


@dataclass(frozen=True)
class Places:
    """The dotted keys that stand in each place, without those of rows. searched: axes of the file. given: other
    settings of the file. command_line: with one value or several."""

    searched: Collection[str] = ()
    given: Collection[str] = ()
    command_line: Collection[str] = ()

    def words(self, key: str) -> str:
        """Where a setting stands, in brackets; "" without a command line."""
        if not self.command_line:
            return ""
        found = ["on the command line"] if key in self.command_line else []
        if self._in_file(key):
            found.append("searched in the file" if key in self.searched else "given in the file")
        return f" ({' and '.join(found)})"

    def remedy(self, keys: Sequence[str]) -> str:
        """How to leave out settings. Those of the file cannot be left out on the command line."""
        of_file = [key for key in keys if self._in_file(key)]
        of_line = [key for key in keys if key in self.command_line]
        if not self.command_line or not of_file:
            return f"leave {_pronoun(keys)} out"
        steps = [f"remove {_pronoun(keys) if of_file == list(keys) else in_words(of_file)} from a copy of the file"]
        if of_line:
            steps.append(f"leave {in_words(of_line)} out of the command line")
        return " and ".join(steps)

    def _in_file(self, key: str) -> bool:
        return key in self.searched or key in self.given


def _pronoun(keys: Sequence[str]) -> str:
    return "it" if len(keys) == 1 else "them"
