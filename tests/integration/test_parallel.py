"""Two processes on the CPU (gloo) train as one does: fixed batches, losses and weights equal within rounding."""

import json
import math
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from safetensors.torch import load_file
from torch import nn

from benchmarks.common.in_float64 import float64_by_default, in_float64, note_gradient
from sgg import checkpoint, systems
from sgg.augmentations.feature_mixing import updates
from sgg.common import distributed as parallel
from sgg.common.run_log import History, read_test
from sgg.common.seeding import seed_everything
from sgg.config import validate
from sgg.methods.head import HeadInputs
from sgg.models.head_parts.contexts import Contexts
from sgg.models.heads.causal.running_means import RunningMeans
from sgg.systems.contract import Draws
from sgg.systems.two_stage.system import TwoStage
from sgg.training.epoch import train_epoch
from sgg.training.fit import fit
from tests.untrained import untrained

IMAGES, STEPS = 8, 2
HALF_OF_THE_DIGITS = math.sqrt(torch.finfo(torch.float64).eps)
"""1.5e-8: how far two float64 runs may be apart, relative to the norm of what is compared.

Two workers add up the same numbers in another order. A sum of n terms then differs by n x eps of the sum of their
absolute values at most; the longest sums here, a BatchNorm's over pairs and cells, have below 1e6 terms, so 2e-10. What
a deep network and two updates make of it depends on its conditioning, and float32 has no digits to spare for that: G's
rounding was seen enlarged 7e4-fold (4e-3 of its norm). In float64 an enlargement of 7e4 is 1.6e-11, so half of the
digits leave room. A fault of method, like a mean over a worker's own items, changes the third digit: the counts of the
workers differ by some per cent.
"""


def in_two_processes(function, folder: Path, *arguments) -> list:
    """What `function` returns in each of two processes that work together."""
    multiprocessing.start_processes(_work, (function, folder, arguments), nprocs=2, start_method="forkserver")
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2)]


def _work(rank: int, function, folder: Path, arguments: tuple) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    torch.save(function(*arguments), folder / f"{rank}.pt")
    dist.destroy_process_group()


def train(settings: dict) -> tuple[list[dict], dict, dict]:
    """Of training in float64 on the same images: the losses of each step; of each network the gradient of the first
    step, and by how much weights and running figures change in all."""
    foundation = systems.prepare(validate(settings))
    seed_everything(0)
    with float64_by_default():
        foundation.detector.double()
        run = foundation.build()
    networks = {"model": run.model}
    if (gan := run.networks.get("gan")) is not None:
        networks |= {"generator": gan.generator, "discriminators": gan.discriminators}
    gradients = {}
    for name, network in networks.items():
        # A plain optimiser: with beta1 = 0, Adam's first steps are the signs of gradients, those that are nothing but
        # rounding (of biases in front of a BatchNorm) included. Updates are of gradients as they were, clipped or not.
        optimizer = torch.optim.SGD(network.parameters(), 0.01 if name == "model" else 0.1, fused=True)
        optimizer.register_step_pre_hook(partial(note_gradient, gradients, name))
        if name == "model":
            run.learner.optimizer = optimizer
        else:
            run.augmenter.optimizers[name] = optimizer
    run.model.train()
    before = {name: state_vector(network) for name, network in networks.items()}
    batches, losses = foundation.experiment.training_batches(), []
    for epoch in range(1, STEPS + 1):
        # Every pair is classified, no label is perturbed, and of the bank's relations the first that fits is mixed in,
        # so that nothing is left to a worker's own draws.
        with patch.object(updates, "_uniform", lambda count, generator: np.zeros(count)):
            results = [run.training_step(in_float64(batch), Draws(0, 1)) for batch in batches.epoch(epoch)]
        losses += [{name: value.item() for name, value in result.losses.items()} for result in results]
    return losses, gradients, {name: state_vector(network) - before[name] for name, network in networks.items()}


def state_vector(network: nn.Module) -> torch.Tensor:
    """Weights and running figures; not the counts of batches, whose change is known and would outweigh all else."""
    return torch.cat([value.flatten().clone() for value in network.state_dict().values() if value.is_floating_point()])


@pytest.mark.parametrize(("kind", "head"), [
    ("baseline", {"kind": "imp"}), ("dnorm", {"kind": "motifs", "dropout": 0.0}), ("dnorm-fgbg", {"kind": "imp"}),
    ("baseline", {"kind": "penet", "dropout": 0.0}),
    ("dnorm", {"kind": "transformer", "dropout": 0.0})],
    ids=["baseline", "dnorm, motifs", "dnorm-fgbg", "penet", "transformer"])
