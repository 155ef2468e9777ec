"""A study on disk: everything that a search or a single run writes under `<output>/<name>/`.

    study.json                 the settings, the axes, metadata of the data, the process that runs it
    .lock                      that process holds it
    trials/<trial>/            the files of sgg.training.fit: config.json, metrics.jsonl, test.json, checkpoints/
                   trial.json  the searched values, the status, the reason of a failure, how long it ran
                   log.txt     the trial's output; error.txt: the traceback of a failure
    results.csv, results.json, results.tex  one row per configuration; report.html: the report on it
    notes/                     the newest snapshot of Tune's state, for --resume
    judgements.jsonl           the judgements of early stopping, for --resume
    optuna.journal             the study of Optuna, for optuna-dashboard
    ray/                       Ray's own files
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from sgg.config import ConfigError, Study
from sgg.config.loading.load import adjustments_of
from sgg.config.loading.named_rows import row_by_row
from sgg.config.loading.resume import changes
from sgg.config.loading.trial_settings import without_idle_anywhere
from sgg.methods.plugins import fault_of_plugins, load_plugins
from sgg.settings.keys import flatten, with_values

from .begun_data import BegunData
from .study_file import STUDY, StudyFile, StudyMetadata, read_study_file, write_study_file
from .trial_record import TrialRecord

LOCK, TRIALS, RAY = ".lock", "trials", "ray"
SNAPSHOTS = "notes"
"""The folder of snapshots of Tune's state. Searches of earlier versions have it under this name."""
PLUGINS = "plugins"
"""The folder of copies of the plugins that the study runs."""
JUDGEMENTS = "judgements.jsonl"
OPTUNA = "optuna.journal"


