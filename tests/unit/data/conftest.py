"""Ten small images in Visual Genome's own files, written anew for each test that wants to spoil them; a server."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from sgg.data.fetch import download
from tests.unit.data.server import Server

CLASSES = ["ball", "cat", "dog", "tree"]
PREDICATES = ["near", "on"]
WIDTH, HEIGHT = 64, 48  # so a pixel is 16 units of the frame of 1024


def _arrays() -> dict[str, np.ndarray]:
    """Ten images: the last three for test; image 3 without relations, image 6 without objects; else 3 objects in a row,
    and two relations that change from image to image.
    """
    objects = np.array([3, 3, 3, 3, 3, 3, 0, 3, 3, 3])
    relations = np.array([2, 2, 2, 0, 2, 2, 0, 2, 2, 2])
    box_end, rel_end = np.cumsum(objects), np.cumsum(relations)
    first_box, first_rel = box_end - objects, rel_end - relations
    total = box_end[-1]
    corners = np.tile([[0, 160], [240, 320], [640, 480]], (total // 3, 1))  # the first two overlap
    sizes = np.tile([[320, 240]], (total, 1))
    owners = np.repeat(np.arange(10), relations)
    ends = np.array([[0, 1], [2, 0]] * (len(owners) // 2))
    return {
        "split": np.repeat([0, 2], [7, 3]),
        "img_to_first_box": np.where(objects, first_box, -1), "img_to_last_box": np.where(objects, box_end - 1, -1),
        "img_to_first_rel": np.where(relations, first_rel, -1), "img_to_last_rel": np.where(relations, rel_end - 1, -1),
        "boxes_1024": np.concatenate([corners + sizes // 2, sizes], axis=1),
        "labels": (np.arange(total) % 4 + 1)[:, None],
        "relationships": ends + first_box[owners][:, None],
        "predicates": (np.arange(len(owners)) // 3 % 2 + 1)[:, None],
    }


@dataclass
class Genome:
    """The content of the files; change it, then `write` it."""

    arrays: dict[str, np.ndarray] = field(default_factory=_arrays)
    names: dict[str, dict[str, int]] = field(default_factory=lambda: {
        "label_to_idx": {name: number for number, name in enumerate(CLASSES, start=1)},
        "predicate_to_idx": {name: number for number, name in enumerate(PREDICATES, start=1)}})
    images: list[dict] = field(default_factory=lambda: [
        {"image_id": 100 + number, "width": WIDTH, "height": HEIGHT} for number in range(10)])

    def write(self, directory: Path, images: bool = True) -> Path:
        folder = directory / "stanford_filtered"
        folder.mkdir(parents=True)
        with h5py.File(folder / "VG-SGG.h5", "w") as file:
            for name, array in self.arrays.items():
                file[name] = array
        (folder / "VG-SGG-dicts.json").write_text(json.dumps(self.names))
        (folder / "image_data.json").write_text(json.dumps(self.images))
        if images:
            (directory / "VG_100K").mkdir()
            for number, record in enumerate(self.images):
                colours = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
                Image.fromarray(colours).save(directory / "VG_100K" / f"{record['image_id']}.jpg")
        return directory


@pytest.fixture
def new_genome() -> Callable[[], Genome]:
    return Genome


@pytest.fixture
def genome_directory(tmp_path) -> Path:
    """The files as they should be."""
    return Genome().write(tmp_path / "VG")


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    """It answers until the test ends; nobody waits before asking again."""
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
