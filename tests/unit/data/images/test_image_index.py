"""Images are looked at once until they change; what they are is part of an identity, when they were copied is not."""

import os
import pickle
import shutil

import numpy as np
import pytest
from PIL import Image

from sgg.data.images import image_index
from sgg.data.images.image_index import ImageIndex
from sgg.data.readers.visual_genome import open_visual_genome

FILES = ["a.png", "b.png"]


def draw(path, seed):
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pictures").mkdir()
    for number, file in enumerate(FILES):
        draw(tmp_path / "pictures" / file, number)
    return tmp_path / "pictures"


@pytest.fixture
def looked_at(monkeypatch):
    """The names of the images whose headers are read."""
    names, read = [], image_index.read_header
    monkeypatch.setattr(image_index, "read_header", lambda path: names.append(path.name) or read(path))
    return names


def test_headers_reads_a_file_once_until_it_changes(folder, tmp_path, looked_at):
    kept = tmp_path / "cache" / "index.json"
    first = ImageIndex(folder, kept).headers([*FILES, "none.png"])
    assert [(header.height, header.width) for header in first[:2]] == [(6, 8)] * 2
    assert first[2] is None
    again = ImageIndex(folder, kept)
    assert again.headers([*FILES, "none.png"]) == first
    assert sorted(looked_at) == FILES
    draw(folder / "b.png", 7)
    assert again.headers(FILES)[0] == first[0] != again.headers(FILES)[1]
    assert sorted(looked_at) == ["a.png", "b.png", "b.png"]
    assert pickle.loads(pickle.dumps(again)).headers(FILES) == again.headers(FILES)
    assert len(looked_at) == 3


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"format": 9}', '{"format": 1, "pictures": {"a.png": [1]}}'])
def test_headers_makes_a_damaged_index_again(folder, tmp_path, spoilt):
    (tmp_path / "index.json").write_text(spoilt)
    assert None not in ImageIndex(folder, tmp_path / "index.json").headers(FILES)
    assert ImageIndex(folder, tmp_path / "index.json").headers(FILES) == ImageIndex(folder, None).headers(FILES)


def test_headers_work_without_a_writable_index(folder, tmp_path):
    (tmp_path / "file").write_text("")
    assert None not in ImageIndex(folder, tmp_path / "file" / "index.json").headers(FILES)


def test_digest_depends_on_contents_and_names_not_on_times(folder, tmp_path):
    digest = ImageIndex(folder, None).digest(FILES)
    copy = shutil.copytree(folder, tmp_path / "copy")
    for file in FILES:
        os.utime(copy / file, (1, 1))
    assert ImageIndex(copy, None).digest(FILES[::-1]) == digest
    index = ImageIndex(copy, None)
    draw(copy / "b.png", 7)
    other = index.digest(FILES)
    (copy / "b.png").unlink()
    assert index.digest(FILES) == other, "what was made from a image is still of it when it is gone"
    absent = ImageIndex(copy, None).digest(FILES)
    (copy / "a.png").rename(copy / "c.png")
    assert len({digest, other, absent, ImageIndex(copy, None).digest(["c.png", "b.png"])}) == 4


def test_changed_unseen_finds_changes_without_other_length_or_time(folder, tmp_path):
    """A bit in the middle of a file that is longer than both ends together."""
    content, path = bytearray(np.random.default_rng(0).bytes(60_000)), folder / "a.png"
    path.write_bytes(content)
    index = ImageIndex(folder, tmp_path / "index.json")
    before = index.digest(FILES)
    assert index.changed_unseen(FILES) == []
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    content[30_000] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=times)
    assert ImageIndex(folder, tmp_path / "index.json").digest(FILES) == before
    assert ImageIndex(folder, tmp_path / "index.json").changed_unseen(FILES) == ["a.png"]
    assert ImageIndex(folder, tmp_path / "index.json").changed_unseen(FILES) == []


def spoilt(path, how):
    if how == "missing":
        path.unlink()
    elif how == "cut off":
        path.write_bytes(path.read_bytes()[:-30])
    else:
        Image.new("RGB", (9, 9)).save(path)


@pytest.mark.parametrize(("how", "named"), [
    ("missing", "are missing, the first is .*{}; get the data set"),
    ("cut off", r"cannot be used \(`python -m sgg.data verify` lists all\):\n  image .*{} cannot .* is cut off"),
    ("of another size", "cannot be used .*\n  image .*{} is 9x9 pixels, but its annotation was made for 64x48")])
@pytest.mark.parametrize(("part", "file"), [("detector", "103.jpg"), ("val", "100.jpg"), ("test", "109.jpg")])
def test_require_images_checks_every_split(genome_directory, part, file, how, named):
    """103.jpg has no relation, so it trains the detector alone."""
    data = open_visual_genome(genome_directory, num_val_images=1)
    data.require_images(*(data.split(name) for name in ("train", "val", "test", "detector")))
    spoilt(genome_directory / "VG_100K" / file, how)
    kind = FileNotFoundError if how == "missing" else ValueError
    with pytest.raises(kind, match=r"^1 of \d images of " + part + " of .*" + named.format(file)):
        data.require_images(*(data.split(name) for name in ("train", "val", "test", "detector")))
    data.require_images(data.split("train"))
