"""A Ray to run trials on: one of our own on this machine, or a running cluster."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sgg.common.versions import COMMIT_VARIABLE, program
from sgg.config import ConfigError, Study

from .watch import bounded, watched_ray

ROOT = Path(__file__).resolve().parents[2]
CONNECT_TIMEOUT_S = 10
STARTS = 3
SHUTDOWN_S = 120.0
"""Ray gives each of its processes some seconds to end, and kills it then."""
OBJECT_STORE_BYTES = 2**28

SOCKET = "ray/session_2000-01-01_00-00-00_000000_{}/sockets/plasma_store"
"""The longest path that Ray makes in the folder for temporary files; in the braces, the number of this process."""
SOCKET_BYTES = 107
"""Of a socket's path, at most: a limit of the system."""

KNOCK = """
import sys
from ray._private import services
from ray._raylet import GcsClient
print(flush=True)
try:
    GcsClient(address=services.canonicalize_bootstrap_address_or_die(sys.argv[1]))
except Exception as error:
    print(str(error).partition(chr(10))[0], flush=True)
    sys.exit(1)
"""
"""A program that ends well once the Ray at an address has told who it is; it says when it begins, and why it fails."""

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_worker_niceness": "0",  # trials are the main job of the machine
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths of a config mean the same in a trial as on the command line
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # a process that was given no GPU sees none
    # What a trial costs is process starts; these leave out the ones that serve dashboards and spot instances.
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_CONTROLLER_STRUCTURED_LOGGING": "0",
    "RAY_TRAIN_ENABLE_WORKER_STRUCTURED_LOGGING": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "30",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # figures that a scheduler asks for come with the first validation
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_RESULT_BUFFER_LENGTH": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "inf",  # platform/callbacks/snapshot_store.py is what a search is taken up from
}


@contextlib.contextmanager
def ray_session(address: str, source: str, **local: Any) -> Iterator[dict[str, float]]:
    """Within the block Ray runs; yields its resources in all. `local`: arguments of ray.init for a Ray of our own.

    A Ray that this process already uses serves as it is, and is left running.

    Raises ConfigError where no cluster answers at `address` within 10 seconds, and where the path of the folder for
    temporary files is too long for a Ray of our own.
    """
    environment = {key: os.environ.get(key, value) for key, value in ENVIRONMENT.items()}
    environment[COMMIT_VARIABLE] = program()["commit"] or ""  # workers elsewhere run a copy without its repository
    # A worker has imported the standard `platform` unless the root is on its path from the start.
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ.update(environment, PYTHONPATH=os.pathsep.join(dict.fromkeys(paths)))
    import ray

    _be_quiet()
    if ray.is_initialized():
        yield ray.cluster_resources()
        return
    common = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address == "local":
            _require_short_folder(source)
            _start(object_store_memory=OBJECT_STORE_BYTES, **common, **local)
        else:
            _connect(address, source, environment, common)
    except SystemExit:  # how Ray answers a SIGTERM from then on
        raise KeyboardInterrupt from None
    try:
        with watched_ray().watching():
            yield ray.cluster_resources()
    finally:
        with bounded("shut down", SHUTDOWN_S):
            ray.shutdown()


def _require_short_folder(source: str) -> None:
    name = "RAY_TMPDIR" if "RAY_TMPDIR" in os.environ else "TMPDIR"
    folder = os.environ.get(name, "/tmp")
    room = SOCKET_BYTES - len(SOCKET.format(os.getpid())) - 1
    if len(os.fsencode(folder)) > room:
        raise ConfigError(source, [
            f"environment variable {name}: Ray cannot make its sockets under {folder}, whose path has "
            f"{len(os.fsencode(folder))} bytes and may have {room} here: set RAY_TMPDIR to a folder with a shorter "
            "path, for example RAY_TMPDIR=/tmp"])


