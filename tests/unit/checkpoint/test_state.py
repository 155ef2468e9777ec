"""Checkpoints: whole or not there, refused with every fault named."""

import logging
import os
import shutil
from pathlib import Path

import pytest
import torch
from torch import nn

from sgg import checkpoint
from sgg.checkpoint.paths import finished_epochs, remove_all
from sgg.checkpoint.state import Checkpoint
from sgg.common.hashing import sha256_of
from sgg.common.seeding import global_states
from sgg.methods.plugins import load_plugins, unload_plugins
from tests.plugins import HEAD, loaded


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def adam(network: nn.Module, rate: float) -> torch.optim.Adam:
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    network(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    return optimizer


def test_load_optimizers_keeps_moments_but_not_options(tmp_path, network) -> None:
    optimizer = adam(network, 0.1)
    checkpoint.save(tmp_path, 3, {"model": network, "gan": None}, {"model": optimizer}, {"data": "toy"})
    found = checkpoint.latest(tmp_path)
    assert (found.epoch, found.path, found.meta["data"]) == (3, checkpoint.path_of(tmp_path, 3), "toy")
    other = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    again = torch.optim.Adam(other.parameters(), lr=0.02, fused=True)  # the first edition's were not
    found.load_weights(model=other, gan=None)
    found.load_optimizers({"model": again})
    for ours, theirs in zip(other.state_dict().values(), network.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)
    assert (again.param_groups[0]["lr"], again.param_groups[0]["fused"]) == (0.02, True)
    first, second = (next(iter(one.state_dict()["state"].values())) for one in (again, optimizer))
    assert torch.equal(first["exp_avg"], second["exp_avg"])


def test_latest_ignores_an_unfinished_checkpoint(tmp_path, network) -> None:
    checkpoint.save(tmp_path, 1, {"model": network}, {}, {})
    (tmp_path / "checkpoints" / ".epoch_0002.99").mkdir()
    assert checkpoint.latest(tmp_path).epoch == 1
    assert checkpoint.open_checkpoint(tmp_path).epoch == 1


def test_save_replaces_the_checkpoint_of_an_epoch(tmp_path, network) -> None:
    for data in ("first", "second"):
        checkpoint.save(tmp_path, 1, {"model": network}, {}, {"data": data})
    assert checkpoint.latest(tmp_path).meta["data"] == "second"


def partial(step: int) -> checkpoint.PartialEpoch:
    states = {"python": global_states(torch.device("cpu")), "draws": {"pairs": torch.Generator().get_state()}}
    return checkpoint.PartialEpoch(step, 1, 2.5, {"nodes": 0.1}, {"nodes": step}, 8, {"fallbacks": 0}, [states])


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in (directory / "checkpoints").iterdir())


def test_save_within_an_epoch_replaces_the_one_before(tmp_path, network) -> None:
    """It is the newest one to train from, and none to evaluate; it goes when a newer one is there."""
    checkpoint.save(tmp_path, 1, {"model": network}, {"model": adam(network, 0.1)}, {})
    for step in (50, 100):
        state = partial(step)
        checkpoint.save(tmp_path, 1, {"model": network}, {"model": adam(network, 0.1)}, {}, state)
        assert names(tmp_path) == ["epoch_0001", f"unfinished_epoch_0002_step_{step:04d}"]
    found = checkpoint.latest_whole(tmp_path)
    assert (found.position, found.epoch) == ((1, 100), 1)
    read = found.partial_epoch()
    assert torch.equal(read.random_states[0]["draws"].pop("pairs"), state.random_states[0]["draws"].pop("pairs"))
    assert torch.equal(read.random_states[0]["python"].pop("torch"), state.random_states[0]["python"].pop("torch"))
    assert read == state
    assert checkpoint.latest(tmp_path).position == checkpoint.open_checkpoint(tmp_path).position == (1, 0)
    assert checkpoint.latest(tmp_path).partial_epoch() is None
    checkpoint.save(tmp_path, 2, {"model": network}, {"model": adam(network, 0.1)}, {})
    assert names(tmp_path) == ["epoch_0001", "epoch_0002"]


