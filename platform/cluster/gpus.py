"""The GPUs that Ray counts, as a process sees one that it gets from Ray."""

from __future__ import annotations

from dataclasses import dataclass

WAIT_S = 60.0
"""How long to wait until a GPU is free."""


@dataclass(frozen=True)
class SeenGPU:
    """A GPU. name: of its kind. bytes: of its memory. free: those that no other process has taken at this moment."""

    name: str
    bytes: int
    free: int


def gpus_of_nodes() -> list[SeenGPU | None]:
    """One GPU of each living node that has any. None: no GPU of the node was free in time, or a process that gets one
    does not see it, for example because its torch is made for CPUs."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    look = ray.remote(num_cpus=0, num_gpus=1, max_retries=0)(_look)
    asked = [look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote()
             for node in ray.nodes() if node["Alive"] and node["Resources"].get("GPU", 0) >= 1]
    if not asked:
        return []
    done, waiting = ray.wait(asked, num_returns=len(asked), timeout=WAIT_S)
    for one in waiting:
        ray.cancel(one, force=True)
    return [ray.get(one) if one in done else None for one in asked]


def _look() -> SeenGPU | None:
    """The GPU of this process."""
    import torch

    if not torch.cuda.is_available():
        return None
    free, total = torch.cuda.mem_get_info(0)
    return SeenGPU(torch.cuda.get_device_name(0), total, free)
