import json
from functools import partial
from platform.study.directory import StudyDirectory
from platform.study.trial_record import FINISHED, TrialRecord

import pytest

from sgg.common.atomic import write_json
from sgg.common.run_log import History
from sgg.config import load
from tests.fake_study import write_study

RANK = "triplet-rank-mean"
TOY = {"name": "toy", "description": "toy genome", "hash": "aaaaaaaaaaaa"}


@pytest.fixture
def search(tmp_path):
    """Writes searches over loss.kind, with trials given as (kind, seed, status, zero-shot recall)."""
    def write(name, trials, data=TOY, pred_weight="[0]", others=()):
        path = tmp_path / f"{name}.yaml"
        path.write_text("loss: {kind: {search: grid, of: [baseline, dnorm]}}")
        study = load(path, [f"experiment.name={name}", f"experiment.output={tmp_path}", "experiment.seed=[0, 1, 2]",
                            f"evaluation.pred_weight={pred_weight}", *others])
        directory = StudyDirectory.of(study)
        directory.begin(study, {"data": data})
        for number, (kind, seed, status, recall) in enumerate(trials):
            record = TrialRecord(directory.trial(f"t{number}"), {"loss.kind": kind, "experiment.seed": seed}, status)
            record.write()
            config = study.trial({"loss.kind": kind, "experiment.seed": seed})
            write_json(record.directory / "config.json", {"config": config.model_dump(mode="json"), "data": data})
            figures = {f"sgcls/{subset}/ngR@100{suffix}": recall * factor for subset in ("zs", "10s", "100s", "all")
                       for suffix, factor in (("", 1), *((f"/x{x:g}", 2) for x in config.evaluation.pred_weight if x))}
            History(record.directory).append(1, {"loss": 1.0, **{f"val/{k}": v for k, v in figures.items()}})
            if status == FINISHED:
                write_json(record.directory / "test.json", {f"test/{k}": v for k, v in figures.items()})
        return directory.path
    return write


@pytest.fixture
def rows_on_genomes(tmp_path):
    """`tests.fake_study.write_study` in a folder of its own."""
    return partial(write_study, tmp_path)


@pytest.fixture
def rows_with_ranks(rows_on_genomes):
    """A study of two rows. The row twice has 10 points more recall and twice the training, and in SGCls it ranks
    triplets 3.2 places later, which is worse."""
    trials = [(row, genome, seed, recall) for row, recall in (("plain", 0.4), ("twice", 0.5)) for genome in (7, 8)
              for seed in (0, 1)]
    path = rows_on_genomes("ranks", trials)
    for number, (row, _, seed, _) in enumerate(trials):
        file = path / "trials" / f"t{number}" / "test.json"
        rank = 20.0 if row == "plain" else 23.1 + 0.2 * seed
        write_json(file, json.loads(file.read_text()) | {f"test/sgcls/{subset}/{RANK}": rank for subset in (
            "zs", "10s", "100s", "all")})
    return path
