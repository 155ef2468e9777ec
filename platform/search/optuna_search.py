"""Optuna's search, with its study in a file that optuna-dashboard and `optuna.load_study` open.

A trial of Optuna is a configuration. Its values are the means over its repetitions, which are seeds and data sets; its
user attributes name the trial of each. A configuration that Optuna draws again is not run again; it gets the known
means, and has no such attribute.

The file is a journal: a line of JSON for each change of the study. Lines are only ever added while a search runs, so a
dashboard may stay open. What the study is, says the snapshot that a search resumes from (`callbacks/`), not the file: a
resumed search first writes the whole file again, so that it has nothing that the snapshot does not know.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend, JournalFileOpenLock
from ray import tune
from ray.tune.search.optuna import OptunaSearch
from ray.tune.search.sample import Categorical

from sgg.common.atomic import named_in_errors, replaced
from sgg.config.search import Objective

from ..cluster.ray_internals import optuna_trials
from ..trial.trainable import OBJECTIVES
from .axis import Values
from .repeating_searcher import RepeatingSearcher
from .repeats import SEED_KEY, describe_repeat

ATTRIBUTE = "trial of {}"
"""The user attribute of Optuna's trials that names the trial of a repetition."""


class StudyJournal(BaseJournalBackend):
    """The changes of a study, in memory, and in the file `path` after `write`. It can be pickled; then the next `write`
    writes the whole file again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._changes: list[dict[str, Any]] = []
        self._written: int | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_written": None}

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """The changes from a number on."""
        yield from self._changes[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add changes, as a file would give them back."""
        self._changes += [json.loads(json.dumps(log)) for log in logs]

    def write(self) -> None:
        """Bring the file up to date. Raises OSError that names the file."""
        written, self._written = self._written, None  # after an error the file is written as a whole
        with named_in_errors(self.path):
            if written is None:
                # A process that was killed may have left its lock. Only one process runs a study.
                self.path.with_name(f"{self.path.name}.lock").unlink(missing_ok=True)
                with replaced(self.path) as temporary:
                    _added(temporary, self._changes)
            elif len(self._changes) > written:
                _added(self.path, self._changes[written:])
        self._written = len(self._changes)


def _added(path: Path, changes: list[dict[str, Any]]) -> None:
    """Add changes to a file. A dashboard that writes a note at the same time waits, and is waited for."""
    JournalFileBackend(str(path), JournalFileOpenLock(str(path))).append_logs(changes)


class RepeatingOptuna(RepeatingSearcher):
    """Runs each suggestion of Optuna once per repetition.

    path: the file of the study. name: of the study. objectives: the searched metrics, with their modes. repeats,
    at_once: as in `RepeatingSearcher`; Optuna draws by the seed of the first. The sampler is Optuna's TPE; with two
    metrics it looks for the Pareto front (multi-objective TPE).
    """

    def __init__(self, path: Path, name: str, objectives: Sequence[Objective], repeats: list[Values],
                 at_once: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # the live table shows each trial
        metric: Any = list(OBJECTIVES[:len(objectives)])
        mode: Any = [mode for _, mode in objectives]
        if len(objectives) == 1:
            (metric,), (mode,) = metric, mode
        self._journal: StudyJournal | None = StudyJournal(path)
        self._name, self._metric_names = name, [metric for metric, _ in objectives]
        self._of_text: dict[str, dict[str, Any]] = {}
        self._storage = JournalStorage(self._journal)
        super().__init__(OptunaSearch(metric=metric, mode=mode, seed=repeats[0][SEED_KEY], storage=self._storage,
                                      study_name=name), repeats, at_once)

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        """Pass the search space to Optuna, and the names of the metrics to its study.

        A dashboard cannot show a list as a value of a setting, so Optuna chooses among texts where a setting has lists.
        """
        chosen = {key: domain.categories for key, domain in config.items() if isinstance(domain, Categorical)}
        self._of_text = {key: {_shown(value): value for value in values if _shown(value) is not value}
                         for key, values in chosen.items()}
        shown = {key: tune.choice([*map(_shown, values)]) for key, values in chosen.items()}
        found = super().set_search_properties(metric, mode, config | shown, **spec)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study = optuna.load_study(study_name=self._name, storage=self._storage)
            study.set_metric_names(self._metric_names)
        return found

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]  # as in the base class
        """As `RepeatingSearcher.suggest`; Optuna's trial notes who runs which repetition."""
        found = super().suggest(trial_id)
        if isinstance(found, dict):
            leader, _ = self._leader[trial_id]
            trial = optuna_trials(self._chooser)[leader]
            repeat = {key: found[key] for key in self._repeats[0]}
            trial.set_user_attr(ATTRIBUTE.format(describe_repeat(repeat)), trial_id)
            return {key: self._value(key, value) for key, value in found.items()}
        return found

    def _value(self, key: str, value: Any) -> Any:
        """The value of a setting that Optuna has chosen as text, or as it is."""
        return self._of_text.get(key, {}).get(value, value) if isinstance(value, str) else value

    def save(self, checkpoint_path: str) -> None:
        """Write the state to a file, and the study to its own."""
        super().save(checkpoint_path)
        if self._journal is not None:
            self._journal.write()

    def restore(self, checkpoint_path: str) -> None:
        """Read what `save` wrote. A search that an earlier version began has no journal, and goes on without a file."""
        fresh = self._journal
        super().restore(checkpoint_path)
        if self._journal is fresh:
            self._journal = None


def _shown(value: Any) -> Any:
    """A value of a setting as a dashboard shows it: a list as text, others as they are."""
    return json.dumps(value) if isinstance(value, list | dict) else value
