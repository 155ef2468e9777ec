"""The perturber against slow loops: every probability by enumeration, every sampled batch one object after another."""

import math
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sgg.perturbations.contexts import Contexts
from sgg.perturbations.perturber import Perturber
from sgg.structures import SceneGraph
from tests.oracles.perturb import PlainPerturber

CLASSES, PREDICATES = 9, 4


def random_triplets(rng, number=120):
    triplets = rng.integers(1, [CLASSES, PREDICATES, CLASSES], (number, 3))
    return {tuple(triplet): int(count) for triplet, count in zip(triplets.tolist(), rng.integers(1, 9, number),
                                                                strict=True)}


def random_graph(rng, objects, relations, predicates=PREDICATES):
    """Self relations, duplicates, and background relations (predicate 0) occur."""
    rows = rng.integers(0, [objects, objects, predicates], (relations, 3)) if relations else np.zeros((0, 3), np.int64)
    return SceneGraph(np.zeros((objects, 4)), rng.integers(1, CLASSES, objects), rows)


def batch_of(graphs):
    sizes = [len(graph) for graph in graphs]
    starts = np.cumsum([0, *sizes[:-1]])
    labels = np.concatenate([graph.labels for graph in graphs])
    relations = np.concatenate([np.insert(graph.relations + np.array([start, start, 0]), 0, image, axis=1)
                                for image, (graph, start) in enumerate(zip(graphs, starts, strict=True))])
    return torch.from_numpy(labels), torch.from_numpy(relations), torch.arange(len(graphs)).repeat_interleave(
        torch.tensor(sizes))


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(5)
    return random_triplets(rng), rng.normal(size=(CLASSES, 6))


def make(tables, method, **settings):
    triplets, embeddings = tables
    return Perturber(method, Contexts.from_triplets(triplets, CLASSES), torch.from_numpy(embeddings), **settings)


CASES = [("rand", 5, 1), ("neigh", 1, 1), ("neigh", 3, 1), ("graphn", 0, 2), ("graphn", 2, 1), ("graphn", 3, 4),
         ("graphn", 6, 2)]


@pytest.mark.parametrize(("method", "topk", "alpha"), CASES)
def test_distribution_equals_enumeration(tables, method, topk, alpha):
    rng = np.random.default_rng(0)
    perturber, oracle = make(tables, method, topk=topk, alpha=alpha), PlainPerturber(*tables, method, topk, alpha)
    for _ in range(6):
        graph = random_graph(rng, int(rng.integers(1, 6)), int(rng.integers(0, 9)))
        for node in range(len(graph)):
            actual = perturber.distribution(graph, node)
            expected = oracle.distribution(graph.labels.tolist(), graph.relations.tolist(), node)
            np.testing.assert_allclose(actual, expected, atol=1e-12, err_msg=f"{graph}, object {node}")
            assert actual.sum() == pytest.approx(1)


