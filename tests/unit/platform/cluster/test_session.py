"""Addresses at which no Ray is: a port where nothing listens, and one where something else does."""

import os
import socket
from platform.cluster import session as ray_session

import pytest

from sgg.config import ConfigError


@pytest.fixture(autouse=True)
def no_ray_yet(monkeypatch):
    """Other tests of a session leave a Ray in use, which would serve whatever the address."""
    monkeypatch.setattr("ray.is_initialized", lambda: False)


@pytest.fixture
def silent_port():
    """A port that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def refused(address):
    with pytest.raises(ConfigError) as error, ray_session.ray_session(address, "a.yaml"):
        pass
    fault, = error.value.faults
    assert fault.startswith(f"resources.address: no Ray cluster answers at '{address}' (")
    assert fault.endswith("); start one with `ray start --head`, or use local")
    return fault


def test_what_does_not_speak_as_ray_does_is_not_waited_for(silent_port, monkeypatch, capfd):
    monkeypatch.setattr(ray_session, "CONNECT_TIMEOUT_S", 1)
    assert "timed out after 1 s" in refused(f"127.0.0.1:{silent_port}")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("address", ["127.0.0.1:9", "nohost.invalid:6379"])
def test_nothing_listens(address):
    refused(address)


@pytest.mark.parametrize("address", ["localhost", "local:", "ray://host", ""])
def test_what_is_no_address(address):
    assert "must be local, auto or HOST:PORT" in refused(address)


def test_a_ray_that_asks_for_a_token_is_no_missing_ray(monkeypatch):
    """What Ray's client says to a cluster that was started with RAY_AUTH_MODE=token, cut short."""
    def knock(address):
        raise ConnectionError("Failed to connect to GCS: Invalid or missing authentication token; set ...")

    monkeypatch.setattr(ray_session, "_knock", knock)
    with pytest.raises(ConfigError) as error, ray_session.ray_session("auto", "a.yaml"):
        pass
    assert error.value.faults == ["resources.address: the Ray at 'auto' wants to be shown its token: set "
                                  "RAY_AUTH_MODE=token, and have what it was started with in ~/.ray/auth_token"]


@pytest.mark.parametrize("name", ["TMPDIR", "RAY_TMPDIR"])
def test_a_temporary_folder_too_long_for_sockets_is_refused(monkeypatch, name):
    """A socket's path may have 107 bytes; Ray's longest is plasma_store below its session's folder."""
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    below = len(f"/ray/session_2026-11-25_18-31-22_123456_{os.getpid()}/sockets/plasma_store")
    monkeypatch.setattr("ray.init", pytest.fail)
    monkeypatch.setenv(name, folder := "/" + "\u00e9" * ((107 - below) // 2 + 1))
    with pytest.raises(ConfigError) as error, ray_session.ray_session("local", "a.yaml"):
        pass
    fault, = error.value.faults
    assert f"variable {name}: " in fault
    assert folder in fault
    assert f"has {len(folder.encode())} bytes and may have {107 - below} here" in fault
    assert "RAY_TMPDIR=/tmp" in fault


def test_one_that_is_just_short_enough_is_not(monkeypatch):
    below = len(f"/ray/session_2026-11-25_18-31-22_123456_{os.getpid()}/sockets/plasma_store")
    monkeypatch.setenv("RAY_TMPDIR", "/" + "a" * (106 - below))
    ray_session._require_short_folder("a.yaml")
    monkeypatch.setenv("RAY_TMPDIR", "/" + "a" * (107 - below))
    with pytest.raises(ConfigError):
        ray_session._require_short_folder("a.yaml")
