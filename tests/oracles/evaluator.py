"""The metrics, written from their definitions in plain loops. The code is slow; tests and the benchmark share it.

It takes nothing from `sgg.metrics` except the names of the metrics.
"""

from __future__ import annotations

from collections import defaultdict
from statistics import median

SHOTS = {"all": lambda n: True, "zs": lambda n: n == 0, "10s": lambda n: 1 <= n <= 10, "100s": lambda n: 11 <= n <= 100}
NAN = float("nan")


def plain_metrics(images, mode, num_predicates, train, subset=None, ks=(20, 50, 100, 200, 300), weights=None, *,
                  zero_shot_list=None, resort_after_reweight=False, reweight_background=False,
                  triplet_pairs_by_boxes=False,
                  triplet_both_directions=True, absent_predicates_count=True, unconstrained_limit=300,
                  relation_nms=False, zero_scores_count=True, failed=(), failed_images_count=False):
    """Metrics of all images [(truth, prediction)], named as in `SceneGraphMetrics.compute(per_predicate=True)`.

    failed: numbers of the images in which detection found no two boxes that overlap.
    """
    figures, subset = {}, train if subset is None else subset
    wanted_of = {name: lambda triplet, wanted=wanted: wanted(subset.get(triplet, 0)) for name, wanted in SHOTS.items()}
    if subset != train:
        wanted_of["zs-train"] = lambda triplet: triplet not in train
    if zero_shot_list is not None:
        wanted_of["zs-list"] = lambda triplet: triplet in zero_shot_list
    for x, weight in {0: None, **(weights or {})}.items():
        relations = []  # one dict an annotated relation: image, triplet, ranks
        for image, (truth, prediction) in enumerate(images):
            if image in failed and not failed_images_count:
                continue
            scene = Scene(truth, prediction, mode, weight, reweight_background)
            scene.zeros_hit = zero_scores_count
            order = scene.constrained_order(resort=weight is not None and resort_after_reweight)
            everything = listed = scene.all_triplets()
            if relation_nms:
                order, listed = scene.suppressed()
            given = [(row, p) for row, p in order if scene.is_annotated(row)]
            for relation in scene.relations:
                own = [(row, p) for row, p in everything
                       if scene.on_own_pair(relation, row, triplet_pairs_by_boxes, triplet_both_directions)]
                rank = scene.first_hit(relation, own)
                relations.append({
                    "image": image, "annotated": len(scene.relations), "triplet": scene.triplet(relation),
                    "R": scene.first_hit(relation, order),
                    "ngR": scene.first_hit(relation, listed[:unconstrained_limit]),
                    "A": scene.first_hit(relation, given), "rank": 301 if rank is None else rank})
        for name, wanted in wanted_of.items():
            chosen = [r for r in relations if wanted(r["triplet"])]
            figures[f"{name}/num_triplets"] = len({r["triplet"] for r in chosen})
            figures[f"{name}/num_images"] = len({r["image"] for r in chosen})
            figures[f"{name}/num_relations"] = len(chosen)
            named = recalls(chosen, mode, num_predicates, train, ks, absent_predicates_count)
            named |= triplets(chosen, train)
            suffix = f"/x{x:g}" if x else ""
            figures |= {f"{name}/{metric}{suffix}": value for metric, value in named.items()}
    return figures


