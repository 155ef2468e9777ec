from pathlib import Path
from platform import tune
from platform.launch import dry_run
from platform.launch.dry_run import as_yaml, disk_lines, placed, to_generate, trial_lines
from platform.search.search_space import faults_of_search, read_axes

import pytest
import yaml

from sgg.config import load
from sgg.config.loading.named_rows import ROW
from sgg.systems.forecast import SharedPart

CONFIGS = Path(__file__).parents[4] / "tune_configs"


@pytest.fixture
def read(tmp_path):
    def of(text, *overrides):
        (tmp_path / "a.yaml").write_text(text)
        return read_axes(load(tmp_path / "a.yaml", overrides, faults_of_search))
    return of


@pytest.mark.parametrize("name", ["perturb_search", "single", "smoke", "demo", "methods", "paper/search",
                                  "paper/imp_gan", "study/gan", "study/heads", "study/pilot"])
def test_as_yaml_is_the_same_study(read, name):
    """Read again, it has the same axes, and every trial has the same settings."""
    study, axes = read((CONFIGS / f"{name}.yaml").read_text())
    again, axes_again = read(as_yaml(study, axes))
    assert axes_again == axes
    assert again.base == study.base
    for point in dry_run.singles(axes):
        assert again.trial(point) == study.trial(point)


def test_as_yaml_of_some_rows_is_a_config_of_these(read):
    """Without the baseline that is left out, and settings that only other rows have."""
    study, axes = read((CONFIGS / "study" / "gan.yaml").read_text(), "rows=dnorm")
    again, axes_again = read(as_yaml(study, axes))
    assert axes_again == axes
    assert again.base.search.baseline == ["dnorm"]
    assert again.trial({ROW: "dnorm", "data.seed": 102}).model == study.trial({ROW: "dnorm", "data.seed": 102}).model


def test_as_yaml_leaves_out_what_follows_from_searched_settings(read):
    """The rate is 2e-3 x the batch on the toy genome; of two heads each has settings of its own."""
    study, axes = read("""
data: {name: toy}
training: {batch_size: {search: choice, of: [4, 8]}}
model: {head: {kind: {search: grid, of: [imp, motifs]}, iterations: 2}}
""")
    text = as_yaml(study, axes)
    assert "learning_rate" not in yaml.safe_load(text)["training"]
    comment = text.splitlines()[-1]
    assert comment.startswith("# follow from searched settings: ")
    assert "training.learning_rate" in comment
    again, _ = read(text)
    assert again.trial({"training.batch_size": 8, "model.head.kind": "imp"}) == \
        study.trial({"training.batch_size": 8, "model.head.kind": "imp"})
    assert again.trial({"training.batch_size": 8}).training.learning_rate == 0.016


def test_trial_lines_count_configurations_and_seeds(read):
    study, axes = read("loss: {kind: {search: grid, of: [baseline, dnorm]}, scale: {search: uniform, low: 1, high: 2}}",
                       "experiment.seed=1,2,3", "search.trials=4", "search.scheduler=asha")
    assert list(trial_lines(study, axes, 24, placed(2, {"CPU": 1.0, "GPU": 1.0}))) == [
        "24 trials: 8 configurations x 3 seeds (1, 2, 3), 2 at a time, each on 1 CPU and 1 GPU",
        "search.algorithm random chooses them, and asha stops the worse ones early; trials are compared by "
        "val/sgcls/zs/ngR@100", "searched:",
        "  loss.kind: grid of baseline, dnorm", "  loss.scale: uniform from 1 to 2"]


def test_trial_lines_of_rows_on_data_sets(read):
    study, axes = read("rows: {plain: {}, gan: {augmentation: gan}}\n"
                       "data: {name: toy, version: 3, seed: {search: grid, of: [7, 8, 9]}}", "experiment.seed=1,2")
    assert list(trial_lines(study, axes, 12, placed(2, {"CPU": 1.0}))) == [
        "12 trials: 2 configurations x 3 data.seed (7, 8, 9) x 2 seeds (1, 2), 2 at a time, each on 1 CPU",
        "search.algorithm random chooses them, and none is stopped early; trials are compared by val/sgcls/zs/ngR@100",
        "searched:", "  row: grid of plain, gan"]


