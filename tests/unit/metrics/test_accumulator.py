"""SceneGraphMetrics against an oracle of plain loops, in parts and through files, and its refusals."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sgg.metrics import SceneGraphMetrics
from sgg.structures import Prediction, SceneGraph
from tests.oracles.evaluator import plain_metrics
from tests.oracles.scenes import PREDICATES, SUBSET, TRAIN, scenes

KS = (1, 2, 3, 5, 8, 20)
WEIGHTS = {0.5: np.array([1.0, 1, 2, 4]), 2.0: np.array([8.0, 1, 16, 2])}
MODES = ("predcls", "sgcls", "sgdet")
LIST = [(1, 1, 1), (1, 3, 1), (2, 1, 3), (3, 2, 1), (3, 1, 2), (1, 2, 3)]
"""Of these, train has the first; the second and the fifth occur in val alone."""
CLEAN = {"resort_after_reweight": True, "reweight_background": True, "triplet_pairs_by_boxes": True,
         "triplet_both_directions": False, "absent_predicates_count": False, "failed_images_count": True}


def accumulated(images, mode, failed=(), **settings):
    metrics = SceneGraphMetrics(mode, PREDICATES, TRAIN, SUBSET, KS, WEIGHTS, LIST, **settings)
    for number, (truth, prediction) in enumerate(images):
        metrics.update(truth, prediction, failed=number in failed)
    return metrics


def without_pairs(images):
    """The numbers of the images without a predicted pair."""
    return {number for number, (_, prediction) in enumerate(images) if not len(prediction.pairs)}


@pytest.mark.parametrize("conventions", [
    {}, CLEAN, {"unconstrained_limit": 4}, {"relation_nms": True}, {"relation_nms": True, "unconstrained_limit": 4},
    {"zero_scores_count": False}], ids=["reference", "clean", "cut", "relation_nms", "relation_nms_cut", "listed"])
@pytest.mark.parametrize("mode", MODES)
def test_scene_graph_metrics_agree_with_the_oracle_on_200_scenes(mode, conventions):
    images = scenes(mode, 200)
    failed = without_pairs(images) if mode == "sgdet" else ()
    got = accumulated(images, mode, failed, **conventions, single_precision_ranks=False).compute(per_predicate=True)
    want = plain_metrics(images, mode, PREDICATES, TRAIN, SUBSET, KS, WEIGHTS, zero_shot_list=LIST, **conventions,
                         failed=failed)
    assert got.keys() == want.keys()
    assert want["zs-train/num_relations"] > want["zs/num_relations"] > 0
    assert want["zs-list/num_triplets"] == len(LIST)
    for name, value in want.items():
        assert got[name] == pytest.approx(value, abs=1e-10, nan_ok=True), name


@pytest.mark.parametrize("mode", MODES)
def test_scene_graph_metrics_agree_with_the_oracle_on_every_scene_alone(mode):
    for truth, prediction in scenes(mode, 60, seed=1):
        got = accumulated([(truth, prediction)], mode).compute(per_predicate=True)
        want = plain_metrics([(truth, prediction)], mode, PREDICATES, TRAIN, SUBSET, KS, WEIGHTS, zero_shot_list=LIST)
        assert got == pytest.approx(want, abs=1e-10, rel=1e-7, nan_ok=True)


@pytest.mark.parametrize(("switch", "touched"), [
    ("resort_after_reweight", {"R", "mR", "F1", "A"}),
    ("reweight_background", {"ngR", "ng-mR", "ng-F1", "ngR-weighted", "triplet"}),
    ("triplet_pairs_by_boxes", {"triplet"}), ("triplet_both_directions", {"triplet"}),
    ("absent_predicates_count", {"mR", "ng-mR", "F1", "ng-F1"}), ("single_precision_ranks", {"triplet"})])
def test_conventions_change_their_own_metrics_only(switch, touched):
    changed = set()
    for mode in MODES:
        images = scenes(mode, 100, seed=2)
        figures = accumulated(images, mode).compute()
        switched = accumulated(images, mode, **{switch: CLEAN.get(switch, False)}).compute()
        changed |= {kind_of(name) for name in figures if repr(figures[name]) != repr(switched[name])}
    assert changed == touched


def test_update_leaves_out_or_counts_an_image_on_which_the_detector_failed():
    """Two images with one relation each, the second without a pair of boxes: the recall is 1 by the published
    convention, 1/2 by the definition, and 1/2 without the mark that the detector failed."""
    truth = SceneGraph(np.array([[0.0, 0, 9, 9], [5, 5, 30, 30]]), np.array([1, 1]), np.array([[0, 1, 1]]))
    found = Prediction(truth.boxes, truth.labels, np.ones(2), np.array([[0, 1]]), np.array([[0, 1, 0, 0]]))
    nothing = Prediction(truth.boxes, truth.labels, np.ones(2), np.zeros((0, 2)), np.zeros((0, PREDICATES)))
    images = [(truth, found), (truth, nothing)]
    for settings, images_counted, recall in (({"failed": {1}}, 1, 1), ({"failed": {1}, **CLEAN}, 2, 0.5), ({}, 2, 0.5)):
        figures = accumulated(images, "sgdet", **settings).compute()
        assert (figures["all/num_images"], figures["all/num_relations"]) == (images_counted, images_counted)
        assert figures["all/R@20"] == figures["all/ngR@20"] == figures["all/triplet-R@5"] == recall


def test_compute_counts_failed_images_in_every_metric():
    images = scenes("sgdet", 200)
    failed = without_pairs(images)
    assert len(failed) > 5
    left_out, counted = (accumulated(images, "sgdet", failed, failed_images_count=count).compute()
                         for count in (False, True))
    kept = [image for number, image in enumerate(images) if number not in failed]
    assert repr(left_out) == repr(accumulated(kept, "sgdet").compute())
    assert repr(counted) == repr(accumulated(images, "sgdet").compute())
    assert left_out["all/R@20"] > counted["all/R@20"]


def kind_of(name):
    metric = name.split("/")[1]
    return "triplet" if metric.startswith("triplet") else re.sub(r"@\d+|-relative$", "", metric)


@pytest.mark.parametrize("mode", MODES)
def test_merge_gives_exactly_the_whole(mode):
    images = scenes(mode, 120, seed=3)
    whole = accumulated(images, mode).compute(per_predicate=True)
    for cuts in ([60], [1, 2, 90], [0, 119]):
        parts = [accumulated(images[a:b], mode) for a, b in zip([0, *cuts], [*cuts, 120], strict=True)]
        first, *rest = reversed(parts)
        for part in rest:
            first.merge(part)
        assert repr(first.compute(per_predicate=True)) == repr(whole)
        assert first.num_images == 120


@pytest.mark.parametrize("order", [1, 2])
def test_compute_does_not_depend_on_the_order_of_images(order):
    images = scenes("sgcls", 80, seed=4)
    shuffled = [images[i] for i in np.random.default_rng(order).permutation(80)]
    assert repr(accumulated(images, "sgcls").compute()) == repr(accumulated(shuffled, "sgcls").compute())


def test_state_survives_npz_and_json_and_counts_on(tmp_path):
    images = scenes("sgcls", 40, seed=5)
    metrics = accumulated(images[:25], "sgcls", resort_after_reweight=True)
    state = metrics.state()
    np.savez(tmp_path / "state.npz", **state)
    (tmp_path / "state.json").write_text(json.dumps(
        {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in state.items()}))
    whole = accumulated(images, "sgcls", resort_after_reweight=True).compute()
    for loaded in (np.load(tmp_path / "state.npz"), json.loads((tmp_path / "state.json").read_text())):
        restored = SceneGraphMetrics.from_state(loaded)
        assert repr(restored.compute()) == repr(metrics.compute())
        for truth, prediction in images[25:]:
            restored.update(truth, prediction)
        assert repr(restored.compute()) == repr(whole)


def test_state_of_nothing_survives_json():
    state = json.loads(json.dumps({name: value.tolist() if isinstance(value, np.ndarray) else value
                                   for name, value in accumulated([], "sgdet").state().items()}))
    assert SceneGraphMetrics.from_state(state).compute()["all/num_images"] == 0


def test_from_state_reads_a_state_of_version_1_and_counts_on():
    """The file holds what version 1 wrote after the worked example of docs/METRICS.md, and its values. Its counts lack
    relative recall, so the metrics go on without it: the same image again changes counts, and no mean."""
    written = json.loads((Path(__file__).parent / "state_version_1.json").read_text())
    metrics = SceneGraphMetrics.from_state(written["state"])
    values = metrics.compute()
    assert {name for name in values if name not in written["values"]} == {
        f"{subset}/{name}" for subset in ("all", "zs", "10s", "100s") for name in (
            "num_triplets", *(f"ng-F1@{k}{suffix}" for k in (2, 5) for suffix in ("", "/x1")))}
    assert repr({name: values[name] for name in written["values"]}) == repr(written["values"])
    again = SceneGraphMetrics.from_state(json.loads(json.dumps(
        {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in metrics.state().items()})))
    doubled = metrics.merge(again).compute()
    assert (doubled["all/num_images"], doubled["all/num_relations"], doubled["all/R@2"]) == (2, 6, values["all/R@2"])
    fresh = SceneGraphMetrics("predcls", 4, {(1, 1, 2): 12, (1, 2, 3): 3}, ks=(2, 5),
                              predicate_weights={1.0: np.array([1, 2, 1, 4])})
    with pytest.raises(ValueError, match="metrics of different version cannot be merged"):
        fresh.merge(again)


def one_image(mode="predcls", **settings):
    """The worked example of docs/METRICS.md, where val has "man near horse" (1, 3, 2) once."""
    truth = SceneGraph(np.array([[20, 0, 60, 80], [0, 40, 100, 100], [30, 0, 50, 10]]), np.array([1, 2, 3]),
                       np.array([[0, 1, 1], [0, 1, 3], [0, 2, 2]]))
    scores = np.array([[.20, .10, .00, .70], [.05, .60, .05, .30], [.05, .05, .50, .40]])
    prediction = Prediction(truth.boxes, truth.labels, np.ones(3), np.array([[1, 0], [0, 1], [0, 2]]), scores)
    train = {(1, 1, 2): 12, (1, 2, 3): 3}
    metrics = SceneGraphMetrics(mode, 4, train, {**train, (1, 3, 2): 1}, ks=(1,), **settings)
    metrics.update(truth, prediction)
    return metrics.compute()


def test_compute_has_the_three_sets_that_are_called_zero_shot():
    """Train lacks "man near horse", val has it: 0 relations of zs, 1 of zs-train. The list has it and "man wearing
    hat", which train has; the third triplet of the list does not occur."""
    values = one_image(zero_shot_list=[(1, 3, 2), (1, 2, 3), (2, 2, 2)])
    counts = {name: (values[f"{name}/num_images"], values[f"{name}/num_relations"], values[f"{name}/num_triplets"])
              for name in ("zs", "zs-train", "zs-list", "all")}
    assert counts == {"zs": (0, 0, 0), "zs-train": (1, 1, 1), "zs-list": (1, 2, 2), "all": (1, 3, 3)}
    assert not any(name.startswith("zs-list/") for name in one_image())


