"""Fetching from a server that cuts connections, ignores ranges, changes its file or serves the wrong one."""

import hashlib
import os
import re
import shutil
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from sgg.data import download, prepare
from sgg.data.__main__ import main
from sgg.data.download import fetch
from sgg.data.sources import SOURCES, Source

CONTENT = os.urandom(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """files: what is served. cuts: after how many bytes the next answers break off. statuses: errors answered first."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.cuts, self.statuses, self.ranges = {"/a.bin": CONTENT}, [], [], []
        self.knows_ranges, self.version, self.tells_length = True, '"1"', True
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        server, content = self.server, self.server.files.get(self.path)
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        if server.statuses or content is None:
            self.send_error(server.statuses.pop(0) if server.statuses else 404)
            return
        start = int(re.match(r"bytes=(\d+)-", asked)[1]) if asked and server.knows_ranges else 0
        if self.headers.get("If-Range") not in (None, server.version):
            start = 0
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if server.version:
            self.send_header("ETag", server.version)
        if server.tells_length:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = start + server.cuts.pop(0) if server.cuts else len(content)
        self.wfile.write(content[start:end])


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)


def test_a_file_arrives_whole_and_is_not_fetched_twice(server, tmp_path):
    told = []
    for _ in range(2):
        assert fetch(f"{server.url}/a.bin", tmp_path / "sub" / "a.bin", len(CONTENT), DIGEST,
                     report=lambda done, total: told.append((done, total))) == DIGEST
    assert (tmp_path / "sub" / "a.bin").read_bytes() == CONTENT
    assert server.ranges == [None]
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert os.listdir(tmp_path / "sub") == ["a.bin"]


def test_cut_connections_are_taken_up_where_they_broke_off(server, tmp_path):
    server.cuts = [100_000, 50_000, 1, 10_000]
    assert fetch(f"{server.url}/a.bin", tmp_path / "a.bin") == DIGEST
    assert server.ranges == [None, "bytes=100000-", "bytes=150000-", "bytes=150001-", "bytes=160001-"]


def test_an_interrupted_download_goes_on_in_a_later_call(server, tmp_path):
    server.cuts = [100_000, 0, 0]
    with pytest.raises(OSError, match=r"a.bin could not be downloaded: .* 100,000 bytes are kept"):
        fetch(f"{server.url}/a.bin", tmp_path / "a.bin", attempts=2)
    assert not (tmp_path / "a.bin").exists()
    server.cuts.clear()
    assert fetch(f"{server.url}/a.bin", tmp_path / "a.bin") == DIGEST
    assert server.ranges[-1] == "bytes=100000-"


def test_a_server_that_ignores_ranges_is_asked_for_the_whole(server, tmp_path):
    server.cuts, server.knows_ranges = [100_000], False
    assert fetch(f"{server.url}/a.bin", tmp_path / "a.bin") == DIGEST


def test_the_beginning_of_an_older_version_is_thrown_away(server, tmp_path):
    server.cuts = [100_000]
    with pytest.raises(OSError, match="100,000 bytes are kept"):
        fetch(f"{server.url}/a.bin", tmp_path / "a.bin", attempts=1)
    server.files["/a.bin"], server.version = CONTENT[::-1], '"2"'
    fetch(f"{server.url}/a.bin", tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT[::-1]


def test_without_a_version_or_checksum_nothing_is_taken_up(server, tmp_path):
    server.cuts, server.version = [100_000], None
    assert fetch(f"{server.url}/a.bin", tmp_path / "a.bin") == DIGEST
    assert server.ranges == [None, None]


def test_a_beginning_that_is_longer_than_the_file_is_thrown_away(server, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(CONTENT + b"more")
    assert fetch(f"{server.url}/a.bin", tmp_path / "a.bin", sha256=DIGEST) == DIGEST


@pytest.mark.parametrize(("size", "sha256", "message"), [
    (len(CONTENT) + 1, None, r"a.bin has 300,000 bytes, but must have 300,001"),
    (None, "0" * 64, r"a.bin from .* has the SHA-256 [0-9a-f]{64}, but must have 0000.*; it was deleted"),
])
def test_wrong_bytes_are_refused(size, sha256, message, server, tmp_path):
    with pytest.raises(ValueError, match=message):
        fetch(f"{server.url}/a.bin", tmp_path / "a.bin", size, sha256)
    assert not (tmp_path / "a.bin").exists()


def test_a_file_that_is_there_and_wrong_is_left_to_its_owner(server, tmp_path):
    (tmp_path / "a.bin").write_text("mine")
    with pytest.raises(ValueError, match=r"a.bin has 4 bytes, but must have 300,000; move it away"):
        fetch(f"{server.url}/a.bin", tmp_path / "a.bin", len(CONTENT))
    assert (tmp_path / "a.bin").read_text() == "mine"


def test_a_busy_server_is_asked_again_and_a_missing_file_is_not(server, tmp_path):
    server.statuses = [503, 500]
    assert fetch(f"{server.url}/a.bin", tmp_path / "a.bin") == DIGEST
    server.ranges.clear()
    with pytest.raises(OSError, match=r"b.bin could not be downloaded: HTTP Error 404"):
        fetch(f"{server.url}/b.bin", tmp_path / "b.bin")
    assert len(server.ranges) == 1


def test_a_server_that_is_gone_is_named(tmp_path):
    with pytest.raises(OSError, match=r"127.0.0.1:9/a.bin could not be downloaded: .*refused"):
        fetch("http://127.0.0.1:9/a.bin", tmp_path / "a.bin", attempts=2)


def hdf5(path):
    with h5py.File(path, "w") as file:
        file["boxes"] = np.arange(5000)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["a.json", "a.zip", "a.h5"])
def test_a_cut_file_of_unknown_length_is_told_by_its_form(name, server, tmp_path, caplog):
    made = {"a.json": lambda path: b'{"a": [1, 2, 3]}', "a.h5": hdf5,
            "a.zip": lambda path: zipped(path, {"1.jpg": bytes(5000)})}
    content = made[name](tmp_path / "made")
    server.files[f"/{name}"], server.tells_length = content, False
    for cut in (1, len(content) // 2, len(content) - 1):
        server.cuts = [cut]
        with pytest.raises(ValueError, match=rf"{name} from .* is cut off or damaged: .*; it was deleted"):
            fetch(f"{server.url}/{name}", tmp_path / "to" / name)
        assert os.listdir(tmp_path / "to") == []
    caplog.clear()
    fetch(f"{server.url}/{name}", tmp_path / "to" / name)
    assert (tmp_path / "to" / name).read_bytes() == content
    assert caplog.messages == [f"{name} is unverified: no checksum of it is known, and the server did not tell its "
                               "length"]


def test_a_known_checksum_or_length_vouches_for_a_file(server, tmp_path, caplog):
    server.files["/a.json"] = b"{"
    fetch(f"{server.url}/a.json", tmp_path / "told.json")
    server.tells_length = False
    fetch(f"{server.url}/a.json", tmp_path / "known.json", 1, hashlib.sha256(b"{").hexdigest())
    assert caplog.messages == []


def zipped(path, files, links=()):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for name in links:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o120777 << 16
            archive.writestr(entry, "/etc/passwd")
    return path.read_bytes()


@pytest.fixture
def small_sources(server, tmp_path, monkeypatch):
    """Two small files in place of the real ones, under the mirror's address."""
    server.files = {"/image_data.json": b"[]",
                    "/images.zip": zipped(tmp_path / "made.zip", {"VG_100K_2/1.jpg": b"one", "VG_100K/2.jpg": b"two",
                                                                  "readme.txt": b"no picture"})}
    monkeypatch.setitem(SOURCES, "vg", (
        Source("http://gone/x/image_data.json", "VG/stanford_filtered/image_data.json"),
        Source("http://gone/x/images.zip", "VG/VG_100K", wanted=re.compile(r"\d+\.jpg"), unpacked=100)))
    monkeypatch.setattr(prepare, "_UNKNOWN_SIZE", 10**6)
    return server


def run(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    return status, capsys.readouterr()


def test_prepare_fetches_unpacks_and_does_nothing_the_second_time(small_sources, tmp_path, capsys):
    root = tmp_path / "data"
    for _ in range(2):
        status, printed = run(capsys, "prepare", "vg", "--to", root, "--mirror", small_sources.url)
        assert status == 0
    assert (root / "VG" / "VG_100K" / "1.jpg").read_bytes() == b"one"
    assert sorted(os.listdir(root / "VG" / "VG_100K")) == ["1.jpg", "2.jpg"]
    assert (root / "VG" / "stanford_filtered" / "image_data.json").read_bytes() == b"[]"
    assert len(small_sources.ranges) == 2
    assert not (root / ".prepared" / "images.zip").exists()
    assert str(root / "VG" / "VG_100K") in printed.out


def test_prepare_restores_what_was_deleted(small_sources, tmp_path, capsys):
    run(capsys, "prepare", "vg", "--to", tmp_path, "--mirror", small_sources.url)
    (tmp_path / "VG" / "VG_100K" / "2.jpg").unlink()
    assert run(capsys, "prepare", "vg", "--to", tmp_path, "--mirror", small_sources.url)[0] == 0
    assert (tmp_path / "VG" / "VG_100K" / "2.jpg").read_bytes() == b"two"
    assert len(small_sources.ranges) == 3


@pytest.mark.parametrize(("files", "links", "message"), [
    ({"../1.jpg": b""}, (), r"the path '../1.jpg' leads out of the archive; nothing was unpacked"),
    ({"3.jpg": b"", "/etc/4.jpg": b""}, (), r"the path '/etc/4.jpg' leads out"),
    ({"a\\..\\..\\1.jpg": b""}, (), r"leads out"),
    ({"C:/1.jpg": b""}, (), r"leads out"),
    ({"2.jpg": b""}, ("1.jpg",), r"'1.jpg' is a link or a device; nothing was unpacked"),
    ({"a/1.jpg": b"", "b/1.jpg": b""}, (), r"'b/1.jpg' and 'a/1.jpg' would be one file"),
    ({"1.jpg": bytes(101)}, (), r"would unpack to 101 bytes, but at most 100 are right"),
    ({"readme": b""}, (), r"has no file like"),
])
def test_a_hostile_archive_leaves_nothing_behind(files, links, message, small_sources, tmp_path, capsys):
    small_sources.files["/images.zip"] = zipped(tmp_path / "bad.zip", files, links)
    root = tmp_path / "in" / "data"
    status, printed = run(capsys, "prepare", "vg", "--to", root, "--mirror", small_sources.url)
    assert status == 2
    assert re.search(rf"^error: .*images.zip: .*{message}", printed.err, re.MULTILINE)
    assert not list(tmp_path.rglob("*.jpg"))


@pytest.mark.parametrize("damage", [lambda content: content[:-30], lambda content: content.replace(b"one", b"0ne")])
def test_a_damaged_archive_is_named(damage, small_sources, tmp_path, capsys):
    small_sources.files["/images.zip"] = damage(small_sources.files["/images.zip"])
    status, printed = run(capsys, "prepare", "vg", "--to", tmp_path / "data", "--mirror", small_sources.url)
    assert status == 2
    assert re.search(r"error: .*images.zip is not a zip archive, or is damaged", printed.err)
    assert not list((tmp_path / "data" / "VG").rglob(".*"))


def test_lack_of_space_is_noticed_before_anything_is_fetched(small_sources, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5 * 10**6))
    status, printed = run(capsys, "prepare", "vg", "--to", tmp_path, "--mirror", small_sources.url)
    assert status == 2
    assert re.search(r"has 0.0 GB free, but \d\.\d GB are needed to fetch and unpack image_data.json, images.zip",
                     printed.err)
    assert small_sources.ranges == []


def test_the_table_of_sources_is_complete():
    for sources in SOURCES.values():
        for source in sources:
            assert source.url.startswith("http")
            assert not source.target.startswith(("/", ".."))
            assert (source.wanted is not None) == source.file_name.endswith(".zip")
            assert source.sha256 is None or re.fullmatch("[0-9a-f]{64}", source.sha256)
