"""Options of commands: earlier names, and the version."""

import argparse
from pathlib import Path

import pytest

from sgg.common.parser import add_data_option, add_renamed, command_parser


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    made = command_parser("sgg.anything", "Does something.")
    add_renamed(made, "--out", "--to", type=Path, required=True, metavar="DIR", help="folder to write")
    made.add_argument("--root", type=Path)
    add_data_option(made, ["toy", "vg"], "--data-name", help="the data set")
    return made


@pytest.mark.parametrize(("name", "noted"), [("--out", []), ("--to", ["--to", "--out"])])
def test_add_renamed_accepts_an_earlier_name_with_a_note(parser, capsys, name, noted) -> None:
    assert parser.parse_args([name, "here"]).out == Path("here")
    said = capsys.readouterr().err
    assert all(word in said for word in noted)
    assert bool(said) is bool(noted)


def test_add_renamed_shows_only_the_new_name_in_help_and_errors(parser, capsys) -> None:
    text = parser.format_help()
    assert "--out DIR" in text
    assert "--to" not in text
    assert "--data-name" not in text
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args([])
    said = capsys.readouterr().err
    assert "required: --out" in said
    assert "--to" not in said


def test_add_data_option_takes_a_folder_as_the_root(parser, capsys, tmp_path) -> None:
    options = parser.parse_args(["--out", "x", "--data", str(tmp_path)])
    assert (options.root, options.data) == (tmp_path, None)
    assert f"--root {tmp_path}" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--data", "--data-name"])
def test_add_data_option_prefers_a_name_to_a_folder_of_this_name(parser, tmp_path, monkeypatch, option) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy").mkdir()
    options = parser.parse_args(["--out", "x", option, "toy"])
    assert (options.root, options.data) == (None, "toy")


def test_add_data_option_names_both_remedies_for_anything_else(parser, capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--out", "x", "--data", "nowhere/data"])
    said = capsys.readouterr().err
    assert all(word in said for word in ("--data", "nowhere/data", "toy, vg", "--root"))


def test_add_data_option_takes_names_of_plugins(tmp_path, monkeypatch) -> None:
    """A folder is still one, unless it has the name of a data set."""
    monkeypatch.chdir(tmp_path)
    made = command_parser("sgg.anything", "Does something.")
    add_data_option(made, ["toy"], of_plugins=True)
    (tmp_path / "toy").mkdir()
    (tmp_path / "mine").mkdir()
    assert [getattr(made.parse_args(["--data", name]), "data", None) for name in ("toy", "csv", "mine")] == [
        "toy", "csv", None]


def test_version(parser, capsys, monkeypatch) -> None:
    monkeypatch.setattr("sgg.common.versions.program", lambda: {"version": "1.2", "commit": "abc+dirty"})
    with pytest.raises(SystemExit, match="0"):
        parser.parse_args(["--version"])
    assert capsys.readouterr().out == "python -m sgg.anything: 1.2, commit abc+dirty\n"
