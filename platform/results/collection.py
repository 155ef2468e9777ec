"""The trials of some studies on disk, from which all forms of results are made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sgg.common.run_log import CONFIG
from sgg.config.by_role import role_of
from sgg.config.search import Objective

from ..study.directory import TRIALS, StudyDirectory
from ..study.study_file import STUDY, StudyFile
from ..study.trial_record import TrialRecord
from .begun_study import BegunStudy
from .history import TrialHistory
from .outcome import Outcome, outcomes_of
from .read_trial import ReadTrial


@dataclass
class Collection:
    """All outcomes of some studies. searched: the keys that any study searched. objectives: the searched metrics of the
    first, with their modes. trials: one for each trial. studies: study.json of each study that has one."""

    outcomes: list[Outcome] = field(default_factory=list)
    trials: list[TrialHistory] = field(default_factory=list)
    studies: list[StudyFile] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)
    objectives: list[Objective] = field(default_factory=lambda: [("val/sgcls/zs/ngR@100", "max")])
    baselines: list[str] = field(default_factory=list)
    """The rows that others are compared with, as `search.baseline` of the first study names them."""

    @property
    def blocks(self) -> list[str]:
        """The searched settings whose values are blocks."""
        return [key for key in self.searched if role_of(key).block]

    def blocks_of(self, keys: Sequence[str]) -> int:
        """How many data sets the values of these settings are, over all studies."""
        values = [{repr(value) for study in self.studies for value in study["axes"].get(key, {}).get("of", ())}
                  for key in keys]
        return math.prod(map(len, values)) if values else 0

    @property
    def metric(self) -> str:
        """The first searched metric, which ranks rows."""
        return self.objectives[0][0]

    @property
    def mode(self) -> str:
        """Whether a larger (max) or a smaller value of it is better."""
        return self.objectives[0][1]


def collect(run_dirs: Iterable[Path | str]) -> Collection:
    """Read every trial of the studies in `run_dirs`. The folder of a trial, or of several trials, serves too.

    Raises FileNotFoundError when a folder has no trial, and ValueError naming a damaged file.
    """
    collection = Collection()
    for number, path in enumerate(map(Path, run_dirs)):
        records = records_of(path)
        if not records:
            raise FileNotFoundError(f"{path} holds no trials: name the folder <output>/<name> of a search or run")
        begun: BegunStudy | None = None
        if (path / STUDY).is_file():
            begun = BegunStudy.read(StudyDirectory(path))
            collection.studies.append(begun.metadata)
            collection.searched += [key for key in begun.searched if key not in collection.searched]
            if number == 0:
                collection.objectives, collection.baselines = begun.objectives, begun.baselines
        for record in records:
            trial = ReadTrial.read(record, begun)
            collection.outcomes += outcomes_of(trial, len(collection.trials))
            collection.trials.append(trial.history())
    return collection


def records_of(path: Path) -> list[TrialRecord]:
    """The trials of a study, of the folder of one trial, or of a folder of trials."""
    study = StudyDirectory(path).records()
    if study or not path.is_dir():
        return study
    folders = [path, *sorted(entry for entry in path.iterdir() if entry.is_dir() and entry.name != TRIALS)]
    return [TrialRecord.read(folder) for folder in folders if (folder / CONFIG).is_file()]
