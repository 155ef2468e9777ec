"""The folder `platform/` and the standard module `platform` are one name: both must work from the root."""

import ensurepip
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120,
                          env={**os.environ, **environment})


def python(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, *arguments, **options)


def test_platform_answers_as_without_the_folder(tmp_path):
    ask = "import platform; print(platform.system(), platform.python_version(), platform.uname(), platform.__file__)"
    assert python("-c", ask).stdout == python("-c", ask, cwd=tmp_path).stdout != ""


def test_platform_has_the_submodules_of_the_folder():
    answer = python("-c", "import platform, platform.search.search_space as s; print(platform.machine(), s.__name__)")
    assert answer.stdout.split()[-1:] == ["platform.search.search_space"], answer.stderr


def test_platform_leaves_imports_of_libraries_alone():
    answer = python("-c", "import pytest, uuid, torch, ray, pandas, wandb, matplotlib; print('ok')")
    assert answer.stdout == "ok\n", answer.stderr


def test_platform_lets_pip_run_from_the_root():
    wheel = next((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    answer = python("-m", "pip", "--version", PYTHONPATH=str(wheel))
    assert answer.stdout.startswith("pip "), answer.stderr


def test_platform_is_found_by_bare_pytest():
    script = Path(sys.executable).with_name("pytest")
    answer = run(str(script), "--collect-only", "-q", "tests/unit/platform/search/test_search_space.py")
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("command", ["tune", "train", "extract"])
def test_main_run_as_a_script_says_how_to_run_it(command):
    answer = python(f"platform/{command}.py", "tune_configs/smoke.yaml")
    assert answer.returncode == 2
    assert f"run this from the repository's root: python -m platform.{command}" in answer.stderr


@pytest.mark.parametrize(("arguments", "message"), [
    (["nowhere.yaml"], "nowhere.yaml: no such config file"),
    (["tune_configs/smoke.yaml", "loss.knd=dnorm"], "loss.knd is not a setting of baseline; did you mean loss.kind?"),
    (["tune_configs/smoke.yaml", "loss.kind={search: choice, of: [dnorn]}"], "loss.kind must be one of"),
])
def test_main_answers_bad_input_in_one_line(arguments, message):
    answer = python("-m", "platform.tune", *arguments)
    assert answer.returncode == 2
    assert message in answer.stderr
    assert "Traceback" not in answer.stderr
