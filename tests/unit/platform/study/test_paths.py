from pathlib import Path
from platform.study.paths import absolute

from sgg.config import validate


def test_absolute():
    config = validate({"data": {"root": "data"}, "detector": {"weights": "/shared/vg.tar"},
                       "embeddings": {"path": "glove/a.txt"}, "experiment": {"output": "runs"}})
    seen = absolute(config, "/home/me")
    assert (seen.data.root, seen.detector.weights, seen.embeddings.path, seen.experiment.output) == (
        Path("/home/me/data"), Path("/shared/vg.tar"), Path("/home/me/glove/a.txt"), Path("/home/me/runs"))
    assert absolute(seen, "/elsewhere") == seen
    without_paths = {"data": {"root"}, "detector": {"weights"}, "embeddings": {"path"}, "experiment": {"output"}}
    assert seen.model_dump(exclude=without_paths) == config.model_dump(exclude=without_paths)
