"""What `None` means: the settings that depend on the size of the data set.

`paper` are the papers' own values (docs/SYSTEM.md section 2); `toy` are those under which the toy genome trains in
about a minute on one core, and with a GAN in three.
"""

from __future__ import annotations

from typing import Any

from .checking import validate
from .experiment import Config
from .schema import EdgeBoxes

PAPER: dict[str, dict[str, Any]] = {
    "data": {"workers": 2},
    "detector": {"backbone": "vgg16"},
    "model": {"hidden_dim": 512, "dropout": 0.5},
    "training": {"epochs": 20, "batch_size": 24, "decay_epoch": 16, "drop_last": True},
    "evaluation": {"every": 5, "batch_size": 1},
}
TOY: dict[str, dict[str, Any]] = {
    "data": {"workers": 0},
    "detector": {"backbone": "tiny"},
    "model": {"hidden_dim": 64, "dropout": 0.2},
    "training": {"epochs": 3, "batch_size": 8, "decay_epoch": 2, "drop_last": False},
    "evaluation": {"every": 1, "batch_size": 16},
}
LEARNING_RATE_PER_IMAGE = {"paper": 1e-3, "toy": 2e-3}
PAIRS_PER_IMAGE = {"paper": 1024, "toy": 48, "sgdet": 64}


def resolve(config: Config, data_name: str) -> Config:
    """The same config with every None replaced by the value that suits the data set `data_name`.

    Values given by the user stay. The training rate, where not given, is the profile's rate per image times the batch
    size (docs/SYSTEM.md section 2). Raises ConfigError where the two do not go together.
    """
    kind, profile = ("toy", TOY) if data_name == "toy" else ("paper", PAPER)
    settings = config.model_dump()
    settings["data"]["name"] = data_name
    for section, defaults in profile.items():
        for key, value in defaults.items():
            if settings[section][key] is None:
                settings[section][key] = value
    training = settings["training"]
    if settings["model"]["edge_boxes"] is None:
        settings["model"]["edge_boxes"] = edge_boxes_of(data_name)
    if settings["model"]["pairs_per_image"] is None:
        settings["model"]["pairs_per_image"] = PAIRS_PER_IMAGE["sgdet" if training["mode"] == "sgdet" else kind]
    if training["learning_rate"] is None:
        training["learning_rate"] = LEARNING_RATE_PER_IMAGE[kind] * training["batch_size"]
    return validate(settings, f"settings with those of the {kind} profile")


def edge_boxes_of(data_name: str) -> EdgeBoxes:
    """How the papers' models of a data set draw the boxes of a pair (docs/SYSTEM.md section 2)."""
    return "raw_boxes" if data_name == "gqa" else "motifs"
