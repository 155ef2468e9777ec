"""Addresses without a Ray: ports where nothing listens, and a port where something else does."""

import os
import socket
from collections.abc import Iterator
from platform.cluster import session

import pytest

from sgg.config import ConfigError


@pytest.fixture(autouse=True)
def no_ray_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests of a session leave a Ray in use, and the session would take that one for any address."""
    monkeypatch.setattr("ray.is_initialized", lambda: False)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def fault_of(address: str) -> str:
    with pytest.raises(ConfigError) as error, session.ray_session(address, "a.yaml"):
        pass
    fault, = error.value.faults
    return fault


def no_ray_at(address: str) -> str:
    fault = fault_of(address)
    for part in (f"resources.address: no Ray cluster answers at '{address}' (", "`ray start --head`",
                 "resources.address=local"):
        assert part in fault
    return fault


def test_require_answer_of_something_that_is_no_ray(silent_port: int, monkeypatch: pytest.MonkeyPatch,
                                                    capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(session, "CONNECT_TIMEOUT_S", 1)
    assert "timed out after 1 s" in no_ray_at(f"127.0.0.1:{silent_port}")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("address", ["127.0.0.1:9", "nohost.invalid:6379"])
def test_require_answer_where_nothing_listens(address: str) -> None:
    no_ray_at(address)


@pytest.mark.parametrize("address", ["localhost", "local:", "ray://host", ""])
def test_require_answer_of_what_is_no_address(address: str) -> None:
    assert "must be local, auto or HOST:PORT" in no_ray_at(address)


def test_ray_session_without_the_token_of_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Ray's client says to a cluster that was started with RAY_AUTH_MODE=token, cut short."""
    def refuse(address: str) -> None:
        raise ConnectionError("Failed to connect to GCS: Invalid or missing authentication token; set ...")

    monkeypatch.setattr(session, "require_answer", refuse)
    fault = fault_of("auto")
    for part in ("resources.address: ", "'auto'", "token", "RAY_AUTH_MODE=token", "~/.ray/auth_token"):
        assert part in fault
    assert "no Ray cluster answers" not in fault


def room() -> int:
    """A socket's path may have 107 bytes; Ray's longest is plasma_store below the folder of its session."""
    return 107 - len(f"/ray/session_2026-11-25_18-31-22_123456_{os.getpid()}/sockets/plasma_store")


@pytest.mark.parametrize("name", ["TMPDIR", "RAY_TMPDIR"])
def test_ray_session_with_a_temporary_folder_too_long_for_sockets(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setattr("ray.init", pytest.fail)
    monkeypatch.setenv(name, folder := "/" + "\u00e9" * (room() // 2 + 1))
    fault = fault_of("local")
    for part in (f"variable {name}: ", folder, f"{len(folder.encode())} bytes", f"at most {room()}", "RAY_TMPDIR=/tmp"):
        assert part in fault


def test_require_short_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest path that is possible, and one byte more."""
    monkeypatch.setenv("RAY_TMPDIR", "/" + "a" * (room() - 1))
    session.require_short_folder("a.yaml")
    monkeypatch.setenv("RAY_TMPDIR", "/" + "a" * room())
    with pytest.raises(ConfigError):
        session.require_short_folder("a.yaml")


def test_start_ray_on_a_machine_too_busy_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's own error says that its GCS may be overloaded."""
    import ray

    started = []

    def too_slow(**arguments: object) -> None:
        started.append(arguments)
        raise Exception("The current node timed out during startup. This could happen because ...")

    monkeypatch.setattr(ray, "init", too_slow)
    with pytest.raises(TimeoutError, match=r"3 attempts.*machine is too busy.*run the same command again"):
        session.start_ray(num_cpus=1)
    assert started == [{"address": "local", "num_cpus": 1}] * 3


def test_start_ray_passes_other_faults_of_ray_on(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def broken(**arguments: object) -> None:
        raise ValueError("no such argument")

    monkeypatch.setattr(ray, "init", broken)
    with pytest.raises(ValueError, match="no such argument"):
        session.start_ray()
