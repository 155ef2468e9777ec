"""Which data set a name opens."""

import json
import re

import pytest

from sgg.data import open_dataset, toy


@pytest.fixture
def small_toy(monkeypatch, new_genome):
    """Stands in for the toy genome's generator; counts its calls."""
    calls = []

    def generate(directory, seed, on_image, edition):
        on_image(9, 9)
        calls.append(directory)
        detector = new_genome()
        detector.arrays["split"][:] = 0
        detector.write(directory / "detector")
        new_genome().write(directory)
        facts = {"num_val_images": 2, "version": edition.version, "seed": seed}
        (directory / "stanford_filtered" / "toy.json").write_text(json.dumps(facts))

    monkeypatch.setattr(toy, "generate", generate)
    return calls


def test_open_dataset_auto_generates_the_toy_genome_once_and_says_so(small_toy, tmp_path):
    for _ in range(2):
        data = open_dataset("auto", tmp_path)
    assert small_toy == [tmp_path / "toy"]
    assert data.name == "toy"
    assert "toy genome (version" in data.description
    assert "3/2/3 images" in data.description
    assert data.banner.endswith(f"chosen because {tmp_path / 'VG'} is not there")
    assert len(data.split("detector")) == 9
    assert data.split("detector").image_folder == tmp_path / "toy" / "detector" / "VG_100K"


def test_open_dataset_shows_a_bar_on_a_terminal_while_images_are_drawn(small_toy, tmp_path, monkeypatch, capsys):
    open_dataset("auto", tmp_path / "a")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes the captured stream for a terminal
    open_dataset("auto", tmp_path / "b")
    assert re.search("toy genome.*9/9", capsys.readouterr().err)


def test_open_dataset_auto_takes_visual_genome_where_it_is(genome_directory, tmp_path):
    data = open_dataset("auto", tmp_path, num_val_images=2)
    assert data.name == "vg"
    assert "Visual Genome" in data.banner
    assert data.banner.endswith(f"chosen because {genome_directory} is there")


def test_open_dataset_refuses_a_toy_genome_of_another_version(small_toy, tmp_path):
    open_dataset("toy", tmp_path)
    path = tmp_path / "toy" / "stanford_filtered" / "toy.json"
    path.write_text(path.read_text().replace('"version": ', '"version": 9'))
    with pytest.raises(ValueError, match=r"toy.json: the toy genome has version 9\d*, this program makes .*; delete"):
        open_dataset("toy", tmp_path)


def test_open_dataset_hashes_the_detectors_images_too(small_toy, tmp_path, new_genome):
    base = open_dataset("toy", tmp_path)
    folder = tmp_path / "toy" / "detector"
    (folder / "stanford_filtered").rename(tmp_path / "away")
    genome = new_genome()
    genome.arrays["labels"][0] = 2
    genome.write(folder, images=False)
    assert open_dataset("toy", tmp_path).hash != base.hash


@pytest.mark.parametrize(("name", "number", "message"), [
    ("vg", 0, r"data.num_val_images must be > 0, got 0"),
    ("custom", 5, r"data.num_val_images is for data.name vg, gqa, open-images, psg, toy, vrd and vtranse, not custom"),
])
def test_open_dataset_refuses_options_that_do_not_fit(name, number, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        open_dataset(name, tmp_path, num_val_images=number)


def test_open_dataset_refuses_an_unknown_name(tmp_path):
    with pytest.raises(ValueError, match=r"data.name must be one of auto, vg, coco-relations, .*, vtranse, got 'coco'"):
        open_dataset("coco", tmp_path)
