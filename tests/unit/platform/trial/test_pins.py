"""Checkpoints that a trial keeps for others, while its training goes on and processes die."""

import os
import shutil
from pathlib import Path
from platform.trial.pins import ADOPTED, PINNED, pin

import pytest

from sgg.checkpoint.paths import META, OPTIMIZERS, WEIGHTS, path_of, remove

PARTS = (META, WEIGHTS, OPTIMIZERS)


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    """A trial's folder beside others."""
    return tmp_path / "trials" / "a"


def save(trial: Path, epoch: int, parts: tuple[str, ...] = PARTS) -> Path:
    """A checkpoint whose files hold the epoch; a later one is of a later time."""
    path = path_of(trial, epoch)
    path.mkdir(parents=True)
    for name in parts:
        (path / name).write_text(str(epoch))
        os.utime(path / name, ns=(epoch * 10**9, epoch * 10**9))
    os.utime(path, ns=(epoch * 10**9, epoch * 10**9))
    return path


def content(pinned: Path | None) -> dict[str, str]:
    assert pinned is not None
    return {path.name: path.read_text() for path in pinned.iterdir()}


def pins(trial: Path) -> list[str]:
    return sorted(path.name.partition("-")[0] for path in (trial / "pinned").iterdir())


def test_pin_of_the_newest_checkpoint(trial: Path) -> None:
    assert pin(trial) is None
    for epoch in (9999, 10000):
        save(trial, epoch)
    pinned = pin(trial)
    shutil.rmtree(trial / "checkpoints")
    assert content(pinned) == dict.fromkeys(PARTS, "10000")


def newer_instead(trial: Path, remove_first: tuple[str, ...]):
    """What a worker does meanwhile: it writes the next checkpoint and deletes this one, of which files go first."""
    def go_on(*_: object) -> None:
        for name in remove_first:
            (path_of(trial, 1) / name).unlink()
        save(trial, 2)
        if not remove_first:
            remove(path_of(trial, 1))

    return go_on


@pytest.mark.parametrize("deleted", [(), (WEIGHTS,), (OPTIMIZERS,)], ids=["all", "weights", "optimizers"])
@pytest.mark.parametrize("moment", ["shutil.copytree", "os.link"])
def test_pin_of_a_checkpoint_that_the_training_deletes_meanwhile(trial: Path, monkeypatch: pytest.MonkeyPatch,
                                                                 deleted: tuple[str, ...], moment: str) -> None:
    """It is the newest one that is whole."""
    save(trial, 1)
    owner = shutil if moment == "shutil.copytree" else os
    original, meanwhile = getattr(owner, moment.rpartition(".")[2]), [newer_instead(trial, deleted)]

    def watched(*arguments, **settings):
        if meanwhile:
            meanwhile.pop()()
        return original(*arguments, **settings)

    monkeypatch.setattr(moment, watched)
    assert content(pin(trial)) == dict.fromkeys(PARTS, "2")
    assert pins(trial) == ["epoch_0002"]


@pytest.mark.parametrize("missing", PARTS)
def test_pin_names_a_checkpoint_that_is_not_whole(trial: Path, missing: str) -> None:
    save(trial, 1, tuple(name for name in PARTS if name != missing))
    with pytest.raises(FileNotFoundError, match=rf"epoch_0001 cannot be kept for other trials .*{missing}.*--resume"):
        pin(trial)
    assert not list((trial / "pinned").glob("*"))


def test_pin_after_a_call_that_was_killed(trial: Path) -> None:
    """What it left, also with this process's number (containers), disturbs nobody and is no pin."""
    save(trial, 1)
    for name in (f".epoch_0001-{10**9}.{os.getpid()}", *(f".epoch_0009-{number}.7" for number in range(PINNED))):
        (trial / "pinned" / name).mkdir(parents=True)
    assert content(pin(trial)) == dict.fromkeys(PARTS, "1")
    save(trial, 2)
    pin(trial)
    assert pins(trial) == ["epoch_0001", "epoch_0002"]


def test_pin_while_another_call_makes_the_same(trial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(trial, 1)
    copytree, other = shutil.copytree, []

    def late(*arguments, **settings):
        copied = copytree(*arguments, **settings)
        if not other:
            other.append(None)
            other[0] = pin(trial)
        return copied

    monkeypatch.setattr("shutil.copytree", late)
    assert pin(trial) == other[0]
    assert content(other[0]) == dict.fromkeys(PARTS, "1")
    assert pins(trial) == ["epoch_0001"]


def test_pin_deletes_old_ones_that_no_trial_continues_from(trial: Path) -> None:
    receiver = trial.parent / "b"
    receiver.mkdir(parents=True)
    for epoch in range(1, PINNED + 4):
        save(trial, epoch)
        pinned = pin(trial)
        if epoch == 2:
            (receiver / ADOPTED).write_text(str(pinned))
    assert pins(trial) == ["epoch_0002", *(f"epoch_{epoch:04d}" for epoch in range(4, PINNED + 4))]


def test_pin_killed_while_it_deletes_an_old_one(trial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another trial may still continue from the old one: it is there and whole, or it is missing."""
    for epoch in range(1, PINNED + 1):
        save(trial, epoch)
        pin(trial)
    save(trial, PINNED + 1)
    rmtree = shutil.rmtree

    def killed(folder: Path, ignore_errors: bool = False) -> None:
        if (Path(folder) / META).is_file():
            (Path(folder) / META).unlink()
            raise KeyboardInterrupt
        rmtree(folder, ignore_errors)

    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        pin(trial)
    assert not list((trial / "pinned").glob("epoch_0001*"))
