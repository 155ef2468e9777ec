"""Every weight of the published GANs has its place, of the same shape and kind, and the optimisers list them alike."""

import json
from pathlib import Path

import pytest
import torch

from sgg.gan import GAN
from sgg.gan.published import rename

KEYS = json.loads((Path(__file__).parent / "files" / "checkpoint_keys.json").read_text())
VARIANTS = [name for name in KEYS if name.startswith("GAN.")]


@pytest.mark.parametrize("variant", VARIANTS)
def test_rename_gives_names_shapes_and_order(variant):
    options = dict(part.split("=") for part in variant.split(".")[1:])
    large, visual = options["largeD"] == "True", options["vis_cond"] == "True"
    channels, size = int(options["n_ch"]), int(options["fmap_sz"])
    with torch.device("meta"):
        gan = GAN(151, 51, channels, size, large_discriminator=large, visual_conditioning=visual)
    published = {rename(name): facts for name, facts in KEYS[variant]["state_dict"].items()}
    assert published.keys() == gan.state_dict().keys()
    parameters = dict(gan.named_parameters())
    for name, value in gan.state_dict().items():
        facts = published[name]
        assert [list(value.shape), str(value.dtype), name in parameters] == [
            facts["shape"], f"torch.{facts['dtype']}", facts["param"]], name
    for part, network in (("G", gan.generator), ("D", gan.discriminators)):
        listed = [rename(name) for name in KEYS[variant][f"{part}_optimizer_params"]]
        by_identity = {id(parameter): name for name, parameter in parameters.items()}
        assert listed == [by_identity[id(parameter)] for parameter in network.parameters()]
