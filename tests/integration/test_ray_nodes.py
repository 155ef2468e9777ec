"""Searches on several Ray nodes, started by the launchers' own lines; one node is cut off."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from platform.study.directory import StudyDirectory
from platform.study.trial_record import FINISHED

import psutil
import pytest
import yaml
from ray.util import get_node_ip_address

# Each starts Ray two or three times; a loaded machine takes minutes to start a node.
pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "cluster"
COMMAND = """
import sys
from platform import tune
from platform.study.entry_points import EntryPoints
sys.exit(tune.main(sys.argv[1:], EntryPoints("ray_stub_fit:open_data", "ray_stub_fit:prepare", "ray_stub_fit:fit")))
"""


SLURM = {
    "scontrol": "printf 'first\\nsecond\\n'",
    "srun": """
while [[ $1 == --* ]]; do shift; done
echo $$ >> "$SRUN_PIDS"
[[ $1 == hostname ]] && exec echo "$NODE_IP"
[[ "$*" == "python -m platform.tune "* ]] && exec python -c "$COMMAND" "${@:4}"
exec "$@"
"""}
"""Stand-ins for Slurm's commands, for an allocation of two nodes that are both this machine."""


def free_port(candidates: Sequence[int] = (0,)) -> int:
    """The first of them that nobody listens at; by default any."""
    for port in candidates:
        with socket.socket() as listening:
            try:
                listening.bind(("", port))
            except OSError:
                continue
            return listening.getsockname()[1]
    raise OSError("no port is free")


def launch_lines(port: int) -> tuple[str, list[str]]:
    """How the launchers start a head and two workers, for this machine: one worker as aws.yaml does, the other as the
    README says for machines of one's own. There is no autoscaler here."""
    launcher = yaml.safe_load((CLUSTER / "aws.yaml").read_text())
    head, worker = (next(line for line in launcher[f"{kind}_start_ray_commands"] if "ray start" in line)
                    for kind in ("head", "worker"))
    own = re.search(r"^ +(\S.* ray start --address=\S+)", (CLUSTER / "README.md").read_text(), re.M)[1]
    head = re.sub(r" --autoscaling-config=\S+", "", head)
    head += f" --num-cpus={launcher['available_node_types']['head']['resources']['CPU']}"
    return _here(head, port), [_here(worker, port), _here(own, port)]


def _here(line: str, port: int) -> str:
    line = re.sub(r"(\$RAY_HEAD_IP|FIRST)(?=:)", get_node_ip_address(), line).replace("6379", str(port))
    return f"{line} --block --disable-usage-stats"


def end(processes: list[psutil.Process]) -> None:
    """Kill without a word, and wait until they are gone."""
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=30)


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it started; empty where it is gone."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@pytest.fixture
def run(tmp_path, workers_find_the_stub):
    """Starts commands in the repository's root, with a token of the test's own, and ends them all with the test."""
    token = tmp_path / "token"
    token.write_text("0123456789abcdef" * 4)
    environment = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token),
                   "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0",
                   "RAY_preload_python_modules": "",  # three nodes start more processes than they have trials
                   "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    started = []

    def begin(*command: str, **more: str) -> subprocess.Popen:
        with open(tmp_path / f"output-{len(started)}.txt", "w") as output:
            started.append(subprocess.Popen(command, cwd=ROOT, env=environment | more, stdout=output,
                                            stderr=subprocess.STDOUT))
        return started[-1]

    yield begin
    everything = [member for process in started for member in family(process.pid)]
    end(everything)


def printed(folder: Path) -> str:
    """What all commands have printed."""
    return "\n".join(f"--- {file.name}\n{file.read_text()}" for file in sorted(folder.glob("output-*.txt")))


def wait_until(condition, seconds=600):
    limit = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < limit, "waited too long"
        time.sleep(0.3)
    return found


@pytest.fixture
def short_folder():
    """For Ray's sockets, whose paths may have 107 characters."""
    with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as name:
        yield name


