"""The causal head without golden numbers: both contexts, parts, effects, running means, settings."""

from collections import Counter
from dataclasses import replace

import pytest
import torch

from sgg.adjustments.effect import Effect
from sgg.config import validate
from sgg.config.config import Config
from sgg.config.loading.errors import ConfigError
from sgg.methods.adjustment import PredictedPairs
from sgg.methods.counterfactual import AVERAGE_CONTEXT, EXPECTED_CLASSES
from sgg.methods.head import HeadInputs
from sgg.models.heads.causal import Causal
from sgg.models.heads.causal.running_means import RATE
from sgg.systems.contract import Draws
from tests.scenes import image_of, scene, small_head
from tests.untrained import untrained

CONTEXTS = ["motifs", "vctree"]


def measured(context: str, **settings):
    """A small head in evaluation mode, with means other than 0."""
    network = small_head("causal", context=context, **settings).eval()
    for mean in network.means.buffers():
        mean.normal_()
    return network


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("fusion", ["sum", "gate"])
def test_causal_effects_add_up(context: str, fusion: str) -> None:
    """The total effect is the direct plus the indirect one; plain logits and labels stay what they are without them.
    """
    network, adjust = measured(context, fusion=fusion), Effect().build(None)
    for mode in ("sgcls", "sgdet", "predcls"):
        batch = scene(3, 4, mode=mode)
        plain, found = network(batch), network(replace(batch, counterfactuals=Causal.counterfactuals))
        logits = found.predicate_logits
        torch.testing.assert_close(logits, plain.predicate_logits)
        assert torch.equal(found.label_logits, plain.label_logits)
        context_of = PredictedPairs(*found.labels[batch.pairs].unbind(1), plain=logits,
                                    counterfactuals=found.counterfactuals)
        effects = {effect: adjust(logits, context_of, effect) for effect in ("tde", "nie", "te")}
        torch.testing.assert_close(effects["tde"] + effects["nie"], effects["te"], rtol=1e-4, atol=1e-4)
        assert not torch.allclose(effects["tde"], logits)
        torch.testing.assert_close(adjust(logits + 3, context_of, "tde"), effects["tde"] + 3, rtol=1e-4, atol=1e-4)
        if mode == "predcls":
            assert not effects["nie"].any()


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("names", [Causal.counterfactuals, {AVERAGE_CONTEXT}])
def test_causal_counterfactuals_of_images_and_of_parts(context: str, names) -> None:
    """They are the same image by image, and with pairs in parts; each is there if it is asked for."""
    network = measured(context)
    batch = replace(scene(3, 0, 4, mode="sgdet"), counterfactuals=frozenset(names))
    with torch.no_grad():
        whole, stream = network(batch), network.stream_pairs(replace(batch, edges=batch.edges[:0]))
        for rows in (slice(0, 7), slice(7, 18)):
            stream.add(rows, batch.edges[rows])
        images = [network(image_of(batch, image)) for image in range(3)]
    parts = stream.outputs()
    torch.testing.assert_close(parts.predicate_logits, whole.predicate_logits)
    assert whole.counterfactuals.keys() == parts.counterfactuals.keys() == names
    for name, logits in whole.counterfactuals.items():
        torch.testing.assert_close(parts.counterfactuals[name], logits)
        torch.testing.assert_close(torch.cat([image.counterfactuals[name] for image in images]), logits)


@pytest.mark.parametrize("context", CONTEXTS)
def test_causal_computes_what_worlds_have_in_common_once(context: str) -> None:
    network, calls = measured(context), Counter()
    for name in ("context.object_context", "context.edge_context", "classify_vectors", "classify_contexts"):
        network.get_submodule(name).register_forward_hook(lambda *_, name=name: calls.update([name]))
    network(replace(scene(3, 4), counterfactuals=Causal.counterfactuals))
    assert calls == {"context.object_context": 1, "context.edge_context": 2, "classify_vectors": 1,
                     "classify_contexts": 2}


@pytest.mark.parametrize("context", CONTEXTS)
def test_causal_treats_the_images_of_a_batch_separately(context: str) -> None:
    network, batch = measured(context, spatial=False), scene(3, 0, 5, 1)
    images = [network(image_of(batch, image)).predicate_logits for image in range(4)]
    torch.testing.assert_close(network(batch).predicate_logits, torch.cat(images))


def test_running_means_follow_the_batch() -> None:
    """With contexts of Motifs: from 0 to .0005 of the mean, in every mode."""
    for mode in ("predcls", "sgcls"):
        batch, network = scene(3, 4, mode=mode), small_head("causal").train()
        seen = network.context.contexts(batch)
        network.means.follow(seen, None, batch)
        torch.testing.assert_close(network.means.to_decode, RATE * seen.to_decode.mean(0))
        torch.testing.assert_close(network.means.known, RATE * seen.known.mean(0))
        assert not network.means.boxes.any()