def test_training_step_of_two_workers_trains_as_one_worker(toy_settings, tmp_path, kind: str, head: dict) -> None:
    """Batch of 8 images, 4 on each worker: F, G and D after two steps. Without dropout, which each draws for itself."""
    settings = toy_settings | {
        "data": toy_settings["data"] | {"train_images": IMAGES},
        "loss": {"kind": kind}, "model": {"head": head, "dropout": 0.0, "pairs_per_image": 100_000},
        "augmentation": {"kind": "gan", "visual_conditioning": False},
        "training": {"batch_size": IMAGES}}
    losses, *vectors = train(settings)
    assert len(losses) == STEPS
    assert {"nodes", "edges", "G/nodes", "G/global", "rec/nodes", "rec/edges", "D/edges"} <= losses[0].keys()
    for their_losses, *their_vectors in in_two_processes(train, tmp_path, settings):
        for ours, theirs in zip(losses, their_losses, strict=True):
            assert theirs == pytest.approx(ours, rel=HALF_OF_THE_DIGITS)
        for ours, theirs in zip(vectors, their_vectors, strict=True):
            assert ours.keys() == theirs.keys() == {"model", "generator", "discriminators"}
            for name, vector in ours.items():
                assert vector.norm() > 0
                assert (theirs[name] - vector).norm() < HALF_OF_THE_DIGITS * vector.norm(), name


def test_training_step_of_two_workers_mixes_features_as_one_worker(toy_settings, tmp_path) -> None:
    """The same with features of a bank, which each worker mixes into its images; without the contrastive loss, of which
    each takes that of its own objects."""
    settings = toy_settings | {
        "data": toy_settings["data"] | {"train_images": IMAGES},
        "model": {"dropout": 0.0, "pairs_per_image": 100_000}, "training": {"batch_size": IMAGES},
        "augmentation": {"kind": "feature_mixing", "min_cosine": -1, "mixed_per_image": None, "contrast": 0, "drop": 0}}
    losses, *vectors = train(settings)
    assert losses[0].keys() == {"nodes", "edges", "mixed/nodes", "mixed/edges"}
    assert losses[0]["mixed/edges"] != losses[0]["edges"]
    for their_losses, *their_vectors in in_two_processes(train, tmp_path, settings):
        for ours, theirs in zip(losses, their_losses, strict=True):
            assert theirs == pytest.approx(ours, rel=HALF_OF_THE_DIGITS)
        for ours, theirs in zip(vectors, their_vectors, strict=True):
            assert (theirs["model"] - ours["model"]).norm() < HALF_OF_THE_DIGITS * ours["model"].norm()


def move_means(contexts_of_images: list[torch.Tensor], each_image: bool) -> dict[str, torch.Tensor]:
    """The running means of the causal head after two batches of images, of which each process has its part."""
    share = len(contexts_of_images) // parallel.num_workers()
    own = contexts_of_images[share * parallel.rank():share * (parallel.rank() + 1)]
    rows, index = torch.cat(own), torch.arange(len(own)).repeat_interleave(torch.tensor([len(one) for one in own]))
    means = RunningMeans(3, 3, 3, each_image).double()
    inputs = HeadInputs(rows, rows, rows, index, torch.ones(len(own), 2), rows[:0])
    for factor in (1, 2):
        means.follow(Contexts(rows, rows, index, factor * rows, rows), None, inputs)
    return means.state_dict()


@pytest.mark.parametrize("each_image", [True, False])
def test_running_means_of_two_workers_are_those_of_one(tmp_path, each_image: bool) -> None:
    """Images of different sizes; one has no object, and one worker has more objects."""
    images = [torch.randn(count, 3, dtype=torch.float64) for count in (3, 0, 2, 7, 1, 5)]
    expected = move_means(images, each_image)
    assert expected["to_decode"].any()
    for found in in_two_processes(move_means, tmp_path, images, each_image):
        for name, mean in expected.items():
            torch.testing.assert_close(found[name], mean, rtol=1e-12, atol=1e-15)


def diverge(settings: dict) -> tuple[str, torch.Tensor]:
    """Training where a loss of the last process is not a number in the third step: the error, and the weights of F."""
    config = validate(settings)
    seed_everything(0)
    foundation = untrained(config, Path(config.data.root))
    run = foundation.build()
    calls, losses = [], run.learner.losses

    def spoilt(sample, **options):
        calls.append(sample)
        factor = math.nan if len(calls) == 3 and parallel.rank() == parallel.num_workers() - 1 else 1
        return {name: value * factor for name, value in losses(sample, **options).items()}

    run.learner.losses = spoilt
    with pytest.raises(FloatingPointError) as error:
        train_epoch(run, config, foundation.experiment.training_batches(), 1)
    return str(error.value), state_vector(run.model)


