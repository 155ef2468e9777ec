"""`python -m sgg.data`: what it prints, its exit status, and that mistakes end in one line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sgg.data import toy
from sgg.data.__main__ import main
from sgg.data.catalogue import settings_of
from sgg.data.checks.summary import COLUMNS, KNOWN, ROWS, Line, table
from sgg.data.readers.custom import open_custom
from sgg.data.readers.visual_genome import open_visual_genome


@pytest.fixture
def run(capsys):
    def call(*arguments):
        status = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return status, printed.out, printed.err
    return call


def test_stats_names_every_row_that_differs_from_the_known_counts(run, genome_directory, tmp_path):
    written = tmp_path / "stats.json"
    status, out, _ = run("stats", "--data", "vg", "--root", tmp_path, "--num-val-images", 2, "--json", written)
    rows = {line[:12].strip(): line for line in out.splitlines()}
    assert status == 1
    assert out.startswith("Visual Genome (stanford split): 3/2/3 images (train/val/test), 4 classes, 2 predicates")
    assert re.fullmatch(r"val all +2 +6 +4 +4  DIFFERS from the known 5,000 images, 62,754 objects, 33,203 relations, "
                        r"5,043 unique triplets", rows["val all"])
    assert "0 of 35 numbers are equal" in out
    facts = {line["about"]: line for line in json.loads(written.read_text())}
    assert facts["test all: relations"] == {"about": "test all: relations", "found": "6", "known": "183,642"}


def test_stats_says_nothing_of_data_that_nobody_knows(run, genome_directory, monkeypatch, tmp_path):
    monkeypatch.delitem(KNOWN, "Visual Genome (stanford split)")
    status, out, _ = run("stats", "--data", "vg", "--root", tmp_path, "--num-val-images", 2)
    assert status == 0
    assert "known" not in out


def test_table_says_where_all_is_as_known():
    rows = [f"{name} {subset}: {column}" for name, subset in ROWS for column in COLUMNS]
    lines = [Line(about, "5", "5" if about.startswith("val zs") else None) for about in rows]
    text = table(lines)
    assert text[2].split() == ["val", "zs", "5", "5", "5", "5", "as", "known"]
    assert text[1].split() == ["train", "all", "5", "5", "5", "5"]


def test_verify_lists_missing_and_truncated_images(run, genome_directory, tmp_path):
    arguments = ("verify", "--data", "vg", "--root", tmp_path, "--num-val-images", 2)
    assert run(*arguments)[0] == 0
    folder = genome_directory / "VG_100K"
    (folder / "103.jpg").unlink()
    (folder / "105.jpg").write_bytes((folder / "105.jpg").read_bytes()[:300])
    (folder / "106.jpg").write_bytes(b"")
    status, out, _ = run(*arguments, "--json", tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    assert status == 1
    assert "missing: 1\n" in out
    assert re.search(r"image .*103.jpg is missing", out)
    assert re.search(r"damaged: 2\n  image .*105.jpg cannot be read, or is cut off", out)
    assert [len(found[kind]) for kind in ("changed", "missing", "damaged")] == [0, 1, 2]


def test_verify_compares_files_with_the_checksum_of_their_download(run, genome_directory, tmp_path):
    (tmp_path / ".prepared").mkdir()
    record = {"url": "http://x/image_data.json", "sha256": "0" * 64, "files": ["VG/stanford_filtered/image_data.json"]}
    (tmp_path / ".prepared" / "image_data.json.json").write_text(json.dumps(record))
    status, out, _ = run("verify", "--data", "vg", "--root", tmp_path, "--num-val-images", 2)
    assert status == 1
    assert "image_data.json is not the downloaded file any more" in out


def test_convert_keeps_everything(run, genome_directory, tmp_path):
    mine = tmp_path / "mine"
    status, out, _ = run("convert", "--data", "vg", "--root", tmp_path, "--num-val-images", 2, "--out", mine)
    assert status == 0
    assert str(mine / "annotations.json") in out
    assert open_custom(mine).hash == open_visual_genome(genome_directory, num_val_images=2).hash


def test_convert_overwrites_nothing(run, tmp_path, monkeypatch):
    monkeypatch.setattr("sgg.data.catalogue.open_dataset", lambda *_, **__: pytest.fail("work has begun"))
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "annotations.json").write_text("years of work")
    status, _, err = run("convert", "--data", "vg", "--root", tmp_path, "--out", mine)
    assert (status, err) == (2, f"error: {mine}/annotations.json exists already: move it away, or name another "
                                "folder\n")
    assert (mine / "annotations.json").read_text() == "years of work"
    status, _, err = run("convert", "--data", "vg", "--out", mine / "annotations.json")
    assert (status, err) == (2, f"error: {mine}/annotations.json is no folder: name another folder\n")


@pytest.mark.parametrize("words", [("stats", "--num-val-images", "0"), ("toy", "--seed", "-1")])
def test_numbers_out_of_range(run, words, capsys):
    with pytest.raises(SystemExit, match="2"):
        run(*words)
    assert f"argument {words[1]}: must be a whole number >= " in capsys.readouterr().err


def test_main_names_validation_that_takes_all_of_training(run, genome_directory, tmp_path):
    status, _, err = run("stats", "--data", "vg", "--root", tmp_path)
    assert (status, err) == (2, f"error: {genome_directory}: every split needs images with a relation, but of 10 "
                                "images there are: train 0, val 5, test 3; choose another num_val_images, which is "
                                "5,000\n")


@pytest.mark.parametrize("setting", ["data.seed=7", "data.num_val_images=9"])
def test_toy_refuses_settings_without_effect(run, tmp_path, setting):
    status, _, err = run("toy", "--out", tmp_path / "toy", "--set", setting)
    assert (status, err) == (2, f"error: --set {setting.partition('=')[0]} has no effect here: leave it out; --set "
                                "takes data.version and data.difficulty, and --seed the seed of the genome\n")


@pytest.mark.parametrize(("words", "settings"), [
    ([], {}), (["--seed", "7"], {"seed": 7}),
    (["--set", "data.version=3", "--set", "data.difficulty=0.8"], {"version": 3, "difficulty": 0.8})])
def test_toy_generates_where_a_config_finds_it(run, monkeypatch, words, settings):
    def generate(directory, seed, on_image, edition):
        found = settings_of("toy", Path("data"), settings)
        raise ValueError(f"{directory == found.folder} {seed == (found.seed or 0)} {edition == found.edition}")

    monkeypatch.setattr(toy, "generate", generate)
    assert run("toy", *words)[2] == "error: True True True\n"


def test_toy_generates_where_it_is_told(run, new_genome, tmp_path, monkeypatch):
    def generate(directory, seed, on_image, edition):
        on_image(3, 6)
        new_genome().write(directory)
        new_genome().write(directory / "detector")
        facts = {"num_val_images": 2, "version": edition.version, "seed": seed}
        (directory / "stanford_filtered" / "toy.json").write_text(json.dumps(facts))

    monkeypatch.setattr(toy, "generate", generate)
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes the captured stream for a terminal
    status, out, err = run("toy", "--out", tmp_path / "toy", "--seed", 7)
    assert status == 0
    assert re.match(r"toy genome \(version \d+, seed 7\): .* images", out)
    assert re.search(r"toy genome.*3/6", err)


@pytest.mark.parametrize(("arguments", "message"), [
    (["stats", "--data", "vg", "--root", "nowhere"], r"error: nowhere/VG/.* is missing; get the data set with: python"),
    (["convert", "--data", "custom", "--root", "nowhere", "--out", "x"], r"error: nowhere/custom/.*json is missing"),
    (["stats", "--data", "vg", "--exclude-left-right"], r"error: data.exclude_left_right is for data.name gqa, not vg"),
])
def test_main_answers_mistakes_in_one_line(arguments, message, run):
    status, out, err = run(*arguments)
    assert status == 2
    assert out == ""
    assert re.match(message, err)
    assert err.count("\n") == 1


def test_main_runs_as_a_module(tmp_path):
    command = [sys.executable, "-m", "sgg.data", "stats", "--data", "gqa", "--root", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == 2
    assert re.fullmatch(r"error: .*train_sceneGraphs.json is missing; get the data set with: .* prepare gqa .*\n",
                        done.stderr)


@pytest.mark.parametrize("arguments", [[], ["mistake"], ["stats", "--set", "flip=false"],
                                       ["stats", "--set", "data.flip=false"], ["stats", "--set", "data.x=["]])
def test_main_refuses_unknown_words_with_the_known_ones(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage: python -m sgg.data" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "known"), [(["stats", "--data", "coco"], "one of auto, vg, coco-relations"),
                                                  (["stats", "--data", "toy", "--set", "data.x=1"], "num_val_images"),
                                                  (["prepare", "imagenet"], "vg, gqa, glove")])
def test_main_refuses_unknown_names_with_the_known_ones(arguments, known, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert known in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_main_names_a_disk_that_cannot_be_written_before_work_starts(run, tmp_path, monkeypatch, capsys):
    """/sys takes no new files, whoever asks."""
    monkeypatch.setattr("sgg.data.catalogue.open_dataset", lambda *_, **__: pytest.fail("work has begun"))
    for words in (("toy", "--out"), ("convert", "--data", "vg", "--out"), ("prepare", "vg", "--root")):
        status, _, err = run(*words, "/sys/mine")
        assert status == 2
        assert re.match(r"error: /sys/mine cannot be written: .* \(a new file in /sys\); name a path", err.strip())
    with pytest.raises(SystemExit, match="2"):
        run("stats", "--json", "/sys/facts.json")
    assert "--json: /sys/facts.json cannot be written: " in capsys.readouterr().err


def test_stats_counts_what_training_has_and_compares_the_whole_file(run, new_genome, tmp_path, monkeypatch):
    """One of the six test relations is made one of an object to itself: training has five, the published file six."""
    genome = new_genome()
    genome.arrays["relationships"][-1, 1] = genome.arrays["relationships"][-1, 0]
    genome.write(tmp_path / "VG")
    monkeypatch.setitem(KNOWN, "Visual Genome (stanford split)", {"test all: relations": "6"})
    words, written = ("stats", "--data", "vg", "--root", tmp_path, "--num-val-images", 2), tmp_path / "stats.json"
    status, out, _ = run(*words, "--json", written)
    assert status == 0
    assert "1 relations of an object to itself" in out
    assert re.search(r"test all .* as known  \(with relations of an object to itself: 6 relations", out)
    facts = {line["about"]: line for line in json.loads(written.read_text())}
    assert facts["test all: relations"] == {"about": "test all: relations", "found": "5", "known": "6", "of_file": "6"}
    assert len(open_visual_genome(tmp_path / "VG", num_val_images=2).split("test").annotations.relations) == 5
    status, _, _ = run(*words, "--self-relations", "keep", "--json", written)
    facts = {line["about"]: line for line in json.loads(written.read_text())}
    assert (status, facts["test all: relations"]["found"]) == (0, "6")
    run("convert", *words[1:], "--out", tmp_path / "mine")
    assert open_custom(tmp_path / "mine").hash == open_visual_genome(tmp_path / "VG", num_val_images=2).hash
