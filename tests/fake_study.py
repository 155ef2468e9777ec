"""Writes the folder of a study of rows on several genomes, as if it had run."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from platform.study.directory import StudyDirectory
from platform.study.trial_record import FAILED, FINISHED, TrialRecord
from typing import Any

from sgg.common.atomic import write_json
from sgg.common.run_log import History
from sgg.config import load

ROWS = "{plain: {}, twice: {training: {f_updates: 2}}}"
TEXT = """
rows: {rows}
data: {{name: toy, version: 3, seed: {{search: grid, of: {genomes}}}}}
"""


def write_study(folder: Path, name: str, trials: Iterable[tuple[str, int, int, float]], others: Sequence[str] = (),
                data: dict[str, Any] | None = None, began: bool = True, genomes: Sequence[int] = (7, 8),
                rows: str = ROWS) -> Path:
    """The folder of the study, with a trial for each (row, genome, seed, recall); the recall is that of every subset.

    An epoch of the row twice takes 20 s, of plain 10 s. others: overrides. data: changes what trials say of their data.
    began: whether the trials began; else they failed before. rows: in YAML.
    """
    path = folder / f"{name}.yaml"
    path.write_text(TEXT.format(genomes=list(genomes), rows=rows))
    study = load(path, [f"experiment.name={name}", f"experiment.output={folder}", "experiment.seed=[0, 1, 2]", *others])
    directory = StudyDirectory.of(study)
    directory.begin(study, {"data": {**of_genome(genomes[0]), **(data or {})}})
    for number, (row, genome, seed, recall) in enumerate(trials):
        values = {"row": row, "data.seed": genome, "experiment.seed": seed}
        record = TrialRecord(directory.trial(f"t{number}"), values, FINISHED if began else FAILED)
        record.write()
        if began:
            _write_trial(record, study.trial(values), {**of_genome(genome), **(data or {})}, recall)
    return directory.path


def of_genome(seed: int) -> dict[str, Any]:
    """What trials on a genome say of their data."""
    return {"name": "toy", "description": f"toy genome (seed {seed})", "hash": f"{seed}" * 12,
            "detector": f"detector-of-{seed}"}


def _write_trial(record: TrialRecord, config: Any, data: dict[str, Any], recall: float) -> None:
    write_json(record.directory / "config.json", {"config": config.model_dump(mode="json"), "data": data,
                                                  "computed_on": {"device": "cpu", "workers": 1, "threads": 1}})
    values = {f"{mode}/{subset}/ngR@{k}": recall for mode in ("sgcls", "predcls") for k in (20, 50, 100)
              for subset in ("zs", "10s", "100s", "all")}
    time = 10.0 * config.training.f_updates
    History(record.directory).append(1, {"loss": 1.0, "time": time, **{f"val/{key}": v for key, v in values.items()}})
    write_json(record.directory / "test.json", {f"test/{key}": value for key, value in values.items()})
