"""Results say which program and which packages computed them."""

import subprocess

import pytest
import torch

import sgg
from sgg.common.versions import (
    COMMIT_VARIABLE,
    PROGRAM,
    changed_versions,
    code_provenance,
    commit_of,
    describe_program,
    program,
    versions,
)


def test_versions():
    assert versions()["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert set(versions()) == {"python", "torch", "torchvision", "numpy", "scipy", "pillow"}


def test_changed_versions():
    now = {"torch": "2.10", "numpy": "2.0"}
    assert changed_versions({"torch": "2.9", "numpy": "2.0"}, now) == "torch 2.9, now 2.10"
    assert changed_versions(now, now) == changed_versions({}, now) == ""


@pytest.fixture
def repository(tmp_path):
    """A repository of one commit, with one file."""
    (tmp_path / "file").write_text("one")
    for words in ("init -q", "add file", "-c user.name=a -c user.email=a@b -c commit.gpgsign=false commit -qm one"):
        subprocess.run(["git", "-C", tmp_path, *words.split()], check=True)
    return tmp_path


def test_commit_of_a_repository(repository):
    head = subprocess.run(["git", "-C", repository, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    commit = head.stdout.strip()
    assert commit_of(repository) == commit
    (repository / "untracked").write_text("")
    assert commit_of(repository) == commit
    (repository / "file").write_text("two")
    assert commit_of(repository) == f"{commit}+dirty"


def test_commit_of_a_folder_within_a_repository_is_none(repository):
    """As the packages of a virtual environment in somebody's repository."""
    (repository / "venv").mkdir()
    assert commit_of(repository / "venv") is None


def test_commit_of_is_none_without_git(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert commit_of(repository) is None


def test_program(monkeypatch):
    program.cache_clear()
    monkeypatch.setenv(COMMIT_VARIABLE, "abc")
    try:
        assert program() == {"version": sgg.__version__, "commit": "abc"}
        assert code_provenance() == {PROGRAM: program(), "versions": versions()}
    finally:
        program.cache_clear()


def test_describe_program():
    assert describe_program({"version": "1.0", "commit": "abc+dirty"}) == "1.0, commit abc+dirty"
    assert describe_program({"version": "1.0", "commit": None}) == "1.0"
    assert describe_program({}) == ""
