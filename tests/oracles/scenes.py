"""Small random scenes in which everything that makes metrics hard happens often."""

import numpy as np

from sgg.structures import Prediction, SceneGraph

CLASSES = PREDICATES = 4
TRAIN = {(1, 1, 1): 150, (1, 1, 2): 11, (1, 2, 2): 1, (2, 1, 1): 10, (2, 2, 3): 100, (3, 3, 3): 5, (2, 3, 1): 40}
SUBSET = {**TRAIN, (1, 3, 1): 2, (3, 1, 2): 12, (1, 2, 2): 11}
PREDICATE_COUNTS = np.array([9.0, 4, 2, 1])


def random_scene(rng, mode):
    """Few classes and places, so that hits, ties, near-duplicate boxes and repeated relations abound."""
    count = int(rng.choice([1, 2, 3, 5, 8]))
    boxes = random_boxes(rng, count)
    labels = rng.integers(1, CLASSES, count)
    relations = np.stack([rng.integers(0, count, 9), rng.integers(0, count, 9), rng.integers(1, PREDICATES, 9)], axis=1)
    relations = relations[:rng.integers(0, 10)]
    if rng.random() < 0.5:
        relations = np.concatenate([relations, relations[:2]])
    truth = SceneGraph(boxes, labels, relations)
    predicted = int(rng.integers(1, 9)) if mode == "sgdet" else count
    near = boxes[rng.integers(0, count, predicted)] + rng.integers(-2, 3, (predicted, 4))
    pairs = np.array([(i, j) for i in range(predicted) for j in range(predicted) if i != j or rng.random() < 0.05])
    pairs = rng.permutation(pairs.reshape(-1, 2)).astype(np.int64)
    if rng.random() < 0.3:
        pairs = pairs[:rng.integers(0, len(pairs) + 1)]
    if rng.random() < 0.1:
        pairs = np.concatenate([pairs, pairs[:2]])
    if rng.random() < 0.5:  # sixteenths: ties by the dozen, and exact in every arithmetic
        scores = rng.multinomial(16, [0.4, 0.2, 0.2, 0.2], len(pairs)) / 16
        label_scores = rng.integers(1, 4, predicted) / 4
    else:
        scores = rng.dirichlet(np.ones(PREDICATES), len(pairs)).reshape(-1, PREDICATES)
        label_scores = rng.random(predicted)
    guesses = rng.integers(1, CLASSES, predicted)
    if mode != "sgdet":
        guesses = np.where(rng.random(count) < 0.7, labels, guesses)
    return truth, Prediction(near, guesses, label_scores, pairs, scores)


def random_boxes(rng, count):
    corner, size = rng.integers(0, 12, (count, 2)), rng.integers(4, 16, (count, 2))
    return np.concatenate([corner, corner + size], axis=1)


def scenes(mode, number, seed=0):
    rng = np.random.default_rng(seed)
    return [random_scene(rng, mode) for _ in range(number)]
