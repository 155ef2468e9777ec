"""Checkpoints of our own: a folder that holds one epoch's state, whole or not there at all.

    checkpoints/epoch_0003/
        weights.safetensors    model.* and gan.*
        optimizers.pt          moments of the optimisers (tensors and numbers only)
        meta.json              epoch, settings, data, metrics, format version

Random states need no file: every draw is a function of (seed, epoch) (`sgg/seeding.py`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

FORMAT = 1
FOLDER = "checkpoints"
_NAME = re.compile(r"^epoch_(\d+)$")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's folder and what its meta.json says."""

    path: Path
    meta: dict[str, Any]

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self.meta["epoch"]

    def load_weights(self, **modules: nn.Module | None) -> None:
        """Put the weights into `modules`, for example model=..., gan=...; None is skipped.

        Raises ValueError with every missing, unexpected and mis-shaped name.
        """
        weights = _read(self.path / "weights.safetensors", load_file)
        for name, module in modules.items():
            if module is not None:
                prefix = f"{name}."
                own = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
                load_strictly(module, own, f"{self.path} ({name})")

    def load_optimizers(self, optimizers: dict[str, torch.optim.Optimizer]) -> None:
        """Put the optimisers' moments back; learning rates stay those of `optimizers`."""
        states = _read(self.path / "optimizers.pt", lambda path: torch.load(path, weights_only=True))
        if set(states) != set(optimizers):
            raise ValueError(f"{self.path} has optimisers {sorted(states)}, this run {sorted(optimizers)}: "
                             "resume with the settings it was written with")
        for name, optimizer in optimizers.items():
            rates = [group["lr"] for group in optimizer.param_groups]
            optimizer.load_state_dict(states[name])
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate


def path_of(directory: Path | str, epoch: int) -> Path:
    """Where the checkpoint of an epoch of a trial is."""
    return Path(directory) / FOLDER / f"epoch_{epoch:04d}"


def save(
    directory: Path | str,
    epoch: int,
    modules: dict[str, nn.Module | None],
    optimizers: dict[str, torch.optim.Optimizer],
    meta: dict[str, Any],
) -> Checkpoint:
    """Write the checkpoint of `epoch` under `directory`/checkpoints, in one rename. Returns it."""
    target = path_of(directory, epoch)
    for unfinished in target.parent.glob(".epoch_*"):  # a kill or a full disk left it; it would keep the disk full
        shutil.rmtree(unfinished, ignore_errors=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.mkdir(parents=True)
    weights = {f"{name}.{key}": value.contiguous() for name, module in modules.items() if module is not None
               for key, value in module.state_dict().items()}
    save_file(weights, temporary / "weights.safetensors")
    if optimizers:
        states = {name: optimizer.state_dict() for name, optimizer in optimizers.items()}
        torch.save(states, temporary / "optimizers.pt")
    meta = {"format": FORMAT, "epoch": epoch, **meta}
    (temporary / "meta.json").write_text(json.dumps(meta, indent=1))
    if target.exists():  # the epoch was run again after a kill
        shutil.rmtree(target)
    os.replace(temporary, target)
    return Checkpoint(target, meta)


def open_checkpoint(path: Path | str) -> Checkpoint:
    """The checkpoint in the folder `path`, or the newest of the trial whose folder `path` is.

    Raises FileNotFoundError where there is none, ValueError where it is none of ours.
    """
    path = Path(path)
    if (path / "meta.json").is_file():
        meta = _read(path / "meta.json", lambda file: json.loads(file.read_text()))
        if not isinstance(meta, dict) or meta.get("format") != FORMAT or "epoch" not in meta:
            raise ValueError(f"{path / 'meta.json'} is not of checkpoint format {FORMAT}")
        return Checkpoint(path, meta)
    newest = latest(path)
    if newest is None:
        raise FileNotFoundError(f"{path} holds no checkpoint: name a trial's folder or one of its {FOLDER}/epoch_*")
    return newest


def latest(directory: Path | str) -> Checkpoint | None:
    """The checkpoint of the most epochs under a trial's folder; None where there is none."""
    epochs = _epochs(Path(directory))
    return open_checkpoint(path_of(directory, max(epochs))) if epochs else None


def prune(directory: Path | str, last: int, best: int | None) -> None:
    """Delete all checkpoints of a trial but the `last` newest and that of epoch `best`."""
    epochs = sorted(_epochs(Path(directory)))
    for epoch in set(epochs[:-last]) - {best}:
        shutil.rmtree(path_of(directory, epoch), ignore_errors=True)


def load_strictly(module: nn.Module, weights: dict[str, Tensor], source: str) -> None:
    """Like load_state_dict, with every fault in one ValueError, and nothing loaded when there is one."""
    own = module.state_dict()
    faults = [f"missing {name}" for name in own if name not in weights]
    faults += [f"unexpected {name}" for name in weights if name not in own]
    faults += [f"{name} has shape {list(weights[name].shape)}, expected {list(value.shape)}"
               for name, value in own.items() if name in weights and weights[name].shape != value.shape]
    if faults:
        raise ValueError("\n  ".join([f"{source} does not fit the model:", *faults]))
    module.load_state_dict(weights)


def _epochs(directory: Path) -> list[int]:
    folder = directory / FOLDER
    names = [_NAME.match(entry.name) for entry in folder.iterdir()] if folder.is_dir() else []
    return [int(name[1]) for name in names if name]


def _read(path: Path, reader: Any) -> Any:
    try:
        return reader(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing: the checkpoint is not whole") from None
    except (SafetensorError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise ValueError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from None
