"""Fetching from a server that cuts connections, ignores ranges, changes its file or serves the wrong one."""

import hashlib
import os

import h5py
import numpy as np
import pytest

from sgg.data.fetch.download import fetch
from tests.unit.data.server import zipped

CONTENT = os.urandom(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(server):
    server.files["/a.bin"] = CONTENT
    return server


def test_fetch_writes_a_whole_file_only_once(server, tmp_path):
    told = []
    for _ in range(2):
        assert fetch(f"{server.url}/a.bin", tmp_path / "sub" / "a.bin", len(CONTENT), DIGEST,
                     report=lambda done, total: told.append((done, total))) == DIGEST
    assert (tmp_path / "sub" / "a.bin").read_bytes() == CONTENT
    assert server.ranges == [None]
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert os.listdir(tmp_path / "sub") == ["a.bin"]


def test_fetch_resumes_after_cut_connections(server, tmp_path):
    server.cuts = [100_000, 50_000, 1, 10_000]
    assert fetch(f"{server.url}/a.bin", tmp_path / "a.bin") == DIGEST
    assert server.ranges == [None, "bytes=100000-", "bytes=150000-", "bytes=150001-", "bytes=160001-"]


def test_fetch_resumes_in_a_later_call(server, tmp_path):
    server.cuts = [100_000, 0, 0]
    with pytest.raises(OSError, match=r"a.bin could not be downloaded: .* 100,000 bytes are kept"):
        fetch(f"{server.url}/a.bin", tmp_path / "a.bin", attempts=2)
    assert not (tmp_path / "a.bin").exists()
    server.cuts.clear()
    assert fetch(f"{server.url}/a.bin", tmp_path / "a.bin") == DIGEST
    assert server.ranges[-1] == "bytes=100000-"


def test_fetch_starts_again_if_the_server_ignores_ranges(server, tmp_path):
    server.cuts, server.knows_ranges = [100_000], False
    assert fetch(f"{server.url}/a.bin", tmp_path / "a.bin") == DIGEST


def test_fetch_starts_again_if_the_file_has_another_version(server, tmp_path):
    server.cuts = [100_000]
    with pytest.raises(OSError, match="100,000 bytes are kept"):
        fetch(f"{server.url}/a.bin", tmp_path / "a.bin", attempts=1)
    server.files["/a.bin"], server.version = CONTENT[::-1], '"2"'
    fetch(f"{server.url}/a.bin", tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT[::-1]


def test_fetch_does_not_resume_without_version_or_checksum(server, tmp_path):
    server.cuts, server.version = [100_000], None
    assert fetch(f"{server.url}/a.bin", tmp_path / "a.bin") == DIGEST
    assert server.ranges == [None, None]


def test_fetch_starts_again_if_the_part_is_too_long(server, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(CONTENT + b"more")
    assert fetch(f"{server.url}/a.bin", tmp_path / "a.bin", sha256=DIGEST) == DIGEST


@pytest.mark.parametrize(("size", "sha256", "message"), [
    (len(CONTENT) + 1, None, r"a.bin has 300,000 bytes, but must have 300,001"),
    (None, "0" * 64, r"a.bin from .* has the SHA-256 [0-9a-f]{64}, but must have 0000.*; it was deleted"),
])
def test_fetch_refuses_wrong_bytes(size, sha256, message, server, tmp_path):
    with pytest.raises(ValueError, match=message):
        fetch(f"{server.url}/a.bin", tmp_path / "a.bin", size, sha256)
    assert os.listdir(tmp_path) == []


def test_fetch_stops_a_download_that_is_too_long(server, tmp_path):
    server.tells_length, told = False, []
    server.files["/a.bin"] = bytes(40 << 20)
    with pytest.raises(ValueError, match=r"a.bin must have 1,000,000 bytes, but has more; .* deleted"):
        fetch(f"{server.url}/a.bin", tmp_path / "a.bin", 1_000_000, report=lambda done, total: told.append(done))
    assert told == []
    assert os.listdir(tmp_path) == []


def test_fetch_refuses_a_wrong_existing_file_and_keeps_it(server, tmp_path):
    (tmp_path / "a.bin").write_text("mine")
    with pytest.raises(ValueError, match=r"a.bin has 4 bytes, but must have 300,000; move it away"):
        fetch(f"{server.url}/a.bin", tmp_path / "a.bin", len(CONTENT))
    assert (tmp_path / "a.bin").read_text() == "mine"


def test_fetch_repeats_temporary_errors_only(server, tmp_path):
    server.statuses = [503, 500]
    assert fetch(f"{server.url}/a.bin", tmp_path / "a.bin") == DIGEST
    server.ranges.clear()
    with pytest.raises(OSError, match=r"b.bin could not be downloaded: HTTP Error 404"):
        fetch(f"{server.url}/b.bin", tmp_path / "b.bin")
    assert len(server.ranges) == 1


def test_fetch_names_an_unreachable_server(tmp_path):
    with pytest.raises(OSError, match=r"127.0.0.1:9/a.bin could not be downloaded: .*refused"):
        fetch("http://127.0.0.1:9/a.bin", tmp_path / "a.bin", attempts=2, pause=0)


def hdf5(path):
    with h5py.File(path, "w") as file:
        file["boxes"] = np.arange(5000)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["a.json", "a.zip", "a.h5"])
def test_fetch_checks_the_form_of_a_file_of_unknown_length(name, server, tmp_path, caplog):
    made = {"a.json": lambda path: b'{"a": [1, 2, 3]}', "a.h5": hdf5,
            "a.zip": lambda path: zipped(path, {"1.jpg": bytes(5000)})}
    content = made[name](tmp_path / "made")
    server.files[f"/{name}"], server.tells_length = content, False
    for cut in (1, len(content) // 2, len(content) - 1):
        server.cuts = [cut]
        with pytest.raises(ValueError, match=rf"{name} from .* is not .* or is cut off or damaged: .*; it was deleted"):
            fetch(f"{server.url}/{name}", tmp_path / "to" / name)
        assert os.listdir(tmp_path / "to") == []
    caplog.clear()
    fetch(f"{server.url}/{name}", tmp_path / "to" / name)
    assert (tmp_path / "to" / name).read_bytes() == content
    (message,) = caplog.messages
    assert message.startswith(f"{name} is unverified: ")


@pytest.mark.parametrize(("name", "form"), [("a.json", "JSON"), ("a.zip", "a zip archive"), ("a.h5", "an HDF5 file")])
def test_fetch_refuses_an_html_page(name, form, server, tmp_path):
    """Also where the server tells its length, and the same page lies there from before."""
    page = b"<html>moved</html>"
    server.files[f"/{name}"] = page
    with pytest.raises(ValueError, match=rf"{name} from .* is not {form}, or is cut off .*; it was deleted"):
        fetch(f"{server.url}/{name}", tmp_path / name)
    assert os.listdir(tmp_path) == []
    (tmp_path / name).write_bytes(page)
    with pytest.raises(ValueError, match=rf"{name} is not {form}, or is cut off or damaged: .*; move it away"):
        fetch(f"{server.url}/{name}", tmp_path / name, len(page))


def test_fetch_accepts_any_form_with_a_known_checksum(server, tmp_path, caplog):
    server.files["/a.json"] = b"{"
    server.tells_length = False
    fetch(f"{server.url}/a.json", tmp_path / "known.json", 1, hashlib.sha256(b"{").hexdigest())
    assert caplog.messages == []
