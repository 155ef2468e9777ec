"""What every command answers to a mistake of its user."""

import argparse
import importlib

import pytest

from sgg.command import answered, output_file
from sgg.config import ConfigError


def raising(error):
    def command():
        raise error
    return command


@pytest.mark.parametrize(("error", "said"), [
    (ValueError("alpha must be >= 1, got 0"), "alpha must be >= 1, got 0"),
    (FileNotFoundError("data/VG is missing; get it"), "data/VG is missing; get it"),
    (PermissionError(13, "Permission denied", "runs/a"), "runs/a: Permission denied"),
    (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
    (ModuleNotFoundError("No module named 'sklearn'"), "No module named 'sklearn'"),
    (FloatingPointError("loss node is not finite"), "loss node is not finite"),
    (ConfigError("a.yaml", ["x is wrong", "y too"]), "a.yaml: 2 faults\n  x is wrong\n  y too"),
])
def test_a_mistake_is_told_and_is_status_2(error, said, capsys) -> None:
    assert answered(raising(error)) == 2
    assert capsys.readouterr() == ("", f"error: {said}\n")


def test_other_ends(capsys) -> None:
    assert answered(lambda: None) == 0
    assert answered(lambda: 1) == 1
    assert answered(raising(KeyboardInterrupt()), "interrupted; goes on") == 130
    assert capsys.readouterr().err == "interrupted; goes on\n"
    with pytest.raises(TypeError):
        answered(raising(TypeError("our own mistake")))


def test_files_to_write(tmp_path) -> None:
    assert output_file(str(tmp_path / "new.json")) == tmp_path / "new.json"
    (tmp_path / "old.json").write_text("{}")
    assert output_file(str(tmp_path / "old.json")) == tmp_path / "old.json"
    for path, message in ((tmp_path, "is a folder: name a file in it"),
                          (tmp_path / "none" / "a.json", "there is no folder .*none to write a.json into: make it"),
                          (tmp_path / "old.json" / "a.json", "there is no folder .*old.json to write a.json into")):
        with pytest.raises(argparse.ArgumentTypeError, match=message):
            output_file(str(path))


@pytest.mark.parametrize("name", ["results", "train", "tune"])
def test_commands_of_the_platform_answer_alike(name, tmp_path, capsys) -> None:
    assert importlib.import_module(f"platform.{name}").main([str(tmp_path / "none.yaml")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "none.yaml" in said


@pytest.mark.parametrize(("module", "words"), [
    ("sgg.data", ["stats", "--data", "toy", "--root", "{broken}"]),
    ("sgg.detector", ["evaluate", "absent", "--data", "toy", "--root", "{broken}"]),
    ("sgg.checkpoint", ["import", "{folder}", "--out", "{folder}/new"]),
    ("sgg.features", ["extract", "{folder}/unreadable.yaml"]),
])
def test_files_that_the_system_refuses(module, words, tmp_path, capsys, monkeypatch) -> None:
    """A file in the place of a folder, a folder in that of a file, a file that may not be read."""
    (tmp_path / "root").write_text("")
    (tmp_path / "unreadable.yaml").write_text("")
    command = importlib.import_module(f"{module}.__main__")
    if module == "sgg.features":
        denied = raising(PermissionError(13, "Permission denied", "unreadable.yaml"))
        monkeypatch.setattr(command, "load", lambda *_: denied())
    assert command.main([word.format(broken=tmp_path / "root", folder=tmp_path) for word in words]) == 2
    assert capsys.readouterr().err.startswith("error: ")