def test_compute_has_no_zs_train_where_train_alone_decides_zs():
    metrics = SceneGraphMetrics("predcls", 4, {(1, 1, 2): 12}, {(1, 1, 2): 12})
    assert metrics.subsets == ("all", "zs", "10s", "100s")


def test_compute_of_relative_recall_has_the_relations_of_the_image_as_k():
    """K is 3 for the image. With graph constraint the first three triplets have "riding" and "wearing": R = 2/3 of all,
    1/2 of the list, 0 of zs-train. Without, they are .70, .60 and .50, which finds the same two. Each has its own
    predicate, of three: mR = 2/3 of all, 1/3 of the list. K stays 3 for the subsets; with K = 2 the list had 0."""
    values = one_image(zero_shot_list=[(1, 3, 2), (1, 2, 3)])
    for name in ("R-relative", "ngR-relative"):
        assert [values[f"{subset}/{name}"] for subset in ("all", "zs-list", "zs-train")] == [2 / 3, 1 / 2, 0]
    for name in ("mR-relative", "ng-mR-relative"):
        assert [values[f"{subset}/{name}"] for subset in ("all", "zs-list", "zs-train")] == [2 / 3, 1 / 3, 0]


def test_state_of_another_version_is_refused():
    with pytest.raises(ValueError, match="state must have version 1 or 2, got 7"):
        SceneGraphMetrics.from_state({**accumulated([], "sgdet").state(), "version": 7})