def test_save_within_an_epoch_replaces_a_damaged_later_one(tmp_path, network) -> None:
    """The run resumed before it. What is left of a deletion that was interrupted goes, too."""
    checkpoint.save(tmp_path, 0, {"model": network}, {"model": adam(network, 0.1)}, {}, partial(20))
    (checkpoint.path_of(tmp_path, 0, 20) / "meta.json").unlink()
    (tmp_path / "checkpoints" / ".unfinished_epoch_0001_step_0005.old").mkdir()
    checkpoint.save(tmp_path, 0, {"model": network}, {"model": adam(network, 0.1)}, {}, partial(10))
    assert names(tmp_path) == ["unfinished_epoch_0001_step_0010"]


def test_remove_superseded_keeps_the_checkpoint_of_an_unfinished_epoch(tmp_path, network) -> None:
    """A kill after the checkpoint of epoch 2 left one of an earlier step."""
    checkpoint.save(tmp_path, 1, {"model": network}, {}, {}, partial(20))
    checkpoint.remove_superseded(tmp_path)
    assert names(tmp_path) == ["unfinished_epoch_0002_step_0020"]
    shutil.copytree(checkpoint.path_of(tmp_path, 1, 20), tmp_path / "kept")
    checkpoint.save(tmp_path, 2, {"model": network}, {}, {})
    shutil.copytree(tmp_path / "kept", checkpoint.path_of(tmp_path, 1, 20))
    checkpoint.remove_superseded(tmp_path)
    assert names(tmp_path) == ["epoch_0002"]


@pytest.mark.parametrize("spoil", [
    lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-100])], ids=["missing", "cut"])
@pytest.mark.parametrize("file", ["partial_epoch.pt", "weights.safetensors", "optimizers.pt"])
def test_latest_whole_skips_a_damaged_checkpoint_within_an_epoch(tmp_path, network, caplog, spoil, file) -> None:
    checkpoint.save(tmp_path, 3, {"model": network}, {"model": adam(network, 0.1)}, {})
    checkpoint.save(tmp_path, 3, {"model": network}, {"model": adam(network, 0.1)}, {}, partial(7))
    spoil(checkpoint.path_of(tmp_path, 3, 7) / file)
    assert checkpoint.latest_whole(tmp_path).position == (3, 0)
    (message,) = caplog.messages
    assert f"unfinished_epoch_0004_step_0007/{file}" in message


def test_prune_keeps_last_and_best(tmp_path, network) -> None:
    for epoch in range(1, 7):
        checkpoint.save(tmp_path, epoch, {"model": network}, {}, {})
    checkpoint.prune(tmp_path, last=2, best={3})
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept == ["epoch_0003", "epoch_0005", "epoch_0006"]


class Killed(BaseException):
    """Nothing after this happens."""


@pytest.fixture
def killed_while_deleting(monkeypatch) -> pytest.MonkeyPatch:
    """The process dies when it has deleted one file of a folder, until `undo` is called."""
    def die(folder: Path, ignore_errors: bool = False) -> None:
        next(Path(folder).glob("meta.json")).unlink()
        raise Killed

    monkeypatch.setattr("shutil.rmtree", die)
    return monkeypatch


def test_prune_killed_while_it_deletes(tmp_path, network, killed_while_deleting) -> None:
    """After the last epoch no further one deletes what is left, but the end of the resumed run."""
    for epoch in (1, 2):
        checkpoint.save(tmp_path, epoch, {"model": network}, {}, {})
    with pytest.raises(Killed):
        checkpoint.prune(tmp_path, last=1, best=())
    assert finished_epochs(tmp_path) == [2]
    killed_while_deleting.undo()
    checkpoint.remove_superseded(tmp_path)
    assert names(tmp_path) == ["epoch_0002"]


def test_save_killed_while_it_deletes_the_checkpoint_before(tmp_path, network, caplog, killed_while_deleting) -> None:
    for epoch in (1, 2):
        checkpoint.save(tmp_path, epoch, {"model": network}, {"model": adam(network, 0.1)}, {})
    with pytest.raises(Killed):
        checkpoint.save(tmp_path, 2, {"model": network}, {"model": adam(network, 0.1)}, {})
    assert checkpoint.latest_whole(tmp_path).epoch == 1
    assert not caplog.messages
    killed_while_deleting.undo()
    checkpoint.save(tmp_path, 2, {"model": network}, {"model": adam(network, 0.1)}, {})
    assert names(tmp_path) == ["epoch_0001", "epoch_0002"]