def test_trials_of_a_lost_node_move_to_another(short_folder, run, config_file, seconds_per_epoch, faults, tmp_path):
    seconds_per_epoch(2)
    faults((1, 2, "meet 2", 1), (2, 2, "meet 2", 1))  # none is over before the other has begun
    port, dashboard = free_port(), free_port()
    address = f"{get_node_ip_address()}:{port}"
    head_line, worker_lines = launch_lines(port)
    # Another Ray on this machine must not be in the way: ports of this one's own.
    head = run("bash", "-c", f"{head_line} --dashboard-port={dashboard} --dashboard-agent-listen-port={free_port()} "
                             f"--temp-dir={short_folder}")
    nodes = []
    # One after the other: two that begin at once on one machine may choose the same ports.
    for count in (1, 2, 3):
        assert run(sys.executable, "cluster/wait_for_nodes.py", address, str(count)).wait(500) == 0, printed(tmp_path)
        if count < 3:
            nodes.append(run("bash", "-c", f"{worker_lines[count - 1]} --num-cpus=1"))

    config = config_file("loss: {scale: {search: grid, of: [1, 2]}}\ntraining: {epochs: 6}\n")
    command = shlex.join([sys.executable, "-c", COMMAND, config, "resources.address=auto"])
    submit = ("ray", "job", "submit", "--address", f"http://127.0.0.1:{dashboard}", "--")
    wait_until(lambda: run(*submit, "true").wait(500) == 0)  # what takes jobs is up some seconds after its node
    search = run(*submit, "bash", "-c", f"cd {ROOT} && {command}")
    directory = StudyDirectory(tmp_path / "runs" / "a")

    def at_work():
        records = directory.records()
        assert search.poll() is None, printed(tmp_path)
        return records if len(records) == 2 and all(len(record.rows()) >= 2 for record in records) else None

    logs = [(record.directory / "log.txt").read_text() for record in wait_until(at_work)]
    workers = [int(re.search(r"trial process (\d+)", log)[1]) for log in logs]
    lost = next(node for node in nodes if workers[0] in [member.pid for member in family(node.pid)])
    end(family(lost.pid))

    assert search.wait(900) == 0, printed(tmp_path)
    assert head.poll() is None
    records = directory.records()
    assert [record.status for record in records] == [FINISHED, FINISHED]
    assert [[row["epoch"] for row in record.rows()] for record in records] == [[1, 2, 3, 4, 5, 6]] * 2
    assert [record.test()["test/sgcls/zs/ngR@100"] for record in records] == [
        pytest.approx(6 * record.values["loss.scale"] * 0.005) for record in records]
    assert max(row["attempt"] for row in records[0].rows()) == 2
    head.send_signal(signal.SIGTERM)


@pytest.fixture
def slurm(tmp_path):
    """The environment of a Slurm job; what its `srun` started ends with the test."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, script in SLURM.items():
        (folder / name).write_text(f"#!/bin/bash\n{script}")
        (folder / name).chmod(0o755)
    pids = folder / "pids"
    pids.touch()
    job = str(free_port(range(20000 + os.getpid() % 5000, 30000)) - 20000)
    yield {"PATH": os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]]),
           "SRUN_PIDS": str(pids), "NODE_IP": get_node_ip_address(), "COMMAND": COMMAND, "SLURM_JOB_ID": job,
           "SLURM_JOB_NODELIST": "two nodes", "SLURM_CPUS_PER_TASK": "1"}
    end([member for pid in pids.read_text().split() for member in family(int(pid))])
    shutil.rmtree(f"/tmp/ray-{job}", ignore_errors=True)


def test_slurm_script_runs_one_search_on_all_nodes_of_its_job(run, slurm, config_file, faults, tmp_path):
    faults((1, 1, "meet 2", 1), (2, 1, "meet 2", 1))  # each waits for the other: they have a node each, of one CPU
    config = config_file("loss: {scale: {search: grid, of: [1, 2]}}\ntraining: {epochs: 2}\n")
    job = run("bash", "cluster/slurm.sh", config, "search.max_failures=0", "embeddings.path=a/glove.txt", **slurm)
    assert job.wait(900) == 0, printed(tmp_path)
    assert "2 trials, 2 at a time, each on 1 CPU" in printed(tmp_path)
    records = StudyDirectory(tmp_path / "runs" / "a").records()
    assert [record.status for record in records] == [FINISHED, FINISHED]
    # Relative paths mean what they mean where the search was started, though its trials ran elsewhere.
    assert {record.config()["config"]["embeddings"]["path"] for record in records} == {str(ROOT / "a/glove.txt")}
