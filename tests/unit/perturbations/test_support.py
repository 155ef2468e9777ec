"""New labels that training supports: against slow loops, and by hand."""

import numpy as np
import pytest
import torch

from sgg.augmentations.feature_mixing import FeatureMixing
from sgg.augmentations.gan import GANAugmentation
from sgg.config import validate
from sgg.experiment.context import Experiment
from sgg.perturbations.contexts import Contexts
from sgg.perturbations.perturber import Perturber
from sgg.perturbations.support import seen_roles
from sgg.structures import SceneGraph
from tests.oracles.perturb import PlainPerturber
from tests.unit.perturbations.test_perturber import CASES, CLASSES, batch_of, make, random_graph, random_triplets

MAN, DOG, CAT, HORSE = 1, 2, 3, 4
RIDES, NEAR = 1, 2
TRIPLETS = {(MAN, RIDES, HORSE): 3, (DOG, RIDES, HORSE): 1, (MAN, NEAR, CAT): 1, (CAT, NEAR, DOG): 2}


@pytest.fixture(scope="module")
def tables():
    """Few triplets, so that many classes were never seen in a role."""
    rng = np.random.default_rng(6)
    return random_triplets(rng, 25), rng.normal(size=(CLASSES, 6))


def graph_of(labels, relations) -> SceneGraph:
    return SceneGraph(np.zeros((len(labels), 4)), np.array(labels), np.array(relations).reshape(-1, 3))


def test_seen_roles_counts_occurrences_with_any_class_at_the_third_place():
    contexts = Contexts.from_triplets(TRIPLETS, 5)
    once, twice = (seen_roles(contexts, least) for least in (1, 2))
    as_object = len(once) // 2
    assert [np.flatnonzero(once[row]).tolist() for row in (RIDES, NEAR, as_object + RIDES, as_object + NEAR)] == [
        [MAN, DOG], [MAN, CAT], [HORSE], [DOG, CAT]]
    assert np.flatnonzero(twice[RIDES]).tolist() == [MAN]
    assert np.flatnonzero(twice[as_object + NEAR]).tolist() == [DOG]


def test_distribution_by_rand_is_over_the_supported_classes():
    """Who rides and is near something: only the man was seen in both roles. Who rides: man and dog."""
    rand = Perturber("rand", Contexts.from_triplets(TRIPLETS, 5), None, min_support=1)
    rider = graph_of([DOG, HORSE], [[0, 1, RIDES]])
    assert rand.distribution(rider, 0).nonzero()[:, 0].tolist() == [MAN]
    assert rand.distribution(rider, 1).tolist() == [0, 0, 0, 0, 1], "nothing else is ridden, so the horse stays one"
    both = graph_of([MAN, HORSE, CAT], [[0, 1, RIDES], [0, 2, NEAR]])
    assert rand.distribution(both, 0)[MAN] == 1
    alone = graph_of([CAT, HORSE], [])
    assert rand.distribution(alone, 0).tolist() == pytest.approx([0, 1 / 3, 1 / 3, 0, 1 / 3])


@pytest.mark.parametrize(("method", "topk", "alpha"), CASES)
@pytest.mark.parametrize("least", [1, 6])
def test_distribution_equals_enumeration(tables, method, topk, alpha, least):
    rng = np.random.default_rng(0)
    perturber = make(tables, method, topk=topk, alpha=alpha, min_support=least)
    oracle = PlainPerturber(*tables, method, topk, alpha, least)
    unlimited = make(tables, method, topk=topk, alpha=alpha)
    limited = 0
    for _ in range(8):
        graph = random_graph(rng, int(rng.integers(1, 6)), int(rng.integers(0, 7)))
        for node in range(len(graph)):
            actual = perturber.distribution(graph, node)
            expected = oracle.distribution(graph.labels.tolist(), graph.relations.tolist(), node)
            np.testing.assert_allclose(actual, expected, atol=1e-12, err_msg=f"{graph}, object {node}")
            assert actual.sum() == pytest.approx(1)
            limited += not torch.allclose(actual, unlimited.distribution(graph, node))
    assert limited, "the limit acts on some object"


