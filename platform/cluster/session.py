"""A Ray to run trials on: a local one that this process starts, or a running cluster."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sgg.common.versions import COMMIT_VARIABLE, program
from sgg.config import ConfigError, Study

from .watch import bounded, watched_ray

ROOT = Path(__file__).resolve().parents[2]
CONNECT_TIMEOUT_S = 10
STARTS = 3
"""Attempts to start a local Ray."""
SHUTDOWN_S = 120.0
"""Limit for Ray's shutdown. Ray gives each of its processes some seconds to end, and then kills it."""
OBJECT_STORE_BYTES = 2**28

SOCKET = "ray/session_2000-01-01_00-00-00_000000_{}/sockets/plasma_store"
"""The longest path that Ray makes below the folder for temporary files; the braces stand for this process's id."""
SOCKET_BYTES = 107
"""The system's limit for the path of a socket."""

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_worker_niceness": "0",  # trials are the main job of the machine
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths of a config mean the same in a trial as on the command line
    "RAY_AIR_NEW_OUTPUT": "0",
    "MALLOC_ARENA_MAX": "1",  # training runs in a thread, which then has the heap of sgg/common/heap.py
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # a process without a GPU of its own sees none
    # Starting processes is most of a trial's cost. These switch off the ones for dashboards and spot instances.
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_CONTROLLER_STRUCTURED_LOGGING": "0",
    "RAY_TRAIN_ENABLE_WORKER_STRUCTURED_LOGGING": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "30",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # the metric of a scheduler is missing before the first validation
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_RESULT_BUFFER_LENGTH": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "inf",  # a search resumes from platform/callbacks/resume_snapshot_store.py
}


@contextlib.contextmanager
def ray_session(address: str, source: str, **local: Any) -> Iterator[dict[str, float]]:
    """Run Ray within the block. Yields its total resources. `local`: arguments of ray.init for a local Ray.

    When this process already uses a Ray, the block uses that one and leaves it running.

    Raises ConfigError when no cluster answers at `address` within 10 seconds, or when the path of the folder for
    temporary files is too long for a local Ray.
    """
    environment = {key: os.environ.get(key, value) for key, value in ENVIRONMENT.items()}
    environment[COMMIT_VARIABLE] = program()["commit"] or ""  # workers elsewhere run a copy without its repository
    # Workers import the standard library's `platform` unless the root is on their path from the start.
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ.update(environment, PYTHONPATH=os.pathsep.join(dict.fromkeys(paths)))
    import ray  # reads the environment variables

    _silence_ray()
    if ray.is_initialized():
        yield ray.cluster_resources()
        return
    common = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address == "local":
            require_short_folder(source)
            start_ray(object_store_memory=OBJECT_STORE_BYTES, **common, **local)
        else:
            _connect(address, source, environment, common)
    except SystemExit:  # this is how Ray answers a SIGTERM from then on
        raise KeyboardInterrupt from None
    try:
        with watched_ray().watching():
            yield ray.cluster_resources()
    finally:
        with bounded("shut down", SHUTDOWN_S):
            ray.shutdown()


def require_short_folder(source: str) -> None:
    """Raises ConfigError when the path of the folder for temporary files leaves no room for the paths of Ray's sockets.
    """
    name = "RAY_TMPDIR" if "RAY_TMPDIR" in os.environ else "TMPDIR"
    folder = os.environ.get(name, "/tmp")
    room = SOCKET_BYTES - len(SOCKET.format(os.getpid())) - 1
    if len(os.fsencode(folder)) > room:
        raise ConfigError(source, [
            f"environment variable {name}: Ray cannot create its sockets in {folder}: the path has "
            f"{len(os.fsencode(folder))} bytes, and at most {room} are possible. Set RAY_TMPDIR to a folder with a "
            "shorter path, for example RAY_TMPDIR=/tmp"])


