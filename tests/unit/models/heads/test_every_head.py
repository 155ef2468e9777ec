"""What holds for every relation head: batches, images without objects or pairs, pairs in parts, reproducibility."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from sgg.methods.head import HEADS, HeadOutputs
from sgg.models.heads.imp import Imp
from tests.scenes import SIZES, image_of, in_double, scene, small_head

MODES = ["predcls", "sgcls", "sgdet"]


def total(outputs: HeadOutputs) -> torch.Tensor:
    return outputs.label_logits.sum() + outputs.predicate_logits.sum() + sum(outputs.losses.values())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", list(HEADS))
def test_head_treats_the_images_of_a_batch_separately(kind: str, mode: str) -> None:
    network, batch = small_head(kind).double().eval(), in_double(scene(3, 0, 5, 1, 5, mode=mode))
    whole = network(batch)
    parts = [network(image_of(batch, image)) for image in range(5)]
    for name in ("label_logits", "predicate_logits", "labels"):
        if getattr(whole, name) is not None:
            torch.testing.assert_close(getattr(whole, name), torch.cat([getattr(part, name) for part in parts]),
                                       msg=name)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", list(HEADS))
def test_head_with_few_objects(kind: str, mode: str, training: bool) -> None:
    network = small_head(kind).train(training)
    for counts in [(), (0,), (0, 0), (1,), (1, 1), (0, 2)]:
        batch = scene(*counts, mode=mode)
        outputs = network(batch)
        assert outputs.label_logits.shape == (sum(counts), 5)
        assert outputs.predicate_logits.shape == (len(batch.pairs), 4)
        if outputs.labels is not None:
            assert outputs.labels.shape == (sum(counts),)
            assert outputs.labels.dtype == torch.long
        total(outputs).backward()
        own = dict(network.named_parameters())
        assert all(value.isfinite().all() for value in [
            *network.state_dict().values(), outputs.label_logits, *outputs.losses.values(),
            *(one.grad for one in own.values() if one.grad is not None)]), counts


@pytest.mark.parametrize("kind", list(HEADS))
def test_head_without_pairs(kind: str) -> None:
    batch = scene(3)
    nothing = {name: getattr(batch, name)[:0] for name in ("pairs", "edges", "target_predicates", "related")}
    outputs = small_head(kind)(replace(batch, **nothing))
    assert outputs.predicate_logits.shape == (0, 4)
    assert all(loss.isfinite() for loss in outputs.losses.values())


STREAMING = [kind for kind in HEADS if kind != "tcar"]
"""Heads that need not hold the vectors of all pairs. T-CAR attends among pairs, then multiplies by their vectors."""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", STREAMING)
def test_stream_pairs_gives_what_all_pairs_give(kind: str, mode: str) -> None:
    """Parts of pairs, one of which is empty."""
    network, batch = small_head(kind).double().eval(), in_double(scene(3, 4, mode=mode))
    with torch.no_grad():
        whole, stream = network(batch), network.stream_pairs(replace(batch, edges=batch.edges[:0]))
        for rows in (slice(0, 7), slice(7, 7), slice(7, 18)):
            stream.add(rows, batch.edges[rows])
        found = stream.outputs()
    for name, value in {name: getattr(whole, name) for name in HeadOutputs.__slots__}.items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(getattr(found, name), value, msg=name)


@pytest.mark.parametrize("kind", list(HEADS))
def test_head_is_the_same_with_a_larger_grid(kind: str) -> None:
    """`HeadInputs.largest` spares the counting of objects; it changes no result."""
    network = small_head(kind).double().eval()
    for mode in MODES:
        batch = in_double(scene(3, 4, mode=mode))
        counted, wider = network(batch), network(replace(batch, largest=6))
        torch.testing.assert_close(wider.label_logits, counted.label_logits)
        torch.testing.assert_close(wider.predicate_logits, counted.predicate_logits)


@pytest.mark.parametrize("kind", list(HEADS))
def test_head_trains_to_the_same_bits(kind: str) -> None:
    """Weights, draws of dropout and labels, gradients: two updates from one seed, twice."""
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        network = small_head(kind).train()
        optimizer = torch.optim.SGD(network.parameters(), 0.1)
        for _ in range(2):
            optimizer.zero_grad()
            outputs = network(scene(4, 5, mode="sgdet"))
            (outputs.label_logits.square().mean() + outputs.predicate_logits.square().mean()
             + sum(outputs.losses.values())).backward()
            optimizer.step()
        states.append(network.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


@pytest.mark.parametrize("kind", list(HEADS))
def test_head_in_bfloat16(kind: str) -> None:
    """As with training.autocast_bf16: logits of labels are close, losses are float32, and gradients exist."""
    without = {"dropout": 0.0} if "dropout" in HEADS[kind].model_fields else {}
    batch, network = scene(3, 5), small_head(kind, **without).eval()
    exact = network(batch).label_logits
    with torch.autocast("cpu", torch.bfloat16):
        rounded = network(batch).label_logits.float()
        outputs = network.train()(batch)
        loss = total(outputs)
    torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0.05)
    loss.backward()
    assert all(loss.dtype == torch.float32 for loss in outputs.losses.values())
    assert all(one.grad.isfinite().all() for one in network.parameters() if one.grad is not None)


def test_settings_of_heads_load_without_torch() -> None:
    code = ("import sys; from sgg.methods.head import HEADS; [HEADS[kind]() for kind in HEADS]; "
            "assert 'torch' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_small_head_has_the_widths_of_the_toy_genome() -> None:
    assert small_head("imp").node_gru.hidden_size == 64 != Imp().hidden_dim
    assert small_head("imp", hidden_dim=9).classify_edges.out_features == SIZES.predicates
