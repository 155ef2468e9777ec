"""The memory of a training step beside that of the GPU that Ray gives a trial."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sgg.common.sizes import gibibytes
from sgg.config import Config, ConfigError, Study
from sgg.data import DataSet
from sgg.methods.plugin_errors import place_in_plugins
from sgg.settings.keys import find
from sgg.systems import memory_key, smaller_steps, step_memory
from sgg.systems.forecast import NeedsValuesError, StepMemory

from ..cluster.gpus import gpus_of_nodes
from ..search.axis import Axis, Values, describe
from ..search.search_space import singles

MOST = 8
"""At most so many kinds of trials are computed, which takes seconds for each."""
ON_GPU, ON_CPU = 2**30, 2**29
"""What a process takes beside tensors: CUDA's context, libraries and gaps between tensors; Python and torch."""


@dataclass(frozen=True)
class PlannedStep:
    """The step of a kind of trials. point: their searched values. memory: None where it is unknown, because of
    `fault`."""

    config: Config
    point: Values
    memory: StepMemory | None = None
    fault: str = ""


def planned_steps(study: Study, axes: list[Axis], data_of: Mapping[str, DataSet]) -> list[PlannedStep]:
    """The steps of trials between which memory differs: every single value of the searched settings, beside the first
    values of the others. At most `MOST`.

    data_of: the opened data, by the JSON of the settings `data`.
    """
    configs: dict[str, tuple[Config, Values]] = {}
    for point in singles(axes) or [{}]:
        config = study.trial(point)
        configs.setdefault(memory_key(config), (config, point))
    return [_planned(config, point, data_of) for config, point in list(configs.values())[:MOST]
            if config.data.model_dump_json() in data_of]


def _planned(config: Config, point: Values, data_of: Mapping[str, DataSet]) -> PlannedStep:
    try:
        return PlannedStep(config, point, step_memory(config, data_of[config.data.model_dump_json()]))
    except NeedsValuesError as error:
        return PlannedStep(config, point, fault=str(error))
    except Exception as error:  # of a network, such as one of a plugin, that tensors without values break
        where = place_in_plugins(error)
        words = f"{where + ': ' if where else ''}{' '.join(str(error).split()) or type(error).__name__}"
        return PlannedStep(config, point, fault=f"to compute it from shapes failed: {words[:200]}")


def memory_lines(study: Study, steps: Sequence[PlannedStep], data_of: Mapping[str, DataSet],
                 resources: Mapping[str, float], at_once: int) -> Iterator[str]:
    """The largest step, and whether a process that Ray starts has room for it. Ray must run.

    resources: of a trial, by name. at_once: how many trials run at a time.
    """
    known = [(step.memory.peak, step, step.memory) for step in steps if step.memory is not None]
    for step in steps:
        if step.memory is None:
            yield f"memory of a step{_of(step)}: unknown; {step.fault}"
    if not known:
        return
    _, largest, memory = max(known, key=lambda one: one[0])
    yield (f"memory: a step takes at most {gibibytes(memory.peak)}{_of(largest) if len(steps) > 1 else ''}: "
           f"{memory.images} images with {memory.objects:,} objects and {memory.pairs:,} pairs, the largest of many "
           f"random batches; between steps {gibibytes(memory.kept)}")
    workers = study.base.resources.num_workers
    share = min(1.0, resources.get("GPU", 0.0) / workers)
    if share:
        yield from _beside_gpus(study, largest, memory, data_of, share)
    else:
        yield from _beside_host(memory, at_once * workers)


def _beside_gpus(study: Study, step: PlannedStep, memory: StepMemory, data_of: Mapping[str, DataSet],
                 share: float) -> Iterator[str]:
    """The GPUs that Ray sees, one of each kind, and whether a step fits. share: of a GPU, for one process."""
    for gpu in dict.fromkeys(gpus_of_nodes()):
        if gpu is None:
            yield ("GPU: Ray counts a GPU that it could not give to a process within a minute, or that the process did "
                   "not see (is its torch made for CUDA?)")
            continue
        room, needed = share * gpu.bytes, memory.peak + ON_GPU
        of_it = "" if share == 1 else f", of which a process gets {share:g}"
        yield (f"GPU: {gpu.name} with {gibibytes(gpu.bytes)}{of_it}: " + (
            "enough" if needed <= room else "too little") + f" for {gibibytes(needed)}, with about "
            f"{gibibytes(ON_GPU)} for CUDA itself")
        if needed <= room:
            continue
        yield "  settings that take less:"
        yield from (f"    {line}" for line in smaller(study, step, data_of, room - ON_GPU))


def smaller(study: Study, step: PlannedStep, data_of: Mapping[str, DataSet], room: float) -> Iterator[str]:
    """Changes of settings with the memory of the step that they lead to. room: bytes for its tensors."""
    for change in smaller_steps(step.config):
        try:
            config = study.trial({**_searched(study, step), **change})
        except ConfigError:
            continue
        found = _planned(config, step.point, data_of).memory
        if found is not None:
            fits = "enough" if found.peak <= room else "still too much"
            yield f"{describe(change)}: {gibibytes(found.peak)}, {fits}"


def _searched(study: Study, step: PlannedStep) -> Values:
    """All searched values of a step."""
    whole = step.config.model_dump()
    return {key: find(whole, key) for key in study.axes} | step.point


def _beside_host(memory: StepMemory, processes: int) -> Iterator[str]:
    """The main memory of this machine, where Ray gives trials no GPU."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    needed = processes * (memory.peak + ON_CPU)
    take = "1 process takes" if processes == 1 else f"{processes} processes at a time take"
    yield (f"GPU: Ray gives a trial none. {take} about "
           f"{gibibytes(needed)} of main memory, with {gibibytes(ON_CPU)} each for Python and torch; this machine has "
           f"{gibibytes(total)}")
    if needed > total:
        yield "  too little: lower search.max_concurrent, or training.batch_size"


def _of(step: PlannedStep) -> str:
    return f" with {describe(step.point)}" if step.point else ""
