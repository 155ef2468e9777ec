"""Waiting for the tasks that write a store, without a Ray."""

from platform.cluster import shared_tasks

import ray


def test_next_done_logs_what_tasks_wait_for(tmp_path, monkeypatch, caplog):
    answers = iter([([], ["a", "b"]), (["b"], ["a"])])
    monkeypatch.setattr(ray, "wait", lambda waiting, timeout: next(answers))
    monkeypatch.setattr(shared_tasks, "largest_node", {"CPU": 4.0, "GPU": 0.0}.get)
    found = shared_tasks.next_done(["a", "b"], tmp_path / "nodes.zarr", {"CPU": 1.0, "GPU": 1.0})
    assert found == (["b"], ["a"])
    message, = caplog.messages
    for part in (str(tmp_path / "nodes.zarr"), "2 tasks", "1 CPU (the largest node has 4)",
                 "1 GPU (the largest node has 0)"):
        assert part in message
