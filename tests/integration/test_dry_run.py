"""The plan of a run, with a real Ray, on the toy genome."""

from platform import tune

import pytest
import yaml

pytestmark = pytest.mark.ray


def test_tune_dry_run_plans_and_writes_nothing(ray_with_gpus, toy_settings, tmp_path, capsys):
    """Ray counts four GPUs, of which this machine has none."""
    cache = tmp_path / "cache"
    settings = {**toy_settings, "experiment": {"name": "a", "output": str(tmp_path / "runs"), "seed": [1, 2]},
                "data": {**toy_settings["data"], "cache": str(cache), "workers": 0},
                "loss": {"kind": {"search": "grid", "of": ["baseline", "dnorm"]}}}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(settings))
    assert tune.main([str(tmp_path / "a.yaml"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]
    resolved = yaml.safe_load(said)  # the plan is in comments
    assert (resolved["loss"]["kind"], resolved["training"]["epochs"]) == (settings["loss"]["kind"], 2)
    plan = [line for line in said.splitlines() if line.startswith("# ")]
    for part in ("4 trials: 2 configurations x 2 seeds (1, 2), 4 at a time, each on 1 CPU and 1 GPU",
                 "data: toy genome", "detector: is trained first: 2 epochs on 24 images", "time: unknown. No run under",
                 "disk: about ", "memory: a step takes at most ", "GPU: Ray counts a GPU that it could not give"):
        assert sum(part in line for line in plan) == 1, (part, said)
