"""Every format that can be written is read back as it was, through the command."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sgg.data import DataSet, open_dataset
from sgg.data.__main__ import build_parser, main
from sgg.data.options import open_by_options
from sgg.methods.dataset import DATA_SETS

FORMATS = sorted(name for name, entry in DATA_SETS.entries.items() if entry.files)
EXAMPLE = Path(__file__).parents[3] / "example"
OF_EXAMPLE = "--data", "custom", "--root", str(EXAMPLE)


def relations_of(data: DataSet, split: str) -> dict[str, list[list[object]]]:
    """The relations of each image, by the last part of its name: classes, boxes and predicate, sorted."""
    part = data.split(split)
    found = {}
    for image in range(len(part)):
        graph = part.graph(image)
        ends = [[data.classes[label], *np.round(box, 2).tolist()] for label, box in
                zip(graph.labels, graph.boxes, strict=True)]
        found[part.image_id(image).rpartition("/")[2]] = sorted(
            [*ends[subject], data.predicates[predicate], *ends[object_]] for subject, object_, predicate in
            graph.relations.tolist())
    return found


def convert(capsys, out: Path, name: str, source: Sequence[str] = OF_EXAMPLE) -> list[str]:
    """Returns the options that it prints, with which the same splits are read. source: options of what is converted."""
    assert main(["convert", *source, "--out", str(out), "--format", name]) == 0
    said, _, options = capsys.readouterr().out.splitlines()[-1].partition(": ")
    assert said == "to read the same splits"
    return shlex.split(options)


def require_same(options: Sequence[str], original: DataSet, repeated: bool) -> None:
    """What the options read has the splits, classes, boxes and relations of the original, and its images are there.
    repeated: whether relations that occur twice stay; else one of them does."""
    data = open_by_options(build_parser().parse_args(["stats", *options]))
    data.require_images()
    for split in ("train", "val", "test"):
        found, wanted = relations_of(data, split), relations_of(original, split)
        if not repeated:
            found, wanted = ({image: {json.dumps(row) for row in rows} for image, rows in of.items()}
                             for of in (found, wanted))
        assert found == wanted


@pytest.mark.parametrize("name", FORMATS)
def test_write_gives_what_open_reads(name, tmp_path, capsys) -> None:
    """Splits, classes, boxes and relations of the example are the same, with the options that the command prints;
    images are found at their new places. Of a repeated relation some formats keep one."""
    original = open_dataset("custom", EXAMPLE)
    folder = tmp_path / (DATA_SETS[name].place or "Mine")
    options = convert(capsys, folder, name)
    require_same(options, original, repeated=name != "psg")


@pytest.mark.parametrize("name", FORMATS)
def test_convert_back_gives_what_was_converted(name, tmp_path, capsys) -> None:
    """From the example to a format, and from there to the layout of the example."""
    there = convert(capsys, tmp_path / (DATA_SETS[name].place or "Mine"), name)
    back = convert(capsys, tmp_path / "back" / "custom", "custom", there)
    require_same(back, open_dataset("custom", EXAMPLE), repeated=name != "psg")


@pytest.mark.parametrize("name", FORMATS)
def test_convert_to_a_format_overwrites_nothing(name, tmp_path, capsys, monkeypatch) -> None:
    file = tmp_path / DATA_SETS[name].files[-1]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("years of work")
    monkeypatch.setattr("sgg.data.catalogue.open_dataset", lambda *_, **__: pytest.fail("work has begun"))
    assert main(["convert", "--data", "custom", "--root", str(EXAMPLE), "--out", str(tmp_path), "--format", name]) == 2
    assert f"{file} exists already: move it away" in capsys.readouterr().err
    assert file.read_text() == "years of work"


@pytest.mark.parametrize("name", FORMATS)
def test_files_of_an_entry_are_those_that_it_writes(name, tmp_path, capsys) -> None:
    """Beside links to images."""
    convert(capsys, tmp_path, name)
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file() and not
               path.is_symlink()}
    assert written == {*DATA_SETS[name].files}


def test_convert_says_where_a_folder_of_another_name_is_read(tmp_path, capsys) -> None:
    words = convert(capsys, tmp_path / "mine", "vrd")
    assert words[:4] == ["--data", "vrd", "--root", str(tmp_path)]
    assert " ".join(words).endswith(", once the folder is called VRD")


def test_convert_names_the_formats(tmp_path, capsys) -> None:
    assert main(["convert", "--data", "custom", "--root", str(EXAMPLE), "--out", str(tmp_path / "x"), "--format",
                 "gqa"]) == 2
    assert "--format must be one of vg, coco-relations, custom, open-images" in capsys.readouterr().err


def test_write_visual_genome_numbers_images_and_counts(tmp_path) -> None:
    """Images whose names are no numbers are there under both."""
    original = open_dataset("custom", EXAMPLE)
    files = np.array([f"sub/image{number}.jpg" for number in range(len(original.annotations))])
    DATA_SETS["vg"]().write(replace(original, annotations=replace(original.annotations, files=files)), tmp_path)
    names = {path.relative_to(tmp_path / "VG_100K").as_posix() for path in (tmp_path / "VG_100K").rglob("*.jpg")}
    assert names == {*files.tolist(), *(f"{number}.jpg" for number in range(1, 10))}
    read = json.loads((tmp_path / "stanford_filtered" / "VG-SGG-dicts-with-attri.json").read_text())
    assert read["idx_to_label"]["1"] == original.classes[1]
    assert sum(read["object_count"].values()) == len(original.annotations.labels)
    assert sum(read["predicate_count"].values()) == len(original.annotations.relations)