@dataclass(frozen=True)
class StudyDirectory:
    """The folder of a study."""

    path: Path

    @classmethod
    def of(cls, study: Study) -> StudyDirectory:
        """The folder of a study."""
        return cls(study.base.directory.resolve())

    @contextmanager
    def held(self, study: Study, resume: bool) -> Iterator[None]:
        """Within the block no other process can run the study. A killed process holds it no longer.

        Raises what `check` raises, since another process may have begun the study meanwhile.
        """
        with self._free(study):
            self.check(study, resume, held=True)
            yield

    def check(self, study: Study, resume: bool, held: bool = False) -> None:
        """Check, before anything starts, that the study can begin or resume. held: whether this process holds it.

        Raises ConfigError when the name is in use, when there is nothing to resume, when the settings or plugins have
        changed, when another process runs the study, and when the folder cannot be written.
        """
        found = self._read()
        if found is not None:
            changed = _differences(found, study)
            if not resume:
                raise ConfigError(study.source, [
                    f"experiment.name: {self.path} exists already, with "
                    f"{'other settings' if changed else 'these settings: --resume continues it'}; "
                    "choose another experiment.name, or move that folder away"])
            begun = found.get("path", str(self.path))
            if begun != str(self.path):
                raise ConfigError(study.source, [f"experiment.output: {self.path} was begun as {begun}, and its "
                                                 "trials read it there: move it back to resume it"])
            plugins = fault_of_plugins(found.get("plugins", {}), study.base.experiment.allow_changed_plugins,
                                       "add it to experiment.plugins")
            if plugins is not None:
                raise ConfigError(study.source, [f"experiment.plugins: {self.path}: {plugins}"])
            if changed:
                raise ConfigError(study.source, [f"{fault}; --resume needs the settings that {self.path} was begun with"
                                                 for fault in changed])
            if not held:
                with self._free(study):
                    pass
        elif resume:
            raise ConfigError(study.source, [f"{self.path}: nothing to resume here; leave out --resume, or check "
                                             "experiment.output and experiment.name"])
        parent = next(folder for folder in (self.path, *self.path.parents) if folder.exists())
        try:
            tempfile.TemporaryFile(dir=parent).close()  # permissions do not show a full or read-only disk
        except OSError as error:
            raise ConfigError(study.source, [f"experiment.output: {parent} cannot be written to: {error.strerror}; "
                                             "choose another experiment.output"]) from None

    def begin(self, study: Study, metadata: StudyMetadata) -> None:
        """Write study.json. The data of `metadata` must be the same when a study resumes.

        Raises ConfigError when the data have changed or the folder cannot be written.
        """
        begun, here = self.begun_data(study), [metadata["data"], *metadata.get("more_data", [])]
        begun.require_images([data.get("pictures") or {} for data in here])
        begun.require({str(data["hash"]): data["description"] for data in here})
        begun.require_parts(here)
        try:
            (self.path / TRIALS).mkdir(parents=True, exist_ok=True)
            write_study_file(self.path, study, metadata)
        except OSError as error:
            raise ConfigError(study.source, [f"experiment.output: {self.path} cannot be written: {error.strerror}; "
                                             "choose another experiment.output"]) from None

    def begun_data(self, study: Study) -> BegunData:
        """The data sets that a study was begun with."""
        return BegunData.of(self.path, study.source, self._read())

    def study(self) -> tuple[Study, StudyFile]:
        """The study as it was begun, with its plugins loaded, and the whole content of study.json.

        Raises ValueError naming study.json when it is missing or damaged, and for a plugin that has changed.
        """
        found = self.metadata()
        load_plugins(found["settings"].get("experiment", {}).get("plugins", []))
        if fault := fault_of_plugins(found.get("plugins", {}), False, "it is missing"):
            raise ValueError(f"{self.path / STUDY}: {fault}")
        given, axes = found.get("given", found["settings"]), found["axes"]
        return Study.of(without_idle_anywhere(given, axes), axes, str(self.path / STUDY)), found

    def metadata(self) -> StudyFile:
        """The whole content of study.json. This loads no plugin.

        Raises ValueError naming study.json when it is missing or damaged.
        """
        found = self._read()
        if found is None:
            raise ValueError(f"{self.path / STUDY} is missing")
        return found

    def with_plugins(self, study: Study) -> Study:
        """The study with copies of its plugins in its folder. Every node finds them there, and later workers get the
        same code. Raises OSError when they cannot be written."""
        names = study.base.experiment.plugins
        if not names:
            return study
        copies = [plugin.copied_to(self.path / PLUGINS).full_name for plugin in load_plugins(names)]
        return Study.of(with_values(study.given, {"experiment.plugins": copies}), study.axes, study.source)

    @contextmanager
    def _free(self, study: Study) -> Iterator[None]:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path / LOCK, timeout=0):
                yield
        except Timeout:
            found = self._read()
            who = found.get("run_by", "another process") if found else "another process"
            raise ConfigError(study.source, [f"experiment.name: {self.path} is being run by {who}; wait until that has "
                                             "ended, or stop it"]) from None

    def _read(self) -> StudyFile | None:
        return read_study_file(self.path)

    def trial(self, name: str) -> Path:
        """The folder of a trial."""
        return self.path / TRIALS / name

    def records(self) -> list[TrialRecord]:
        """All trials, sorted by name. Raises ValueError naming a damaged trial.json."""
        folder = self.path / TRIALS
        return [TrialRecord.read(entry) for entry in sorted(folder.iterdir()) if entry.is_dir()] \
            if folder.is_dir() else []


def _differences(found: StudyFile, study: Study) -> list[str]:
    """One line for each setting that must not change in a study and has changed."""
    given = found.get("given", {})
    then = {**flatten(given), **flatten(found["settings"]), **adjustments_of(given),
            **row_by_row(found["axes"])}
    now = {**flatten(study.given), **flatten(study.base.model_dump(mode="json")), **study.adjustments,
           **row_by_row(study.axes)}
    return changes(then, now, lambda role: role.fixed_for_study)
