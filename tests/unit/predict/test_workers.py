"""How images are shared out among threads, and that this changes no graph."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from sgg.predict.__main__ import main
from sgg.predict.predictor import Predictor
from sgg.predict.workers import workers_for


@pytest.mark.parametrize(("device", "given", "batches", "expected"), [
    ("cpu", 2, 8, (2, 1)), ("cpu", 5, 8, (2, 2)), ("cpu", 1, 8, (1, 1)), ("cpu", 4, 1, (1, 4)), ("cpu", 4, 0, (1, 4)),
    ("cuda", 4, 8, (1, 4))])
def test_workers_share_threads(device, given, batches, expected) -> None:
    """(workers, threads of each)."""
    torch.set_num_threads(given)
    with workers_for(torch.device(device), batches) as workers:
        assert (workers.number, workers.pool.submit(torch.get_num_threads).result()) == expected
    assert torch.get_num_threads() == given
    with workers_for(torch.device("cpu"), 1) as workers:  # a new thread has all of them again
        assert workers.pool.submit(torch.get_num_threads).result() == given


@pytest.mark.parametrize("given", [1, 3])
def test_command_writes_graphs_of_the_right_images(trial, tmp_path, given) -> None:
    """More batches than workers; each document has the graph that its image has by itself."""
    torch.set_num_threads(given)
    draws = np.random.default_rng(0)
    names = [f"{number:02}.png" for number in range(11)]
    (tmp_path / "in").mkdir()
    for name in names:
        Image.fromarray(draws.integers(0, 256, (30, 40, 3), np.uint8)).save(tmp_path / "in" / name)
    assert main([*map(str, (trial, tmp_path / "in", "--out", tmp_path / "out", "--device", "cpu", "--batch", 3)),
                 "--no-pictures"]) == 0
    graphs = Predictor(trial, "cpu")([tmp_path / "in" / name for name in names])
    for name, graph in zip(names, graphs, strict=True):
        document = json.loads((tmp_path / "out" / f"{name}.json").read_text())
        np.testing.assert_allclose([one["score"] for one in document["triplets"]], graph.scores, atol=1e-6)
        np.testing.assert_allclose([one["box"] for one in document["objects"]], graph.boxes, atol=0.006)
    assert len({tuple(graph.boxes.flatten().tolist()) for graph in graphs}) == len(graphs)  # all are different
