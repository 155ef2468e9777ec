"""`verify` tells every kind of fault that files show: how often, with an example, and what training does with it."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sgg.common.atomic import write_json
from sgg.data.__main__ import main
from sgg.data.readers.visual_genome import open_visual_genome
from sgg.features import StoreIdentity, array, write_store
from sgg.features.image_writer import ImageStoreWriter

EXAMPLE = Path(__file__).parents[2] / "example" / "custom"


@pytest.fixture
def folder(genome_directory):
    return genome_directory / "VG_100K"


@pytest.fixture
def verified(genome_directory, tmp_path, capsys):
    """Runs the command; gives its status, its table and the findings by kind."""
    def run(*words):
        target = tmp_path / "found.json"
        status = main(["verify", "--data", "vg", "--root", str(tmp_path), "--num-val-images", "2", "--json",
                       str(target), *words])
        found = json.loads(target.read_text())
        return status, " ".join(capsys.readouterr().out.split()), {one["kind"]: one for one in found["findings"]}
    return run


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def test_verify_of_notes_alone_finds_no_fault(verified, folder):
    """Images whose names end in .jpg may be of any format."""
    picture = Image.open(folder / "100.jpg").copy()
    picture.save(folder / "101.jpg", exif=exif(3))
    picture.convert("RGBA").save(folder / "102.jpg", "PNG")
    Image.fromarray(np.zeros((48, 64), np.uint16)).save(folder / "103.jpg", "PNG")
    picture.convert("L").save(folder / "104.jpg", "GIF", save_all=True, append_images=[Image.new("L", (64, 48))])
    status, table, found = verified()
    assert status == 0
    for number, (kind, effect) in enumerate({
            "images turned by EXIF": "turned as viewers turn it", "images transparent": "are laid on white",
            "images of 16 bits": "upper 8 bits", "images of several frames": "first frame"}.items(), start=101):
        assert (found[kind]["count"], found[kind]["of"], found[kind]["severity"]) == (1, 10, "note")
        assert found[kind]["example"].endswith(f"{number}.jpg")
        assert effect in found[kind]["effect"]
    assert "1 of 10" in table


def test_verify_lists_faults_of_images(verified, folder):
    (folder / "100.jpg").unlink()
    (folder / "101.jpg").write_text("no image")
    (folder / "102.jpg").write_bytes((folder / "102.jpg").read_bytes()[:-9])
    Image.new("RGB", (48, 64)).save(folder / "103.jpg")
    Image.fromarray(np.zeros((48, 64), np.float32)).save(folder / "104.jpg", "TIFF")
    Image.open(folder / "105.jpg").copy().save(folder / "105.jpg", exif=exif(6))
    status, table, found = verified()
    assert status == 1
    assert {kind: one["count"] for kind, one in found.items() if one["severity"] == "fault"} == {
        "missing images": 1, "images that cannot be read": 3, "images of another size than annotated": 2}
    for named in ("101.jpg cannot be read", "102.jpg cannot be read, or is cut off: it has no end marker",
                  "104.jpg holds floating-point numbers", "105.jpg is 48x64 pixels, but its annotation was made for "
                  "64x48: its EXIF orientation is 6"):
        assert named in table
    assert table.index("fault") < table.index("note")


def test_verify_with_decode(verified, folder):
    """The inside of a PNG is spoilt; a image is replaced while its length and time of last change stay."""
    spoilt, replaced = folder / "101.jpg", folder / "102.jpg"
    Image.open(folder / "101.jpg").copy().save(spoilt, "PNG")
    assert verified("--decode")[0] == 0
    content = bytearray(spoilt.read_bytes())
    content[len(content) // 2:len(content) // 2 + 9] = bytes(9)
    spoilt.write_bytes(content)
    Image.new("RGB", (64, 48)).save(folder / "plain.jpg")
    plain, times = (folder / "plain.jpg").read_bytes(), replaced.stat()
    replaced.write_bytes(plain + bytes(times.st_size - len(plain)))
    os.utime(replaced, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert verified()[0] == 0
    status, _, found = verified("--decode")
    assert status == 1
    assert found["images that cannot be decoded"]["example"].startswith(f"image file {spoilt} cannot be read")
    assert found["images that were changed unseen"]["example"].startswith(f"image file {replaced} has another content")


@pytest.mark.parametrize(("written", "named"), [
    (lambda x, y, width, height: [x, y, x + width, y + height], "fit as corners (x1, y1, x2, y2)"),
    (lambda x, y, width, height: [x, y, width, max(0, height - 10)], "has no area (and so for ")])
def test_verify_goes_on_after_refused_boxes(written, named, capsys, tmp_path, monkeypatch):
    """The example with boxes as corners, or some without area, and a image missing. In 100 columns the table shows
    whole file names."""
    folder = tmp_path / ("a-long-name-of-a-folder" * 3) / "custom"
    shutil.copytree(EXAMPLE, folder)
    content = json.loads((folder / "annotations.json").read_text())
    for record in content["annotations"]:
        record["bbox"] = written(*record["bbox"])
    write_json(folder / "annotations.json", content)
    (folder / "images" / "11303.jpg").unlink()
    monkeypatch.setenv("COLUMNS", "100")
    target = tmp_path / "found.json"
    assert main(["verify", "--data", "custom", "--root", str(folder.parent), "--json", str(target)]) == 1
    found = {one["kind"]: one for one in json.loads(target.read_text())["findings"]}
    assert named in found["refused annotation"]["example"]
    assert found["missing images"]["count"] == 1
    output = capsys.readouterr().out
    lines = output[:output.index("changed:")].splitlines()[1:]
    assert max(map(len, lines)) <= 100
    assert "\u2026" not in output
    assert "--decode decodes them" in output


def test_verify_lists_findings_of_the_annotation(verified, new_genome, genome_directory, tmp_path):
    shutil.rmtree(genome_directory)
    genome = new_genome()
    genome.arrays["boxes_1024"][6] = [500, 500, 8, 320]  # half a pixel wide
    genome.write(tmp_path / "VG")
    status, _, found = verified()
    assert status == 0
    assert found["boxes thinner than a pixel"]["count"] == 1
    assert found["boxes thinner than a pixel"]["example"] == "image 102.jpg"
    data = open_visual_genome(tmp_path / "VG", num_val_images=2)
    empty = [subset for part in ("val", "test") for subset in ("zs", "10s", "100s", "all")
             if not len(data.split(part, subset))]
    assert found["subsets without a relation"]["count"] == len(empty) > 0


def test_verify_lists_what_occurs_twice(verified, folder, new_genome, genome_directory, tmp_path):
    """Objects, relations, and images within a split and in two splits; the last is a fault."""
    shutil.rmtree(genome_directory)
    genome = new_genome()
    for name, row in (("boxes_1024", 4), ("labels", 4), ("relationships", 5), ("predicates", 5)):
        genome.arrays[name][row] = genome.arrays[name][row - 1]
    genome.write(tmp_path / "VG")
    for one, other in (("104", "105"), ("100", "107")):  # both of train; of val and test
        shutil.copy(folder / f"{one}.jpg", folder / f"{other}.jpg")
    status, _, found = verified()
    assert status == 1
    assert {kind: (one["count"], one["example"], one["severity"]) for kind, one in found.items()
            if "another" in kind or "twice" in kind} == {
                "objects with class and box of another": (1, "image 101.jpg", "note"),
                "relations annotated twice": (1, "image 102.jpg", "note"),
                "images with the content of another": (1, "105.jpg is 104.jpg", "note"),
                "images with the content of one in another split": (1, "107.jpg is 100.jpg", "fault")}


def test_verify_lists_files_derived_from_other_data(verified, folder, genome_directory, tmp_path):
    """A detector and a store of these data, of others of the same classes, and of a data set with other classes."""
    data = open_visual_genome(genome_directory, num_val_images=2)
    train, cache = data.split("train"), tmp_path / "cache"
    settings = {"part": "train", "images": len(train), "pooled": 7}
    own = StoreIdentity(data.classes, "d", data.hash, settings=settings, pictures=data.image_hash(train))
    stores = {"own": own, "before": replace(own, data="0123"), "unknown": replace(own, pictures=""),
              "of others": replace(own, data="4567", classes=["-", "x"]), "spoilt": own}
    for name, identity in stores.items():
        write_store(cache / "features" / f"{name}.zarr", identity, [lambda: (np.zeros((1, 2, 7, 7)), [1])])
    (cache / "features" / "spoilt.zarr" / "zarr.json").write_text("{}")
    of_maps, number = replace(own, kind="map"), len(train)
    maps = ImageStoreWriter(cache / "features" / "maps.zarr", of_maps, number, (1, 2, 2), number)
    maps.write(0, np.zeros((number, 1, 2, 2), np.float32))
    maps.seal()
    (cache / "derived").mkdir()
    np.savez(cache / "derived" / "whole-1.npz", scores=np.ones(3))
    (cache / "derived" / "cut-2.npz").write_bytes((cache / "derived" / "whole-1.npz").read_bytes()[:100])
    (cache / "detectors" / "tiny").mkdir(parents=True)
    facts = {"hash": "h", "classes": data.classes, "data_hash": data.hash,
             "pictures_hash": data.image_hash(data.split("detector"))}
    write_json(cache / "detectors" / "tiny" / "detector.json", facts)
    status, _, found = verified()
    derived = {kind: (one["count"], one["example"]) for kind, one in found.items() if kind.startswith("derived")}
    assert status == 1
    count, example = derived.pop("derived files that are damaged")
    assert count == 2, "a store and arrays"
    assert example.startswith(f"{cache}/features/spoilt.zarr: not a feature")
    assert derived == {
        "derived files of other annotation": (1, f"feature store {cache}/features/before.zarr"),
        "derived files that do not say from which images they are": (1, f"feature store {cache}/features/unknown.zarr")}
    shutil.rmtree(cache / "features" / "spoilt.zarr")
    (cache / "derived" / "cut-2.npz").unlink()
    shard = array.shard_of(maps.path, 0, maps.row_shape)
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1])
    status, _, found = verified()
    assert status == 1
    assert "sgg.features repair" in found["derived files that are damaged"]["example"]
    shard.write_bytes(whole)
    Image.new("RGB", (64, 48), "red").save(folder / f"{train.image_id(0)}.jpg")
    status, _, found = verified()
    assert status == 0
    other = found["derived files of other images"]
    assert (other["count"], other["example"]) == (3, f"detector {cache}/detectors/tiny")
