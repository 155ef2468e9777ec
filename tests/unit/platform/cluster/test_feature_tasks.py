"""Waiting for the tasks that write a feature store, without a Ray."""

from platform.cluster import feature_tasks

import ray


def test_what_is_waited_for_is_said_while_no_task_ends(tmp_path, monkeypatch, caplog):
    answers = iter([([], ["a", "b"]), (["b"], ["a"])])
    monkeypatch.setattr(ray, "wait", lambda waiting, timeout: next(answers))
    monkeypatch.setattr(feature_tasks, "largest_node", {"CPU": 4.0, "GPU": 0.0}.get)
    found = feature_tasks._next_of(["a", "b"], tmp_path / "nodes.zarr", {"CPU": 1.0, "GPU": 1.0})
    assert found == (["b"], ["a"])
    assert caplog.messages == [f"{tmp_path / 'nodes.zarr'}: waiting for 2 tasks that write it; each wants 1 CPU (the "
                               "largest node has 4), 1 GPU (the largest node has 0)"]
