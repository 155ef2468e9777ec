"""The PE-Net head without golden numbers: roles, dropout, units of losses."""

from dataclasses import replace

import torch

from tests.scenes import scene, small_head


def test_penet_tells_the_subject_from_the_object() -> None:
    """Both directions of a pair with equal vectors differ."""
    batch = scene(2)
    batch = replace(batch, edges=batch.edges[:1].expand(2, -1))
    forward, backward = small_head("penet").eval()(batch).predicate_logits
    assert not torch.allclose(forward, backward)


def test_penet_scores_directions() -> None:
    """Logits are cosines by the temperature, so none is larger than 1 / .07; longer prototypes change nothing."""
    batch, network = scene(4), small_head("penet").eval()
    logits = network(batch).predicate_logits
    assert logits.abs().max() <= 1 / 0.07 + 1e-3
    prototypes = network.prototypes
    network.prototypes = lambda: 3 * prototypes()
    torch.testing.assert_close(network(batch).predicate_logits, logits)


def test_penet_losses_are_of_training_only() -> None:
    batch, network = scene(3), small_head("penet")
    outputs = network.train()(batch)
    assert outputs.losses.keys() == {"prototype_similarity", "prototype_distance", "pair_distance"}
    assert outputs.units == {"pair_distance": "pairs"}
    assert not network.eval()(batch).losses


def test_penet_keeps_the_words_of_a_word_apart_from_the_labels() -> None:
    """The embedding that predicts labels is not the one of the semantic space."""
    network = small_head("penet")
    assert torch.equal(network.object_embedding.weight, network.class_embedding.weight)
    network.train()(scene(3)).predicate_logits.sum().backward()
    assert network.object_embedding.weight.grad is None
    assert network.class_embedding.weight.grad.any()