def test_disk_lines_say_what_does_not_fit(read, tmp_path, monkeypatch):
    """6 trials keep 2 newest checkpoints and the best one each."""
    study, _ = read("", f"experiment.output={tmp_path}", f"data.cache={tmp_path}")
    monkeypatch.setattr(dry_run.shutil, "disk_usage", lambda path: type("", (), {"free": 10**9}))
    parts = [SharedPart("a", ["x"], bytes=2 * 10**9), SharedPart("b", ["x"]), SharedPart("c", ["x"], None, True, 0)]
    assert list(disk_lines(study, parts, 6, 10**7)) == [
        f"disk: about 2.0 GB for what is made first, without b, whose size is not known yet; 1.0 GB are free under "
        f"{tmp_path}", "  more than is free: change data.cache",
        f"disk: at most 180.0 MB for 6 x 3 checkpoints; 1.0 GB are free under {tmp_path}/experiment"]


def test_plan_study_names_data_that_are_generated_first(tmp_path, capsys):
    """Nothing is generated, and Ray does not start; how many trials there are is known."""
    (tmp_path / "a.yaml").write_text(f"experiment: {{output: {tmp_path}/runs, seed: [1, 2]}}\n"
                                     f"data: {{root: {tmp_path}/data}}\n"
                                     "loss: {scale: {search: grid, of: [1, 2]}}\n")
    assert tune.main([str(tmp_path / "a.yaml"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "# 4 trials: 2 configurations x 2 seeds (1, 2)\n" in said
    assert "#   loss.scale: grid of 1, 2\n" in said
    assert f"{tmp_path}/data/toy is not there: a run generates it first" in said
    assert f"python -m sgg.data toy --out {tmp_path}/data/toy" in said
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


@pytest.mark.slow  # it runs a step of each augmentation on shapes
def test_plan_study_of_the_comparison_of_methods(toy_root, tmp_path, capsys):
    """All losses and augmentations with one head, whose steps need no values, and the features that they read."""
    places = [f"experiment.output={tmp_path}/runs", f"data.root={toy_root}", f"data.cache={tmp_path}/cache",
              "model.head=imp"]
    assert tune.main([str(CONFIGS / "methods.yaml"), *places, "--dry-run"]) == 0
    said = capsys.readouterr().out
    for part in ("28 trials: 28 configurations x 1 seed (1)", "node features: are extracted first",
                 "relation features: are extracted first"):
        assert part in said


def test_plan_study_refuses_what_a_run_refuses(tmp_path, capsys):
    (tmp_path / "a.yaml").write_text(f"experiment: {{output: {tmp_path}/runs}}\n")
    (tmp_path / "runs" / "experiment").mkdir(parents=True)
    (tmp_path / "runs" / "experiment" / "study.json").write_text('{"settings": {}, "axes": {}, "data": {}}')
    assert tune.main([str(tmp_path / "a.yaml"), "--dry-run"]) == 2
    assert "runs/experiment exists already" in capsys.readouterr().err


def test_to_generate_asks_every_searched_data_set(read, tmp_path):
    study, axes = read(f"data: {{name: {{search: grid, of: [vg, toy]}}, root: {tmp_path}}}")
    (found,) = to_generate(study, axes)
    assert found.to_generate() == tmp_path / "toy"
    assert found.generating() == f"python -m sgg.data toy --out {tmp_path}/toy"


def test_to_generate_asks_every_version_of_the_toy_genome(read, tmp_path, toy_root):
    """The genome of version 2 is there. That of version 3 is named, with a command that makes it."""
    study, axes = read(f"data: {{name: toy, root: {toy_root}, version: {{search: grid, of: [2, 3]}}}}")
    assert [data.generating() for data in to_generate(study, axes)] == [
        "python -m sgg.data toy --set data.version=3 --set data.difficulty=0.5 "
        f"--out {toy_root}/toy3-difficulty0.5-seed0"]


def test_to_generate_lists_every_genome_that_is_missing(read, tmp_path):
    """Of rows that share a genome it is listed once."""
    study, axes = read(f"data: {{name: toy, root: {tmp_path}, version: 3, seed: {{search: grid, of: [1, 2]}}}}\n"
                       "rows: {a: {loss: baseline}, b: {augmentation: gan}}")
    assert [data.to_generate().name for data in to_generate(study, axes)] == [
        "toy3-difficulty0.5-seed1", "toy3-difficulty0.5-seed2"]


def test_main_takes_either_resume_or_dry_run(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        tune.main([str(tmp_path / "a.yaml"), "--dry-run", "--resume"])
    assert ended.value.code == 2
    assert "not allowed with" in capsys.readouterr().err