def test_train_epoch_of_two_workers_ends_at_the_same_step(toy_settings, tmp_path) -> None:
    """Where the numbers of only one of them are bad: they share losses and gradients. Each names its own images."""
    settings = toy_settings | {"data": toy_settings["data"] | {"train_images": 16}, "training": {"batch_size": 2}}
    (first, weights), (second, others) = in_two_processes(diverge, tmp_path, settings)
    for said in (first, second):
        assert said.startswith("the norm of the gradient is nan in epoch 1, step 3: lower training.learning_rate")
    assert torch.equal(weights, others)
    assert weights.isfinite().all()
    assert first.rpartition(": ")[2] != second.rpartition(": ")[2]


def fit_in_parts(settings: dict, folder: Path) -> None:
    """Fit twice: undisturbed, and stopped after the third step of an epoch and taken up again."""
    config = validate(settings)

    def open_foundation(config, check, use):
        seed_everything(0)
        return untrained(config, Path(config.data.root))

    class StoppedError(Exception):
        pass

    systems.open_foundation = open_foundation
    fit(config, folder / "whole")
    in_parts = validate(settings | {"training": settings["training"] | {"checkpoint_steps": 1}})
    step = TwoStage.training_step
    steps = iter(range(3))

    def stopped(self, batch, draws):
        if next(steps, None) is None:
            raise StoppedError
        return step(self, batch, draws)

    TwoStage.training_step = stopped
    with pytest.raises(StoppedError):
        fit(in_parts, folder / "parts")
    steps = iter(range(1))  # there is one left
    fit(in_parts, folder / "parts")


def test_fit_of_two_workers_resumes_within_an_epoch(toy_settings, tmp_path) -> None:
    """To the last bit: each continues its own draws, and the row counts the images of both. So does the recall of each
    predicate."""
    settings = toy_settings | {
        "data": toy_settings["data"] | {"train_images": 16, "eval_images": 2}, "evaluation": {"modes": ["sgdet"]},
        "training": {"batch_size": 4, "epochs": 1, "mode": "sgdet"}}
    in_two_processes(fit_in_parts, tmp_path, settings, tmp_path)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    (row,), (again,) = ([{**row, "time": 0} for row in History(path).rows()] for path in (whole, parts))
    assert again == row
    assert row["share/fallbacks"] == 1
    for path in (whole, parts):
        test, kept = read_test(path), json.loads((path / "predicates.json").read_text())
        assert test["test/sgdet/all/num_images"] == 2
        assert sum(kept["relations"]) == test["test/sgdet/all/num_relations"]
    ours, theirs = (load_file(checkpoint.path_of(path, 1) / "weights.safetensors") for path in (parts, whole))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def normalise() -> tuple[torch.Tensor, ...]:
    """Output, gradients and running figures of a BatchNorm on this worker's rows: 1 and 4 of 5."""
    torch.manual_seed(0)
    rows = torch.randn(5, 3, 2, dtype=torch.float64)
    layer = nn.Sequential(nn.BatchNorm1d(3, momentum=0.3, dtype=torch.float64))
    parallel.share_batch_norm(layer)
    mine = rows if parallel.num_workers() == 1 else rows[:1] if parallel.rank() == 0 else rows[1:]
    mine = mine.clone().requires_grad_()
    out = layer(mine)
    (out * torch.arange(6.0).view(3, 2) * out).sum().backward()
    norm = layer[0]
    return out.detach(), mine.grad, norm.weight.grad, norm.bias.grad, norm.running_mean, norm.running_var


def test_batch_norm_over_workers_with_unequal_rows(tmp_path) -> None:
    whole = normalise()
    parts = in_two_processes(normalise, tmp_path)
    out, gradient, *sums = (torch.cat(both) if position < 2 else both[0] + both[1]
                            for position, both in enumerate(zip(*parts, strict=True)))
    torch.testing.assert_close(out, whole[0])
    torch.testing.assert_close(gradient, whole[1])
    for found, expected in zip(sums[:2], whole[2:4], strict=True):
        torch.testing.assert_close(found, expected)
    for part in parts:
        for found, expected in zip(part[4:], whole[4:], strict=True):
            torch.testing.assert_close(found, expected)