def test_compute_gives_nan_and_a_count_of_zero_for_a_subset_without_a_relation():
    truth = SceneGraph(np.array([[0.0, 0, 9, 9], [20, 20, 30, 30]]), np.array([1, 1]), np.array([[0, 1, 1]]))
    prediction = Prediction(truth.boxes, truth.labels, np.ones(2), np.array([[0, 1]]), np.array([[0, 0.5, 0.25, 0.25]]))
    figures = accumulated([(truth, prediction)], "predcls").compute()
    assert figures["all/R@20"] == 1
    assert figures["zs/num_images"] == figures["zs/num_relations"] == 0
    empty = {name: value for name, value in figures.items() if name.startswith("zs/") and "num_" not in name}
    assert len(empty) > 30
    assert all(math.isnan(value) for value in empty.values())


def test_update_does_not_count_an_image_without_relations():
    truth = SceneGraph(np.zeros((2, 4)), np.array([1, 1]), np.zeros((0, 3)))
    prediction = Prediction(truth.boxes, truth.labels, np.ones(2), np.zeros((0, 2)), np.zeros((0, PREDICATES)))
    metrics = accumulated([(truth, prediction)], "sgdet")
    assert metrics.num_images == 1
    assert metrics.compute()["all/num_images"] == 0


def test_compute_gives_recall_zero_for_an_image_without_predictions():
    truth = SceneGraph(np.array([[0.0, 0, 9, 9]]), np.array([1]), np.array([[0, 0, 1]]))
    prediction = Prediction(np.zeros((0, 4)), np.zeros(0), np.zeros(0), np.zeros((0, 2)), np.zeros((0, PREDICATES)))
    figures = accumulated([(truth, prediction)], "sgdet").compute()
    assert figures["all/R@20"] == figures["all/ngR@20"] == figures["all/F1@20"] == 0
    assert figures["all/triplet-rank-mean"] == 301


