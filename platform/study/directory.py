"""A study on disk: everything that a search, or a single run, writes under `<output>/<name>/`.

    study.json                 the settings, the axes, the data, the process that runs it
    .lock                      held by that process
    trials/<trial>/            what sgg.training.fit writes: config.json, metrics.jsonl, test.json, checkpoints/
                   trial.json  the searched values, the status, the reason of a failure
                   log.txt     what the trial printed; error.txt: the traceback of a failure
    results.csv, results.json  one row per configuration
    notes/                     what Tune knows of the search, for --resume
    judgements.jsonl           what early stopping has judged, for --resume
    ray/                       Ray's own files
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from filelock import FileLock, Timeout

from sgg.common.atomic import write_json
from sgg.common.locking import this_process
from sgg.common.metric_names import PARTS
from sgg.common.run_log import CONFIG, TEST, History, Row, read_optional_json, read_test
from sgg.common.versions import PROGRAM, program
from sgg.config import ConfigError, Study
from sgg.config.loading.resume import changes
from sgg.methods.plugins import fault_of_plugins, load_plugins
from sgg.settings.keys import flatten, with_values
from sgg.systems import parts_of

STUDY, LOCK, TRIAL, TRIALS, RAY = "study.json", ".lock", "trial.json", "trials", "ray"
SNAPSHOTS = "notes"
"""The folder of snapshots of Tune's state. Searches of earlier versions have it under this name."""
PLUGINS = "plugins"
"""The folder of copies of the plugins that the study runs."""
JUDGEMENTS = "judgements.jsonl"
LOG, ERROR = "log.txt", "error.txt"

PENDING, RUNNING, FINISHED, STOPPED, FAILED = "pending", "running", "finished", "stopped", "failed"
"""Of a trial. stopped: early, by the scheduler or the budget. failed: it raised, or lost its worker too often."""


@dataclass
class TrialRecord:
    """One trial on disk. `values`: dotted key -> searched value."""

    directory: Path
    values: dict[str, Any] = field(default_factory=dict)
    status: str = PENDING
    reason: str = ""

    @classmethod
    def read(cls, directory: Path) -> TrialRecord:
        """The record in a trial's folder; a folder that only `sgg.training.fit` wrote to counts as well."""
        found = read_optional_json(directory / TRIAL, values=dict, status=str, reason=str)
        if found is None:
            return cls(directory, {}, FINISHED if (directory / TEST).is_file() else STOPPED)
        return cls(directory, found["values"], found["status"], found["reason"])

    def write(self) -> None:
        """Write the record in one rename."""
        self.directory.mkdir(parents=True, exist_ok=True)
        write_json(self.directory / TRIAL, {"values": self.values, "status": self.status, "reason": self.reason})

    @property
    def name(self) -> str:
        """The trial's id."""
        return self.directory.name

    @property
    def evidence(self) -> Path:
        """Where to read why it failed: the traceback; the log where a process died without one."""
        found = (self.directory / name for name in (ERROR, LOG))
        return next((path for path in found if path.is_file()), self.directory)

    @property
    def over(self) -> bool:
        """Nothing is left to do, whether or not Tune knows: it ran to its end, or a scheduler stopped it."""
        return self.status == FINISHED or self.stopped_early

    @property
    def stopped_early(self) -> bool:
        """By a scheduler; what was only interrupted has a reason, and goes on when it is taken up again."""
        return self.status == STOPPED and not self.reason and (self.directory / TRIAL).is_file()

    def rows(self) -> list[Row]:
        """The row that counts of each epoch."""
        return History(self.directory).rows()

    def test(self) -> Row:
        """The test figures; empty where there are none."""
        return read_test(self.directory) or {}

    def config(self) -> dict[str, Any] | None:
        """`{"config": all settings, "data": facts of the data}` as the trial wrote it; None where it never began."""
        return read_optional_json(self.directory / CONFIG, config=dict, data=dict)


