"""Load the published weights of the papers (docs/SYSTEM.md section 7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from sgg.common.published_files import Filling, fill, read_published
from sgg.detector.model import Detector
from sgg.detector.published import IN_TRAINED, filling_of_detector, is_motifs
from sgg.gan import GAN
from sgg.gan.published import filling_of_gan
from sgg.models.published import filling_of_box_heads, filling_of_trained
from sgg.models.scene_graph import SceneGraphModel


def load_published(path: Path | str, model: nn.Module, gan: GAN | None = None) -> list[str]:
    """Load the published weights in the file `path` into our modules, in place. Returns the name of every tensor of the
    file that no module takes, and logs these names as a warning.

    model: a module with the attributes `detector` (Detector) and `scene_graph` (SceneGraphModel), or one of the two.
    Neural Motifs' `vg-faster-rcnn.tar` fills the detector and both box heads of the scene-graph model. A trained
    `vgrel.pth` fills all given modules. If `gan` is given, it fills this, too, as far as the GAN has the
    discriminators. Names of current and of older torchvision releases are accepted.

    Raises FileNotFoundError, or ValueError if the file is none of these two, is damaged, holds objects that could run
    code, or does not fit in names, shapes or data types. Then nothing is changed.
    """
    content = read_published(path)
    return fill(path, content, fillings_of(path, content, model, gan))


def fillings_of(path: Path | str, content: dict[str, Any], model: nn.Module, gan: GAN | None = None) -> list[Filling]:
    """The fillings of `load_published`: each module with its weights. content: that of the file `path`. The modules may
    be on the meta device, where they take no memory.

    Raises ValueError if `gan` is given and the file has no GAN.
    """
    detector, scene_graph = _parts(model)
    state = content["state_dict"]
    fillings = [] if detector is None else [filling_of_detector(state, detector)]
    if is_motifs(state):
        if gan is not None:
            raise ValueError(f"{path} holds a detector and no GAN")
        return fillings if scene_graph is None else [*fillings, filling_of_box_heads(state, scene_graph)]
    if scene_graph is not None:
        own = {name: value for name, value in state.items() if not name.startswith(IN_TRAINED)}
        fillings.append(filling_of_trained(own, scene_graph))
    if gan is not None:
        if "gan" not in content:
            raise ValueError(f"{path} was trained without a GAN: it has no 'gan', only {', '.join(content)}")
        fillings.append(filling_of_gan(content["gan"], gan))
    return fillings


def _parts(model: nn.Module) -> tuple[Detector | None, SceneGraphModel | None]:
    if isinstance(model, Detector):
        return model, None
    if isinstance(model, SceneGraphModel):
        return None, model
    detector, scene_graph = getattr(model, "detector", None), getattr(model, "scene_graph", None)
    if not isinstance(detector, Detector) or not isinstance(scene_graph, SceneGraphModel):
        raise TypeError("model must be a Detector, a SceneGraphModel, or have both as `detector` and `scene_graph`, "
                        f"got {type(model).__name__}")
    return detector, scene_graph
