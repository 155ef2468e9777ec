"""Two processes on the CPU (gloo) train as one does: fixed batches, losses and weights equal within float tolerance."""

import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))

from sgg import build, parallel
from sgg.config import validate
from sgg.objectives import Scene
from sgg.seeding import seed_everything
from sgg.steps import Randomness, TrainingStep

IMAGES, STEPS = 8, 2


def in_two_processes(function, folder: Path, *arguments) -> list:
    """What `function` returns in each of two processes that work together."""
    multiprocessing.spawn(_work, (function, folder, arguments), nprocs=2)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2)]


def _work(rank: int, function, folder: Path, arguments: tuple) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    torch.save(function(*arguments), folder / f"{rank}.pt")
    dist.destroy_process_group()


class FixedStep(TrainingStep):
    """Every pair is asked about and no label is changed, so that nothing is left to a worker's own draws."""

    def imagine(self, scene: Scene, randomness: Randomness):
        return scene.labels, None


def train(settings: dict) -> tuple[list[dict], dict]:
    """Losses of each step, and by how much each network's weights and running figures change, on the same images."""
    torch.set_num_threads(1)
    ground = build.prepare(validate(settings))
    seed_everything(0)
    run = build.build_run(ground)
    run.step.__class__ = FixedStep
    for name, network in (("generator", run.gan.generator), ("discriminators", run.gan.discriminators)):
        # Adam enlarges rounding where a gradient is nil, as it is of biases in front of a BatchNorm.
        run.optimizers[name] = torch.optim.SGD(network.parameters(), 0.1)
    run.model.train()
    networks = {"F": run.model, "G": run.gan.generator, "D": run.gan.discriminators}
    before = {name: state_vector(network) for name, network in networks.items()}
    batches, losses = ground.training_batches(), []
    for epoch in range(1, STEPS + 1):
        draws = Randomness(*(torch.Generator().manual_seed(0) for _ in range(3)))
        losses += [{name: value.item() for name, value in run.step(batch, draws).items()}
                   for batch in batches.epoch(epoch)]
    return losses, {name: state_vector(network) - before[name] for name, network in networks.items()}


def state_vector(network: nn.Module) -> torch.Tensor:
    return torch.cat([value.flatten().double() for value in network.state_dict().values()])


@pytest.mark.parametrize("kind", ["baseline", "dnorm", "dnorm-fgbg"])
def test_two_workers_train_as_one(toy_settings, tmp_path, kind: str) -> None:
    """Batch of 8 images, 4 on each worker: F, G and D after two steps. Without dropout, which each draws for itself."""
    settings = toy_settings | {
        "data": toy_settings["data"] | {"train_images": IMAGES},
        "loss": {"kind": kind}, "model": {"dropout": 0.0, "pairs_per_image": 100_000},
        "gan": {"enabled": True, "visual_conditioning": False},
        "training": {"batch_size": IMAGES, "learning_rate": 0.01}}
    losses, changes = train(settings)
    assert len(losses) == STEPS
    assert {"nodes", "edges", "G/nodes", "G/global", "rec/nodes", "rec/edges", "D/edges"} <= losses[0].keys()
    for their_losses, their_changes in in_two_processes(train, tmp_path, settings):
        for ours, theirs in zip(losses, their_losses, strict=True):
            assert theirs == pytest.approx(ours, rel=1e-5)
        # Adding the images up in another order, in one process, changes what G learns by some 1e-4 of it.
        for name, change in changes.items():
            assert change.norm() > 0
            assert (their_changes[name] - change).norm() < 1e-3 * change.norm(), name


def normalise() -> tuple[torch.Tensor, ...]:
    """Output, gradients and running figures of a BatchNorm on this worker's rows: 1 and 4 of 5."""
    torch.manual_seed(0)
    rows = torch.randn(5, 3, 2)
    layer = nn.Sequential(nn.BatchNorm1d(3, momentum=0.3))
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
    torch.testing.assert_close(gradient, whole[1], rtol=1e-4, atol=1e-5)
    for found, expected in zip(sums[:2], whole[2:4], strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    for part in parts:
        for found, expected in zip(part[4:], whole[4:], strict=True):
            torch.testing.assert_close(found, expected)