@pytest.mark.parametrize(("method", "topk", "alpha"), CASES)
@pytest.mark.parametrize("in_torch", [False, True])
def test_perturb_equals_relabelling_one_object_after_another(tables, method, topk, alpha, in_torch):
    rng = np.random.default_rng(1)
    graphs = [random_graph(rng, int(rng.integers(1, 9)), int(rng.integers(0, 9))) for _ in range(30)]
    perturber = make(tables, method, topk=topk, alpha=alpha, intensity=0.7, min_support=1)
    oracle = PlainPerturber(*tables, method, topk, alpha, 1)
    batch = batch_of(graphs)
    chance = torch.rand(3, len(batch[0]), generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    arrays = [*batch, chance] if in_torch else [one.numpy() for one in (*batch, chance)]
    actual = torch.as_tensor(perturber.perturb(*arrays))
    by_graph = [len(graph) for graph in graphs]
    for graph, new, numbers in zip(graphs, actual.split(by_graph), chance.split(by_graph, dim=1), strict=True):
        wanted = oracle.sample(graph.labels.tolist(), graph.relations.tolist(), 0.7, *numbers.tolist())
        assert new.tolist() == wanted, f"labels {graph.labels}, relations {graph.relations.tolist()}"


@pytest.mark.parametrize("method", ["rand", "neigh", "graphn"])
def test_perturbed_triplets_have_pairs_that_training_has(tables, method):
    """Of training graphs. Without the limit most perturbed graphs have others."""
    triplets, _ = tables
    pairs = {(s, p) for s, p, _ in triplets} | {(p, o, "object") for _, p, o in triplets}
    graphs = [graph_of([s, o], [[0, 1, p]]) for s, p, o in triplets]
    others = []
    for least in (0, 1):
        labels, relations, images = batch_of(graphs)
        new = make(tables, method, topk=3, alpha=1, intensity=1, min_support=least).sample_batch(
            labels, relations, images, torch.Generator().manual_seed(0))
        found = [(int(new[s]), p, int(new[o])) for _, s, o, p in relations.tolist()]
        others.append(sum(not {(s, p), (p, o, "object")} <= pairs for s, p, o in found))
        assert (new != labels).any()
    assert others[0] > 0 == others[1]


def test_perturbed_graphs_of_predicates_that_training_lacks_stay(tables):
    graph = graph_of([1, 2, 3], [[0, 1, 99]])
    new = make(tables, "rand", intensity=1, min_support=1).sample(graph, torch.Generator().manual_seed(0))
    assert new[:2].tolist() == [1, 2]
    assert new[2] != 3


def test_perturber_needs_contexts_for_support(tables):
    with pytest.raises(ValueError, match="contexts must be given for min_support 1"):
        Perturber("neigh", None, torch.from_numpy(tables[1]), min_support=1)


@pytest.mark.parametrize("augmentation", [GANAugmentation, FeatureMixing])
def test_min_support_is_a_setting_of_every_augmentation_with_perturbations(toy_root, augmentation):
    """Counted in the triplets of training."""
    experiment = Experiment.open(validate({"data": {"name": "toy", "root": str(toy_root)}, "detector": {"epochs": 2}}))
    settings = augmentation(perturb={"method": "rand", "min_support": 1})
    built = settings.perturb.build(experiment)
    triplets = experiment.triplets[0]
    subject, predicate, other = triplets[0].tolist()
    graph = graph_of([subject, other], [[0, 1, predicate]])
    possible = built.distribution(graph, 0).nonzero()[:, 0].tolist()
    seen = set(triplets[triplets[:, 1] == predicate][:, 0].tolist())
    assert set(possible) == (seen - {subject} or {subject})
    assert augmentation().perturb.min_support == 0
