"""A search over three Ray nodes, started as the cluster launchers start them, one of which is cut off."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from platform.study import FINISHED, StudyDirectory

import psutil
import pytest
from ray.util import get_node_ip_address

pytestmark = pytest.mark.ray

ROOT = Path(__file__).parents[2]
COMMAND = """
import sys
from platform import tune
from platform.search import Parts
sys.exit(tune.main(sys.argv[1:], Parts("ray_stub_fit:open_data", "ray_stub_fit:prepare", "ray_stub_fit:fit")))
"""


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def end(processes: list[psutil.Process]) -> None:
    """Kill without a word."""
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def family(process: subprocess.Popen) -> list[psutil.Process]:
    try:
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@pytest.fixture
def run(tmp_path, workers_find_the_stub):
    """Starts commands in the repository's root, with a token of the test's own, and ends them all with the test."""
    token = tmp_path / "token"
    token.write_text("0123456789abcdef" * 4)
    environment = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token),
                   "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    started = []

    def begin(*command: str) -> subprocess.Popen:
        with open(tmp_path / f"output-{len(started)}.txt", "w") as output:
            started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output,
                                            stderr=subprocess.STDOUT))
        return started[-1]

    yield begin
    everything = [member for process in started for member in family(process)]
    end(everything)
    psutil.wait_procs(everything, timeout=30)


def printed(folder: Path) -> str:
    """What all commands have printed."""
    return "\n".join(f"--- {file.name}\n{file.read_text()}" for file in sorted(folder.glob("output-*.txt")))


def wait_until(condition, seconds=300):
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


def test_trials_of_a_lost_node_move_to_another(short_folder, run, config_file, seconds_per_epoch, tmp_path):
    seconds_per_epoch(2)
    port = free_port()
    ray = str(Path(sys.executable).with_name("ray"))
    address = f"{get_node_ip_address()}:{port}"
    common = ["--block", "--disable-usage-stats"]
    head = run(ray, "start", "--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false",
               f"--temp-dir={short_folder}", *common)
    nodes = []
    # One after the other: two that begin at once on one machine may choose the same ports.
    for count in (1, 2, 3):
        assert run(sys.executable, "cluster/wait_for_nodes.py", address, str(count)).wait(200) == 0, printed(tmp_path)
        if count < 3:
            nodes.append(run(ray, "start", f"--address={address}", "--num-cpus=1", *common))

    config = config_file("loss: {scale: {search: grid, of: [1, 2]}}\ntraining: {epochs: 6}\n")
    search = run(sys.executable, "-c", COMMAND, config, f"resources.address={address}")
    directory = StudyDirectory(tmp_path / "runs" / "a")

    def at_work():
        records = directory.records()
        assert search.poll() is None, printed(tmp_path)
        return records if len(records) == 2 and all(len(record.rows()) >= 2 for record in records) else None

    logs = [(record.directory / "log.txt").read_text() for record in wait_until(at_work)]
    workers = [int(re.search(r"trial process (\d+)", log)[1]) for log in logs]
    lost = next(node for node in nodes if workers[0] in [member.pid for member in family(node)])
    end(family(lost))

    assert search.wait(400) == 0, printed(tmp_path)
    assert head.poll() is None
    records = directory.records()
    assert [record.status for record in records] == [FINISHED, FINISHED]
    assert [[row["epoch"] for row in record.rows()] for record in records] == [[1, 2, 3, 4, 5, 6]] * 2
    assert [record.test()["test/sgcls/zs/ngR@100"] for record in records] == [
        pytest.approx(6 * record.values["loss.scale"] * 0.005) for record in records]
    assert max(row["attempt"] for row in records[0].rows()) == 2
    head.send_signal(signal.SIGTERM)
