"""Pre-train a detector on boxes: epochs, a state to resume from, a progress bar."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from sgg.common.atomic import replaced
from sgg.common.pickles import read_pickle, require_weights
from sgg.common.run_log import require_keys
from sgg.common.seeding import derive
from sgg.common.weights import load_strictly
from sgg.data import Batches, Split, load_batches
from sgg.detector.layout import IMAGE_HASH
from sgg.detector.model import Detector
from sgg.detector.pixels import as_floats
from sgg.detector.recipe import Recipe, Target
from sgg.losses.total import total
from sgg.structures import Batch

log = logging.getLogger(__name__)

STATE = "training.pt"


def pretrain(detector: Detector, split: Split, recipe: Recipe, directory: Path | str, workers: int = 0,
             origin: dict[str, Any] | None = None) -> None:
    """Train `detector` in place on the boxes of `split`, then freeze it. It stays on its device.

    Every epoch writes its state to `directory`/training.pt. A later call with the same recipe, detector and origin
    resumes from it, with the same result as without the interruption.

    origin: plain values that also decide the result, for example hashes of the data and of the first weights.

    Boxes thinner than a pixel are left out, and batches without other boxes are skipped; the log counts both.

    Raises FloatingPointError that names epoch, step and images if the loss is not finite; ValueError if the state in
    `directory` is damaged or has other settings, which it names, or if there is no box to train on.
    """
    state_path = Path(directory) / STATE
    state_path.parent.mkdir(parents=True, exist_ok=True)
    settings = recipe.to_json() | {"backbone": detector.backbone, "num_classes": detector.num_classes,
                                 "image_size": detector.image_size} | (origin or {})
    settings |= {f"detector.{name}": value for name, value in detector.settings.own_settings.items()}
    state = _resume(state_path, detector, settings, recipe.epochs)
    done = state["epochs"] if state else 0
    optimizer: torch.optim.Optimizer | None = None
    batches = load_batches(split, recipe.batch_size, augment=True, exchange_predicates=False,  # it learns boxes only
                           shuffle=True, seed=recipe.seed, workers=workers)
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
                write_state(state_path, {"weights": detector.rcnn.state_dict(), "optimizer": optimizer.state_dict(),
                                         "epochs": epoch + 1, "settings": settings})
    finally:
        detector.freeze()


def discard_state(directory: Path | str) -> None:
    """Remove the state of `pretrain` from `directory`, and the folder if it is then empty."""
    for file in Path(directory).glob(f"*{STATE}*"):  # also a temporary file that a kill left
        file.unlink()
    if not any(Path(directory).iterdir()):
        Path(directory).rmdir()


def _train_epoch(detector: Detector, batches: Batches, recipe: Recipe, optimizer: torch.optim.Optimizer, epoch: int,
                 bar: Progress, task: Any) -> str:
    """Train for one epoch. Returns the mean losses in words."""
    phase, epochs = recipe.phase_at(epoch)
    rcnn, device = detector.rcnn, next(detector.parameters()).device
    detector.freeze()
    for module in phase.modules(rcnn):
        module.requires_grad_(True).train()
    learning = [weight for group in optimizer.param_groups for weight in group["params"]]
    sums: dict[str, float] = {}
    left_out = skipped = 0
    # torchvision draws proposals from the global generators.
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(derive(recipe.seed, "detector", epoch))
        for step, batch in enumerate(batches.epoch(epoch)):
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate((epoch - epochs.start + (step + 0.5) / len(batches)) / len(epochs))
            batch = batch.to(device)
            targets, thin = _targets(batch)
            left_out += thin
            if not any(len(target["labels"]) for target in targets):
                skipped += 1  # a mean over no box is NaN
                continue
            losses = phase.loss(rcnn, [as_floats(image) for image in batch.images], targets)
            loss = total(losses.values())
            if not math.isfinite(loss.item()):
                values = ", ".join(f"{name} {value.item():g}" for name, value in losses.items())
                raise FloatingPointError(f"the detector's loss is not finite in epoch {epoch + 1}, step {step + 1} "
                                         f"({values}): try a lower learning rate than {recipe.learning_rate:g}, or "
                                         f"check the images of this batch: {', '.join(batch.image_ids)}")
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learning, recipe.clip)
            optimizer.step()
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + value.item()
            bar.update(task, advance=1, said=f"epoch {epoch + 1}/{recipe.epochs} loss {loss.item():.2f}")
    if left_out:
        log.warning("detector epoch %d: %d boxes thinner than a pixel were left out", epoch + 1, left_out)
    if skipped:
        log.warning("detector epoch %d: %d of %d batches had no box to learn and were skipped", epoch + 1, skipped,
                    len(batches))
    if skipped == len(batches):
        raise ValueError("no image has a box to train a detector on: all are thinner than a pixel; list them with "
                         "`python -m sgg.data verify`")
    return ", ".join(f"{name} {value / (len(batches) - skipped):.3f}" for name, value in sums.items())


def _targets(batch: Batch) -> tuple[list[Target], int]:
    """torchvision's targets of each image, and the number of boxes that are left out because they are thinner than a
    pixel."""
    kept = ((batch.boxes[:, 2:] - batch.boxes[:, :2]) >= 1).all(1)
    counts = torch.bincount(batch.image_index[kept], minlength=len(batch)).tolist()
    parts: tuple[tuple[Tensor, ...], ...] = (batch.boxes[kept].split(counts), batch.labels[kept].split(counts))
    return [{"boxes": boxes, "labels": labels} for boxes, labels in zip(*parts, strict=True)], int((~kept).sum())


def _resume(path: Path, detector: Detector, settings: dict[str, Any], epochs: int) -> dict[str, Any] | None:
    """The state in the file, after loading its weights into the detector; None if there is no file."""
    if not path.exists():
        return None
    try:
        state = require_keys(read_pickle(path), path, weights=dict, optimizer=dict, epochs=int, settings=dict)
        require_keys(state["optimizer"], f"{path}: 'optimizer'", state=dict, param_groups=list)
        then = state["settings"]
        then = {IMAGE_HASH: settings.get(IMAGE_HASH)} | then  # the first edition did not check image files
        others = [f"{name} {then.get(name)}, not {settings.get(name)}" for name in {**settings, **then}
                  if then.get(name) != settings.get(name)]
        if others:
            raise ValueError(f"{path} was written with other settings: {'; '.join(others)}")
        if not 1 <= state["epochs"] <= epochs:
            raise ValueError(f"{path}: epochs must be 1 to {epochs}, got {state['epochs']}")
        load_strictly(detector.rcnn, require_weights(state["weights"], f"{path}: 'weights'"), str(path))
    except ValueError as error:
        raise ValueError(f"{error}; delete it to start again, or name another folder") from None
    return state


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write the state of `pretrain` after an epoch, complete or not at all."""
    with replaced(path) as temporary:
        torch.save(state, temporary)


def _bar() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                    TextColumn("{task.fields[said]}"))
