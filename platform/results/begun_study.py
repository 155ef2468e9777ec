"""What study.json tells about the trials of a study, for results."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sgg.config import ConfigError, Study
from sgg.config.by_role import reference
from sgg.config.loading.named_rows import ROW, row_of
from sgg.config.loading.searched_entries import current_key, current_values
from sgg.config.search import Objective, objectives
from sgg.settings.keys import find, with_values

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
        return {"config": self._settings_of(values), "data": self.metadata["data"]}

    def _settings_of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        if self.study is not None:
            with suppress(ConfigError):  # of an earlier version, with a searched value that this one refuses
                return self.study.trial(dict(values)).model_dump(mode="json")
        own = current_values(dict(values))
        own = {**row_of(self.metadata["axes"], own.pop(ROW, None)), **own}
        return with_values(self.metadata.get("resolved", self.metadata["settings"]),
                           {key: _as_written(key, value) for key, value in own.items()})


def _as_written(key: str, value: Any) -> Any:
    """A searched value as config.json has it: 2.0 for the 2 of a search, where the setting is no whole number."""
    setting = reference().get(key)
    with suppress(ValueError):  # of an earlier version, which allowed it
        return value if setting is None else setting.as_written(value)
    return value
