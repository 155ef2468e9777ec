"""Predictions of an untrained system under adjustments, all from one pass."""

import threading
from contextlib import ExitStack

import numpy as np
import pytest
import torch

from sgg.config import validate
from sgg.evaluate.evaluation import evaluate
from sgg.losses.edges.tcar import TCAR
from sgg.methods.variants import adjusters, variants_of
from sgg.models import pair_parts
from sgg.systems.two_stage import predictor
from tests.untrained import untrained

TAU = 1.5


@pytest.fixture(scope="module")
def foundation(toy_root):
    torch.manual_seed(0)
    return untrained(validate({
        "data": {"name": "toy", "root": str(toy_root), "eval_images": 3}, "model": {"frequency_bias": "add"},
        "evaluation": {"modes": ["sgcls", "predcls", "sgdet"], "ks": [5], "batch_size": 2, "pred_weight": [0.0, 0.5],
                       "logit_adjustment": [0.0, TAU]}}), toy_root)


def test_predict_ranks_by_adjusted_scores(foundation) -> None:
    experiment, system = foundation.experiment, foundation.build_predictor()
    counts = experiment.pair_counts[0].sum((0, 1)).clip(min=1).astype(float)
    share = counts / counts[1:].sum()
    share[0] = 1
    batch = next(iter(experiment.evaluation_batches("val")))
    with system.evaluating():
        found = system.predict(batch, ["predcls", "sgcls"], experiment.adjusters).predictions
    assert list(found) == ["predcls", f"predcls/logit_adjustment={TAU}", "sgcls", f"sgcls/logit_adjustment={TAU}"]
    for mode in ("predcls", "sgcls"):
        for plain, adjusted in zip(found[mode], found[f"{mode}/logit_adjustment={TAU}"], strict=True):
            scores = plain.predicate_scores.numpy() / share ** TAU
            scores /= scores.sum(1, keepdims=True)
            by_pair = [np.lexsort(one.pairs.numpy().T) for one in (plain, adjusted)]
            np.testing.assert_array_equal(adjusted.pairs[by_pair[1]], plain.pairs[by_pair[0]])
            np.testing.assert_allclose(adjusted.predicate_scores[by_pair[1]], scores[by_pair[0]], rtol=1e-4)
            sure = adjusted.label_scores[adjusted.pairs].prod(1)
            overall = (adjusted.predicate_scores[:, 1:].amax(1) * sure).numpy()
            assert (np.diff(overall) <= 1e-6 * overall[1:]).all(), "descending"
            np.testing.assert_array_equal(adjusted.labels, plain.labels)


def test_evaluate_counts_beside_the_next_prediction(foundation, monkeypatch) -> None:
    """The first image cannot be counted before the second batch is asked for. Images keep their order."""
    experiment, system = foundation.experiment, foundation.build_predictor()
    begun, seen, predict = [threading.Event() for _ in range(2)], [], system.predict

    def predicted(*arguments):
        next(event for event in begun if not event.is_set()).set()
        return predict(*arguments)

    def on_image(image_id, *_):
        seen.append((image_id, begun[1].wait(20)))

    monkeypatch.setattr(system, "predict", predicted)
    batches = list(experiment.evaluation_batches("val"))
    evaluate(system, batches, experiment.metrics("val"), on_image, experiment.adjusters)
    assert seen == [(image_id, True) for batch in batches for image_id in batch.image_ids]


@pytest.mark.parametrize("last", [False, True])
def test_evaluate_raises_the_error_of_an_image(foundation, last: bool) -> None:
    experiment, system = foundation.experiment, foundation.build_predictor()
    batches = list(experiment.evaluation_batches("val"))
    wrong = batches[-1 if last else 0].image_ids[0]

    def on_image(image_id, *_):
        if image_id == wrong:
            raise OSError(f"no room for {image_id}")

    with pytest.raises(OSError, match=f"no room for {wrong}"):
        evaluate(system, batches, experiment.metrics("val"), on_image, experiment.adjusters)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("metrics")]


def test_evaluate_measures_all_adjusters_in_one_pass(foundation, monkeypatch) -> None:
    experiment, system = foundation.experiment, foundation.build_predictor()
    calls, predict = [], system.predict
    monkeypatch.setattr(system, "predict", lambda *arguments: calls.append(1) or predict(*arguments))
    named = evaluate(system, experiment.evaluation_batches("val"), experiment.metrics("val"),
                     adjusters=experiment.adjusters)
    assert len(calls) == 2, "batches"
    for ending in ("", "/x0.5", f"/logit_adjustment={TAU}", f"/logit_adjustment={TAU}/x0.5"):
        assert f"sgcls/all/R@5{ending}" in named
    rank = "predcls/all/triplet-rank-mean"
    assert named[rank] != named[f"{rank}/logit_adjustment={TAU}"]
    assert [name for name in named if name.startswith("sgcls/all/num_images")] == ["sgcls/all/num_images"]
    assert {"sgdet/fallbacks", "sgdet/failures"} < named.keys()


@pytest.fixture(scope="module")
def causal(toy_root):
    """An untrained causal head, measured under two adjustments."""
    torch.manual_seed(0)
    found = untrained(validate({
        "data": {"name": "toy", "root": str(toy_root), "eval_images": 3}, "model": {"head": "causal"},
        "evaluation": {"batch_size": 2, "effect": ["none", "tde", "nie", "te"], "tcar": [0, 1]}}), toy_root)
    system = found.build_predictor()
    for mean in system.model.relation_head.means.buffers():
        mean.normal_()
    return found.experiment, system


