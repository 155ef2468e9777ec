import sys
from collections.abc import Callable
from pathlib import Path
from platform.cluster import session
from platform.launch import preparation
from platform.launch.preparation import missing_vectors, prepare, shared_configs, trial_resources
from platform.search.planned_trials import plan
from platform.search.search_space import read_axes
from platform.study.entry_points import EntryPoints
from types import SimpleNamespace

import pytest

from sgg.config import Config, ConfigError, load
from sgg.training import preparation as preparation_of_training

HEAD = {"memory": 1e9}


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the resources of the nodes of a cluster."""
    def put(*nodes: dict[str, float]) -> None:
        monkeypatch.setattr(session, "nodes", lambda: list(nodes))
    return put


def resources(tmp_path: Path, *overrides: str, gpus: float = 0) -> dict[str, float]:
    (tmp_path / "a.yaml").write_text("")
    return trial_resources(load(tmp_path / "a.yaml", ["resources.address=auto", *overrides]), {"GPU": gpus})


def fault_of(tmp_path: Path, *overrides: str, gpus: float = 0) -> str:
    with pytest.raises(ConfigError) as error:
        resources(tmp_path, *overrides, gpus=gpus)
    fault, = error.value.faults
    return fault


def test_trial_resources(tmp_path: Path, nodes: Callable[..., None]) -> None:
    nodes(HEAD, {"CPU": 4.0, "GPU": 1.0})
    assert resources(tmp_path, gpus=1) == {"CPU": 1.0, "GPU": 1.0}


def test_trial_resources_without_workers(tmp_path: Path, nodes: Callable[..., None]) -> None:
    nodes(HEAD)
    fault = fault_of(tmp_path)
    for part in ("resources.address", "'auto'", "ray up --min-workers 1", "wait"):
        assert part in fault


def test_trial_resources_where_every_node_is_too_small(tmp_path: Path, nodes: Callable[..., None]) -> None:
    nodes(HEAD, {"CPU": 4.0, "GPU": 1.0})
    fault = fault_of(tmp_path, "resources.gpus=2", gpus=1)
    for part in ("resources.gpus", "a trial needs 2", "more than 1"):
        assert part in fault


@pytest.mark.parametrize("seed", range(6))
def test_prepare_makes_what_the_trials_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Two trials, drawn along two axes, of which one decides on the detector."""
    (tmp_path / "a.yaml").write_text("""
detector: {epochs: {search: choice, of: [1, 2, 3, 4, 5, 6, 7, 8, 9]}}
loss: {scale: {search: uniform, low: 1, high: 9}}
search: {trials: 2}
""")
    study, axes = read_axes(load(tmp_path / "a.yaml", [f"experiment.seed={seed}"]))
    made = []

    def make(config: Config) -> SimpleNamespace:
        made.append(config.detector.epochs)
        return SimpleNamespace(config=config, provenance={})

    monkeypatch.setitem(sys.modules, "stand_in", SimpleNamespace(make=make))
    prepare(study, axes, EntryPoints(prepare="stand_in:make"), {"CPU": 2.0})
    assert sorted(made) == sorted({values["detector.epochs"] for values in plan(study, axes) or ()})


def test_shared_configs_of_rows_on_data_sets(tmp_path: Path) -> None:
    """One for each data set and for each way to store features, whatever else the rows differ in."""
    (tmp_path / "a.yaml").write_text("""
data: {name: toy, version: 3, seed: {search: grid, of: [7, 8]}}
rows:
  baseline: {loss: baseline}
  dnorm: {loss: dnorm}
  twice: {training: {f_updates: 2}}
  gan: {augmentation: {kind: gan}}
  another gan: {augmentation: {kind: gan, adversarial_weight: 3}}
experiment: {seed: [1, 2, 3]}
""")
    found = shared_configs(*read_axes(load(tmp_path / "a.yaml")))
    assert [(config.data.seed, config.loss.kind, config.augmentation.kind) for config in found] == [
        (7, "baseline", "off"), (8, "baseline", "off"), (7, "dnorm", "gan"), (8, "dnorm", "gan")]


def test_prepare_shares_what_our_own_function_would_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks, or this process, store maps before; nobody decides on them again."""
    (tmp_path / "a.yaml").write_text("training: {epochs: 1}\n")
    study, axes = read_axes(load(tmp_path / "a.yaml"))
    calls = []
    monkeypatch.setattr(preparation, "share", lambda config, resources, total: calls.append(("share", resources)))
    monkeypatch.setattr(preparation_of_training, "prepare", lambda config, make_maps: calls.append(
        ("prepare", make_maps)) or SimpleNamespace(provenance={}))
    prepare(study, axes, EntryPoints(), {"CPU": 2.0})
    assert calls == [("share", {"CPU": 1.0}), ("prepare", False)]


@pytest.mark.parametrize(("generator", "made"), [
    ("trial", [("trial", 64)]), ("shared", [("shared", 64), ("shared", 32)])])
def test_shared_configs_has_one_for_each_generator(tmp_path: Path, generator: str, made: list) -> None:
    """Of 32 trials along five axes, one decides on the generator: hidden_dim, which is otherwise of no interest."""
    (tmp_path / "a.yaml").write_text(f"""
loss: {{kind: {{search: grid, of: [baseline, dnorm]}}}}
augmentation:
  kind: gan
  generator: {generator}
  hidden_dim: {{search: grid, of: [64, 32]}}
  terms: {{search: grid, of: [[rec], [D, G, rec]]}}
  perturb: {{method: {{search: grid, of: [rand, neigh]}}, intensity: {{search: grid, of: [0.2, 0.4]}}}}
""")
    study, axes = read_axes(load(tmp_path / "a.yaml"))
    found = shared_configs(study, axes)
    assert {(config.augmentation.generator, config.augmentation.hidden_dim) for config in found} == {*made}
    assert len(found) == 2 * len(made)  # perturb.method decides what else is shared


def test_missing_vectors() -> None:
    names = [f"class{number}" for number in range(9)]
    line = missing_vectors({"embeddings": "glove.txt", "embeddings_missing": names})
    for part in ("glove.txt", "9 names", "class0", "class7, ...", "random"):
        assert part in line
    assert missing_vectors({"embeddings": "glove.txt"}) == ""