class Scene:
    """One image in plain lists. zeros_hit: whether a predicate of score 0 can be a hit."""

    zeros_hit = True

    def __init__(self, truth, prediction, mode, weight, reweight_background):
        self.truth_boxes, self.truth_labels = truth.boxes.tolist(), truth.labels.tolist()
        self.relations = [tuple(relation) for relation in truth.relations.tolist()]
        self.pairs = [tuple(pair) for pair in prediction.pairs.tolist()]
        self.boxes = prediction.boxes.tolist() if mode == "sgdet" else self.truth_boxes
        self.labels = self.truth_labels if mode == "predcls" else prediction.labels.tolist()
        objects = [1.0] * len(self.labels) if mode == "predcls" else prediction.label_scores.tolist()
        self.pair_scores = [objects[s] * objects[o] for s, o in self.pairs]
        self.scores = prediction.predicate_scores.tolist()
        if weight is not None:
            self.scores = [reweighted(row, list(weight), reweight_background) for row in self.scores]
        self.meets = [[iou(a, b) >= 0.5 for b in self.boxes] for a in self.truth_boxes]

    def triplet(self, relation):
        subject, object_, predicate = relation
        return self.truth_labels[subject], predicate, self.truth_labels[object_]

    def constrained_order(self, resort):
        """(row, its best predicate), one a pair."""
        best = [(row, max(range(1, len(scores)), key=lambda p: scores[p])) for row, scores in enumerate(self.scores)]
        if resort:
            best.sort(key=lambda entry: -self.scores[entry[0]][entry[1]] * self.pair_scores[entry[0]])
        return best

    def all_triplets(self):
        """Every (row, predicate), best first."""
        entries = [(-score * self.pair_scores[row], row, p)
                   for row, scores in enumerate(self.scores) for p, score in enumerate(scores) if p]
        return [(row, p) for _, row, p in sorted(entries)]

    def suppressed(self):
        """(row, its predicate) in the order of drawing, and (row, predicate) without graph constraint, after relation
        NMS."""
        rows = range(len(self.pairs))
        alike = [[self.are_alike(a, b) for b in rows] for a in rows]
        left = [[0.0, *(score * self.pair_scores[row] for score in self.scores[row][1:])] for row in rows]
        drawn, predicates = [], dict.fromkeys(rows, 0)
        for _ in rows:
            row, p = max(((row, p) for row in rows for p in range(len(left[row]))), key=lambda at: left[at[0]][at[1]])
            if predicates[row] == 0 and p:
                predicates[row] = p
                drawn.append(row)
            for other in rows:
                if alike[row][other] and self.related(row, other) > 0.7:
                    left[other][p] = 0.0
            left[row] = [-1.0] * len(left[row])
        order = [(row, predicates[row]) for row in [*drawn, *(row for row in rows if row not in drawn)]]
        kept = []
        for row, p in self.all_triplets()[:1000]:
            if not any(p == q and alike[row][other] for other, q in kept):
                kept.append((row, p))
        return order, kept[:100]

    def are_alike(self, a, b):
        ends = list(zip(self.pairs[a], self.pairs[b], strict=True))
        return all(self.labels[i] == self.labels[j] for i, j in ends) and min(
            iou(self.boxes[i], self.boxes[j], 1) for i, j in ends) >= 0.5

    def related(self, a, b):
        return sum((p**2 + q**2) ** 0.5 for p, q in list(zip(self.scores[a], self.scores[b], strict=True))[1:])

    def is_annotated(self, row):
        return any((s, o) == self.pairs[row] for s, o, _ in self.relations)

    def on_own_pair(self, relation, row, by_boxes, both_directions):
        s, o, _ = relation
        i, j = self.pairs[row]
        if by_boxes:
            backwards = both_directions and self.meets[s][j] and self.meets[o][i]
            return (self.meets[s][i] and self.meets[o][j]) or backwards
        return (i, j) == (s, o) or (both_directions and (j, i) == (s, o))

    def is_hit(self, relation, row, predicate):
        s, o, truth = relation
        i, j = self.pairs[row]
        return (predicate == truth and self.labels[i] == self.truth_labels[s] and self.labels[j] == self.truth_labels[o]
                and (self.zeros_hit or self.scores[row][predicate] > 0) and self.meets[s][i] and self.meets[o][j])

    def first_hit(self, relation, entries):
        return next((rank for rank, (row, p) in enumerate(entries) if self.is_hit(relation, row, p)), None)


