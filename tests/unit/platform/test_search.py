import os
import signal
from platform import ray_session, search, tune
from platform.parts import Parts

import pytest

from sgg.config import ConfigError, load

HEAD = {"memory": 1e9}


@pytest.fixture
def nodes(monkeypatch):
    """Sets what the nodes of a cluster have."""
    def put(*nodes):
        monkeypatch.setattr(ray_session, "nodes", lambda: list(nodes))
    return put


def resources(tmp_path, *overrides, gpus=0):
    (tmp_path / "a.yaml").write_text("")
    return search._resources(load(tmp_path / "a.yaml", ["resources.address=auto", *overrides]), {"GPU": gpus})


def test_a_cluster_without_workers_is_told_apart_from_one_whose_nodes_are_too_small(tmp_path, nodes):
    nodes(HEAD)
    with pytest.raises(ConfigError, match=r"no worker node of 'auto' is up yet: start one .*min-workers 1.*or wait"):
        resources(tmp_path)
    nodes(HEAD, {"CPU": 4.0, "GPU": 1.0})
    assert resources(tmp_path, gpus=1) == {"CPU": 1.0, "GPU": 1.0}
    with pytest.raises(ConfigError, match="a trial wants 2, but no node of this Ray has more than 1"):
        resources(tmp_path, "resources.gpus=2", gpus=1)


@pytest.mark.parametrize(("overrides", "words"), [
    ([], ""),
    (["data.train_images=1000"], "; of these the first 1,000 of train"),
    (["data.train_images=64", "data.eval_images=40"], "; of these the first 64 of train and 40 each of val and test")])
def test_images_that_are_left_out_are_told(tmp_path, overrides, words):
    (tmp_path / "a.yaml").write_text("")
    assert search._cut(load(tmp_path / "a.yaml", overrides).base) == words


def told_to_end(config):
    """Stands for data that take long to open, while a batch system's time is up."""
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_batch_systems_signal_before_ray_is_up_is_a_first_interrupt(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(search, "told_to_end", told_to_end, raising=False)
    (tmp_path / "a.yaml").write_text(f"experiment: {{output: {tmp_path}}}\n")
    assert tune.main([str(tmp_path / "a.yaml")], Parts(open_data="platform.search:told_to_end")) == 130
    assert capsys.readouterr().err == "interrupted\n"
