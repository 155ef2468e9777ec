"""The file study.json."""

import json
from platform.study.study_file import read_study_file, write_study_file

from sgg.common.locking import this_process
from sgg.common.versions import program
from sgg.config import load


def test_read_study_file_gives_what_write_study_file_wrote(tmp_path):
    (tmp_path / "a.yaml").write_text("loss: {scale: {search: grid, of: [1, 2]}}\n")
    study = load(tmp_path / "a.yaml")
    assert read_study_file(tmp_path) is None
    metadata = {"data": {"description": "toy", "hash": "1"}, "epochs": 3, "resources": {"CPU": 1.0}, "fit": "a:b",
                "paths_from": None, "plugins": {"head.py": "2"}}
    write_study_file(tmp_path, study, metadata)
    assert read_study_file(tmp_path) == {
        **metadata, "settings": json.loads(study.base.model_dump_json()), "given": study.given,
        "axes": {"loss.scale": {"search": "grid", "of": [1, 2]}}, "path": str(tmp_path), "run_by": this_process(),
        "program": program()}
