"""Losses that are read once in an interval: their sums, what an error names, and what a step waits for."""

import math
import random
from collections import Counter

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from sgg.config import validate
from sgg.systems.contract import StepResult
from sgg.systems.optimization import build_optimizer, clipped_step
from sgg.training.epoch import train_epoch
from sgg.training.epoch_losses import LARGEST_INTERVAL, EpochLosses


def test_read_adds_up_as_one_step_after_the_other() -> None:
    """To the last bit, whatever the interval and the dtype; a loss that a step lacks does not count."""
    values = [random.Random(0).gauss(0, 1) for _ in range(40)]
    expected = 0.0
    for value in values:
        expected += torch.tensor(value).item()
    for interval in (1, 7, 40):
        losses = EpochLosses(1, "")
        for step, value in enumerate(values, start=1):
            others = {"other": torch.tensor([value], dtype=torch.float64)} if step % 2 else {}
            losses.add(step, StepResult({"one": torch.tensor(value, requires_grad=True), **others}), [])
            if step % interval == 0:
                assert losses.read() == {"one": torch.tensor(value).item(), **({"other": value} if step % 2 else {})}
        losses.read()
        assert losses.sums == {"one": expected, "other": sum(values[::2])}
        assert losses.means() == {"one": expected / 40, "other": sum(values[::2]) / 20}


def result(loss: float = 1.0, *norms: float) -> StepResult:
    return StepResult({"nodes": torch.tensor(1.0), "edges": torch.tensor(loss)}, norms=[*map(torch.tensor, norms)])


@pytest.mark.parametrize(("bad", "fault"), [
    (result(math.nan, 1.0), "loss edges is not finite"), (result(1.0, math.inf), "the norm of the gradient is inf"),
    (result(math.nan, 1.0, math.nan), "the norm of the gradient is nan")], ids=["loss", "gradient", "second gradient"])
def test_read_names_the_first_step_that_is_not_finite(bad: StepResult, fault: str) -> None:
    losses = EpochLosses(3, "lower training.learning_rate")
    for step, one in enumerate([result(), bad, result(math.inf, math.inf), result()], start=5):
        losses.add(step, one, [f"a{step}", f"b{step}"])
    with pytest.raises(FloatingPointError, match=f"^{fault} in epoch 3, step 6: lower training.learning_rate; or look "
                                                 "at the images of this batch: a6, b6$"):
        losses.read()


def test_read_of_nothing_is_nothing() -> None:
    losses = EpochLosses(1, "")
    assert losses.read() == {}
    losses.add(1, StepResult({}), [])
    assert losses.read() == losses.means() == {}


class Batch:
    """The batch of a step: one image, which bears its number."""

    def __init__(self, step: int) -> None:
        self.step, self.image_ids = step, (f"image {step}",)

    def __len__(self) -> int:
        return 1


class Batches:
    """As many batches as there are steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def __len__(self) -> int:
        return self.steps

    def epoch(self, number: int, first: int):
        return map(Batch, range(first + 1, self.steps + 1))


class Linear:
    """A system of one layer, updated as the scene-graph model is. `bad`: the step whose input is not finite. `raises`:
    the step that raises `error`."""

    rates = ("training.learning_rate",)

    def __init__(self, bad: int = 0, raises: int = 0, error: Exception | None = None) -> None:
        self.layer, self.device = nn.Linear(3, 2), torch.device("cpu")
        self.optimizer = build_optimizer(validate({}).training, [{"params": list(self.layer.parameters()), "lr": 0.1}])
        self.bad, self.raises, self.error, self.last = bad, raises, error, 0

    def set_rates(self, done: int, steps_per_epoch: int) -> None:
        pass

    def train(self) -> None:
        self.layer.train()

    def training_step(self, batch: Batch, draws) -> StepResult:
        self.last = batch.step
        if batch.step == self.raises:
            raise self.error
        loss = self.layer(torch.full((1, 3), math.nan if batch.step == self.bad else 0.1)).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        return StepResult({"nodes": loss}, norms=[clipped_step(self.optimizer, 5.0)])


def epoch_of(system: Linear, steps: int) -> dict:
    return train_epoch(system, validate({}), Batches(steps), 2)


@pytest.mark.parametrize(("steps", "reads", "last"), [(60, 15, 45), (1000, LARGEST_INTERVAL, 50), (1000, 50, 150)])
def test_train_epoch_stops_at_the_end_of_the_interval(steps: int, reads: int, last: int) -> None:
    """The step before its last is bad. Later steps ran, but they changed nothing more than what is thrown away."""
    system = Linear(bad=last - 1)
    said = (rf"^the norm of the gradient is nan in epoch 2, step {last - 1}: lower training\.learning_rate; or look at "
            rf"the images of this batch: image {last - 1}$")
    with pytest.raises(FloatingPointError, match=said):
        epoch_of(system, steps)
    assert system.last == last
    assert last % reads == 0
    assert all(weight.isfinite().all() for weight in system.layer.parameters())


def test_train_epoch_finds_a_bad_last_step() -> None:
    """Of 5, where an interval is one step, and of 11, where the last interval is cut short."""
    for steps in (5, 11):
        with pytest.raises(FloatingPointError, match=f"in epoch 2, step {steps}:"):
            epoch_of(Linear(bad=steps), steps)


def test_train_epoch_names_the_step_that_diverged_rather_than_its_consequence() -> None:
    """An error of a step may follow from an earlier step of the interval that was not finite; else it is reported."""
    with pytest.raises(FloatingPointError, match="norm of the gradient is nan in epoch 2, step 6"):
        epoch_of(Linear(bad=6, raises=8, error=IndexError("out of range")), 40)
    with pytest.raises(IndexError, match=r"^out of range$"):
        epoch_of(Linear(raises=8, error=IndexError("out of range")), 40)
    with pytest.raises(FloatingPointError, match=r"^the head says no in epoch 2, step 8: lower .*: image 8$"):
        epoch_of(Linear(raises=8, error=FloatingPointError("the head says no")), 40)


class Reads(TorchFunctionMode):
    """Counts the calls by which Python gets numbers out of tensors."""

    NAMES = frozenset({"item", "tolist", "cpu", "numpy", "__bool__", "__int__", "__float__", "__index__", "__array__"})

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        name = getattr(function, "__name__", "")
        self.seen.update({name} & self.NAMES)
        return function(*arguments, **(keywords or {}))


class Operators(TorchDispatchMode):
    """Counts the operators whose result, or its shape, Python takes from values of tensors."""

    NAMES = frozenset({"aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::equal"})

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        self.seen.update({function.name().split(".")[0]} & self.NAMES)
        return function(*arguments, **(keywords or {}))


@pytest.mark.parametrize(("steps", "reads"), [(60, 4), (62, 5), (1000, 20), (3, 3)])
def test_train_epoch_reads_numbers_of_tensors_once_an_interval(steps: int, reads: int) -> None:
    """A quarter of an epoch, at most 50 steps, and what is left at the end. No step reads any, its update included."""
    system = Linear()
    with Reads() as calls, Operators() as operators:
        epoch_of(system, steps)
    assert calls.seen == {"tolist": reads}
    assert not operators.seen
    with Reads() as calls, Operators() as operators:  # what a step did before: they do see it
        assert torch.isfinite(torch.ones(()))
    assert calls.seen == {"__bool__": 1}
    assert operators.seen.total() >= 1
