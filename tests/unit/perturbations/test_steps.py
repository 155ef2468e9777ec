"""The steps of a perturbation against the plain loops of the oracle."""

import numpy as np
import pytest
import torch

from sgg.perturbations.contexts import Contexts
from sgg.perturbations.perturber import Perturber
from sgg.perturbations.steps import perturbation_steps
from sgg.structures import SceneGraph
from tests.oracles.perturb import PlainPerturber

CLASSES, PREDICATES = 9, 4


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(5)
    triplets = rng.integers(1, [CLASSES, PREDICATES, CLASSES], (120, 3))
    counts = rng.integers(1, 9, 120)
    return {tuple(one): int(count) for one, count in zip(triplets.tolist(), counts, strict=True)}, rng.normal(
        size=(CLASSES, 6))


def graphs(number=8):
    rng = np.random.default_rng(2)
    for _ in range(number):
        objects = int(rng.integers(2, 8))
        rows = rng.integers(0, [objects, objects, PREDICATES], (int(rng.integers(0, 12)), 3))
        yield SceneGraph(np.zeros((objects, 4)), rng.integers(1, CLASSES, objects), rows)


CASES = [("rand", 5, 1), ("neigh", 3, 1), ("graphn", 0, 2), ("graphn", 3, 4)]


@pytest.mark.parametrize(("method", "topk", "alpha"), CASES)
def test_perturbation_steps_end_in_the_sampled_labels(tables, method, topk, alpha) -> None:
    perturber = Perturber(method, Contexts.from_triplets(tables[0], CLASSES), tables[1], 0.6, topk, alpha)
    for seed, graph in enumerate(graphs()):
        steps = perturbation_steps(perturber, graph, torch.Generator().manual_seed(seed))
        labels = graph.labels.copy()
        for step in steps:
            assert step.before == graph.labels[step.node], "an object is drawn once"
            labels[step.node] = step.after
        assert labels.tolist() == perturber.sample(graph, torch.Generator().manual_seed(seed)).tolist()
        assert len(steps) == max(1, round(0.6 * len(graph)))


@pytest.mark.parametrize(("method", "topk", "alpha"), CASES)
def test_perturbation_steps_have_the_probabilities_of_the_oracle(tables, method, topk, alpha) -> None:
    """Each step follows from the labels that those before it have given."""
    perturber = Perturber(method, Contexts.from_triplets(tables[0], CLASSES), tables[1], 0.6, topk, alpha)
    oracle = PlainPerturber(*tables, method, topk, alpha)
    for seed, graph in enumerate(graphs()):
        labels = graph.labels.tolist()
        for step in perturbation_steps(perturber, graph, torch.Generator().manual_seed(seed)):
            np.testing.assert_allclose(step.probabilities, oracle.distribution(labels, graph.relations.tolist(),
                                                                               step.node), atol=1e-12)
            assert step.probabilities[step.after] > 0
            labels[step.node] = step.after


def test_perturbation_steps_draw_by_the_degrees_that_are_left(tables) -> None:
    """Three objects of degrees 3, 2 and 1, all drawn: weight over the sum of the weights that are left."""
    graph = SceneGraph(np.zeros((3, 4)), np.array([1, 2, 3]), np.array([[0, 1, 1], [1, 0, 2], [0, 2, 1]]))
    perturber = Perturber("rand", Contexts.from_triplets(tables[0], CLASSES), None, intensity=1.0)
    for seed in range(5):
        left = {0: 3.0, 1: 2.0, 2: 1.0}
        for step in perturbation_steps(perturber, graph, torch.Generator().manual_seed(seed)):
            assert step.drawn == pytest.approx(left[step.node] / sum(left.values()), abs=1e-6)
            del left[step.node]
        assert left == {}


def test_perturbation_steps_refuses_a_graph_without_objects(tables) -> None:
    perturber = Perturber("rand", Contexts.from_triplets(tables[0], CLASSES), None)
    empty = SceneGraph(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros((0, 3), np.int64))
    with pytest.raises(ValueError, match="no object"):
        perturbation_steps(perturber, empty, torch.Generator())
