"""`training.compile` and `training.tf32` reach torch, and a model trains with them."""

import pytest
import torch

from sgg.config import validate
from sgg.experiment.torch_setup import configure_torch
from sgg.models.scene_graph import SceneGraphModel
from sgg.systems.two_stage.system import TwoStage
from sgg.training.epoch import train_epoch
from tests.untrained import untrained

pytestmark = pytest.mark.usefixtures("torch_as_before")


@pytest.fixture(autouse=True)
def _nothing_compiled_stays():
    yield
    torch.compiler.reset()


def one_epoch(toy_root, **training) -> tuple[TwoStage, dict]:
    config = validate({"data": {"name": "toy", "root": str(toy_root), "train_images": 4},
                       "training": {"epochs": 1, "batch_size": 2, **training}})
    configure_torch(config)
    torch.manual_seed(0)
    foundation = untrained(config, toy_root)
    system = foundation.build()
    return system, train_epoch(system, config, foundation.experiment.training_batches(), 1)


@pytest.mark.parametrize(("tf32", "precision"), [(True, "high"), (False, "highest")])
def test_configure_torch_sets_tf32(toy_root, tf32, precision) -> None:
    """On a CPU the setting of matrix products has no effect; the setting of convolutions belongs to cuDNN."""
    row = one_epoch(toy_root, tf32=tf32)[1]
    assert torch.get_float32_matmul_precision() == precision
    assert torch.backends.cudnn.allow_tf32 is tf32
    assert 0 < row["loss"] < 1000


@pytest.mark.slow  # tracing takes some ten seconds, whatever is traced
def test_configure_torch_compiles_a_model_that_trains_as_the_plain_one(toy_root, monkeypatch) -> None:
    """The backend `eager` runs the traced code without generating code. The test shows that torch can trace the model,
    forward and backward, with changing sizes, and that weights keep their names."""
    compiled, calls = torch.compile, []

    def traced(function, **options):
        calls.append(options)
        return compiled(function, backend="eager", **options)

    monkeypatch.setattr(torch, "compile", traced)
    plain, expected = one_epoch(toy_root)
    run, row = one_epoch(toy_root, compile=True)
    assert calls == [{"dynamic": True}]
    assert row["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert run.model.state_dict().keys() == plain.model.state_dict().keys()
    assert torch._dynamo.utils.counters["frames"]["ok"] > 0, "something was traced"


def test_every_model_of_a_process_is_compiled(toy_root, monkeypatch) -> None:
    """Trials follow one another in one process. torch compiles one function at most eight times."""
    graphs, compiled = [], torch.compile

    def counting(graph, inputs):
        graphs.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", lambda function, **options: compiled(function, backend=counting, **options))
    monkeypatch.setattr(SceneGraphModel, "classify", lambda self, numbers: numbers * len(self.state_dict()))
    config = validate({"data": {"name": "toy", "root": str(toy_root), "train_images": 4},
                       "training": {"compile": True}})
    foundation = untrained(config, toy_root)
    for number in range(1, 11):
        foundation.build().model.classify(torch.ones(2))
        assert len(graphs) == number
