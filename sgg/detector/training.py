"""Pre-training a detector on boxes: epochs, a state to resume from, one bar of progress."""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from sgg.checkpoint.pickles import read_pickle
from sgg.data import Batches, Part, load_batches
from sgg.detector.recipe import Recipe, Target
from sgg.models.detector import Detector
from sgg.seeding import derive
from sgg.structures import Batch

log = logging.getLogger(__name__)

STATE = "training.pt"


def pretrain(detector: Detector, part: Part, recipe: Recipe, directory: Path | str, workers: int = 0) -> None:
    """Train `detector` in place on the boxes of `part`, then freeze it. It stays on its device.

    After every epoch the state goes to `directory`/training.pt, from which a later call with the same recipe goes on;
    the result is the same as without the interruption.

    Raises FloatingPointError, naming epoch and step, where the loss is not finite; ValueError where the state in
    `directory` is of other settings.
    """
    state_path = Path(directory) / STATE
    state_path.parent.mkdir(parents=True, exist_ok=True)
    state = _read_state(state_path, recipe)
    if state:
        detector.rcnn.load_state_dict(state["weights"])
    done, optimizer = (state["epochs"], None) if state else (0, None)
    batches = load_batches(part, recipe.batch_size, augment=True, shuffle=True, seed=recipe.seed, workers=workers)
    try:
        with _bar() as bar:
            task = bar.add_task("detector", total=recipe.epochs * len(batches), completed=done * len(batches), said="")
            for epoch in range(done, recipe.epochs):
                phase, epochs = recipe.phase_at(epoch)
                if epoch == epochs.start or optimizer is None:
                    optimizer = recipe.build_optimizer(phase, detector.rcnn)
                    if state and epoch > epochs.start:
                        optimizer.load_state_dict(state["optimizer"])
                losses = _train_epoch(detector, batches, recipe, optimizer, epoch, bar, task)
                log.info("detector epoch %d of %d: %s", epoch + 1, recipe.epochs, losses)
                _write_state(state_path, {"weights": detector.rcnn.state_dict(), "optimizer": optimizer.state_dict(),
                                          "epochs": epoch + 1, "recipe": recipe.facts()})
    finally:
        detector.freeze()


def discard_state(directory: Path | str) -> None:
    """Remove what `pretrain` keeps in `directory`, and the folder where nothing else is in it."""
    for file in Path(directory).glob(f"*{STATE}*"):  # and the beginning of one that was killed while it was written
        file.unlink()
    if not any(Path(directory).iterdir()):
        Path(directory).rmdir()


def _train_epoch(detector: Detector, batches: Batches, recipe: Recipe, optimizer: torch.optim.Optimizer, epoch: int,
                 bar: Progress, task: Any) -> str:
    """One pass over the images; returns the mean losses in words."""
    phase, epochs = recipe.phase_at(epoch)
    rcnn, device = detector.rcnn, next(detector.parameters()).device
    detector.freeze()
    for module in phase.modules(rcnn):
        module.requires_grad_(True).train()
    learning = [weight for group in optimizer.param_groups for weight in group["params"]]
    sums: dict[str, float] = {}
    # torchvision draws proposals from the global generators.
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(derive(recipe.seed, "detector", epoch))
        for step, batch in enumerate(batches.epoch(epoch)):
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate((epoch - epochs.start + (step + 0.5) / len(batches)) / len(epochs))
            losses = phase.loss(rcnn, batch.to(device).images, _targets(batch.to(device)))
            total = sum(losses.values())
            if not math.isfinite(total.item()):
                values = ", ".join(f"{name} {value.item():g}" for name, value in losses.items())
                raise FloatingPointError(f"the detector's loss is not finite in epoch {epoch + 1}, step {step + 1} "
                                         f"({values}): try a lower learning rate than {recipe.learning_rate:g}")
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            torch.nn.utils.clip_grad_norm_(learning, recipe.clip)
            optimizer.step()
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + value.item()
            bar.update(task, advance=1, said=f"epoch {epoch + 1}/{recipe.epochs} loss {total.item():.2f}")
    return ", ".join(f"{name} {value / len(batches):.3f}" for name, value in sums.items())


def _targets(batch: Batch) -> list[Target]:
    """torchvision's targets of each image. Boxes thinner than a pixel are left out: they have no area to learn."""
    kept = ((batch.boxes[:, 2:] - batch.boxes[:, :2]) >= 1).all(1)
    counts = torch.bincount(batch.image_index[kept], minlength=len(batch)).tolist()
    parts: tuple[tuple[Tensor, ...], ...] = (batch.boxes[kept].split(counts), batch.labels[kept].split(counts))
    return [{"boxes": boxes, "labels": labels} for boxes, labels in zip(*parts, strict=True)]


def _read_state(path: Path, recipe: Recipe) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        state = read_pickle(path)
    except ValueError as error:
        raise ValueError(f"{error}; delete it to start anew") from None
    if state.get("recipe") != recipe.facts():
        raise ValueError(f"{path} was written with other settings: {state.get('recipe')}, not {recipe.facts()}; "
                         "choose another folder, or delete it to start anew")
    return state


def _write_state(path: Path, state: dict[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    torch.save(state, temporary)
    os.replace(temporary, path)


def _bar() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                    TextColumn("{task.fields[said]}"))