def test_predict_gives_all_effects_in_one_pass(causal) -> None:
    """The scores of an effect are the softmax of the difference of two counterfactual logits."""
    experiment, system = causal
    head, batch, seen = system.model.relation_head, next(iter(experiment.evaluation_batches("val"))), []
    hook = head.register_forward_hook(lambda *call: seen.append(call[-1]))
    with system.evaluating():
        found = system.predict(batch, ["sgcls", "predcls"], experiment.adjusters).predictions
    hook.remove()
    assert len(seen) == 2, "once for each mode"
    endings = [f"{effect}{tcar}" for effect in ("", "/effect=tde", "/effect=nie", "/effect=te")
               for tcar in ("", "/tcar=1")]
    assert list(found) == [mode + ending for mode in ("sgcls", "predcls") for ending in endings]
    for mode, outputs in zip(("sgcls", "predcls"), seen, strict=True):
        logits = outputs.counterfactuals["expected_classes"] - outputs.counterfactuals["average_context"]
        together = torch.cat([one.predicate_scores[np.lexsort(one.pairs.numpy().T[::-1])]
                              for one in found[f"{mode}/effect=tde"]])
        torch.testing.assert_close(together, logits.softmax(1))


def test_predict_applies_adjustments_one_after_another(causal) -> None:
    """T-CAR's shift acts on the logits of the effect: scores of plausible unseen triplets grow by e^2 against others.
    """
    experiment, system = causal
    batch = next(iter(experiment.evaluation_batches("val")))
    with system.evaluating():
        found = system.predict(batch, ["predcls"], experiment.adjusters).predictions
    known = TCAR().triplets(experiment, "")
    for effect, both in zip(found["predcls/effect=te"], found["predcls/effect=te/tcar=1"], strict=True):
        order, others = (np.lexsort(one.pairs.numpy().T) for one in (effect, both))
        ends = effect.labels[effect.pairs[order]]
        scores = effect.predicate_scores[order] * torch.exp(2.0 * known.at(*ends.T).plausible_unseen)
        torch.testing.assert_close(both.predicate_scores[others], scores / scores.sum(1, keepdim=True))


@pytest.mark.parametrize("mode", ["sgcls", "predcls", "sgdet"])
def test_predict_leaves_the_frequency_bias_out(foundation, mode: str) -> None:
    """Exactly as a model without bias; the plain scores stay."""
    experiment, system = foundation.experiment, foundation.build_predictor()
    batch = next(iter(experiment.evaluation_batches("val")))
    settings = experiment.config.evaluation.model_copy(update={"frequency_bias": ["trained", "off"]})
    adjusters_of = adjusters(variants_of(dict(settings)), experiment)
    with system.evaluating():
        found = system.predict(batch, [mode], adjusters_of).predictions
        plain = system.predict(batch, [mode]).predictions[mode]
        system.model.frequency_bias = None
        without = system.predict(batch, [mode]).predictions[mode]
    for expected, ending in ((plain, ""), (without, "/frequency_bias=off")):
        for one, other in zip(found[mode + ending], expected, strict=True):
            assert torch.equal(one.predicate_scores, other.predicate_scores)
            assert torch.equal(one.pairs, other.pairs)


@pytest.mark.parametrize(("together", "part_bytes"), [(1, 1 << 26), (1 << 13, 1 << 17), (1, 1 << 17)])
def test_predict_does_not_depend_on_images_together_or_parts(foundation, monkeypatch, together, part_bytes) -> None:
    """Two images at once or one after the other, all pairs of an image at once or twenty of them."""
    experiment, system = foundation.experiment, foundation.build_predictor()
    batch = next(iter(experiment.evaluation_batches("val")))
    modes = ["sgcls", "predcls", "sgdet"]
    with system.evaluating():
        expected = system.predict(batch, modes, experiment.adjusters)
        monkeypatch.setattr(predictor, "PAIRS_TOGETHER", together)
        monkeypatch.setattr(pair_parts, "PART_BYTES", part_bytes)
        found = system.predict(batch, modes, experiment.adjusters)
    assert found.counts == expected.counts
    assert list(found.predictions) == list(expected.predictions)
    for mode, predictions in found.predictions.items():
        for one, other in zip(predictions, expected.predictions[mode], strict=True):
            order, others = (np.lexsort(each.pairs.numpy().T) for each in (one, other))
            np.testing.assert_array_equal(one.pairs[order], other.pairs[others])
            np.testing.assert_array_equal(one.labels, other.labels)
            np.testing.assert_allclose(one.boxes, other.boxes, rtol=1e-4)
            np.testing.assert_allclose(one.label_scores, other.label_scores, rtol=1e-5)
            np.testing.assert_allclose(one.predicate_scores[order], other.predicate_scores[others], rtol=1e-5)


def test_predict_runs_the_networks_once_for_both_modes_and_all_adjusters(foundation) -> None:
    experiment, system = foundation.experiment, foundation.build_predictor()
    calls = []
    with ExitStack() as hooks:
        for name, module in {"backbone": system.detector.rcnn.backbone, "nodes": system.model.node_box_head,
                             "edges": system.model.edge_box_head, "head": system.model.relation_head}.items():
            hook = module.register_forward_hook(lambda *_, name=name: calls.append(name))
            hooks.callback(hook.remove)
        with system.evaluating():
            found = system.predict(next(iter(experiment.evaluation_batches("val"))), ["sgcls", "predcls"],
                                   experiment.adjusters)
    assert len(found.predictions) == 2 * 2, "modes and adjusters; the metrics apply pred_weight themselves"
    images = len(next(iter(experiment.evaluation_batches("val"))))
    assert calls == [*["backbone"] * images, "nodes", "edges", "head"], "the detector sees each image by itself"
