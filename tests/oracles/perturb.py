"""Perturbations in plain loops over dictionaries, one object after another: slow, shared by tests and the benchmark."""

import math
from collections import defaultdict

import numpy as np


class PlainPerturber:
    """docs/SYSTEM.md section 5 in plain loops. Random numbers in [0, 1) are arguments, one set for each object."""

    def __init__(self, triplets, embeddings, method, topk, alpha, min_support=0):
        self.as_subject, self.as_object = defaultdict(dict), defaultdict(dict)
        self.support = defaultdict(int)
        for (s, p, o), count in triplets.items():
            self.as_subject[p, o][s] = count
            self.as_object[s, p][o] = count
            self.support["subject", p, s] += count
            self.support["object", p, o] += count
        unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
        self.ranked = np.argsort(-(unit @ unit.T), axis=1, kind="stable").tolist()
        self.num_classes = len(embeddings)
        self.method, self.topk, self.alpha, self.min_support = method, topk, alpha, min_support

    def nearest(self, label, excluded, number):
        """The foreground classes most like `label`, but for itself and `excluded`."""
        return [c for c in self.ranked[label][:number + 3] if c not in (0, label, excluded)][:number]

    def is_supported(self, label, relations, node):
        """Whether training has seen a class often enough in every role of a node."""
        roles = [(end, predicate) for *ends, predicate in relations if predicate
                 for end, other in zip(("subject", "object"), ends, strict=True) if other == node]
        return all(self.support[end, predicate, label] >= self.min_support for end, predicate in roles)

    def candidates(self, labels, relations, node):
        """[(class, weight), ...] of the first stage in the order of the contexts. A class is listed once for each
        context in which it was seen; its weights add up to 1 / its mean count."""
        contexts = []
        for subject, obj, predicate in relations:
            if predicate and node == subject:
                contexts.append(self.as_subject.get((predicate, labels[obj]), {}))
            elif predicate and node == obj:
                contexts.append(self.as_object.get((labels[subject], predicate), {}))
        counts = defaultdict(list)
        for context in contexts:
            for label, count in context.items():
                counts[label].append(count)
        enough = max(1, min(len(contexts), 2))
        return [(label, 1 / sum(counts[label])) for context in contexts for label in context
                if label != labels[node] and len(counts[label]) >= enough and min(counts[label]) >= self.alpha
                and self.is_supported(label, relations, node)]

    def options(self, labels, relations, node, drawn):
        """The equally likely new labels once `drawn` (None: no candidate) came out of the first stage."""
        found = self.options_of_method(labels, node, drawn)
        return [label for label in found if self.is_supported(label, relations, node)] or [labels[node]]

    def options_of_method(self, labels, node, drawn):
        """The same without support."""
        label = labels[node]
        if self.method == "rand":
            return [c for c in range(1, self.num_classes) if c != label]
        if self.method == "neigh":
            return self.nearest(label, label, self.topk)
        if self.topk == 0:
            return [label if drawn is None else drawn]
        if drawn is None:
            return self.nearest(label, label, self.topk + 1)
        return [drawn, *self.nearest(drawn, label, self.topk)]

    def distribution(self, labels, relations, node):
        """[C] the probability of each new label."""
        result = np.zeros(self.num_classes)
        candidates = self.candidates(labels, relations, node) if self.method == "graphn" else []
        candidates = candidates or [(None, 1.0)]
        for drawn, weight in candidates:
            options = self.options(labels, relations, node, drawn)
            for option in options:
                result[option] += weight / sum(weight for _, weight in candidates) / len(options)
        return result

    def sample(self, labels, relations, intensity, which_node, which_class, which_option):
        """New labels of one image, each choice by its inverse distribution function."""
        labels = list(labels)
        degree = [0] * len(labels)
        for subject, obj, predicate in relations:
            for end in {subject, obj} if predicate else ():
                degree[end] += 1
        clock = [-math.log1p(-u) / max(d, 0.01) for u, d in zip(which_node, degree, strict=True)]
        order = sorted(range(len(labels)), key=clock.__getitem__)
        for node in order[:max(1, round(intensity * len(labels)))]:
            candidates = self.candidates(labels, relations, node) if self.method == "graphn" else []
            drawn, target = None, which_class[node] * sum(weight for _, weight in candidates)
            for label, weight in candidates:
                drawn = label
                target -= weight
                if target < 0:
                    break
            options = self.options(labels, relations, node, drawn)
            labels[node] = options[int(which_option[node] * len(options))]
        return labels
