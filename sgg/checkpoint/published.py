"""Loading the papers' published weights (docs/SYSTEM.md section 7)."""

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
    """Put the published weights in the file `path` into our modules, in place. Returns, and logs as a warning, the name
    of every tensor in the file that has no place in these modules.

    model: a module with the attributes `detector` (Detector) and `scene_graph` (SceneGraphModel), or one of the two
    alone. Neural Motifs' `vg-faster-rcnn.tar` fills the detector and both box heads of the scene-graph model. A trained
    `vgrel.pth` fills all of what is given, and `gan` where one is given, as far as it has the discriminators. Names of
    today's and of older torchvision releases will do.

    Raises FileNotFoundError; ValueError where the file is neither of the two, is damaged, or holds objects that could
    run code, or where names, shapes or numbers do not fit. Nothing is changed when it raises.
    """
    content = read_published(path)
    return fill(path, content, fillings_of(path, content, model, gan))


def fillings_of(path: Path | str, content: dict[str, Any], model: nn.Module, gan: GAN | None = None) -> list[Filling]:
    """What `load_published` puts where; `content` was read from `path`. The modules may be on the meta device, where
    they take no memory.

    Raises ValueError where a GAN is asked for and the file has none.
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
