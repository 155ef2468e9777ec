"""Ray's workers as forks of one process that has imported what they import.

A new worker spends over three seconds of a processor on importing Ray and our own code, and a search of tests' size
starts a dozen. In place of its own `setup_worker.py` Ray runs this file for each of them. It hands over what Ray wants
to a server of this Ray's, which the first one starts, and ends. The server forks, and the fork runs Ray's worker
program as ever: a process of its own, which can be killed like any other.
"""

from __future__ import annotations

import fcntl
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

FOLDER = "TEST_RAY_FORKS"
"""The environment variable with the folder of the servers' sockets."""
IMPORTED = "TEST_RAY_FORKS_IMPORTED"
"""The one with the modules that a server imports."""
TRIALS = ("platform.trial.trainable", "platform.trial.worker")
ANY_JOB = {"RAY_JOB_ID": "ffffffff"}
THREADS = 256
"""The most threads of one fork that draw identifiers."""
MOST_BYTES = 2**20
RUNTIME_ENV = "--serialized-runtime-env-context="


@contextmanager
def forked_workers(folder: str, imported: tuple[str, ...] = ()) -> Iterator[None]:
    """A Ray that this process starts within the block has its workers forked.

    folder: for sockets; short, since their paths may have 107 characters. imported: modules besides `TRIALS`.
    """
    from functools import partialmethod

    import pytest
    from ray._private.parameter import RayParams

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER, folder)
        patch.setenv(IMPORTED, ",".join((*TRIALS, *imported)))
        patch.setattr(RayParams, "__init__", partialmethod(RayParams.__init__, setup_worker_path=__file__))
        yield


def fork_workers_of_this_process() -> None:
    """For a command that a test starts: the Ray that it starts has its workers forked."""
    from platform.cluster import session as ray_session

    def start_forking(**arguments: object) -> None:
        with forked_workers(os.environ[FOLDER]):
            start(**arguments)

    start, ray_session.start_ray = ray_session.start_ray, start_forking


def forks(folder: str) -> list[psutil.Process]:
    """The servers in a folder, and the workers that they forked."""
    import psutil

    servers = [process for process in psutil.process_iter(["cmdline"])
               if __file__ in (process.info["cmdline"] or []) and folder in " ".join(process.info["cmdline"])]
    return [process for server in servers for process in (server, *server.children(recursive=True))]


def ask(arguments: list[str]) -> None:
    """Have a worker started. arguments: Ray's for `setup_worker.py`."""
    # Ray reads its environment as it is imported: each raylet has a server. A worker for any job serves every job.
    address = os.path.join(os.environ[FOLDER], os.environ["RAY_RAYLET_PID"])
    with open(f"{address}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(address):
            server = subprocess.Popen([sys.executable, __file__, address], env=os.environ | ANY_JOB,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
            server.stdout.readline()
    wanted = json.dumps([arguments, dict(os.environ), os.getcwd()]).encode()
    assert len(wanted) < MOST_BYTES
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
        asking.connect(address)
        socket.send_fds(asking, [wanted], [0, 1, 2])
        asking.recv(1)  # until it has been read


def serve(address: str) -> None:
    """Fork for everybody who asks, as long as the raylet lives."""
    from importlib import import_module
    from pathlib import Path

    import ray

    runpy.run_path(str(Path(ray.__file__).parent / "_private" / "workers" / "default_worker.py"))
    for name in os.environ[IMPORTED].split(","):
        import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a fork ended
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(address)
        listening.listen(64)
        listening.settimeout(1)
        print("ready", flush=True)
        while True:
            try:
                asking, _ = listening.accept()
            except TimeoutError:
                os.kill(int(os.environ["RAY_RAYLET_PID"]), 0)  # raises when it is gone
                continue
            draw_apart()
            in_a_thread(answer, asking)


def draw_apart() -> None:
    """Make the next fork draw other identifiers than all earlier ones.

    Ray draws an identifier from a generator of the thread's. The first draw of each thread takes the generator's seed
    from a sequence of the process, and a fork inherits the sequence. So this takes as many seeds as the earlier fork
    may take. Otherwise two trials may give their placement groups the same identifier.
    """
    from ray import ObjectID

    for _ in range(THREADS):
        in_a_thread(ObjectID.from_random)


def in_a_thread(function: Callable[..., object], *arguments: object) -> None:
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    thread.join()


def answer(asking: socket.socket) -> None:
    """Fork, and in the fork become the worker that is asked for."""
    from ray import ObjectID

    ObjectID.from_random()
    with asking:
        wanted, streams, _, _ = socket.recv_fds(asking, MOST_BYTES, 3)
        if os.fork() == 0:
            work(*json.loads(wanted), streams)
    for stream in streams:
        os.close(stream)


def work(arguments: list[str], environment: dict[str, str], folder: str, streams: list[int]) -> None:
    """Run Ray's program with these arguments and surroundings, and end."""
    import ray

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setpgid(0, 0)  # Ray ends a worker's group with it
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in streams:
        os.close(stream)
    context = next((one.removeprefix(RUNTIME_ENV) for one in arguments if one.startswith(RUNTIME_ENV)), "{}")
    os.environ.clear()
    os.environ.update(environment | json.loads(context).get("env_vars", {}))
    ray._raylet.Config.initialize("")  # from the environment, again
    os.chdir(folder)
    sys.argv = [one for one in arguments if not one.startswith((RUNTIME_ENV, "--language="))]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


if __name__ == "__main__":
    if sys.argv[2:]:
        ask(sys.argv[1:])
    else:
        with suppress(ProcessLookupError):
            serve(sys.argv[1])
