"""What people copy works."""

import csv
import math
import re
from pathlib import Path

import pytest
import torch

from sgg.config import ConfigError, load
from sgg.data import open_dataset
from sgg.data.readers.custom import open_custom
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeContext
from sgg.methods.plugins import load_plugins
from sgg.systems.contract import Draws
from tests.plugins import no_plugin_stays
from tests.untrained import untrained

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _nothing_stays():
    with no_plugin_stays():
        yield


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


@pytest.fixture
def smoothed():
    """The loss of examples/my_loss.py."""
    load_plugins([str(ROOT / "examples" / "my_loss.py")])
    return EDGE_LOSSES["smoothed"](smoothing=0.2).build(None)


def test_smoothed_is_its_formula(smoothed) -> None:
    """Two pairs, of which one is annotated, over three predicates: the target has .8 + .2/3 at the predicate and .2/3
    elsewhere; the sum is divided by the one annotated pair."""
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.3, -1.0, 2.0]], requires_grad=True)
    expected = 0.0
    for row, predicate in zip(logits.detach().double().tolist(), (2, 0), strict=True):
        log_sum = math.log(sum(map(math.exp, row)))
        expected += sum((0.2 / 3 + 0.8 * (column == predicate)) * (log_sum - value) for column, value in enumerate(row))
    labels = torch.zeros(2, dtype=torch.long)
    loss = smoothed(logits, torch.tensor([2, 0]), EdgeContext(labels, labels))
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    assert smoothed(logits, torch.tensor([2, 0]), EdgeContext(labels, labels, 4, 4)).item() == pytest.approx(
        expected / 4, rel=1e-6)


def test_smoothed_names_a_wrong_value() -> None:
    with pytest.raises(ConfigError, match=r"loss\.smoothing"):
        load(ROOT / "tune_configs" / "tutorial.yaml", [f"experiment.plugins={ROOT / 'examples' / 'my_loss.py'}",
                                                       "loss={kind: smoothed, smoothing: 2}"])


def test_page_shows_the_code_of_the_loss() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "EXTENDING.md").read_text(), re.S)
    assert code in (ROOT / "examples" / "my_loss.py").read_text()


def as_csv(data, folder: Path) -> None:
    """A data set as the file of examples/my_data.py."""
    names = {0: "train", 1: "val", 2: "test"}
    with (folder / "relations.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["split", "image", "width", "height", *(
            f"{end}{part}" for end in ("subject", "object") for part in ("", "_x1", "_y1", "_x2", "_y2")), "predicate"])
        for image, name in enumerate(data.annotations.files):
            graph, (height, width) = data.annotations.graph(image), data.annotations.sizes[image]
            for subject, object_, predicate in graph.relations:
                writer.writerow([names[int(data.splits[image])], name, width, height] + [
                    value for end in (subject, object_)
                    for value in (data.classes[graph.labels[end]], *graph.boxes[end].tolist())] + [
                        data.predicates[predicate]])


@pytest.fixture
def in_csv(tmp_path: Path) -> Path:
    """A root with the nine images of tests/example/custom in the layout of examples/my_data.py."""
    load_plugins([str(ROOT / "examples" / "my_data.py")])
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "images").symlink_to(ROOT / "tests" / "example" / "custom" / "images")
    as_csv(open_custom(ROOT / "tests" / "example" / "custom"), tmp_path / "csv")
    return tmp_path


def test_csv_reads_the_same_relations_as_the_reader_of_json(in_csv) -> None:
    """By names and boxes, since numbers of classes and of objects are in another order."""
    def relations(data, split):
        return sorted((str(part.annotations.files[image]), data.predicates[predicate],
                       *((data.classes[graph.labels[end]], *graph.boxes[end].tolist()) for end in pair))
                      for part in [data.split(split)] for image in range(len(part))
                      for graph in [part.graph(image)] for *pair, predicate in graph.relations)

    theirs, ours = open_custom(ROOT / "tests" / "example" / "custom"), open_dataset("csv", in_csv)
    for split in ("train", "val", "test"):
        assert relations(ours, split) == relations(theirs, split) != []
    ours.require_images()


@pytest.mark.parametrize(("old", "new", "named"), [("split,", "part,", "column split"),
                                                   ("train,", "training,", "'training'")])
def test_csv_names_what_is_wrong(in_csv, old, new, named) -> None:
    path = in_csv / "csv" / "relations.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match=named) as raised:
        open_dataset("csv", in_csv)
    assert str(path) in str(raised.value)