def test_remove_all(tmp_path, network, killed_while_deleting) -> None:
    """Killed meanwhile, it leaves whole checkpoints alone."""
    checkpoint.save(tmp_path, 1, {"model": network}, {"model": adam(network, 0.1)}, {})
    checkpoint.save(tmp_path, 1, {"model": network}, {"model": adam(network, 0.1)}, {}, partial(20))
    with pytest.raises(Killed):
        remove_all(tmp_path)
    assert checkpoint.latest_whole(tmp_path).position == (1, 20)
    killed_while_deleting.undo()
    remove_all(tmp_path)
    assert not (tmp_path / "checkpoints").exists()


def test_load_weights_names_every_fault_at_once(tmp_path, network) -> None:
    checkpoint.save(tmp_path, 1, {"model": network}, {}, {})
    other = nn.Sequential(nn.Linear(4, 2), nn.LayerNorm(2), nn.Linear(2, 2))
    with pytest.raises(ValueError, match="does not fit the model") as raised:
        checkpoint.latest(tmp_path).load_weights(model=other)
    for fault in ("missing 2.weight", "missing 2.bias", "unexpected 1.running_mean",
                  "0.weight has shape [2, 3], expected [2, 4]"):
        assert fault in str(raised.value)


def test_load_optimizers_refuses_other_optimisers(tmp_path, network) -> None:
    checkpoint.save(tmp_path, 1, {"model": network}, {"model": adam(network, 0.1)}, {})
    with pytest.raises(ValueError, match=r"has optimisers \['model'\], this run \['discriminators', 'model'\]"):
        checkpoint.latest(tmp_path).load_optimizers({"model": adam(network, 0.1), "discriminators": adam(network, 0.1)})


@pytest.mark.parametrize("spoil", [
    lambda path: (path / "weights.safetensors").write_bytes((path / "weights.safetensors").read_bytes()[:-1]),
    lambda path: (path / "weights.safetensors").unlink(),
    lambda path: (path / "optimizers.pt").write_bytes((path / "optimizers.pt").read_bytes()[:200]),
    lambda path: (path / "optimizers.pt").unlink(),
    lambda path: (path / "meta.json").write_text("{"),
    lambda path: (path / "meta.json").unlink(),
])
def test_latest_whole_skips_damaged_checkpoints(tmp_path, network, caplog, spoil) -> None:
    assert checkpoint.latest_whole(tmp_path) is None
    for epoch in (1, 2, 3):
        checkpoint.save(tmp_path, epoch, {"model": network}, {"model": adam(network, 0.1)}, {})
    assert checkpoint.latest_whole(tmp_path).epoch == 3
    assert not caplog.messages
    spoil(checkpoint.path_of(tmp_path, 3))
    assert checkpoint.latest_whole(tmp_path).epoch == 2
    assert [message.startswith("skipped: ") and "epoch_0003" in message for message in caplog.messages] == [True]
    for epoch in (1, 2):
        spoil(checkpoint.path_of(tmp_path, epoch))
    with pytest.raises(ValueError, match="has no checkpoint that is whole; delete it to start again") as raised:
        checkpoint.latest_whole(tmp_path)
    assert all(f"epoch_000{epoch}" in str(raised.value) for epoch in (1, 2, 3))


def test_require_origin_refuses_other_data_or_another_detector(tmp_path, network) -> None:
    saved = checkpoint.save(tmp_path, 1, {"model": network}, {}, {"data": {"hash": "d"}, "detector": "w"})
    saved.require_origin("d", {"detector": "w"})
    with pytest.raises(ValueError, match=r"epoch_0001 was trained on another data \(d, here e\): set data\.root"):
        saved.require_origin("e", {"detector": "w"})
    with pytest.raises(ValueError, match=r"was trained on another detector \(w, here v\)"):
        saved.require_origin("d", {"detector": "v"})
    imported = checkpoint.save(tmp_path, 2, {"model": network}, {}, {"data": {"hash": None}, "detector": "w"})
    imported.require_origin("d", {"detector": "w"})