def iou(a, b, more=0):
    """more: what is added to each side."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]) + more, min(a[3], b[3]) - max(a[1], b[1]) + more
    if width <= 0 or height <= 0:
        return 0.0
    area = [(c[2] - c[0] + more) * (c[3] - c[1] + more) for c in (a, b)]
    return width * height / (sum(area) - width * height)


def reweighted(row, weight, background):
    divided = [score / w if p or background else score for p, (score, w) in enumerate(zip(row, weight, strict=True))]
    total = sum(divided)
    return [score / total for score in divided] if total else divided


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def share_found(relations, kind, k):
    """k: the cut-off, or None for the number of annotated relations of the image."""
    return mean(r[kind] is not None and r[kind] < (r["annotated"] if k is None else k) for r in relations)


def mean_over_images(relations, kind, k):
    """R@K: the fraction of found relations in each image, averaged over images that have a relation."""
    by_image = defaultdict(list)
    for relation in relations:
        by_image[relation["image"]].append(relation)
    return mean(share_found(rows, kind, k) for rows in by_image.values()) if by_image else NAN


def recalls(relations, mode, num_predicates, train, ks, absent_predicates_count):
    named = {}
    for k in [*ks, None]:
        ending = "-relative" if k is None else f"@{k}"
        for kind, of_predicates in ("R", "mR"), ("ngR", "ng-mR"):
            named[kind + ending] = mean_over_images(relations, kind, k)
            each = [mean_over_images([r for r in relations if r["triplet"][1] == p], kind, k)
                    for p in range(1, num_predicates)]
            present = [value for value in each if value == value]
            divisor = num_predicates - 1 if absent_predicates_count else len(present)
            named[of_predicates + ending] = sum(present) / divisor if present else NAN
            if k is not None:
                named |= {f"{kind}@{k}/predicate{p}": value for p, value in enumerate(each, start=1)}
    for k in ks:
        for kind, of_predicates, name in ("R", "mR", "F1"), ("ngR", "ng-mR", "ng-F1"):
            r, m = named[f"{kind}@{k}"], named[f"{of_predicates}@{k}"]
            named[f"{name}@{k}"] = 0.0 if r == m == 0 else 2 * r * m / (r + m)
        if mode != "sgdet":
            named[f"A@{k}"] = share_found(relations, "A", k) if relations else NAN
        named[f"ngR@{k}-weighted"] = rare_mean_over_images(relations, train, k)
    return named


def rare_mean_over_images(relations, train, k):
    by_image = defaultdict(list)
    for r in relations:
        weight = 1 / (train.get(r["triplet"], 0) + 1)
        by_image[r["image"]].append((weight, r["ngR"] is not None and r["ngR"] < k))
    return mean(sum(w * found for w, found in rows) / sum(w for w, _ in rows)
                for rows in by_image.values()) if by_image else NAN


def triplets(relations, train):
    """Metrics of the rank of each relation on its own pair, pooled over images."""
    ranks, classes = [r["rank"] for r in relations], defaultdict(list)
    weight = {r["triplet"]: 1 / (train.get(r["triplet"], 0) + 1) for r in relations}
    for r in relations:
        classes[r["triplet"]].append(r["rank"])
    medians = {triplet: median(values) for triplet, values in classes.items()}

    def weighted(values):
        values = list(values)
        return sum(v * w for v, w in values) / sum(w for _, w in values) if values else NAN

    named = {}
    for k in (5, 10, 15, 20, 50):
        named[f"triplet-R@{k}"] = mean(rank < k for rank in ranks) if ranks else NAN
        named[f"triplet-R@{k}-weighted"] = weighted((r["rank"] < k, weight[r["triplet"]]) for r in relations)
    named["triplet-rank-mean"] = mean(ranks) if ranks else NAN
    named["triplet-rank-median"] = median(ranks) if ranks else NAN
    named["triplet-rank-class-median"] = mean(medians.values()) if ranks else NAN
    named["triplet-rank-mean-weighted"] = weighted((r["rank"], weight[r["triplet"]]) for r in relations)
    named["triplet-rank-class-median-weighted"] = weighted((m, weight[t]) for t, m in medians.items())
    return named
