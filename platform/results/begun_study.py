"""What study.json tells about the trials of a study, for results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sgg.config import Study
from sgg.config.loading.searched_entries import current_key
from sgg.config.search import Objective, objectives
from sgg.settings.keys import find

from ..study.directory import StudyDirectory
from ..study.study_file import StudyFile


@dataclass(frozen=True)
class BegunStudy:
    """A study on disk. metadata: the content of its study.json. objectives: the metrics that compare its trials, with
    their modes. baselines: `search.baseline`. study: None where the study has plugins: showing results must not run
    code of a plugin."""

    metadata: StudyFile
    objectives: list[Objective]
    baselines: list[str]
    study: Study | None

    @classmethod
    def read(cls, directory: StudyDirectory) -> BegunStudy:
        """The study of a folder, whose settings are checked, unless it has plugins. Raises ValueError for a damaged
        file."""
        metadata = directory.metadata()
        search = metadata["settings"].get("search", {})
        if find(metadata["settings"], "experiment.plugins"):
            return cls(metadata, objectives(search["metric"], search["mode"]), search.get("baseline", []), None)
        study, _ = directory.study()
        return cls(metadata, study.base.search.objectives, study.base.search.baseline, study)

    @property
    def searched(self) -> list[str]:
        """The keys in which trials differ."""
        return list(map(current_key, self.metadata["axes"]))

    def of_trial(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What stands for the config.json of a trial that never began. Its data are those of the study's first trial.
        """
        config = self.metadata.get("resolved", self.metadata["settings"]) if self.study is None else \
            self.study.trial(dict(values)).model_dump(mode="json")
        return {"config": config, "data": self.metadata["data"]}