def test_save_syncs_files_before_renaming(tmp_path, network, monkeypatch) -> None:
    events, replace = [], os.replace
    monkeypatch.setattr("os.fsync", lambda file: events.append(Path(os.readlink(f"/proc/self/fd/{file}")).name))
    monkeypatch.setattr("os.replace", lambda *names: (events.append("named"), replace(*names)))
    checkpoint.save(tmp_path, 1, {"model": network}, {"model": adam(network, 0.1)}, {})
    before, after = events[:events.index("named")], events[events.index("named") + 1:]
    assert sorted(before)[1:] == ["meta.json", "optimizers.pt", "weights.safetensors"]
    assert before[-1].startswith(".epoch_0001.")
    assert after == ["checkpoints"]


@pytest.mark.parametrize(("umask", "mode"), [(0o027, 0o640), (0o077, 0o600)])
def test_save_respects_the_umask(tmp_path, network, umask, mode) -> None:
    before = os.umask(umask)
    try:
        saved = checkpoint.save(tmp_path, 1, {"model": network}, {"model": adam(network, 0.1)}, {})
    finally:
        os.umask(before)
    assert {entry.stat().st_mode & 0o777 for entry in saved.path.iterdir()} == {mode}


def test_open_checkpoint_names_damage(tmp_path, network) -> None:
    saved = checkpoint.save(tmp_path, 1, {"model": network}, {}, {})
    weights = saved.path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:50])
    with pytest.raises(ValueError, match=r"weights\.safetensors cannot be read"):
        saved.load_weights(model=network)
    weights.unlink()
    with pytest.raises(FileNotFoundError, match=r"weights\.safetensors is missing: the checkpoint is not whole"):
        saved.load_weights(model=network)
    with pytest.raises(FileNotFoundError, match="holds no checkpoint"):
        checkpoint.open_checkpoint(tmp_path / "elsewhere")
    (saved.path / "meta.json").write_text("{}")
    with pytest.raises(ValueError, match="does not have checkpoint format 1"):
        checkpoint.open_checkpoint(saved.path)


def test_require_plugins_names_missing_and_changed_plugins(tmp_path, network, caplog) -> None:
    """By the hashes of their files; nothing of them is run where it is opened."""
    full_name = str(tmp_path / "mine.py")
    with loaded(Path(full_name), HEAD):
        checkpoint.save(tmp_path, 1, {"model": network}, {}, {"config": {"experiment": {"plugins": [full_name]}}})
        found = checkpoint.open_checkpoint(tmp_path)
        assert found.meta["plugins"] == {"mine.py": sha256_of(tmp_path / "mine.py")}
        found.require_plugins(allow_changed=False)
        unload_plugins(["mine.py"])
        with pytest.raises(ValueError, match=r"epoch_0001: it needs the plugin mine\.py .* add --plugin mine\.py"):
            checkpoint.open_checkpoint(tmp_path).require_plugins(True, "add --plugin {}")
        (tmp_path / "mine.py").write_text(f"{HEAD}# changed\n")
        load_plugins([full_name])
        with pytest.raises(ValueError, match="--allow-changed-plugin"):
            found.require_plugins(allow_changed=False)
        found.require_plugins(allow_changed=True)
        then, now = found.meta["plugins"]["mine.py"][:12], sha256_of(tmp_path / "mine.py")[:12]
        assert all(word in caplog.text for word in ("mine.py", then, now))


def test_require_origin_refuses_a_checkpoint_of_other_images(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    saved = Checkpoint(tmp_path, {"data": {"hash": "d", "pictures": {"train": "t", "val": "v"}}, "detector": "w"})
    saved.require_origin("d", {"detector": "w"}, {"train": "t"})
    with pytest.raises(ValueError, match=r"was made with other image files of val \(v, here u\): put them back"):
        saved.require_origin("d", {"detector": "w of u"}, {"train": "t", "val": "u"})  # and so of another detector
    assert caplog.text == ""
    old = Checkpoint(tmp_path, {"data": {"hash": "d"}, "detector": "w"})
    old.require_origin("d", {"detector": "w"}, {"train": "t"})
    assert "does not say which image files it was trained on" in caplog.text
