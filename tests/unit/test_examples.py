"""What people copy works."""

import math
from pathlib import Path

import pytest
import torch

from sgg.config import load
from sgg.methods.plugins import loaded_digests, unload_plugins
from sgg.systems.contract import Draws
from tests.untrained import untrained

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _nothing_stays():
    yield
    unload_plugins(list(loaded_digests()))


def test_two_layers_of_the_readme_trains(toy_root, monkeypatch) -> None:
    """By the words of its own docstring: two updates, and predictions."""
    monkeypatch.chdir(ROOT)
    (command,) = (line.split() for line in (ROOT / "examples" / "my_head.py").read_text().splitlines()
                  if line.startswith("    python"))
    assert " ".join(command) in (ROOT / "README.md").read_text()
    config = load(command[3], [*command[4:], "data.name=toy", f"data.root={toy_root}", "training.batch_size=4"]).base
    foundation = untrained(config, toy_root)
    system = foundation.build()
    system.train()
    batch = next(iter(foundation.experiment.training_batches().epoch(1)))
    for step in range(2):
        before = [weight.clone() for weight in system.model.relation_head.parameters()]
        losses = system.training_step(batch, Draws(0, step)).losses
        assert all(math.isfinite(value) for value in losses.values())
        assert not any(map(torch.equal, before, system.model.relation_head.parameters()))
    with system.evaluating():
        assert len(system.predict(batch, ["sgcls", "predcls"]).predictions["sgcls"]) == 4