@dataclass(frozen=True)
class StudyDirectory:
    """The folder of a study."""

    path: Path

    @classmethod
    def of(cls, study: Study) -> StudyDirectory:
        """The folder that a study writes to."""
        return cls(study.base.directory.resolve())

    @contextmanager
    def held(self, study: Study, resume: bool) -> Iterator[None]:
        """Within the block no other process runs the study; the system ends the hold with this process, if killed too.

        Raises what `check` raises: another process may have been faster since.
        """
        with self._free(study):
            self.check(study, resume, held=True)
            yield

    def check(self, study: Study, resume: bool, held: bool = False) -> None:
        """Refuse, before anything is started, what cannot be begun or taken up. held: by this process.

        Raises ConfigError where the name is taken, where there is nothing to resume, or not with these settings, where
        another process is at it, and where the folder cannot be written.
        """
        found = self._read()
        if found is not None:
            changed = _differences(found, _described(study))
            if not resume:
                raise ConfigError(study.source, [
                    f"experiment.name: {self.path} exists already, with "
                    f"{'other settings' if changed else 'these settings: --resume takes it up where it was left'}; "
                    "choose another experiment.name or move it away"])
            begun = found.get("path", str(self.path))
            if begun != str(self.path):
                raise ConfigError(study.source, [f"experiment.output: {self.path} was begun as {begun}, where its "
                                                 "trials look for it: move it back there to take it up"])
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
            tempfile.TemporaryFile(dir=parent).close()  # permissions tell nothing of a full or read-only disk
        except OSError as error:
            raise ConfigError(study.source, [f"experiment.output: {parent} cannot be written to: {error.strerror}; "
                                             "choose another experiment.output"]) from None

    def begin(self, study: Study, facts: dict[str, Any]) -> None:
        """Write study.json. facts: what else trials and readers need to know; `data` must be that of a resumed study.

        Raises ConfigError where the data have changed or the folder cannot be written.
        """
        self.require_pictures(study, [facts["data"].get("pictures") or {}])
        self.require_data(study, {facts["data"]["hash"]: facts["data"]["description"]}, parts_of(facts["data"]))
        from sgg.data.mirroring import difference  # not at the top: a complaint about settings needs no numpy

        then = ((self._read() or {}).get("data") or {}).get("mirrored")
        if fault := difference(then, facts["data"].get("mirrored") or {}):
            raise ConfigError(study.source, [f"data: {self.path} {fault}: put back the version of this program, or "
                                             "choose another experiment.name"])
        try:
            (self.path / TRIALS).mkdir(parents=True, exist_ok=True)
            write_json(self.path / STUDY, {**_described(study), "path": str(self.path), "run_by": this_process(),
                                           PROGRAM: program(), **facts})
        except OSError as error:
            raise ConfigError(study.source, [f"experiment.output: {self.path} cannot be written: {error.strerror}; "
                                             "choose another experiment.output"]) from None

    def require_data(self, study: Study, opened: dict[str, str], parts: Mapping[str, str] = MappingProxyType({}),
                     ) -> None:
        """Raise ConfigError where a study that was begun had other data than those `opened` now, hash -> description,
        or stood on other parts than `parts`, name -> hash; what is not there yet is not compared."""
        found = (self._read() or {}).get("data")
        if found is not None and found.get("hash") not in opened:
            now = ", ".join(f"{description!r} [{digest}]" for digest, description in opened.items())
            raise ConfigError(study.source, [f"data: {self.path} was begun on {found.get('description')!r} "
                                             f"[{found.get('hash')}], now it is {now}: put the data back, or choose "
                                             "another experiment.name"])
        for name, then in parts_of(found or {}).items():
            if (now := parts.get(name, then)) != then:
                raise ConfigError(study.source, [f"{name}: {self.path} was begun with the {name} {then}, now it is "
                                                 f"{now}: put it back ({PARTS[name]}, or the cache of data.root), or "
                                                 "choose another experiment.name"])

    def require_pictures(self, study: Study, here: Iterable[dict[str, str]]) -> None:
        """Raise ConfigError where a study that was begun had other pictures than any of those that are `here`: the hash
        of each part's, once for each data set that the study opens. One that does not say its pictures (of the first
        edition) is not compared, and nothing of `here` is asked for.
        """
        known = (self._read() or {}).get("data", {}).get("pictures")
        if not known:
            return
        differing = min(([part for part in known if known[part] != now.get(part)] for now in here), key=len)
        if differing:
            raise ConfigError(study.source, [f"data: {self.path} was begun with other pictures of "
                                             f"{', '.join(differing)}: put them back, or choose another "
                                             "experiment.name"])

    def study(self) -> tuple[Study, dict[str, Any]]:
        """The study as it was begun, with its plugins loaded, and everything that study.json says.

        Raises ValueError naming study.json where it is missing or spoilt, or a plugin that is not as it was.
        """
        found = self.facts()
        load_plugins(found["settings"].get("experiment", {}).get("plugins", []))
        if fault := fault_of_plugins(found.get("plugins", {}), False, "it is missing"):
            raise ValueError(f"{self.path / STUDY}: {fault}")
        return Study.of(found.get("given", found["settings"]), found["axes"], str(self.path / STUDY)), found

    def facts(self) -> dict[str, Any]:
        """Everything that study.json says; runs nothing of it.

        Raises ValueError naming study.json where it is missing or spoilt.
        """
        found = self._read()
        if found is None:
            raise ValueError(f"{self.path / STUDY} is missing")
        return found

    def with_plugins(self, study: Study) -> Study:
        """The study with copies of its plugins, kept in its folder: every worker and node finds them there, and those
        that start later run the same code. Raises OSError where they cannot be written."""
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
            who = (self._read() or {}).get("run_by", "another process")
            raise ConfigError(study.source, [f"experiment.name: {self.path} is being run by {who}; wait until that has "
                                             "ended, or stop it"]) from None

    def _read(self) -> dict[str, Any] | None:
        return read_optional_json(self.path / STUDY, settings=dict, axes=dict, data=dict)

    def trial(self, name: str) -> Path:
        """The folder of a trial."""
        return self.path / TRIALS / name

    def records(self) -> list[TrialRecord]:
        """All trials, in the order of their names. Raises ValueError naming a trial.json that is spoilt."""
        folder = self.path / TRIALS
        return [TrialRecord.read(entry) for entry in sorted(folder.iterdir()) if entry.is_dir()] \
            if folder.is_dir() else []


def _described(study: Study) -> dict[str, Any]:
    return {"settings": study.base.model_dump(mode="json"), "given": study.given, "axes": study.axes}


def _differences(found: dict[str, Any], described: dict[str, Any]) -> list[str]:
    then, now = ({**flatten(study.get("given", {})), **flatten(study["settings"]), **study["axes"]}
                 for study in (found, described))
    return changes(then, now, lambda role: role.fixed_for_study)