def start_ray(**arguments: Any) -> None:
    """Start a local Ray with these arguments of ray.init. On a busy machine Ray may be too slow for its own limit; then
    try again. Raises TimeoutError where it is too slow each time."""
    import ray

    for _ in range(STARTS):
        try:
            ray.init(address="local", **arguments)
            return
        except Exception as error:  # Ray raises this very class
            ray.shutdown()
            if "timed out during startup" not in str(error):
                raise
    raise TimeoutError(f"a local Ray did not start in {STARTS} attempts, each of which Ray ends after 30 s: this "
                       "machine is too busy. Wait until fewer processes run, then run the same command again")


def nodes() -> list[dict[str, float]]:
    """The resources of each living node."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def largest_node(resource: str) -> float:
    """The largest amount of a resource that one node has."""
    return max((node.get(resource, 0.0) for node in nodes()), default=0.0)


def require_nodes(study: Study) -> None:
    """Raises ConfigError when no node can run trials yet."""
    if not largest_node("CPU"):
        raise ConfigError(study.source, [
            f"resources.address: no worker node of {study.base.resources.address!r} is up yet: start one "
            "(`ray up --min-workers 1`, or `ray start --address=...` on it), or wait until it is up "
            "(`python cluster/wait_for_nodes.py ADDRESS 2`)"])


def require_room(study: Study, resources: dict[str, float], who: str) -> None:
    """Raises ConfigError when no node has the resources that `who` needs, since `who` would wait for ever."""
    faults = [f"resources.{name.lower()}s: {who} needs {amount:g}, but no node of this Ray has more than "
              f"{largest_node(name):g}" for name, amount in resources.items() if amount > largest_node(name)]
    if faults:
        raise ConfigError(study.source, faults)


def _connect(address: str, source: str, environment: dict[str, str], common: dict[str, Any]) -> None:
    import ray

    common.pop("include_dashboard")
    runtime_env = {"env_vars": environment, "working_dir": str(ROOT), "excludes": ["/data", "/runs", "/.git"]}
    try:
        require_answer(address)
        ray.init(address=address, runtime_env=runtime_env, **common)
    except OSError as error:  # Ray, too, raises it for a lost connection
        raise ConfigError(source, [_no_connection(address, str(error).partition("\n")[0])]) from None


def _no_connection(address: str, reason: str) -> str:
    if "authentication token" in reason.lower():
        return (f"resources.address: the Ray at {address!r} requires its authentication token: set "
                "RAY_AUTH_MODE=token, and copy the token that the cluster was started with to ~/.ray/auth_token")
    return (f"resources.address: no Ray cluster answers at {address!r} ({reason}); start one with `ray start --head`, "
            "or set resources.address=local")


def require_answer(address: str) -> None:
    """Raises OSError unless a Ray answers at `address` within 10 seconds.

    `ray.init` itself waits for minutes, prints, and ends the process when something else listens at the address. So
    another process connects first.
    """
    from .ray_internals import CONNECTION_TEST  # imports Ray, for which the environment must be set first

    if address != "auto":
        host, _, port = address.rpartition(":")
        if not port.isdecimal():
            raise ConnectionError("it must be local, auto or HOST:PORT")
        socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT_S).close()
    with subprocess.Popen([sys.executable, "-c", CONNECTION_TEST, address], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None  # it is a pipe
        process.stdout.readline()  # the program has imported Ray; the time limit is for the cluster only
        try:
            reason, _ = process.communicate(timeout=CONNECT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise TimeoutError(f"timed out after {CONNECT_TIMEOUT_S} s; what listens there is not a Ray cluster"
                               ) from None
    if process.returncode:
        raise ConnectionError(reason.strip() or f"the connection test ended with exit status {process.returncode}")


def _silence_ray() -> None:
    """Keep Ray's own messages out of a command's output. `logging.getLogger("ray").setLevel(...)` shows them again."""
    from .ray_internals import log_raylet_messages

    logger = logging.getLogger("ray")
    logger.setLevel(logging.ERROR)
    logging.getLogger("ray.tune.tune").setLevel(logging.CRITICAL)  # lists the failed trials, as our summary does
    log_raylet_messages(lambda message: logger.warning("%s", message))
