"""Every YAML file of the repository is a valid config."""

from pathlib import Path
from platform.search.search_space import read_axes

import pytest

from sgg.config import load

CONFIGS = sorted((Path(__file__).parents[3] / "tune_configs").rglob("*.yaml"))
PAPER = {"imp": ("baseline", False, "off"), "imp_dnorm": ("dnorm", False, "off"), "imp_gan": ("dnorm", True, "off"),
         "imp_gan_graphn": ("dnorm", True, "graphn")}


def test_load_finds_shipped_configs() -> None:
    assert {"perturb_search.yaml", "single.yaml", "smoke.yaml", "imp.yaml", "search.yaml"} <= {p.name for p in CONFIGS}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_read_axes_accepts_every_searched_value_of_shipped_configs(path: Path) -> None:
    if path.parent.name != "study":  # a study is of one version of the toy genome
        read_axes(load(path, ["data.name=vg"]))
    read_axes(load(path, ["data.name=toy"]))


@pytest.mark.parametrize("path", [path for path in CONFIGS if path.parent.name == "paper"], ids=lambda path: path.stem)
def test_load_reads_glove_vectors_from_the_configs_of_the_papers(path: Path) -> None:
    """In a config of a paper that needs word vectors, a missing file must not silently change them."""
    study, axes = read_axes(load(path))
    methods = {value for axis in axes if axis.key == "augmentation.perturb.method" for value in axis.values}
    compares = study.base.compares_classes or not methods.isdisjoint({"neigh", "graphn"})
    assert (study.base.embeddings.source == "glove") is compares


@pytest.mark.parametrize("name", PAPER)
def test_published_settings(name: str) -> None:
    """docs/SYSTEM.md sections 2, "Optimiser", 4 and 5: batch 24, rate 1e-3 an image, a tenth for the box heads."""
    config = load(next(path for path in CONFIGS if path.stem == name)).base
    kind, enabled, method = PAPER[name]
    training, gan = config.training, config.augmentation
    assert (training.batch_size, training.learning_rate, training.epochs, training.decay_epoch) == (24, 0.024, 20, 16)
    assert training.drop_last
    assert (training.momentum, training.weight_decay) == (0.9, 1e-4)
    assert (training.box_head_rate, training.clip_gradient) == (0.1, 5)
    assert (config.loss.kind, gan.kind) == (kind, "gan" if enabled else "off")
    if enabled:
        assert gan.perturb.method == method
        assert (gan.learning_rate_generator, gan.learning_rate_discriminator, gan.adversarial_weight) == (1e-4, 4e-4, 5)
        assert (gan.perturb.intensity, gan.perturb.topk, gan.perturb.alpha) == (0.2, 5, 2)
        assert (gan.large_discriminator, gan.visual_conditioning, gan.reconstruction_bias) == (True, True, False)
    assert (config.model.edge_boxes, config.model.box_strides) == ("union_frame", "published")
    model = config.model
    assert (model.head.hidden_dim, model.pairs_per_image, model.foreground_share) == (512, 1024, 0.25)
    assert (config.evaluation.every, config.seed) == (5, 111)