def _start(**arguments: Any) -> None:
    """Start a Ray of our own. On a machine that is busy Ray may not be up in the time it gives itself: then again."""
    import ray

    for attempt in range(STARTS):
        try:
            ray.init(address="local", **arguments)
            return
        except Exception as error:  # Ray raises this very class
            ray.shutdown()
            if attempt + 1 == STARTS or "timed out during startup" not in str(error):
                raise


def nodes() -> list[dict[str, float]]:
    """What each living node has."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def largest_node(resource: str) -> float:
    """How much of a resource the best supplied node has."""
    return max((node.get(resource, 0.0) for node in nodes()), default=0.0)


def require_nodes(study: Study) -> None:
    """Raises ConfigError where no node takes trials yet."""
    if not largest_node("CPU"):
        raise ConfigError(study.source, [
            f"resources.address: no worker node of {study.base.resources.address!r} is up yet: start one "
            "(`ray up --min-workers 1`, or `ray start --address=...` on it), or wait until it is there "
            "(`python cluster/wait_for_nodes.py ADDRESS 2`)"])


def require_room(study: Study, resources: dict[str, float], who: str) -> None:
    """Raises ConfigError where no node has the resources that `who` wants, and would be waited for in vain."""
    faults = [f"resources.{name.lower()}s: {who} wants {amount:g}, but no node of this Ray has more than "
              f"{largest_node(name):g}" for name, amount in resources.items() if amount > largest_node(name)]
    if faults:
        raise ConfigError(study.source, faults)


def _connect(address: str, source: str, environment: dict[str, str], common: dict[str, Any]) -> None:
    import ray

    common.pop("include_dashboard")
    runtime_env = {"env_vars": environment, "working_dir": str(ROOT), "excludes": ["/data", "/runs", "/.git"]}
    try:
        _knock(address)
        ray.init(address=address, runtime_env=runtime_env, **common)
    except OSError as error:  # what a lost connection is, to Ray too
        raise ConfigError(source, [_refusal(address, str(error).partition("\n")[0])]) from None


def _refusal(address: str, reason: str) -> str:
    if "authentication token" in reason.lower():
        return (f"resources.address: the Ray at {address!r} wants to be shown its token: set RAY_AUTH_MODE=token, and "
                "have what it was started with in ~/.ray/auth_token")
    return (f"resources.address: no Ray cluster answers at {address!r} ({reason}); start one with `ray start --head`, "
            "or use local")


def _knock(address: str) -> None:
    """Raises OSError unless a Ray answers at `address` within 10 seconds.

    `ray.init` itself waits for minutes, prints, and ends the process where something else listens at the address; so
    another process asks first.
    """
    if address != "auto":
        host, _, port = address.rpartition(":")
        if not port.isdecimal():
            raise ConnectionError("it must be local, auto or HOST:PORT")
        socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT_S).close()
    with subprocess.Popen([sys.executable, "-c", KNOCK, address], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as asking:
        assert asking.stdout is not None  # for it is a pipe
        asking.stdout.readline()  # Ray is imported: from here on it is the cluster that takes its time
        try:
            reason, _ = asking.communicate(timeout=CONNECT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            asking.kill()
            raise TimeoutError(f"timed out after {CONNECT_TIMEOUT_S} s; what listens there does not speak as Ray "
                               "does") from None
    if asking.returncode:
        raise ConnectionError(reason.strip() or f"asking for it ended with exit status {asking.returncode}")


def _be_quiet() -> None:
    """Keep Ray's chatter out of what people read; logging.getLogger("ray").setLevel(...) brings it back."""
    from ray._private import worker

    logger = logging.getLogger("ray")
    logger.setLevel(logging.ERROR)
    logging.getLogger("ray.tune.tune").setLevel(logging.CRITICAL)  # lists the trials that failed, as we do
    warnings.filterwarnings("ignore", module=r"ray(\..*)?")
    # What raylets have to say is printed to stdout, whatever log_to_driver is.
    worker.print_to_stdstream = lambda message, **_: logger.warning("%s", " ".join(message["lines"]))
