"""Our checkpoints. A checkpoint is a folder with the state of one epoch; it is whole or not there.

    checkpoints/epoch_0003/
        weights.safetensors    the system's networks, by name: model.*, ...
        optimizers.pt          moments of the optimisers (tensors and numbers only)
        meta.json              epoch, settings, data, versions of packages, plugins with the hashes of their files,
                               format version

None of these files holds random states, since every draw is a function of (seed, epoch) (`sgg/common/seeding.py`).
Within an epoch generators advance from step to step, so a checkpoint within an epoch has one file more. There is one at
most: the next checkpoint replaces it.

    checkpoints/unfinished_epoch_0004_step_0050/
        partial_epoch.pt       sums of losses, counts, seconds and random states after 50 steps (`partial_epoch.py`)
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from sgg.common.metric_names import SETTINGS_OF_PARTS
from sgg.common.pickles import DAMAGE
from sgg.common.run_log import CHECKPOINTS, PARTS_FOLDER
from sgg.common.weights import load_strictly
from sgg.data.provenance import VectorProvenance
from sgg.methods.plugins import changed_plugins, fault_of_plugins, loaded_digests

from .meta import CheckpointMeta
from .partial_epoch import PartialEpoch
from .paths import (
    META,
    OPTIMIZERS,
    PARTIAL,
    WEIGHTS,
    finished_epochs,
    path_of,
    remove,
    remove_leftovers,
    remove_unfinished,
    unfinished_epochs,
)

log = logging.getLogger(__name__)

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's folder and what its meta.json says."""

    path: Path
    meta: CheckpointMeta

    @property
    def epoch(self) -> int:
        """The number of finished epochs."""
        return self.meta["epoch"]

    @property
    def position(self) -> tuple[int, int]:
        """Finished epochs, and finished steps of the epoch after them."""
        return self.meta["epoch"], self.meta.get("step", 0)

    @property
    def parts_folder(self) -> Path | None:
        """The folder of what a prediction needs beside this: within the checkpoint, or beside `checkpoints/`; None
        where there is none, because an earlier version trained or imported this."""
        places = self.path / PARTS_FOLDER, self.path.resolve().parent.parent / PARTS_FOLDER
        return next((place for place in places if place.is_dir()), None)

    def require_whole(self) -> None:
        """Raise FileNotFoundError or ValueError that names a missing or damaged file, if resuming needs it."""
        _read(self.path / WEIGHTS, _read_header)
        _read(self.path / OPTIMIZERS, _read_states)
        self.partial_epoch()

    def partial_epoch(self) -> PartialEpoch | None:
        """The state of the unfinished epoch; None if this was written at the end of an epoch. Raises what
        `require_whole` raises."""
        if not self.position[1]:
            return None
        return PartialEpoch(**_read(self.path / PARTIAL, _read_states))

    def require_plugins(self, allow_changed: bool, remedy: str = "add it to experiment.plugins") -> None:
        """Raise ValueError if this was trained with a plugin that is not loaded or, unless allowed, has changed since.

        remedy: how the user names a plugin, with {} for its name.
        """
        if fault := fault_of_plugins(self.meta.get("plugins", {}), allow_changed, remedy):
            raise ValueError(f"{self.path}: {fault}")
        for name, (then, now) in changed_plugins(self.meta.get("plugins", {})).items():
            log.warning("%s was trained with another version of the plugin %s (sha256 %s, here %s): what follows is of "
                        "the code of now", self.path, name, then[:12], now[:12])

    def require_origin(self, data_hash: str, parts: Mapping[str, str | None],
                       pictures: Mapping[str, str] | None = None) -> None:
        """Raise ValueError if this was trained on other data, image files or parts.

        parts: the hash of each part that the system needs; None: it does not exist yet and is not compared. pictures:
        the hash of the image files of each split that matters. A checkpoint of the first edition has no such hash; the
        log says so.
        """
        self._require_same("data", self.meta["data"]["hash"], data_hash)
        known = self.meta["data"].get("pictures")
        if pictures and known is None:
            log.warning("%s does not say which image files it was trained on: it is imported, or of the first edition, "
                        "which gave images that are not square a slightly different padding", self.path)
        for split, now in (pictures or {}).items():
            if known is not None and known.get(split, now) != now:
                raise ValueError(f"{self.path} was made with other image files of {split} ({known[split]}, here {now}):"
                                 " put them back, set data.root to them, or train again under another experiment.name")
        for name, digest in parts.items():  # last, since other image files also mean another detector
            self._require_same(name, self.meta.get(name), digest)

    def _require_same(self, what: str, then: object, now: str | None) -> None:
        if None not in (then, now) and then != now:  # an imported checkpoint has no hash of its data
            setting = "" if what == "data" else f" or {SETTINGS_OF_PARTS.get(what, what)}"
            raise ValueError(f"{self.path} was trained on another {what} ({then}, here {now}): set data.root{setting} "
                             "to the one of the training")

    def require_vectors(self, vectors: VectorProvenance) -> None:
        """Raise ValueError where this was trained with other word vectors than those, see
        `sgg.experiment.embeddings.vector_provenance`.

        Values that a checkpoint lacks, because it is imported or of the first edition, are not compared.
        """
        then = {name: self.meta["data"].get(name, value) for name, value in vectors.items()}
        if then != dict(vectors):
            was, now = (" ".join(str(value) for value in values.values() if value) for values in (then, dict(vectors)))
            raise ValueError(f"{self.path} was trained with other word vectors ({was}, here {now}): put them back "
                             "(embeddings.path, or the file that it names by default), or train again under another "
                             "experiment.name")

    def load_weights(self, **modules: nn.Module | None) -> None:
        """Load the weights into `modules`, for example model=...; None is skipped.

        A dotted name loads a part of the saved weights: `model.relation_head`. Raises ValueError with every missing or
        unexpected name and every wrong shape.
        """
        weights = _read(self.path / WEIGHTS, load_file)
        for name, module in modules.items():
            if module is not None:
                prefix = f"{name}."
                own = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
                try:
                    load_strictly(module, own, f"{self.path} ({name})")
                except ValueError as error:
                    # The first edition's global discriminator has two stages on the toy genome's maps, ours three.
                    raise ValueError(f"{error}\n  (an earlier edition built another network here, or the settings "
                                     "differ: train again under another experiment.name)") from None

    def load_optimizers(self, optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
        """Load the moments of the optimisers. Learning rates and all other options of `optimizers` stay."""
        states = _read(self.path / OPTIMIZERS, _read_states)
        if set(states) != set(optimizers):
            raise ValueError(f"{self.path} has optimisers {sorted(states)}, this run {sorted(optimizers)}: "
                             "resume with the settings it was written with")
        for name, optimizer in optimizers.items():
            options = [{key: value for key, value in group.items() if key != "params"}
                       for group in optimizer.param_groups]
            optimizer.load_state_dict(states[name])
            for group, kept in zip(optimizer.param_groups, options, strict=True):
                group.update(kept)


def save(
    directory: Path | str,
    epoch: int,
    modules: Mapping[str, nn.Module | None],
    optimizers: Mapping[str, torch.optim.Optimizer],
    meta: CheckpointMeta,
    partial: PartialEpoch | None = None,
) -> Checkpoint:
    """Write a checkpoint after `epoch` epochs, and the steps of `partial`, under `directory`/checkpoints atomically.
    Returns it. Any earlier checkpoint within an epoch is then deleted.

    Raises OSError that names the checkpoint if it cannot be written; earlier checkpoints stay.
    """
    target = path_of(directory, epoch, partial.step if partial else 0)
    remove_leftovers(directory)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    weights = {f"{name}.{key}": value.contiguous() for name, module in modules.items() if module is not None
               for key, value in module.state_dict().items()}
    plugins = loaded_digests(meta.get("config", {}).get("experiment", {}).get("plugins", []))
    meta = {"format": FORMAT, "epoch": epoch, **meta}
    if partial is not None:
        meta["step"] = partial.step
    if plugins:
        meta["plugins"] = plugins
    try:
        temporary.mkdir(parents=True)
        save_file(weights, temporary / WEIGHTS)
        if optimizers:
            states = {name: optimizer.state_dict() for name, optimizer in optimizers.items()}
            torch.save(states, temporary / OPTIMIZERS)
        if partial is not None:
            torch.save(asdict(partial), temporary / PARTIAL)
        (temporary / META).write_text(json.dumps(meta, indent=1))
        shutil.copymode(temporary / META, temporary / WEIGHTS)  # otherwise only the owner could read it
        _sync(*temporary.iterdir(), temporary)  # otherwise a power cut may leave the name without content
    except (OSError, SafetensorError, RuntimeError) as error:  # torch raises RuntimeError if the disk is full
        shutil.rmtree(temporary, ignore_errors=True)
        raise OSError(f"{target} cannot be written: {' '.join(str(error).split())[:200]}; the checkpoints before it "
                      "are whole: make room and resume") from error
    if target.exists():  # the epoch was run again after a kill
        remove(target)
    os.replace(temporary, target)
    _sync(target.parent)
    here = (epoch, partial.step if partial else 0)
    remove_unfinished(directory, [place for place in unfinished_epochs(directory) if place != here])
    return Checkpoint(target, meta)


def open_checkpoint(path: Path | str) -> Checkpoint:
    """The checkpoint in the folder `path`, or the newest one if `path` is the folder of a trial.

    Raises FileNotFoundError if there is none, ValueError if it has another format.
    """
    path = Path(path)
    if (path / META).is_file():
        meta = _read(path / META, lambda file: json.loads(file.read_text()))
        if not isinstance(meta, dict) or meta.get("format") != FORMAT or "epoch" not in meta:
            raise ValueError(f"{path / META} does not have checkpoint format {FORMAT}")
        return Checkpoint(path, cast(CheckpointMeta, meta))
    newest = latest(path)
    if newest is None:
        raise FileNotFoundError(f"{path} holds no checkpoint: name a trial's folder or one of its "
                                f"{CHECKPOINTS}/epoch_*")
    return newest


def latest(directory: Path | str) -> Checkpoint | None:
    """The newest checkpoint of a finished epoch under a trial's folder; None if there is none."""
    epochs = finished_epochs(directory)
    return open_checkpoint(path_of(directory, epochs[-1])) if epochs else None


def latest_whole(directory: Path | str) -> Checkpoint | None:
    """The newest checkpoint that is whole, be it of a finished epoch or within one; None if there is no checkpoint.
    Damaged ones are skipped with a warning.

    Raises ValueError if all of them are damaged, so that training is not lost silently.
    """
    damage: list[str] = []
    places = [*((epoch, 0) for epoch in finished_epochs(directory)), *unfinished_epochs(directory)]
    for place in sorted(places, reverse=True):
        try:
            found = open_checkpoint(path_of(directory, *place))
            found.require_whole()
            return found
        except (ValueError, FileNotFoundError) as error:
            log.warning("skipped: %s", error)
            damage.append(str(error))
    if damage:
        raise ValueError("\n  ".join([f"{Path(directory) / CHECKPOINTS} has no checkpoint that is whole; delete it to "
                                      "start again:", *damage]))
    return None


def _sync(*paths: Path) -> None:
    """Write files and folders to the disk before continuing."""
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def _read_header(path: Path) -> None:
    with safe_open(path, "pt"):
        pass


def _read_states(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True)


def _read(path: Path, reader: Any) -> Any:
    try:
        return reader(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing: the checkpoint is not whole") from None
    except (SafetensorError, pickle.UnpicklingError, *DAMAGE) as error:
        raise ValueError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from None
