"""Perturbations against the reference system: candidates, probabilities, sampling, replays of whole perturbations."""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch

from sgg.perturbations.contexts import Contexts
from sgg.perturbations.perturber import Candidates, Draw, Perturber
from sgg.structures import SceneGraph

FILES = Path(__file__).parent / "files"
GOLDEN = json.loads((FILES / "perturb.json").read_text())
ARRAYS = dict(np.load(FILES / "perturb.npz"))
EMBEDDINGS = torch.from_numpy(ARRAYS["embed_objs"])
NUM_CLASSES = len(EMBEDDINGS)
GRAPHS = [SceneGraph(np.zeros((np.sum(of_image), 4)), ARRAYS["gt_obj"][of_image, 1],
                     ARRAYS["gt_rels"][ARRAYS["gt_rels"][:, 0] == image, 1:])
          for image in np.unique(ARRAYS["gt_obj"][:, 0]) for of_image in [ARRAYS["gt_obj"][:, 0] == image]]


@pytest.fixture(scope="module")
def contexts():
    return Contexts.from_triplets({(s, p, o): n for s, p, o, n in ARRAYS["subj_pred_pairs"].tolist()}, NUM_CLASSES)


def perturber(contexts, method, **settings):
    return Perturber(method, contexts, EMBEDDINGS, **settings)


def even_over(labels):
    expected = torch.zeros(NUM_CLASSES, dtype=torch.float64)
    expected[torch.as_tensor(labels)] = 1 / len(labels)
    return expected


def reference_rows(contexts):
    """{row of ours: [(class, count), ...] in the reference's order}"""
    of_subject, of_object = contexts.rows(np.arange(contexts.num_predicates))
    tables = defaultdict(list)
    for subject, predicate, obj, count in ARRAYS["subj_pred_pairs"].tolist():
        tables[int(of_object[predicate]) + subject].append((obj, count))
    for predicate, obj, subject, count in ARRAYS["pred_obj_pairs"].tolist():
        tables[int(of_subject[predicate]) + obj].append((subject, count))
    return tables


def test_contexts_are_the_pair_tables(contexts):
    for row, entries in reference_rows(contexts).items():
        entry = slice(contexts.offsets[row], contexts.offsets[row + 1])
        pairs = zip(contexts.classes[entry].tolist(), contexts.counts[entry].tolist(), strict=True)
        assert sorted(pairs) == sorted(entries)
    assert contexts.offsets[-1] == 2 * len(ARRAYS["subj_pred_pairs"])


@pytest.mark.parametrize(("method", "topk"), [("rand", 5), ("neigh", 1), ("neigh", 5), ("neigh", 10)])
def test_candidates_without_contexts(contexts, method, topk):
    for case in GOLDEN["node"]:
        candidates = case["rand"] if method == "rand" else case["neigh"][str(topk)]
        actual = perturber(contexts, method, topk=topk).distribution(GRAPHS[case["im"]], case["ind"])
        torch.testing.assert_close(actual, even_over(candidates))


@pytest.mark.parametrize("topk", [0, 5, 10])
def test_distribution_of_graphn(contexts, topk):
    """Both stages: each class drawn by context spreads its probability evenly over its final candidates."""
    checked = 0
    for case in GOLDEN["node"]:
        for entry in case["graphn"]:
            first = dict(zip(map(str, entry["candidates"]), entry["probs"], strict=True)) or {"none": 1.0}
            final = entry[f"final_topk{topk}"]
            assert first.keys() == final.keys()
            expected = sum(probability * even_over(final[drawn]) for drawn, probability in first.items())
            actual = perturber(contexts, "graphn", topk=topk, alpha=entry["alpha"]).distribution(
                GRAPHS[case["im"]], case["ind"])
            torch.testing.assert_close(actual, expected, rtol=1e-6, atol=1e-9)
            checked += 1
    assert checked == 185


def test_node_probabilities_and_numbers(contexts):
    for case in GOLDEN["sampling"]:
        if case["L"] <= 0:
            with pytest.raises(ValueError, match=r"intensity must be in \(0, 1\], got 0"):
                perturber(contexts, "rand", intensity=case["L"])
            continue
        rand = perturber(contexts, "rand", intensity=case["L"], uniform=case["uniform"],
                         degree_smoothing=case["degree_smoothing"])
        for graph, expected in zip(GRAPHS, case["per_image"], strict=True):
            probabilities = torch.tensor(expected["probs"])
            torch.testing.assert_close(rand.node_probabilities(graph), probabilities, rtol=1e-6, atol=0)
            changed = rand.sample(graph, torch.Generator().manual_seed(0)) != torch.from_numpy(graph.labels)
            assert changed.sum() == expected["n_sampled"]


class Replay(Draw):
    """The golden rules in place of chance: the most probable objects (ties: the lowest) and class, a fixed option."""

    def __init__(self, option):
        self.option = option

    def order(self, weights, uniform):
        return -weights

    def weighted(self, weights, sizes, uniform):
        groups = np.split(weights, np.cumsum(sizes)[:-1])
        starts = np.cumsum(sizes) - sizes
        return np.array([start + group.argmax() if len(group) else len(weights)
                         for start, group in zip(starts, groups, strict=True)])

    def even(self, count, uniform):
        return np.full(len(uniform), min(self.option, count - 1))


class FirstMet(Perturber):
    """Lists each class once, in the order in which the reference meets them going through the relations."""

    def _candidates(self, tables, roles, labels, slot, original):
        found = super()._candidates(tables, roles, labels, slot, original)
        ends = np.cumsum(found.sizes)[:-1]
        rows, reference = roles.row + labels[roles.other], reference_rows(self.contexts)
        merged = []
        for place, (own, weights) in enumerate(zip(np.split(found.labels, ends), np.split(found.weights, ends),
                                                   strict=True)):
            met = dict.fromkeys(label for row in rows[slot == place].tolist() for label, _ in reference[row])
            merged.append({label: weights[own == label].sum() for label in met if label in own})
        return Candidates(np.array([label for group in merged for label in group], dtype=np.int64),
                          np.array([weight for group in merged for weight in group.values()]),
                          np.array([len(group) for group in merged]))


@pytest.mark.parametrize("case", GOLDEN["replay"], ids=lambda case: "-".join(map(str, case["args"].values())))
def test_perturber_replays_the_published_draws(contexts, case):
    settings = dict(case["args"])
    method = settings.pop("method")
    fixed = FirstMet(method, contexts, EMBEDDINGS, intensity=settings.pop("L"), **settings,
                     draw=Replay(option=0 if method == "rand" else 1))
    one_by_one = torch.cat([fixed.sample(graph, torch.Generator()) for graph in GRAPHS])
    assert one_by_one.tolist() == case["new_classes"]

    image_index, labels = torch.from_numpy(ARRAYS["gt_obj"]).unbind(1)
    counts = torch.bincount(image_index)
    relations = torch.from_numpy(ARRAYS["gt_rels"]).clone()
    relations[:, 1:3] += (counts.cumsum(0) - counts)[relations[:, 0]][:, None]
    at_once = fixed.sample_batch(labels, relations, image_index, torch.Generator())
    assert at_once.tolist() == case["new_classes"]