def test_update_copies_arrays():
    images = scenes("sgdet", 20, seed=6)
    want = accumulated(images, "sgdet").compute()
    metrics = accumulated([], "sgdet")
    for truth, prediction in images:
        lent = [array.copy() for array in (truth.boxes, truth.labels, truth.relations, prediction.boxes,
                                           prediction.labels, prediction.label_scores, prediction.pairs,
                                           prediction.predicate_scores)]
        metrics.update(SceneGraph(*lent[:3]), Prediction(*lent[3:]))
        for array in lent:
            array.fill(0)
    assert repr(metrics.compute()) == repr(want)


@pytest.mark.parametrize("size", [1, 50, 1000])
def test_compute_does_not_depend_on_how_many_images_are_ranked_together(monkeypatch, size):
    images = [(truth, replace(prediction, predicate_scores=prediction.predicate_scores.astype(kind)))
              for kind in (np.float32, np.float64) for truth, prediction in scenes("sgcls", 40, seed=10)]
    want = accumulated(images, "sgcls", resort_after_reweight=True).compute()
    monkeypatch.setattr("sgg.metrics.accumulator.BLOCK", size)
    mixed = [images[i] for i in np.random.default_rng(0).permutation(len(images))]
    assert repr(accumulated(mixed, "sgcls", resort_after_reweight=True).compute()) == repr(want)


def test_update_takes_torch_and_numpy_alike():
    images = scenes("sgdet", 20, seed=6)
    tensors = [tuple(type(part)(*(torch.as_tensor(getattr(part, name)) for name in part.__slots__)) for part in image)
               for image in images]
    assert repr(accumulated(tensors, "sgdet").compute()) == repr(accumulated(images, "sgdet").compute())


