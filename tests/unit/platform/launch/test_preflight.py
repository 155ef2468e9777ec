import os
import re
from platform import tune
from platform.launch import preflight

import pytest

from sgg.config import ConfigError, load

KEY = "0123456789abcdef" * 3


@pytest.fixture
def no_login(tmp_path, monkeypatch):
    """A user whom W&B does not know, and the folder that holds what `wandb login` would write."""
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example:8080")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def study(tmp_path, *overrides):
    path = tmp_path / "a.yaml"
    path.write_text("")
    return load(path, overrides)


def test_check_of_an_online_run_without_a_key(tmp_path, no_login, capsys):
    study(tmp_path)
    assert tune.main([str(tmp_path / "a.yaml"), "tracking.wandb=online", f"experiment.output={tmp_path}"]) == 2
    assert re.search(r"no key: set WANDB_API_KEY, run `wandb login`, or set tracking\.wandb=offline",
                     capsys.readouterr().err)
    assert not (tmp_path / "experiment").exists()


@pytest.mark.parametrize("overrides", [[], ["tracking.wandb=offline"]])
def test_check_needs_no_key_offline(tmp_path, no_login, overrides):
    preflight.check(study(tmp_path, *overrides))


@pytest.mark.parametrize("name", ["WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE"])
def test_has_wandb_login_by_environment(tmp_path, no_login, monkeypatch, name):
    monkeypatch.setenv(name, KEY)
    preflight.check(study(tmp_path, "tracking.wandb=online"))


@pytest.mark.parametrize(("machine", "known"), [("wandb.example", True), ("elsewhere.example", False)])
def test_has_wandb_login_by_netrc(tmp_path, no_login, machine, known):
    (tmp_path / "netrc").write_text(f"machine {machine}\n  login user\n  password {KEY}\n")
    (tmp_path / "netrc").chmod(0o600)
    assert preflight.has_wandb_login() == known


def test_check_names_every_missing_package(tmp_path, monkeypatch):
    monkeypatch.setattr(preflight.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError) as error:
        preflight.check(study(tmp_path, "tracking.wandb=online", "tracking.parquet=true"))
    assert error.value.faults == ["package wandb is missing: pip install wandb",
                                  "package pyarrow is missing: pip install pyarrow"]


def test_check_of_too_few_processors(tmp_path, monkeypatch):
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    preflight.check(study(tmp_path, "resources.cpus=2"))
    with pytest.raises(ConfigError, match=r"cpus: a trial needs 3, 1\.5 for each of 2 workers, but this machine has 2"):
        preflight.check(study(tmp_path, "resources.cpus=1.5", "resources.workers=2"))
    with pytest.raises(ConfigError, match=r"resources\.cpus: a trial needs 3, but this machine has 2"):
        preflight.check(study(tmp_path, "resources.cpus=3"))
    preflight.check(study(tmp_path, "resources.cpus=3", "resources.address=auto"))


def test_check_leaves_processors_of_a_running_ray_to_it(tmp_path, monkeypatch):
    monkeypatch.setattr("ray.is_initialized", lambda: True)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    preflight.check(study(tmp_path, "resources.cpus=4"))
