"""Runs every configuration that a search algorithm suggests once per repetition: each seed, on each data set."""

from __future__ import annotations

import json
from typing import Any

from ray import cloudpickle
from ray.tune.search import Searcher

from .axis import Values
from .repeats import SEED_KEY

MOST_TRIED = 100
"""When a searcher suggests only configurations that were tried, so many times in a row, the search ends."""


class RepeatingSearcher(Searcher):
    """Runs each suggestion of another searcher once per repetition, and reports the mean of each metric to that
    searcher.

    When the searcher suggests a configuration again, it gets the known mean at once, and must suggest another one: the
    same trial twice is no second sample.

    `ray.tune.search.Repeater` does not serve here. It numbers the repetitions, while a study names its seeds. It runs a
    suggestion that comes again. It saves the state of its searcher but not its own, so a search cannot resume between
    the repetitions of a configuration. And Ray advises against it together with early stopping.

    chooser: suggests configurations. repeats: the values of each repetition of a configuration (`repeats.py`), in this
    order. at_once: how many trials may run at a time. The state, with that of the chooser, is saved in one file, so
    that a search can resume between the repetitions of a configuration, also with another `at_once`.
    """

    def __init__(self, chooser: Searcher, repeats: list[Values], at_once: int):
        super().__init__(metric=chooser.metric, mode=chooser.mode)
        self._chooser, self._repeats, self._at_once = chooser, list(repeats), at_once
        self._waiting: list[tuple[str, Values, Values]] = []
        self._leader: dict[str, tuple[str, Values]] = {}
        self._scores: dict[str, list[dict[str, float] | None]] = {}
        self._means: dict[str, dict[str, float] | None] = {}

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        """Pass the search space to the chooser."""
        return self._chooser.set_search_properties(metric, mode, config, **spec)

    # Searchers may return the text FINISHED too, which Ray's annotation leaves out.
    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        """The next repetition of this configuration, or the first one of a new one; None while `at_once` trials run."""
        if len(self._leader) >= self._at_once:
            return None
        if not self._waiting:
            leader, values = self._new_configuration(trial_id)
            if not isinstance(values, dict):
                return values
            self._waiting = [(leader, values, repeat) for repeat in self._repeats]
            self._scores[leader] = []
            self._means[_key(values)] = None
        leader, values, repeat = self._waiting.pop(0)
        self._leader[trial_id] = leader, values
        return {**values, **repeat}

    def _new_configuration(self, trial_id: str) -> tuple[str, Values | str | None]:
        """The chooser's next suggestion that is new, and the trial id that the chooser knows it by."""
        for time in range(MOST_TRIED):
            name = f"{trial_id}-{time}" if time else trial_id
            values = self._chooser.suggest(name)
            if not isinstance(values, dict) or _key(values) not in self._means:
                return name, values
            mean = self._means[_key(values)]  # None while it runs, or after it has failed
            self._chooser.on_trial_complete(name, result=mean, error=mean is None)
        return trial_id, Searcher.FINISHED

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """After the last repetition of a configuration, report the means over those that did not fail."""
        leader, values = self._leader.pop(trial_id, (None, {}))
        if leader is None:
            return
        scores = self._scores[leader]
        scores.append(None if error else self._measured(result or {}))
        if len(scores) == len(self._repeats):
            known = [score for score in scores if score is not None]
            means = {name: sum(score[name] for score in known) / len(known) for name in self._metrics} if known \
                else None
            self._chooser.on_trial_complete(leader, result=means, error=means is None)
            self._means[_key(values)] = means
            del self._scores[leader]

    def _measured(self, result: dict[str, Any]) -> dict[str, float] | None:
        """The searched metrics of a result; None unless it has all of them."""
        found = {name: result[name] for name in self._metrics if result.get(name) is not None}
        return found if len(found) == len(self._metrics) else None

    @property
    def _metrics(self) -> list[str]:
        return [self.metric] if isinstance(self.metric, str) else list(self.metric or ())

    def save(self, checkpoint_path: str) -> None:
        """Write the state to a file."""
        with open(checkpoint_path, "wb") as file:
            cloudpickle.dump(self.__dict__, file)

    def restore(self, checkpoint_path: str) -> None:
        """Read what `save` wrote."""
        with open(checkpoint_path, "rb") as file:
            self.__dict__.update(cloudpickle.load(file) | {"_at_once": self._at_once, "_repeats": self._repeats})
        # Earlier versions repeated a configuration on seeds alone, and kept the one metric of each without its name.
        self._waiting = [(leader, values, repeat if isinstance(repeat, dict) else {SEED_KEY: repeat})
                         for leader, values, repeat in self._waiting]
        self._scores = {leader: [{self._metrics[0]: score} if isinstance(score, float) else score for score in scores]
                        for leader, scores in self._scores.items()}


def _key(values: dict[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)
