"""Learning rates by step, optimisers, and batches that are processed in parts."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from sgg import systems
from sgg.common.run_log import History
from sgg.config import ConfigError, validate
from sgg.structures import Batch
from sgg.systems.contract import Draws
from sgg.systems.optimization import build_optimizer, clipped_step, rate_factor
from sgg.training.fit import fit
from tests.untrained import untrained


def training(**settings):
    return validate({"data": {"name": "vg"}, "training": settings}).training


def factors(settings, steps: int = 4) -> list[float]:
    return [rate_factor(settings, done, steps) for done in range(settings.epochs * steps)]


def test_rate_factor_of_step_is_a_tenth_after_the_decay_epoch() -> None:
    assert factors(training(epochs=3, decay_epoch=2)) == [1.0] * 8 + [0.1] * 4


def test_rate_factor_of_constant() -> None:
    assert factors(training(epochs=2, schedule="constant")) == [1.0] * 8


def test_rate_factor_of_cosine_falls_from_1_to_0() -> None:
    found = factors(training(epochs=2, schedule="cosine"))
    assert found == pytest.approx([0.5 * (1 + math.cos(math.pi * done / 8)) for done in range(8)])


@pytest.mark.parametrize("schedule", ["step", "cosine", "constant"])
def test_rate_factor_in_warm_up_rises_linearly_to_the_schedule(schedule) -> None:
    settings = training(epochs=2, schedule=schedule, warmup_steps=5, warmup_factor=0.2,
                        **({"decay_epoch": 1} if schedule == "step" else {}))
    found = factors(settings)
    risen = [0.2 + 0.8 * done / 5 for done in range(5)]
    if schedule == "cosine":
        assert found[:5] == pytest.approx(risen)
        assert found[5:] == pytest.approx([0.5 * (1 + math.cos(math.pi * done / 3)) for done in range(3)])
    else:
        later = 0.1 if schedule == "step" else 1.0
        assert found == pytest.approx([*risen[:4], risen[4] * later, later, later, later])


@pytest.mark.parametrize(("name", "kind"), [("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW)])
def test_build_optimizer_builds_the_named_one(name, kind) -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = build_optimizer(training(optimizer=name, weight_decay=0.25), [{"params": [weight], "lr": 0.5}])
    assert type(optimizer) is kind
    assert optimizer.param_groups[0]["weight_decay"] == 0.25
    assert optimizer.param_groups[0]["lr"] == 0.5


def settings_of(toy_root, **sections) -> dict:
    return {"data": {"name": "toy", "root": str(toy_root), "train_images": 6, "eval_images": 2},
            "training": {"epochs": 2, "batch_size": 6}, **sections}


@pytest.mark.parametrize("name", ["sgd", "adamw"])
@pytest.mark.parametrize("largest_norm", [0.5, 1e3])
def test_clipped_step_is_torchs_clipping_and_its_plain_optimiser(name: str, largest_norm: float) -> None:
    """After three steps, of gradients of norms of about 3, above the one bound and below the other."""
    torch.manual_seed(0)
    start, steps = torch.randn(4, 3), torch.randn(3, 4, 3)
    settings = validate({"training": {"optimizer": name}}).training
    ours, plain = (torch.nn.Parameter(start.clone()) for _ in range(2))
    fused = build_optimizer(settings, [{"params": [ours], "lr": 0.1}])
    kind = {"sgd": partial(torch.optim.SGD, momentum=settings.momentum), "adamw": torch.optim.AdamW}[name]
    oracle = kind([plain], lr=0.1, weight_decay=settings.weight_decay)
    for gradient in steps:
        ours.grad, plain.grad = gradient.clone(), gradient.clone()
        clipped_step(fused, largest_norm)
        torch.nn.utils.clip_grad_norm_([plain], largest_norm)
        oracle.step()
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("at", [0, 1])
def test_clipped_step_skips_a_gradient_that_is_not_finite(name: str, bad: float, at: int) -> None:
    """Of two weights; the gradient of one is finite. Weights and moments are then those of the other updates alone,
    also where it is the first update, before which a plain optimiser has no moments."""
    found = []
    for bads in ([], [at]):
        torch.manual_seed(0)
        weights = [torch.nn.Parameter(torch.randn(3)) for _ in range(2)]
        optimizer = build_optimizer(training(optimizer=name), [{"params": weights, "lr": 0.1}])
        gradients = [[torch.randn(3), torch.randn(3)] for _ in range(2)]
        for place in bads:
            gradients.insert(place, [torch.randn(3), torch.tensor([1.0, bad, 2.0])])
        norms = []
        for both in gradients:
            for weight, gradient in zip(weights, both, strict=True):
                weight.grad = gradient.clone()
            norms.append(clipped_step(optimizer, 1.0).item())
        assert [place for place, norm in enumerate(norms) if not math.isfinite(norm)] == bads
        assert str(norms[at]) == str(bad) or not bads
        found.append([*weights, *(value for state in optimizer.state.values() for value in state.values())])
    for ours, theirs in zip(*found, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("kind", ["baseline", "dnorm", "dnorm-fgbg"])
def test_training_step_in_parts_gives_the_losses_and_the_gradient_of_the_whole(toy_root, kind) -> None:
    """In float64. BatchNorm is in evaluation mode, because it would normalise each part alone, and all pairs are used,
    because the budget of pairs is per part."""
    found = []
    for parts in (1, 3):
        config = validate(settings_of(
            toy_root, loss={"kind": kind}, model={"dropout": 0.0, "pairs_per_image": 100_000},
            augmentation={"kind": "gan", "visual_conditioning": False},
            training={"batch_size": 6, "accumulate": parts, "weight_decay": 0.0, "momentum": 0.0}))
        torch.manual_seed(0)
        foundation = untrained(config, toy_root)
        torch.set_default_dtype(torch.float64)
        try:
            foundation.detector.double()
            system = foundation.build()
        finally:
            torch.set_default_dtype(torch.float32)
        gan = system.networks["gan"]
        for name, network in (("generator", gan.generator), ("discriminators", gan.discriminators)):
            optimizer = torch.optim.SGD(network.parameters(), 0.01)
            system.optimizers[name] = system.augmenter.optimizers[name] = optimizer
        for module in [*system.model.modules(), *gan.modules()]:
            if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
                module.eval()
        batch = next(foundation.experiment.training_batches().epoch(1))
        batch = replace(batch, boxes=batch.boxes.double())
        # Spectral norm advances at each call of a discriminator, so that D differs between the ways.
        losses = {name: value.item() for name, value in system.training_step(batch, Draws(0, 1)).losses.items()
                  if name[0] not in "DG"}
        found.append((losses, {name: value.clone() for name, value in system.model.state_dict().items()}))
    (whole, weights), (in_parts, others) = found
    assert whole.keys() == in_parts.keys() >= {"nodes", "edges", "rec/nodes", "rec/edges"}
    assert in_parts == pytest.approx(whole, rel=1e-9)
    for name, value in weights.items():
        torch.testing.assert_close(others[name], value, rtol=1e-8, atol=1e-12, msg=name)


def test_parts_of_a_batch_are_its_images_in_order() -> None:
    batch = Batch(tuple(torch.full((3, 4, 4), float(image)) for image in range(5)), torch.full((5, 2), 4),
                  torch.arange(28.0).reshape(7, 4), torch.arange(1, 8), torch.tensor([0, 0, 1, 3, 3, 3, 4]),
                  torch.tensor([[0, 0, 1, 1], [3, 3, 5, 2], [3, 4, 3, 1]]), tuple("abcde"))
    parts = batch.split(2)
    assert [part.image_ids for part in parts] == [("a", "b"), ("c", "d", "e")]
    for part in parts:
        for image, name in enumerate(part.image_ids):
            ours, theirs = part.graphs()[image], batch.graphs()["abcde".index(name)]
            for field in ("boxes", "labels", "relations"):
                np.testing.assert_array_equal(getattr(ours, field), getattr(theirs, field))
            assert part.images[image][0, 0, 0] == "abcde".index(name)
    assert len(batch.split(9)) == 5
    assert batch.split(1) == [batch]


def test_fit_resumes_adamw_with_cosine_and_warm_up_as_if_never_interrupted(toy_root, tmp_path, monkeypatch) -> None:
    settings = {"optimizer": "adamw", "schedule": "cosine", "warmup_steps": 2, "learning_rate": 1e-3, "accumulate": 2,
                "epochs": 2, "batch_size": 3}
    config = validate(settings_of(toy_root, training=settings))

    def open_foundation(config, check, use):
        torch.manual_seed(0)
        return untrained(config, toy_root)

    monkeypatch.setattr(systems, "open_foundation", open_foundation)
    fit(config, tmp_path / "whole")

    class StoppedError(Exception):
        pass

    def stop(row) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        fit(config, tmp_path / "resumed", stop)
    fit(config, tmp_path / "resumed")
    whole, resumed = ([{**row, "time": 0, "attempt": 0} for row in History(tmp_path / name).rows()]
                      for name in ("whole", "resumed"))
    assert whole == resumed
    assert whole[1]["loss"] < whole[0]["loss"]


def test_validate_refuses_more_parts_than_images() -> None:
    with pytest.raises(ConfigError, match=r"training.accumulate must be at most .*training.batch_size is 4, got 5"):
        validate({"training": {"batch_size": 4, "accumulate": 5}})