def test_update_needs_no_more_memory_for_more_images():
    images = scenes("sgcls", 50, seed=7)
    metrics = accumulated(images, "sgcls")
    size = sum(np.asarray(value).nbytes for value in metrics.state().values())
    for truth, prediction in images * 20:
        metrics.update(truth, prediction)
    assert sum(np.asarray(value).nbytes for value in metrics.state().values()) == size


def test_compute_per_predicate_gives_the_terms_of_mean_recall():
    values = accumulated(scenes("sgcls", 30, seed=8), "sgcls").compute(per_predicate=True)
    for recall, mean, suffix in (("all/R", "all/mR", ""), ("10s/ngR", "10s/ng-mR", "/x0.5")):
        for k in KS:
            terms = [values[f"{recall}@{k}/predicate{predicate}{suffix}"] for predicate in range(1, PREDICATES)]
            assert np.nan_to_num(terms).sum() / (PREDICATES - 1) == pytest.approx(values[f"{mean}@{k}{suffix}"])


@pytest.mark.parametrize(("field", "value", "message"), [
    ("labels", [1, 0], r"truth.labels of image 7 must lie in 1..65535, got 0"),
    ("labels", [1.0, 2.0], r"truth.labels of image 7 must be integers, got float64"),
    ("boxes", [[0, 0, 1, np.nan], [0, 0, 1, 1]], r"truth.boxes of image 7 must be finite, got nan"),
    ("relations", [[0, 2, 1]], r"subjects and objects in truth.relations of image 7 must lie in 0..1, got 2"),
    ("relations", [[-1, 1, 1]], r"subjects and objects in truth.relations of image 7 must lie in 0..1, got -1"),
    ("relations", [[0, 1, 0]], r"predicates in truth.relations of image 7 must lie in 1..3, got 0"),
    ("relations", [[0, 1, 4]], r"predicates in truth.relations of image 7 must lie in 1..3, got 4"),
    ("pairs", [[0, 2]], r"prediction.pairs of image 7 must lie in 0..1, got 2"),
    ("label_scores", [0.5, np.nan], r"label_scores of image 7 must be probabilities in \[0, 1\], got nan at \[1\]: "
                                    r"the model.*has diverged"),
    ("label_scores", [0.5, -1], r"label_scores of image 7 must be probabilities in \[0, 1\], got -1.0 at \[1\]"),
    ("predicate_scores", [[0.1, 0.2, 0.3, np.nan]], r"predicate_scores of image 7 .* got nan at \[0, 3\]"),
    ("predicate_scores", [[2.5, -1, 0.3, 0]], r"predicate_scores of image 7 .* got 2.5 at \[0, 0\]"),
    ("predicate_scores", [[0.5, 0.5]], r"predicate_scores of image 7 must have num_predicates = 4 columns.* got 2"),
])
def test_update_refuses_bad_input_by_name_image_and_value(field, value, message):
    truth = {"boxes": [[0, 0, 1, 1], [0, 0, 2, 2]], "labels": [1, 2], "relations": [[0, 1, 1]]}
    prediction = {"boxes": truth["boxes"], "labels": [1, 2], "label_scores": [1, 1], "pairs": [[0, 1]],
                  "predicate_scores": [[0.4, 0.2, 0.3, 0.1]]}
    (truth if field in truth else prediction)[field] = value
    truth = SceneGraph(*map(np.array, truth.values()))
    prediction = Prediction(*map(np.array, prediction.values()))
    metrics = accumulated([], "sgcls")
    with pytest.raises(ValueError, match=message):
        metrics.update(truth, prediction, image=7)
    assert metrics.num_images == 0


def test_update_refuses_other_boxes_where_boxes_are_given():
    truth = SceneGraph(np.zeros((2, 4)), np.array([1, 2]), np.array([[0, 1, 1]]))
    prediction = Prediction(np.zeros((1, 4)), np.array([1]), np.ones(1), np.zeros((0, 2)), np.zeros((0, PREDICATES)))
    for mode in ("predcls", "sgcls"):
        with pytest.raises(ValueError, match=f"boxes of image 0 must be the 2 annotated boxes in {mode}, got 1"):
            accumulated([(truth, prediction)], mode)


