"""Getting whole data sets: what is fetched, what an archive may do, and what is done the second time."""

import os
import re
import shutil
from types import SimpleNamespace

import pytest

from sgg.data.__main__ import main
from sgg.data.fetch import prepare
from sgg.data.fetch.sources import SOURCES, Source
from tests.unit.data.server import zipped


@pytest.fixture
def small_sources(server, tmp_path, monkeypatch):
    """Two small files in place of the real ones, under the mirror's address."""
    server.files = {"/image_data.json": b"[]",
                    "/images.zip": zipped(tmp_path / "made.zip", {"VG_100K_2/1.jpg": b"one", "VG_100K/2.jpg": b"two",
                                                                  "readme.txt": b"no image"})}
    monkeypatch.setitem(SOURCES, "vg", (
        Source("http://gone/x/image_data.json", "VG/stanford_filtered/image_data.json"),
        Source("http://gone/x/images.zip", "VG/VG_100K", wanted=re.compile(r"\d+\.jpg"), unpacked=100)))
    monkeypatch.setattr(prepare, "UNKNOWN_SIZE", 10**6)
    return server


def run(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    return status, capsys.readouterr()


def test_prepare_downloads_and_unpacks_once(small_sources, tmp_path, capsys):
    root = tmp_path / "data"
    for _ in range(2):
        status, printed = run(capsys, "prepare", "vg", "--root", root, "--mirror", small_sources.url)
        assert status == 0
    assert (root / "VG" / "VG_100K" / "1.jpg").read_bytes() == b"one"
    assert sorted(os.listdir(root / "VG" / "VG_100K")) == ["1.jpg", "2.jpg"]
    assert (root / "VG" / "stanford_filtered" / "image_data.json").read_bytes() == b"[]"
    assert len(small_sources.ranges) == 2
    assert not (root / ".prepared" / "images.zip").exists()
    assert str(root / "VG" / "VG_100K") in printed.out


def test_prepare_restores_what_was_deleted(small_sources, tmp_path, capsys):
    run(capsys, "prepare", "vg", "--root", tmp_path, "--mirror", small_sources.url)
    (tmp_path / "VG" / "VG_100K" / "2.jpg").unlink()
    assert run(capsys, "prepare", "vg", "--root", tmp_path, "--mirror", small_sources.url)[0] == 0
    assert (tmp_path / "VG" / "VG_100K" / "2.jpg").read_bytes() == b"two"
    assert len(small_sources.ranges) == 3


@pytest.mark.parametrize("content", ["null", "[5]", "{", '{"files": 5, "sha256": "0"}', '{"files": ["a"]}',
                                     '{"files": ["a", 5], "sha256": "0"}', '{"files": [], "sha256": "0"}',
                                     '{"sha256": "0"}'])
@pytest.mark.parametrize("command", ["prepare", "verify"])
def test_read_record_names_a_damaged_record(command, content, small_sources, genome_directory, tmp_path, capsys):
    record = tmp_path / ".prepared" / "images.zip.json"
    record.parent.mkdir()
    record.write_text(content)
    words = {"prepare": ("vg", "--root", tmp_path, "--mirror", small_sources.url),
             "verify": ("--data", "vg", "--root", tmp_path, "--num-val-images", 1)}
    status, printed = run(capsys, command, *words[command])
    assert status == 2
    assert re.fullmatch(rf"error: {record} .*; delete it, and prepare writes it again", printed.err.strip())
    assert small_sources.ranges == []


@pytest.mark.parametrize(("files", "links", "message"), [
    ({"../1.jpg": b""}, (), r"the path '../1.jpg' leads out of the archive; nothing was unpacked"),
    ({"3.jpg": b"", "/etc/4.jpg": b""}, (), r"the path '/etc/4.jpg' leads out"),
    ({"a\\..\\..\\1.jpg": b""}, (), r"leads out"),
    ({"C:/1.jpg": b""}, (), r"leads out"),
    ({"2.jpg": b""}, ("1.jpg",), r"'1.jpg' is a link or a device; nothing was unpacked"),
    ({"a/1.jpg": b"", "b/1.jpg": b""}, (), r"'b/1.jpg' and 'a/1.jpg' would be the same file"),
    ({"1.jpg": bytes(101)}, (), r"would unpack to 101 bytes, but at most 100 are allowed"),
    ({"readme": b""}, (), r"has no file like"),
])
def test_unpack_refuses_an_unsafe_archive(files, links, message, small_sources, tmp_path, capsys):
    good, small_sources.files["/images.zip"] = (small_sources.files["/images.zip"],
                                                zipped(tmp_path / "bad.zip", files, links))
    root = tmp_path / "in" / "data"
    status, printed = run(capsys, "prepare", "vg", "--root", root, "--mirror", small_sources.url)
    assert status == 2
    assert re.search(rf"^error: .*images.zip: .*{message}", printed.err, re.MULTILINE)
    assert not list(tmp_path.rglob("*.jpg"))
    assert "the archive was deleted: run the same command" in printed.err
    small_sources.files["/images.zip"] = good
    assert run(capsys, "prepare", "vg", "--root", root, "--mirror", small_sources.url)[0] == 0
    assert sorted(os.listdir(root / "VG" / "VG_100K")) == ["1.jpg", "2.jpg"]


@pytest.mark.parametrize(("damage", "message"), [
    (lambda content: content[:-30], "is not a zip archive, or is cut off or damaged"),
    (lambda content: content.replace(b"one", b"0ne"), "is not a zip archive, or is damaged"),
])
def test_unpack_names_a_damaged_archive(damage, message, small_sources, tmp_path, capsys):
    small_sources.files["/images.zip"] = damage(small_sources.files["/images.zip"])
    status, printed = run(capsys, "prepare", "vg", "--root", tmp_path / "data", "--mirror", small_sources.url)
    assert status == 2
    assert re.search(rf"error: .*images.zip {message}", printed.err)
    assert not list((tmp_path / "data" / "VG").rglob(".*"))


@pytest.mark.parametrize("mirror", ["foo", "example.org/vg", "http:/x", "https://", ""])
def test_prepare_refuses_a_mirror_that_is_no_address(mirror, tmp_path, capsys):
    status, printed = run(capsys, "prepare", "vg", "--root", tmp_path / "data", "--mirror", mirror)
    assert status == 2
    assert printed.err.strip() == f"error: the mirror must be an address like https://host/folder, got {mirror!r}"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("words", [("prepare", "vg", "--root"), ("toy", "--out")])
@pytest.mark.parametrize("below", ["", "/deep/down"])
def test_prepare_names_a_file_in_the_place_of_a_folder(words, below, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    status, printed = run(capsys, *words, f"{tmp_path}/file{below}")
    assert status == 2
    assert printed.err.strip() == f"error: {tmp_path}/file is no folder: name another folder"


def test_prepare_checks_the_disk_space_first(small_sources, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5 * 10**6))
    status, printed = run(capsys, "prepare", "vg", "--root", tmp_path, "--mirror", small_sources.url)
    assert status == 2
    assert re.search(r"has 0.0 GB free, but \d\.\d GB are needed to fetch and unpack image_data.json, images.zip",
                     printed.err)
    assert small_sources.ranges == []


def test_sources_are_complete():
    for sources in SOURCES.values():
        for source in sources:
            assert source.url.startswith("http")
            assert not source.target.startswith(("/", ".."))
            assert (source.wanted is not None) == source.file_name.endswith(".zip")
            assert source.sha256 is None or re.fullmatch("[0-9a-f]{64}", source.sha256)
