"""Points of the curves of feature quality: their numbers in plain loops, and what they leave as it was."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sgg.augmentations.gan import curves
from sgg.augmentations.gan.curves import FeatureCurves, in_evaluation
from sgg.augmentations.gan.generation import generated_map
from sgg.config import validate
from sgg.config.by_role import role_of
from sgg.metrics.quality import feature_quality
from sgg.structures import DetectorOutputs
from sgg.systems.contract import DivergedError, Draws
from sgg.systems.two_stage.encoding import encode_annotated
from tests.untrained import untrained

IMAGES = 6


class Ones:
    """A source of features that are all one; it counts the draws."""

    def __init__(self, channels: int) -> None:
        self.channels, self.drawn = channels, []

    def request(self, labels, generator, device):
        self.drawn.append(torch.rand(1, generator=generator).item())
        return SimpleNamespace(result=lambda: torch.ones(len(labels), self.channels, 7, 7, device=device))


@pytest.fixture
def trial(toy_root):
    """A foundation and a system whose networks have made a step, so that they are in training mode."""
    def made(**settings):
        config = validate({
            "data": {"name": "toy", "root": str(toy_root), "train_images": 12}, "features": {"maps": "off"},
            "training": {"batch_size": 4, "epochs": 4, **settings.pop("training", {})},
            "augmentation": {"kind": "gan", "visual_conditioning": False, **settings}})
        foundation = untrained(config, toy_root)
        system = foundation.build()
        system.train()
        system.training_step(next(foundation.training_batches().epoch(1)), Draws(0, 1))
        return foundation, system
    return made


def told_by_predictions(system, batch) -> tuple[list[bool], list[bool]]:
    """Of each object and relation, whether the predictions of an evaluation have it."""
    found = system.predict(batch, ["sgcls", "predcls"]).predictions
    objects, relations = [], []
    for graph, sgcls, predcls in zip(batch.graphs(), found["sgcls"], found["predcls"], strict=True):
        objects += (sgcls.labels == graph.labels).tolist()
        scores = {tuple(pair): of_pair for pair, of_pair in zip(predcls.pairs.tolist(), predcls.predicate_scores,
                                                              strict=True)}
        relations += [int(scores[subject, other][1:].argmax()) + 1 == predicate
                      for subject, other, predicate in graph.relations.tolist()]
    return objects, relations


def pooled_by_model(system, encoding, batch) -> dict[str, np.ndarray]:
    """Features averaged over space, pooled by the scene-graph model's own layer."""
    nodes, edges = system.model.features(encoding.map, encoding.boxes, encoding.image_index, batch.relations[:, 1:3])
    return {"node": nodes.mean((2, 3)).numpy(), "edge": edges.mean((2, 3)).numpy(),
            "global": encoding.map.mean((2, 3)).numpy()}


