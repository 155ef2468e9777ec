"""From a checkpoint back to the model that wrote it, on the data it names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sgg import build, checkpoint
from sgg.config import validate
from sgg.models.scene_graph import SceneGraphModel


@dataclass(frozen=True, eq=False)
class Restored:
    """A trained model with the ground it stands on; the model is in eval mode on `build.device_of(ground.config)`."""

    ground: build.Ground
    model: SceneGraphModel
    checkpoint: checkpoint.Checkpoint


def restore(path: Path | str, changes: dict[str, dict[str, Any]] | None = None) -> Restored:
    """The model of the checkpoint (or of a trial's newest one) at `path`.

    changes: settings by section that take the place of the trained ones, for example {"evaluation": {"ks": [50]}}.
    Raises ValueError where the data or the detector are not those that the model was trained on.
    """
    found = checkpoint.open_checkpoint(path)
    settings = {**found.meta["config"], "search": {}}  # what was searched for need not be what is measured now
    for section, values in (changes or {}).items():
        settings[section] = settings[section] | values
    config = validate(settings, str(found.path))
    # Nothing of the GAN is needed to use F.
    config = config.model_copy(update={"gan": config.gan.model_copy(update={"visual_conditioning": False})})
    # Before a detector is trained, which takes minutes, and in vain where the data are others.
    ground = build.prepare(config, lambda ground: found.require_origin(
        ground.data.hash, ground.detector_hash, {"train": ground.pictures["train"]}))
    model = build.build_model(ground).to(build.device_of(config)).eval()
    found.load_weights(model=model)
    return Restored(ground, model, found)
