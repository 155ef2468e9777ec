"""The file study.json of a study: its settings, and what it was begun with. It is read and written here only."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Required, TypedDict, cast

from sgg.common.atomic import write_json
from sgg.common.locking import this_process
from sgg.common.machine import this_command, this_machine
from sgg.common.run_log import read_optional_json
from sgg.common.versions import Program, program
from sgg.config import Study

if TYPE_CHECKING:
    from sgg.data.provenance import DataProvenance  # imports numpy, which faults of settings do not wait for

STUDY = "study.json"


class StudyMetadata(TypedDict, total=False):
    """What trials and readers need besides the settings. Files of earlier versions lack some keys.

    data: the provenance of the data of the first trial. more_data: that of other data sets that trials read. epochs: of
    the longest trial. resources: what each trial holds, by name of the resource. fit: the function that trains, as
    "module:function". paths_from: the folder that relative paths of trials start from; None: the working directory of a
    trial. plugins: the hash of each plugin, by name.
    """

    data: Required[DataProvenance]
    more_data: list[DataProvenance]
    epochs: int
    resources: dict[str, float]
    fit: str
    paths_from: str | None
    plugins: dict[str, str]


class StudyFile(StudyMetadata, total=False):
    """The whole content of study.json.

    settings: all settings, nested. given, axes: see `Study`. path: the folder of the study when it was begun. run_by:
    the process that runs it or ran it last. program: the code that runs it. command, machine: of that process, in
    words. began: when it was first begun; ended: when its results were last written; both in seconds since 1970.
    resolved: all settings, in files of earlier versions whose `settings` are only those that the config file gave.
    """

    settings: Required[dict[str, Any]]
    axes: Required[dict[str, dict[str, Any]]]
    given: dict[str, Any]
    path: str
    run_by: str
    program: Program
    command: str
    machine: str
    began: float
    ended: float
    resolved: dict[str, Any]


def read_study_file(folder: Path) -> StudyFile | None:
    """The study.json of a folder; None if there is none. Raises ValueError naming the file when it is damaged."""
    return cast("StudyFile | None", read_optional_json(folder / STUDY, settings=dict, axes=dict, data=dict))


def write_study_file(folder: Path, study: Study, metadata: StudyMetadata) -> None:
    """Write study.json, complete or not at all. Raises OSError when it cannot be written."""
    now = time.time()
    before = read_study_file(folder)
    content: StudyFile = {"settings": study.base.model_dump(mode="json"), "given": study.given, "axes": study.axes,
                          "path": str(folder), "run_by": this_process(), "program": program(),
                          "command": this_command(), "machine": this_machine(),
                          "began": before.get("began", now) if before else now, "data": metadata["data"]}
    write_json(folder / STUDY, content | metadata)


def note_end(folder: Path) -> None:
    """Write into study.json that results are written now. Raises OSError when it cannot be written."""
    found = read_study_file(folder)
    if found is not None:
        write_json(folder / STUDY, {**found, "ended": time.time()})