def test_point_has_the_numbers_of_plain_loops(trial, monkeypatch):
    foundation, system = trial()
    monkeypatch.setattr(curves, "K", 2)
    gan, detector = system.augmenter.gan, foundation.detector
    point = FeatureCurves(foundation, detector, None, IMAGES).point(gan, system.model)
    samples = {name: {kind: [] for kind in curves.KINDS} for name in ("reference", *curves.SAMPLES)}
    told = {name: ([], [], []) for name in curves.SAMPLES}
    with in_evaluation(gan, system.model), torch.no_grad():
        for split in ("train", "val"):
            chosen = foundation.experiment.split(split)
            chosen = chosen.annotations.files[np.arange(IMAGES) * len(chosen) // IMAGES].tolist()
            for batch in foundation.some_batches(split, IMAGES):
                assert list(batch.image_ids) == [chosen.pop(0).partition(".")[0] for _ in batch.image_ids]
                real = encode_annotated(detector, batch)
                made = replace(real, map=generated_map(gan, real, batch.labels, batch.relations, None))
                for name, encoding in (("reference", real),) if split == "train" else (("real", real),
                                                                                        ("generated", made)):
                    for kind, features in pooled_by_model(system, encoding, batch).items():
                        samples[name][kind].append(features)
                    if split == "val":
                        seen = replace(batch, images=(), outputs=DetectorOutputs(encoding.map))
                        for values, more in zip(told[name], told_by_predictions(system, seen), strict=False):
                            values += more
                        nodes, _ = system.model.features(encoding.map, encoding.boxes, encoding.image_index,
                                                         batch.relations[:, 1:3])
                        classes = detector.logits_of(nodes)[:, 1:].argmax(1) + 1
                        told[name][2].extend((classes == batch.labels).tolist())
            assert not chosen
    expected = {}
    for name in curves.SAMPLES:
        for kind, parts in samples[name].items():
            features, reference = np.concatenate(parts), np.concatenate(samples["reference"][kind])
            values = {"count": len(features), **feature_quality(reference, features, [2])}
            expected |= {f"quality/{name}/{kind}/{measure}": value for measure, value in values.items()}
        for measure, right in zip(("node/accuracy", "edge/accuracy", "node/recognised"), told[name], strict=True):
            expected[f"quality/{name}/{measure}"] = np.mean(right)
    assert point == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_point_leaves_networks_and_random_states_as_they_are(trial):
    """BatchNorm and spectral norm move in training mode only."""
    foundation, system = trial()
    networks = list(system.networks.values())
    before = [[value.clone() for value in network.state_dict().values()] for network in networks]
    modes = [module.training for network in networks for module in network.modules()]
    random_state = torch.get_rng_state()
    FeatureCurves(foundation, foundation.detector, None, IMAGES).point(system.augmenter.gan, system.model)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert modes == [module.training for network in networks for module in network.modules()]
    assert all(modes)
    for network, values in zip(networks, before, strict=True):
        assert all(map(torch.equal, network.state_dict().values(), values))


def test_point_is_conditioned_on_the_same_features_every_time(trial):
    foundation, system = trial()
    features = Ones(foundation.detector.channels)
    conditioned = type(system.augmenter.gan)(
        foundation.experiment.num_classes, foundation.experiment.num_predicates, foundation.detector.channels,
        foundation.detector.map_size, visual_conditioning=True)
    measured = FeatureCurves(foundation, foundation.detector, features, IMAGES)
    points = [measured.point(conditioned, system.model) for _ in range(2)]
    assert points[0] == points[1]
    half = len(features.drawn) // 2
    assert features.drawn[:half] == features.drawn[half:]
    assert half == len(set(features.drawn))


def test_point_without_a_model_has_no_accuracy(trial):
    foundation, system = trial()
    point = FeatureCurves(foundation, foundation.detector, None, IMAGES).point(system.augmenter.gan, None)
    assert {name.rpartition("/")[2].partition("@")[0] for name in point} == {
        "count", "frechet", "precision", "recall", "density", "coverage", "recognised"}


def test_point_names_an_image_where_the_generator_has_diverged(trial):
    foundation, system = trial()
    next(system.augmenter.gan.generator.parameters()).data.fill_(float("nan"))
    with pytest.raises(DivergedError, match=r"^the generator has diverged: its features of image \d+ are not finite$"):
        system.measure(foundation, 1) or FeatureCurves(foundation, foundation.detector, None, IMAGES).point(
            system.augmenter.gan, system.model)


@pytest.mark.parametrize(("settings", "epochs"), [
    ({}, []), *(({"quality_every": every, "quality_images": IMAGES}, epochs)
                for every, epochs in ((2, [1, 3, 4]), (9, [1, 4])))])
def test_measure_is_due_as_the_settings_say(trial, settings, epochs):
    """After the first of four epochs, every so many after it, and the last."""
    foundation, system = trial(**settings)
    assert [epoch for epoch in range(1, 5) if system.measure(foundation, epoch)] == epochs


def test_measure_without_an_augmentation_is_empty(toy_root):
    foundation = untrained(validate({"data": {"name": "toy", "root": str(toy_root)}}), toy_root)
    assert foundation.build().measure(foundation, 1) == {}


def test_quality_settings_change_no_trained_model():
    """So trials that differ in them have the same settings of training."""
    for name in ("quality_every", "quality_images"):
        assert role_of(f"augmentation.{name}").acts == "measuring"