def test_running_means_follow_each_image_with_contexts_of_vctree() -> None:
    """One image after another, without the empty one; in PredCls, where nothing is decoded, not at all."""
    network, batch = small_head("causal", context="vctree").train(), scene(3, 0, 4)
    seen = network.context.contexts(batch)
    expected = torch.zeros_like(network.means.to_decode)
    for rows in seen.to_decode.detach().split([3, 4]):
        expected = (1 - RATE) * expected + RATE * rows.mean(0)
    network.means.follow(seen, None, batch)
    torch.testing.assert_close(network.means.to_decode, expected)
    before = network.means.to_decode.clone()
    given = replace(batch, mode="predcls", labels=batch.target_labels)
    network.means.follow(seen, None, given)
    assert torch.equal(network.means.to_decode, before)


def test_running_means_are_of_training_only() -> None:
    network, batch = small_head("causal").eval(), scene(3)
    network(batch)
    assert not network.means.known.any()
    network.train()(batch)
    assert network.means.known.any()


@pytest.mark.parametrize(("context", "fusion", "expected"), [
    ("motifs", "sum", {"context_branch", "vision_branch", "frequencies_branch"}),
    ("motifs", "gate", {"context_branch"}),
    ("vctree", "gate", {"context_branch", "tree"})])
def test_causal_losses(context: str, fusion: str, expected: set[str]) -> None:
    outputs = small_head("causal", context=context, fusion=fusion).train()(scene(3, 4))
    assert outputs.losses.keys() == expected
    assert {name: outputs.units[name] for name in expected} == {
        name: "images" if name == "tree" else "pairs" for name in expected}


def test_separate_boxes_multiply_the_context() -> None:
    """Drawings of ones change nothing, others do; in the average world their mean stands for them."""
    separate, plain = (small_head("causal", separate_boxes=apart, pooling_dim=8).eval() for apart in (True, False))
    plain.load_state_dict({name: value for name, value in separate.state_dict().items() if name != "means.drawing"})
    batch = replace(scene(3, 4), counterfactuals=Causal.counterfactuals)

    def drawn(vectors: torch.Tensor) -> HeadInputs:
        return replace(batch, edges=torch.cat([batch.edges, vectors], dim=1))

    ones, others = torch.ones(len(batch.pairs), 8), torch.rand(len(batch.pairs), 8)
    separate.means.drawing.fill_(1)
    expected, found = plain(batch), separate(drawn(ones))
    torch.testing.assert_close(found.predicate_logits, expected.predicate_logits)
    for name, logits in separate(drawn(others)).counterfactuals.items():
        torch.testing.assert_close(found.counterfactuals[name], expected.counterfactuals[name])
        assert torch.allclose(logits, found.counterfactuals[name]) is (name != EXPECTED_CLASSES)
    separate.means.drawing.zero_()
    separate.train()(drawn(others))
    torch.testing.assert_close(separate.means.drawing, RATE * others.mean(0))


def test_separate_boxes_train_in_a_model(toy_root) -> None:
    """The drawing is not added to the map of the pair. Its layers learn at the rate of the head."""
    config = validate({"data": {"name": "toy", "root": str(toy_root), "train_images": 4},
                       "training": {"batch_size": 4}, "model": {"head": {"kind": "causal", "separate_boxes": True}}})
    foundation = untrained(config, toy_root)
    system = foundation.build()
    before = system.model.drawing_head.output.weight.clone()
    rates = {id(one): group["lr"] for group in system.learner.optimizer.param_groups for one in group["params"]}
    heads = (system.model.drawing_head, system.model.relation_head)
    assert len({rates[id(one)] for head in heads for one in head.parameters()}) == 1
    system.train()
    system.training_step(next(iter(foundation.experiment.training_batches().epoch(1))), Draws(0, 1))
    assert not torch.equal(system.model.drawing_head.output.weight, before)


def test_causal_refuses_a_second_frequency_bias() -> None:
    with pytest.raises(ConfigError, match=r"model\.frequency_bias must be off with model\.head causal.* got add"):
        validate({"data": {"name": "toy"}, "model": {"head": "causal", "frequency_bias": "add"}})
    assert isinstance(validate({"data": {"name": "toy"}, "model": {"head": "causal"}}), Config)


def test_causal_refuses_generated_features() -> None:
    with pytest.raises(ConfigError, match=r"augmentation\.kind gan cannot be .* model\.head causal: its freq"):
        validate({"data": {"name": "toy"}, "model": {"head": "causal"}, "augmentation": "gan"})


def test_validate_reads_the_former_setting_of_the_effect() -> None:
    config = validate({"data": {"name": "toy"}, "model": {"head": {"kind": "causal", "effect": "tde"}}})
    assert config.evaluation.effect == ["tde"]
