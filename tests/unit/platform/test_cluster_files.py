"""The launchers under cluster/: well formed by their own schemas, the versions ours, no door left open."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import ray
import yaml

CLUSTER = Path(__file__).parents[3] / "cluster"
LAUNCHERS = ["aws.yaml", "gcp.yaml"]


@pytest.mark.parametrize("name", LAUNCHERS)
def test_launcher_files_fit_rays_schema(name):
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    config = yaml.safe_load((CLUSTER / name).read_text())
    jsonschema.validate(config, schema)
    assert config["head_node_type"] in config["available_node_types"]
    head, gpu = (config["available_node_types"][name] for name in ("head", "gpu"))
    assert head["resources"]["CPU"] == 0
    assert gpu["min_workers"] >= 1  # a search that finds no worker has nothing to run on


@pytest.mark.parametrize("name", [*LAUNCHERS, "slurm.sh", "README.md"])
def test_launcher_files_keep_dashboards_on_loopback_and_the_token_on(name):
    text = (CLUSTER / name).read_text()
    assert "RAY_AUTH_MODE=token" in text
    assert "--dashboard-host=127.0.0.1" in text or "--include-dashboard=false" in text
    assert "0.0.0.0" not in text


@pytest.mark.parametrize("name", [*LAUNCHERS, "rayjob.yaml", "Dockerfile", "README.md"])
def test_launcher_files_name_our_version_of_ray(name):
    assert ".".join(ray.__version__.split(".")[:2]) in (CLUSTER / name).read_text()


@pytest.mark.parametrize("script", [CLUSTER / "slurm.sh", CLUSTER.parent / ".ci" / "run",
                                    *CLUSTER.parent.glob("benchmarks/*.sh")], ids=lambda path: path.name)
def test_scripts_pass_shellcheck(script):
    found = subprocess.run([Path(sys.executable).with_name("shellcheck"), script], capture_output=True, text=True,
                           check=False)
    assert (found.returncode, found.stdout) == (0, "")


def closed(required=(), **fields):
    """A JSON schema of an object with these fields and no others."""
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": fields}


TEXT, WHOLE, YES_NO, POD = ({"type": name} for name in ("string", "integer", "boolean", "object"))
TEXTS = {"type": "object", "additionalProperties": TEXT}
GROUP = {"rayStartParams": TEXTS, "template": POD}
RAY_CLUSTER = closed(
    ["headGroupSpec"], rayVersion=TEXT, enableInTreeAutoscaling=YES_NO, suspend=YES_NO,
    authOptions=closed(mode={"enum": ["disabled", "token"]}),
    headGroupSpec=closed(["template"], **GROUP, serviceType={"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
                         enableIngress=YES_NO),
    workerGroupSpecs={"type": "array", "items": closed(
        ["groupName", "minReplicas", "maxReplicas", "template"], **GROUP, groupName=TEXT, replicas=WHOLE,
        minReplicas=WHOLE, maxReplicas=WHOLE, numOfHosts=WHOLE)})
RAY_JOB = closed(
    ["apiVersion", "kind", "metadata", "spec"], apiVersion={"const": "ray.io/v1"}, kind={"const": "RayJob"},
    metadata=closed(["name"], name=TEXT, namespace=TEXT, labels=TEXTS),
    spec=closed(["rayClusterSpec"], rayClusterSpec=RAY_CLUSTER, entrypoint=TEXT, runtimeEnvYAML=TEXT, metadata=TEXTS,
                backoffLimit=WHOLE, activeDeadlineSeconds=WHOLE, ttlSecondsAfterFinished=WHOLE,
                shutdownAfterJobFinishes=YES_NO, suspend=YES_NO, submitterPodTemplate=POD,
                submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"]}))
"""The fields of KubeRay's `ray.io/v1` (its API reference, releases 1.5.1 to 1.7), as far as a search may want them."""


@pytest.fixture
def ray_job():
    return yaml.safe_load((CLUSTER / "rayjob.yaml").read_text())


def groups_of(job):
    spec = job["spec"]["rayClusterSpec"]
    return [spec["headGroupSpec"], *spec["workerGroupSpecs"]]


def job_fault(job, *path_and_value):
    """What is said of a job in which one value of the cluster is another."""
    *path, last, value = path_and_value
    changed = copy.deepcopy(job)
    entry = changed["spec"]["rayClusterSpec"]
    for key in path:
        entry = entry[key]
    entry[last] = value
    with pytest.raises(jsonschema.ValidationError) as raised:
        jsonschema.validate(changed, RAY_JOB)
    return raised.value.message


def test_ray_job_fits_the_fields_of_kuberay(ray_job):
    jsonschema.validate(ray_job, RAY_JOB)
    assert job_fault(ray_job, "headGroupSpec", "rayStartParams", {"num-cpus": 0}) == "0 is not of type 'string'"
    assert "'autoscaling' was unexpected" in job_fault(ray_job, "autoscaling", True)


def test_ray_job_has_pods_that_fit_the_schema_of_kubernetes(ray_job):
    for group in groups_of(ray_job):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, **group["template"]}
        kubernetes_validate.validate(pod, "1.30", strict=True)
        pod["spec"]["containers"][0]["volumeMount"] = []
        with pytest.raises(kubernetes_validate.ValidationError, match="volumeMount"):
            kubernetes_validate.validate(pod, "1.30", strict=True)


def test_ray_job_is_ours_and_closed(ray_job):
    spec = ray_job["spec"]["rayClusterSpec"]
    assert spec["rayVersion"] == ray.__version__
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert all(group["minReplicas"] >= 1 for group in spec["workerGroupSpecs"])
    for pod in (group["template"]["spec"] for group in groups_of(ray_job)):
        mounts = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
        assert mounts <= {volume["name"] for volume in pod["volumes"]}


def test_dockerignore_leaves_out_data_runs_and_history():
    ignored = (CLUSTER.parent / ".dockerignore").read_text().splitlines()
    assert {"data/", "runs/", "wandb/", ".git"} <= set(ignored)
