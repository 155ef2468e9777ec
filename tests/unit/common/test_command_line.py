"""What every command answers to a mistake of its user."""

import argparse
import importlib
import subprocess
import sys

import pytest

from sgg.common.command_line import distinct, not_negative, output_file, positive, positive_number, run_command
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
def test_run_command_prints_an_error_and_returns_2(error, said, capsys) -> None:
    assert run_command(raising(error)) == 2
    assert capsys.readouterr() == ("", f"error: {said}\n")


def test_run_command_other_exit_statuses(capsys) -> None:
    assert run_command(lambda: None) == 0
    assert run_command(lambda: 1) == 1
    assert run_command(raising(KeyboardInterrupt()), "interrupted; goes on") == 130
    assert capsys.readouterr().err == "interrupted; goes on\n"
    with pytest.raises(TypeError):
        run_command(raising(TypeError("our own mistake")))


def test_output_file(tmp_path) -> None:
    assert output_file(str(tmp_path / "new.json")) == tmp_path / "new.json"
    (tmp_path / "old.json").write_text("{}")
    assert output_file(str(tmp_path / "old.json")) == tmp_path / "old.json"
    for path, message in ((tmp_path, "is a folder: name a file in it"),
                          (tmp_path / "none" / "a.json", "there is no folder .*none .*a.json.* make"),
                          (tmp_path / "old.json" / "a.json", "there is no folder .*old.json .*a.json")):
        with pytest.raises(argparse.ArgumentTypeError, match=message):
            output_file(str(path))


@pytest.mark.parametrize(("kind", "accepted", "refused"), [
    (positive, {"1": 1, "12": 12}, ["0", "-590", "1.5", "many", ""]),
    (not_negative, {"0": 0, "3": 3}, ["-1", "1e3"]),
    (positive_number, {"1e-4": 1e-4, "2": 2.0}, ["0", "-1", "nan", "inf", "much"]),
    (distinct(int), {"2,1": [2, 1], " 3 ": [3]}, ["1,1"]),
])
def test_positive_not_negative_positive_number_distinct(kind, accepted, refused) -> None:
    assert {text: kind(text) for text in accepted} == accepted
    for text in refused:
        with pytest.raises(argparse.ArgumentTypeError, match=f"{text}$"):
            kind(text)


@pytest.mark.parametrize("name", ["results.__main__", "train", "tune"])
def test_run_command_in_commands_of_the_platform(name, tmp_path, capsys) -> None:
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
def test_run_command_names_a_file_that_the_system_refuses(module, words, tmp_path, capsys, monkeypatch) -> None:
    """A file in the place of a folder, a folder in that of a file, a file that may not be read."""
    (tmp_path / "root").write_text("")
    (tmp_path / "unreadable.yaml").write_text("")
    command = importlib.import_module(f"{module}.__main__")
    if module == "sgg.features":
        denied = raising(PermissionError(13, "Permission denied", "unreadable.yaml"))
        monkeypatch.setattr(command, "load", lambda *_: denied())
    assert command.main([word.format(broken=tmp_path / "root", folder=tmp_path) for word in words]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_run_command_when_the_reader_closes_the_pipe() -> None:
    printing = ("import sys; from sgg.common.command_line import run_command; "
                "sys.exit(run_command(lambda: [print('row') for _ in range(10 ** 6)] and None))")
    with subprocess.Popen([sys.executable, "-c", printing], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as command:
        assert command.stdout.readline() == b"row\n"
        command.stdout.close()
        assert command.stderr.read() == b""
    assert command.returncode == 141
