"""An axis of a search: one searched setting, written `{search: KIND, ...}` in a config. (Tune calls it a domain.)"""

from __future__ import annotations

import difflib
import math
import random
from dataclasses import dataclass
from typing import Any

from sgg.config.by_role import keys_where, reference, role_of
from sgg.config.setting import Naming
from sgg.settings.roles import Role, together

LISTED = ("choice", "grid")
RANGES = ("uniform", "loguniform", "randint")

Values = dict[str, Any]


@dataclass(frozen=True)
class Axis:
    """One searched key. `values` are those of a choice or grid; `low` and `high`, both included, those of a range.

    sets: the keys of the settings that its values set, for an axis of rows; None: the searched key alone.
    """

    key: str
    kind: str
    values: tuple[Any, ...] = ()
    low: float = 0
    high: float = 0
    sets: tuple[str, ...] | None = None

    @property
    def role(self) -> Role:
        """The role of the settings, which says what they act on."""
        return role_of(self.key) if self.sets is None else together([role_of(key) for key in self.sets])

    @property
    def chooses_methods(self) -> bool:
        """Whether its values name methods: entries of a registry, or rows."""
        return self.sets is not None or isinstance(reference().get(self.key), Naming)

    def extremes(self) -> list[Any]:
        """The values to check: all listed values, or both ends of a range."""
        return list(self.values) if self.kind in LISTED else [self.low, self.high]

    @property
    def size(self) -> float:
        """How many values it has; infinity for a range of real numbers."""
        if self.kind in LISTED:
            return len(self.values)
        return self.high - self.low + 1 if self.kind == "randint" else math.inf

    def draw(self, generator: random.Random) -> Any:
        """A random value. Unlike a domain's `sample`, this uses a generator of its own, and its values do not change
        with the version of Ray: a search that resumes must draw the same trials."""
        match self.kind:
            case "uniform":
                return generator.uniform(self.low, self.high)
            case "loguniform":
                value = math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
                return min(max(value, self.low), self.high)
            case "randint":
                return generator.randint(int(self.low), int(self.high))
            case _:
                return generator.choice(self.values)

    def domain(self) -> Any:
        """The same axis as a domain of Ray Tune."""
        from ray import tune

        match self.kind:
            case "uniform":
                return tune.uniform(self.low, self.high)
            case "loguniform":
                return tune.loguniform(self.low, self.high)
            case "randint":
                return tune.randint(int(self.low), int(self.high) + 1)
            case _:
                return tune.choice(list(self.values))


def describe(values: Values) -> str:
    """Searched settings in one line: `loss.kind=dnorm augmentation.perturb.alpha=5`."""
    return " ".join(f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
                    for key, value in values.items())


def read_axis(key: str, leaf: Values) -> Axis:
    """The axis of a dotted key. Raises ValueError naming the key and what is wrong with `leaf`."""
    kind = leaf["search"]
    role = role_of(key)
    if role.acts in ("running", "drawing"):
        raise ValueError(f"{key} cannot be searched, since all trials of a search share it: give it one value")
    if kind not in (*LISTED, *RANGES):
        close = difflib.get_close_matches(str(kind), [*LISTED, *RANGES], n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ValueError(f"{key}.search must be one of {', '.join([*LISTED, *RANGES])}, got {kind!r}{hint}")
    if not role.searchable and not (role.swept and kind in LISTED):
        swept = ", ".join(keys_where(lambda role: role.swept))
        raise ValueError(f"{key} cannot be searched, since it does not change the trained model. To compare several "
                         f"evaluations of each model, list values in {swept}")
    if role.block and kind in RANGES:
        raise ValueError(f"{key}: every configuration runs on each of these data sets, so list them: "
                         "{search: grid, of: [...]}" f", got {kind}")
    wanted = {"of"} if kind in LISTED else {"low", "high"}
    given = set(leaf) - {"search"}
    if given != wanted:
        raise ValueError(f"{key}: search {kind} takes {' and '.join(sorted(wanted, reverse=True))}, "
                         f"got {', '.join(sorted(map(str, given))) or 'nothing'}")
    return _listed(key, kind, leaf["of"]) if kind in LISTED else _range(key, kind, leaf["low"], leaf["high"])


def _listed(key: str, kind: str, values: Any) -> Axis:
    if not isinstance(values, list) or not values:
        raise ValueError(f"{key}.of must be a list of at least one value, got {values!r}")
    twice = [value for position, value in enumerate(values) if value in values[:position]]
    if twice:
        raise ValueError(f"{key}.of lists {twice[0]!r} twice")
    return Axis(key, kind, values=tuple(values))


def _range(key: str, kind: str, low: Any, high: Any) -> Axis:
    number = int if kind == "randint" else (int, float)
    for name, bound in (("low", low), ("high", high)):
        if isinstance(bound, bool) or not isinstance(bound, number) or not math.isfinite(bound):
            raise ValueError(f"{key}.{name} must be a {'whole' if kind == 'randint' else 'finite'} number, "
                             f"got {bound!r}")
    if not low < high:
        raise ValueError(f"{key}.low must be below {key}.high, got {low} and {high}")
    if kind == "loguniform" and low <= 0:
        raise ValueError(f"{key}.low must be > 0 for loguniform, got {low}")
    return Axis(key, kind, low=low, high=high)