@pytest.mark.parametrize(("method", "topk", "alpha"), CASES)
@pytest.mark.parametrize("intensity", [0.2, 1.0])
def test_sample_batch_equals_sampling_one_object_after_another(tables, method, topk, alpha, intensity):
    rng = np.random.default_rng(1)
    graphs = [random_graph(rng, int(rng.integers(1, 9)), int(rng.integers(0, 14))) for _ in range(30)]
    perturber = make(tables, method, topk=topk, alpha=alpha, intensity=intensity)
    oracle = PlainPerturber(*tables, method, topk, alpha)
    actual = perturber.sample_batch(*batch_of(graphs), torch.Generator().manual_seed(7))
    chance = torch.rand(3, len(actual), generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    by_graph = [len(graph) for graph in graphs]
    expected = [oracle.sample(graph.labels.tolist(), graph.relations.tolist(), intensity, *numbers.tolist())
                for graph, numbers in zip(graphs, chance.split(by_graph, dim=1), strict=True)]
    for graph, new, wanted in zip(graphs, actual.split(by_graph), expected, strict=True):
        assert new.tolist() == wanted, f"labels {graph.labels}, relations {graph.relations.tolist()}"


@pytest.mark.parametrize("method", ["rand", "neigh", "graphn"])
def test_perturb_of_tensors_equals_perturb_of_arrays(tables, method):
    """Another device runs the same code as the host, in torch instead of numpy."""
    rng = np.random.default_rng(4)
    batch = batch_of([random_graph(rng, int(rng.integers(1, 9)), int(rng.integers(0, 14))) for _ in range(20)])
    perturber = make(tables, method, topk=2, alpha=1, intensity=0.7)
    chance = torch.rand(3, len(batch[0]), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    in_torch = perturber.perturb(*batch, chance)
    in_numpy = perturber.perturb(*(table.numpy() for table in batch), chance.numpy())
    assert isinstance(in_torch, torch.Tensor)
    assert in_torch.tolist() == in_numpy.tolist()


def test_sample_frequencies_follow_the_distribution(tables):
    """Chi-squared over 4,000 draws stays under its 99.9 % point: 8 labels at most, 26.1 for 8 degrees of freedom."""
    graph = random_graph(np.random.default_rng(3), 2, 3)
    perturber = make(tables, "graphn", topk=2, alpha=1)
    first = perturber.node_probabilities(graph)
    generator = torch.Generator().manual_seed(0)
    drawn = Counter()
    labels, relations, images = batch_of([graph] * 4000)
    changed = perturber.sample_batch(labels, relations, images, generator).view(-1, 2)
    for node in range(2):
        moved = changed[:, node] != int(graph.labels[node])
        drawn[node] = int(moved.sum())
        expected = perturber.distribution(graph, node) * moved.sum()
        observed = torch.bincount(changed[moved, node], minlength=CLASSES)
        possible = expected > 0
        assert not observed[~possible].any()
        assert ((observed - expected)[possible] ** 2 / expected[possible]).sum() < 26.1
    assert drawn[0] + drawn[1] == 4000
    assert drawn[0] == pytest.approx(4000 * float(first[0]), abs=3.3 * math.sqrt(4000 * first[0] * first[1]))


def test_order_draws_in_proportion_to_the_remaining_weights(tables):
    """Degrees 3, 2, 1, two of three drawn: the pair {0, 1} comes with 3/6 * 2/3 + 2/6 * 3/4 = 7/12."""
    relations = np.array([[0, 1, 1], [0, 1, 1], [0, 2, 1]])
    graph = SceneGraph(np.zeros((3, 4)), np.array([1, 2, 3]), relations)
    labels, relations, images = batch_of([graph] * 6000)
    perturber = make(tables, "rand", intensity=0.6)
    changed = perturber.sample_batch(labels, relations, images, torch.Generator().manual_seed(1)) != labels
    assert (changed.view(-1, 3).sum(1) == 2).all()
    assert (~changed.view(-1, 3)[:, 2]).float().mean() == pytest.approx(7 / 12, abs=0.02)


def test_sample_batch_follows_from_the_generator_alone(tables):
    rng = np.random.default_rng(2)
    batch = batch_of([random_graph(rng, 8, 10) for _ in range(5)])
    perturber = make(tables, "graphn", topk=2, alpha=1, intensity=0.5)
    before = [table.clone() for table in batch]
    first, again, other = (perturber.sample_batch(*batch, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert all(map(torch.equal, batch, before)), "the batch itself must stay as it is"


@pytest.mark.parametrize("method", ["rand", "neigh", "graphn"])
@pytest.mark.parametrize("relations", [np.zeros((0, 3), np.int64), np.array([[0, 0, 1]])])
def test_sample_of_a_graph_of_one_object(tables, method, relations):
    graph = SceneGraph(np.zeros((1, 4)), np.array([4]), relations)
    perturber = make(tables, method, topk=2)
    assert perturber.node_probabilities(graph).tolist() == [1.0]
    new = perturber.sample(graph, torch.Generator().manual_seed(0))
    assert new.shape == (1,)
    assert new != 4


def test_perturber_by_graphn_without_relations_takes_neighbours_and_all_objects_alike(tables):
    graph = SceneGraph(np.zeros((3, 4)), np.array([1, 2, 3]), np.zeros((0, 3), np.int64))
    perturber = make(tables, "graphn", topk=2)
    torch.testing.assert_close(perturber.node_probabilities(graph), torch.full((3,), 1 / 3))
    assert (perturber.distribution(graph, 0) > 0).sum() == 3
    unchanged = make(tables, "graphn", topk=0).distribution(graph, 0)
    assert unchanged[1] == 1


def test_sample_batch_without_objects(tables):
    empty = torch.zeros(0, dtype=torch.int64)
    new = make(tables, "graphn", topk=2).sample_batch(empty, empty.view(0, 4), empty, torch.Generator())
    assert new.shape == (0,)


def test_distribution_of_a_predicate_that_training_never_saw(tables):
    graph = SceneGraph(np.zeros((2, 4)), np.array([1, 2]), np.array([[0, 1, PREDICATES + 3]]))
    assert make(tables, "graphn", topk=0, alpha=1).distribution(graph, 0)[1] == 1


@pytest.mark.parametrize(("settings", "message"), [
    ({"method": "swap"}, "method must be one of rand, neigh, graphn, got 'swap'"),
    ({"alpha": 0}, "alpha must be >= 1, got 0"),
    ({"alpha": math.nan}, "alpha must be >= 1, got nan"),
    ({"intensity": 0}, r"intensity must be in \(0, 1\], got 0"),
    ({"intensity": 1.5}, r"intensity must be in \(0, 1\], got 1.5"),
    ({"topk": -1}, "topk must be a whole number of at least 0 for graphn, got -1"),
    ({"topk": 2.5}, "topk must be a whole number"),
    ({"method": "neigh", "topk": 0}, "topk must be a whole number of at least 1 for neigh, got 0"),
    ({"topk": 7}, "topk must be at most 6 for graphn with 9 classes, background included, got 7"),
    ({"method": "neigh", "topk": 8}, "topk must be at most 7 for neigh with 9 classes"),
    ({"degree_smoothing": -1}, "degree_smoothing must be >= 0, got -1"),
    ({"contexts": None}, "contexts must be given for graphn"),
    ({"embeddings": None}, "embeddings must be given for graphn with topk 5"),
    ({"method": "rand", "contexts": None, "embeddings": None}, "contexts or embeddings must be given"),
    ({"embeddings": torch.ones(8, 6)}, "embeddings must have a row for each of 9 classes, got 8"),
    ({"embeddings": torch.ones(9)}, r"embeddings must have shape \[classes, width\], got \[9\]"),
    ({"embeddings": torch.full((9, 2), math.nan)}, "embeddings of class 1 must be finite"),
])
def test_perturber_refuses_bad_settings(tables, settings, message):
    triplets, embeddings = tables
    arguments = {"method": "graphn", "contexts": Contexts.from_triplets(triplets, CLASSES),
                 "embeddings": torch.from_numpy(embeddings)} | settings
    with pytest.raises(ValueError, match=message):
        Perturber(**arguments)


def test_perturber_requires_only_the_tables_of_its_method(tables):
    triplets, embeddings = tables
    contexts = Contexts.from_triplets(triplets, CLASSES)
    Perturber("rand", contexts, None)
    Perturber("neigh", None, embeddings)
    Perturber("graphn", contexts, None, topk=0)


@pytest.mark.parametrize("method", ["rand", "neigh", "graphn"])
@pytest.mark.parametrize("form", [np.uint8, np.int32, np.uint16, torch.int32, torch.uint8, list])
def test_distribution_of_graphs_in_any_integer_type(tables, method, form):
    rng = np.random.default_rng(3)
    perturber = make(tables, method, topk=2)
    for graph in [random_graph(rng, 5, 8), random_graph(rng, 3, 0)]:
        arrays = [array.tolist() if form is list else array.astype(form) if isinstance(form, type) else
                  torch.from_numpy(array).to(form) for array in (graph.labels, graph.relations)]
        other = SimpleNamespace(labels=arrays[0], relations=arrays[1])
        assert torch.equal(perturber.node_probabilities(other), perturber.node_probabilities(graph))
        for node in range(len(graph)):
            assert torch.equal(perturber.distribution(other, node), perturber.distribution(graph, node))
        drawn = [perturber.sample(one, torch.Generator().manual_seed(1)) for one in (other, graph)]
        assert torch.equal(*drawn)


@pytest.mark.parametrize("node", [-1, 3])
def test_distribution_refuses_a_node_that_does_not_exist(tables, node):
    perturber, graph = make(tables, "graphn"), random_graph(np.random.default_rng(0), 3, 2)
    with pytest.raises(ValueError, match=rf"node must be in 0\.\.2, got {node}"):
        perturber.distribution(graph, node)
    assert torch.equal(perturber.distribution(graph, torch.tensor(2)), perturber.distribution(graph, 2))


@pytest.mark.parametrize(("labels", "relations", "message"), [
    ([1, CLASSES], [], rf"labels must be in 0\.\.{CLASSES - 1}, got {CLASSES}"),
    ([-1, 1], [], rf"labels must be in 0\.\.{CLASSES - 1}, got -1"),
    ([1, 2], [[0, 2, 1]], r"subjects and objects of relations must be in 0\.\.1, got 2")])
def test_perturber_refuses_impossible_graphs(tables, labels, relations, message):
    perturber, graph = make(tables, "graphn"), SceneGraph(np.zeros((2, 4)), labels, relations)
    for call in (lambda: perturber.sample(graph), lambda: perturber.distribution(graph, 0),
                 lambda: perturber.node_probabilities(graph)):
        with pytest.raises(ValueError, match=message):
            call()


def test_sample_without_a_generator_uses_torchs_own(tables):
    perturber, graph = make(tables, "rand", intensity=1), random_graph(np.random.default_rng(1), 8, 3)
    torch.manual_seed(3)
    first = perturber.sample(graph)
    torch.manual_seed(3)
    assert torch.equal(perturber.sample(graph), first)
    assert not torch.equal(perturber.sample(graph), first)  # equal with probability (1 / 7) ** 8
