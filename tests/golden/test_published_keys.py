"""Published checkpoints: every name and shape of the reference finds its place in ours (docs/SYSTEM.md section 7)."""

import json
from pathlib import Path

import pytest
import torch

from sgg.checkpoint.published import load_published
from sgg.common.published_files import read_published
from sgg.gan import GAN
from sgg.importing.published import Architecture

pytestmark = pytest.mark.filterwarnings("ignore:.*copying from a non-meta parameter")

KEYS = json.loads((Path(__file__).parent / "files" / "checkpoint_keys.json").read_text())
MODELS = [name for name, entry in KEYS.items() if name.startswith("RelModelStanford") and isinstance(entry, dict)]
GANS = [name for name in KEYS if name.startswith("GAN")]
CHANNELS = {"vgg16": "GAN.n_ch=512", "resnet50": "GAN.n_ch=256"}


def backbone_of(name: str) -> str:
    return name.split(".")[1]


def tensors(entry: str) -> dict[str, torch.Tensor]:
    """Weights with the golden names and shapes that need no memory: each is one number, expanded."""
    return {name: torch.zeros((), dtype=getattr(torch, fact["dtype"])).expand(fact["shape"])
            for name, fact in KEYS[entry]["state_dict"].items()}


def write(path: Path, **content: object) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize("legacy", [False, True], ids=["today", "older torchvision"])
@pytest.mark.parametrize("entry", MODELS)
def test_model_names(entry: str, legacy: bool, tmp_path: Path) -> None:
    weights = tensors(entry)
    if legacy:
        old = KEYS[entry]["legacy"]
        weights = {old.get(name, name): value for name, value in weights.items()}
        assert sum(name not in KEYS[entry]["state_dict"] for name in weights) == len(old) > 0
    path = write(tmp_path / "vgrel.pth", state_dict=weights, optimizer={}, epoch=19, global_batch_iter=1)
    architecture = Architecture.of(read_published(path))
    assert architecture == Architecture(backbone_of(entry), 151, 51, 512, "use_bias=True" in entry)
    with torch.device("meta"):
        model = architecture.build()
    load_published(path, model)  # raises for any name or shape that does not fit
    assert sum(value.numel() for value in model.parameters()) == KEYS[entry]["n_params"]


@pytest.mark.parametrize("entry", GANS)
def test_gan_names(entry: str, tmp_path: Path) -> None:
    backbone = "vgg16" if CHANNELS["vgg16"] in entry else "resnet50"
    published = tensors(f"RelModelStanford.{backbone}.use_bias=False.edge_model=motifs")
    path = write(tmp_path / "vgrel.pth", state_dict=published, gan=tensors(entry), epoch=19)
    content = read_published(path)
    architecture = Architecture.of(content)
    assert architecture == Architecture(backbone, 151, 51, 512, False, True, "largeD=True" in entry,
                                        "vis_cond=True" in entry)
    with torch.device("meta"):
        model = architecture.build()
        gan = architecture.build_gan(model.detector)
    assert load_published(path, model, gan) == []
    assert sum(value.numel() for value in gan.state_dict().values()) == sum(
        value.numel() for value in content["gan"].values())


@pytest.mark.parametrize("entry", GANS)
def test_load_published_names_a_discriminator_without_a_place(entry: str, tmp_path: Path, caplog) -> None:
    backbone = "vgg16" if CHANNELS["vgg16"] in entry else "resnet50"
    published, of_gan = tensors(f"RelModelStanford.{backbone}.use_bias=False.edge_model=motifs"), tensors(entry)
    path = write(tmp_path / "vgrel.pth", state_dict=published, gan=of_gan)
    with torch.device("meta"):
        model = Architecture.of(read_published(path)).build()
        gan = GAN(151, 51, model.detector.channels, model.detector.map_size, levels=("nodes", "edges"),
                  visual_conditioning="vis_cond=True" in entry)
    expected = [name for name in of_gan if name.startswith("D_global.")]
    assert load_published(path, model, gan) == expected
    assert len(expected) == 4 * (7 if "largeD=True" in entry else 4)
    assert f"{path}: left out {', '.join(expected)}" in caplog.text


def test_load_published_refuses_a_global_discriminator_of_another_depth(tmp_path: Path) -> None:
    entry = "GAN.n_ch=256.fmap_sz=21.largeD=True.vis_cond=False"
    published = tensors("RelModelStanford.resnet50.use_bias=False.edge_model=motifs")
    path = write(tmp_path / "vgrel.pth", state_dict=published, gan=tensors(entry))
    with torch.device("meta"):
        model = Architecture.of(read_published(path)).build()
        shallow = GAN(151, 51, model.detector.channels, model.detector.map_size)
    with pytest.raises(ValueError, match=r"(?s)unexpected D_global\.2\.bias.*another large_discriminator: .* levels="):
        load_published(path, model, shallow)
