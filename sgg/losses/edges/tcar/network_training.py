"""The training of T-CAR's plausibility network on the triplets of training alone.

The published network is that of the epoch, out of 20, that tells the zero-shot triplets of the test split best. That
is knowledge of the test. Here a tenth of the training triplets is held out: the kept epoch is the one that tells these
from triplets that training lacks best (area under the ROC curve). Val and test are never read.
"""

from __future__ import annotations

import copy
import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from rich.progress import track
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from sgg.common.seeding import derive, generator
from sgg.methods.derived import DerivedFile
from sgg.methods.statistics import Statistics

from .network import PlausibilityNetwork, positive_unlabelled_loss

log = logging.getLogger(__name__)

SCORES = "scores"
RECIPE = {"version": 1, "width": 512, "epochs": 20, "rate": 1e-3, "prior": 0.03, "clip": 5.0, "batch": 8192,
          "updates": 40, "held_out": 0.1, "compared": 20_000}
"""The published training. updates: of an epoch, at least, so that small data sets do not train too little; the
published batch makes 138 of Visual Genome's triplets. compared: the number of triplets that training lacks, with which
held-out ones are compared."""
MOST = 20_000_000
"""The most triplets of classes that the network can score."""


def plausibility_file(statistics: Statistics, recipe: Mapping[str, Any] = RECIPE) -> DerivedFile:
    """The derived file with the `scores` [C, C, R] of all triplets by subject, object and predicate, 0 where one of
    them is the background, and the weights of the network. Raises ValueError where there are too many triplets."""
    triplets, words = statistics.triplets[0], statistics.word_vectors
    count = (statistics.num_classes - 1) ** 2 * (statistics.num_predicates - 1)
    if count > MOST:
        raise ValueError(f"loss.plausible network scores every triplet of classes, and there are {count:,} here, more "
                         f"than {MOST:,}: use loss.plausible=contexts")
    sizes = statistics.num_classes, statistics.num_predicates
    identity = {"classes": sizes[0], "predicates": sizes[1], "triplets": _hash(triplets[np.lexsort(triplets.T)]),
                "words": [_hash(vectors.numpy()) for vectors in words], **recipe}
    return DerivedFile("plausibility", "plausibility network of T-CAR", identity,
                       lambda: trained(triplets, words, recipe))


def trained(triplets: np.ndarray, words: tuple[Tensor, Tensor], recipe: Mapping[str, Any] = RECIPE,
            ) -> dict[str, np.ndarray]:
    """Train a network. triplets: [K, 3] the different ones of training. words: [C, D] and [R, D]. Returns the arrays of
    `plausibility_file`. This computes on one thread, so that the result follows from the arguments."""
    with _one_thread():
        return _trained(triplets, words, recipe)


def _trained(triplets: np.ndarray, words: tuple[Tensor, Tensor], recipe: Mapping[str, Any]) -> dict[str, np.ndarray]:
    classes, predicates = (len(vectors) for vectors in words)
    with torch.random.fork_rng([]):
        torch.manual_seed(derive(0, "plausibility"))
        network = PlausibilityNetwork(*words, recipe["width"])
    draws = generator(0, "plausibility", "draws")
    every = torch.cartesian_prod(*(torch.arange(1, many) for many in (classes, predicates, classes)))
    seen = torch.zeros(classes, predicates, classes, dtype=torch.bool)
    seen[tuple(torch.from_numpy(triplets.astype(np.int64)).T)] = True
    seen = seen[1:, 1:, 1:].reshape(-1)
    known, lacking = seen.nonzero()[:, 0], (~seen).nonzero()[:, 0]
    held_out = known[torch.randperm(len(known), generator=draws)[:int(len(known) * recipe["held_out"])]]
    compared = lacking[torch.randperm(len(lacking), generator=draws)[:recipe["compared"]]]
    seen[held_out] = False

    optimizer = torch.optim.Adam(network.parameters(), recipe["rate"])
    batch = max(1, min(recipe["batch"], -(-len(every) // recipe["updates"])))
    best, kept = -1.0, copy.deepcopy(network.state_dict())
    for epoch in track(range(1, recipe["epochs"] + 1), "plausibility network"):
        for rows in torch.randperm(len(every), generator=draws).split(batch):
            optimizer.zero_grad()
            positive_unlabelled_loss(network(every[rows]), seen[rows], recipe["prior"]).backward()
            clip_grad_norm_(network.parameters(), recipe["clip"])
            optimizer.step()
        area = _area(network, every[held_out], every[compared])
        log.info("plausibility network: epoch %d of %d, area under the ROC curve of held-out triplets %.4f", epoch,
                 recipe["epochs"], area)
        if area >= best:
            best, kept = area, copy.deepcopy(network.state_dict())
    network.load_state_dict(kept)
    scores = torch.zeros(classes, classes, predicates)
    scores[1:, 1:, 1:] = _scored(network, every).view(classes - 1, predicates - 1, classes - 1).transpose(1, 2)
    return {SCORES: scores.numpy(), **{f"network/{name}": value.numpy() for name, value in kept.items()}}


@torch.no_grad()
def _scored(network: PlausibilityNetwork, triplets: Tensor) -> Tensor:
    """[n] the scores of triplets, from 0 to 1."""
    return torch.cat([network(part).sigmoid() for part in triplets.split(RECIPE["batch"])])


def _area(network: PlausibilityNetwork, held_out: Tensor, compared: Tensor) -> float:
    """The probability that a held-out triplet has a larger score than another; 0 where there is none of either."""
    if not len(held_out) or not len(compared):
        return 0.0
    from sklearn.metrics import roc_auc_score

    scores = _scored(network, torch.cat([held_out, compared])).numpy()
    return float(roc_auc_score(np.arange(len(scores)) < len(held_out), scores))


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _hash(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
