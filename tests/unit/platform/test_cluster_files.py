"""The launchers under cluster/: well formed by their own schemas, the versions ours, no door left open."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import ray
import yaml

CLUSTER = Path(__file__).parents[3] / "cluster"
LAUNCHERS = ["aws.yaml", "gcp.yaml"]


@pytest.mark.parametrize("name", LAUNCHERS)
def test_cluster_launchers_fit_rays_schema(name):
    import jsonschema

    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    config = yaml.safe_load((CLUSTER / name).read_text())
    jsonschema.validate(config, schema)
    assert config["head_node_type"] in config["available_node_types"]
    head, gpu = (config["available_node_types"][name] for name in ("head", "gpu"))
    assert head["resources"]["CPU"] == 0
    assert gpu["min_workers"] >= 1  # a search that finds no worker has nothing to run on


@pytest.mark.parametrize("name", [*LAUNCHERS, "slurm.sh", "README.md"])
def test_dashboards_stay_on_loopback_and_the_token_is_on(name):
    text = (CLUSTER / name).read_text()
    assert "RAY_AUTH_MODE=token" in text
    assert "--dashboard-host=127.0.0.1" in text or "--include-dashboard=false" in text
    assert "0.0.0.0" not in text


@pytest.mark.parametrize("name", [*LAUNCHERS, "rayjob.yaml", "Dockerfile", "README.md"])
def test_the_version_is_ours(name):
    assert ".".join(ray.__version__.split(".")[:2]) in (CLUSTER / name).read_text()


@pytest.mark.parametrize("script", [CLUSTER / "slurm.sh", CLUSTER.parent / ".ci" / "run"], ids=lambda path: path.name)
def test_scripts_pass_shellcheck(script):
    found = subprocess.run([Path(sys.executable).with_name("shellcheck"), script], capture_output=True, text=True,
                           check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_ray_job():
    job = yaml.safe_load((CLUSTER / "rayjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec = job["spec"]["rayClusterSpec"]
    assert spec["rayVersion"] == ray.__version__
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert all(group["minReplicas"] >= 1 for group in spec["workerGroupSpecs"])
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    for pod in (group["template"]["spec"] for group in groups):
        mounts = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
        assert mounts <= {volume["name"] for volume in pod["volumes"]}


def test_the_image_is_built_without_data_runs_and_history():
    ignored = (CLUSTER.parent / ".dockerignore").read_text().splitlines()
    assert {"data/", "runs/", "wandb/", ".git"} <= set(ignored)