@pytest.mark.parametrize(("changed", "message"), [
    ({"mode": "phrdet"}, "mode must be one of predcls, sgcls, sgdet, got 'phrdet'"),
    ({"num_predicates": 1}, "num_predicates must be in 2..2048, background included, got 1"),
    ({"train_triplets": {}}, "train_triplets is empty.*zero-shot"),
    ({"subset_triplets": {}}, "subset_triplets is empty"),
    ({"train_triplets": {(1, 1, 1): 0}}, "train_triplets is empty"),
    ({"train_triplets": {"1_1_1": 3}}, r"train_triplets must have \(subject, predicate, object\) keys, got '1_1_1'"),
    ({"train_triplets": {(1, 1, 1): -3}}, r"train_triplets\[\(1, 1, 1\)\] .*>= 0, got -3"),
    ({"train_triplets": {(1, 0, 1): 3}}, r"train_triplets must have classes and predicates from 1 .* got \(1, 0, 1\)"),
    ({"train_triplets": {(1, 4, 1): 3}}, r"train_triplets .* predicates below 4, got \(1, 4, 1\)"),
    ({"ks": (0, 20)}, r"ks must be integers >= 1, got \(0, 20\)"),
    ({"ks": ()}, "ks must be integers >= 1"),
    ({"ks": (1.5,)}, r"ks must be integers >= 1, got \(1.5,\)"),
    ({"ks": ("20",)}, r"ks must be integers >= 1, got \('20',\)"),
    ({"ks": 20}, "ks must be integers >= 1, got 20"),
    ({"predicate_weights": {1: np.ones(3)}}, r"predicate_weights\[1\] must have shape \[4\].*, got \[3\] of float64"),
    ({"predicate_weights": {1: 0.5}}, r"predicate_weights\[1\] must have shape \[4\].*, got \[\] of float64"),
    ({"predicate_weights": {1: list("abcd")}}, r"predicate_weights\[1\] must have shape .* got \[4\] of <U1"),
    ({"predicate_weights": {1: np.zeros(4)}}, r"predicate_weights\[1\] must be positive numbers"),
    ({"predicate_weights": {1: [1, 2, -3, 1]}}, r"predicate_weights\[1\] must be positive numbers, got .*-3.0"),
    ({"predicate_weights": {1: [1, 2, np.nan, 1]}}, r"predicate_weights\[1\] must be positive numbers, got .*nan"),
    ({"predicate_weights": {1: [-1, 2, 3, 1]}}, r"predicate_weights\[1\] must be positive numbers, got .*-1.0"),
    ({"predicate_weights": {0: [1, 2, 3, 1]}}, r"predicate_weights\[0\] must be ones, .* got \[1.0, 2.0, 3.0, 1.0\]"),
    ({"predicate_weights": {float("nan"): np.ones(4)}}, "predicate_weights .*finite.* got nan"),
    ({"predicate_weights": {"half": np.ones(4)}}, "predicate_weights .*finite.* got 'half'"),
    ({"zero_shot_list": []}, "zero_shot_list is empty; give its triplets"),
    ({"zero_shot_list": [(1, 4, 1)]}, r"zero_shot_list must have .* predicates below 4, got \(1, 4, 1\)"),
    ({"unconstrained_limit": 0}, "unconstrained_limit must be >= 1, got 0"),
])
def test_scene_graph_metrics_refuses_bad_settings(changed, message):
    settings = {"mode": "sgcls", "num_predicates": PREDICATES, "train_triplets": TRAIN}
    with pytest.raises(ValueError, match=message):
        SceneGraphMetrics(**{**settings, **changed})


@pytest.mark.parametrize("changed", [{"mode": "predcls"}, {"ks": (1, 2)}, {"train_triplets": {(1, 1, 1): 1}},
                                     {"resort_after_reweight": True}, {"zero_shot_list": [(1, 1, 1)]},
                                     {"predicate_weights": {}}])
def test_merge_refuses_unlike_metrics(changed):
    settings = {"mode": "sgcls", "num_predicates": PREDICATES, "train_triplets": TRAIN, "predicate_weights": WEIGHTS}
    with pytest.raises(ValueError, match="cannot be merged"):
        SceneGraphMetrics(**settings).merge(SceneGraphMetrics(**{**settings, **changed}))
