"""`python -m sgg.config`: the reference of all settings, and the JSON schema that editors check YAML with."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from sgg.config import Config
from sgg.config.__main__ import main
from sgg.config.by_role import reference
from sgg.config.loading.yaml_text import read_yaml
from sgg.config.reference.description import default_in_words, type_in_words
from sgg.config.reference.json_schema import json_schema, value_schema
from sgg.settings.keys import flatten

SHIPPED = sorted((Path(__file__).parents[3] / "tune_configs").rglob("*.yaml"))


@pytest.fixture(scope="module")
def check():
    validator = jsonschema.Draft202012Validator(json_schema())
    return lambda text: [error.message for error in validator.iter_errors(read_yaml(text) or {})]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_json_schema_accepts_all_configs_of_the_repository(check, path: Path) -> None:
    assert check(path.read_text()) == []


@pytest.mark.parametrize("text", [
    "evaluation: {pred_weight: 0.5, modes: sgcls}", "augmentation: {kind: gan, perturb: {method: off}}",
    "experiment: {seed: 3}", "augmentation: off", "loss: {search: grid, of: [dnorm, baseline]}",
    "model: {head: {kind: {search: grid, of: [imp, motifs]}, iterations: 2, edge_layers: 1}}", "loss: {scale: 2}",
    "evaluation: {pred_weight: {search: grid, of: [0, 1]}}", "loss: {scale: {search: uniform, low: 0, high: 1}}"])
def test_json_schema_accepts_short_forms_and_axes(check, text: str) -> None:
    assert check(text) == []


@pytest.mark.parametrize("text", [
    "los: {}", "loss: {kind: vocal}", "augmentation: {kind: gan, perturb: {alpha: 0}}", "training: {epochs: 1.5}",
    "experiment: {seed: {search: grid, of: [1, 2]}}", "loss: {kind: {search: best, of: [dnorm]}}",
    "model: {head: {kind: imp, edge_layers: 2}}", "model: {head: {iteration: 2}}", "loss: 3"])
def test_json_schema_refuses_invalid_settings(check, text: str) -> None:
    assert check(text)


def test_main_describes_every_setting(capsys) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out
    for key in flatten(Config().model_dump()):
        assert f"{key}: " in printed
    words = " ".join(printed.split())
    for condition in ("Acts only with training.schedule step.", "Acts only with evaluation.corruption other than off.",
                      "Acts only with detector.weights none."):
        assert condition in words


@pytest.mark.parametrize(("key", "kind", "default"), [
    ("augmentation.perturb.alpha", "number >= 1", "2"),
    ("training.epochs", "whole number >= 0", "20, 3 for toy"),
    ("loss.kind", "dnorm | baseline | class-balanced | dnorm-fgbg | focal | logit-adjusted | tcar", "dnorm"),
    ("evaluation.ks", "list of (whole number > 0)", "[20, 50, 100, 200, 300]"),
    ("resources.gpus", "number >= 0 or auto", "auto"),
    ("embeddings.path", "path or none", "none"),
    ("training.learning_rate", "number > 0",
     "1e-3 x `training.batch_size`; on the toy genome 2e-3 x `training.batch_size`")])
def test_type_in_words_and_default_in_words(key: str, kind: str, default: str) -> None:
    assert (type_in_words(value_schema(reference()[key])), default_in_words(reference()[key])) == (kind, default)


def test_main_writes_the_schema(tmp_path, capsys) -> None:
    assert main(["--json-schema", str(tmp_path / "schema.json")]) == 0
    assert json.loads((tmp_path / "schema.json").read_text()) == json_schema()
    assert main(["--json-schema", str(tmp_path / "nowhere" / "schema.json")]) == 2
    assert "nowhere" in capsys.readouterr().err


def test_main_shows_the_settings_of_a_plugin() -> None:
    """In a process of its own, which has not imported more of `sgg.config` than the command does."""
    root = Path(__file__).parents[3]
    command = [sys.executable, "-m", "sgg.config", "--plugin", "examples/my_head.py"]
    shown = subprocess.run(command, capture_output=True, check=True, text=True, cwd=root).stdout
    assert "Only with model.head.kind two_layers" in shown
    done = subprocess.run([*command, "--json-schema", "-"], capture_output=True, check=True, text=True, cwd=root)
    assert "two_layers" in json.loads(done.stdout)["$defs"]["Model"]["properties"]["head"]["anyOf"][0]["enum"]


def test_main_needs_no_torch() -> None:
    code = ("import sys; from sgg.config.__main__ import main; main(['--json-schema', '-']); "
            "sys.exit(any(name in sys.modules for name in ('torch', 'ray', 'numpy')))")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
