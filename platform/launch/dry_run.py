"""`--dry-run`: what a command would do, printed, and nothing done.

All of the output is a config file: the resolved settings, then the plan in comments. Every check of a real run is made,
so what a run would refuse is refused here, too. Nothing is written to the run's folder, the data or the cache.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from sgg.common.atomic import keeping_nothing, nearest_existing
from sgg.common.sizes import gigabytes
from sgg.config import Study
from sgg.config.loading.named_rows import ROW, ROWS, tried_rows
from sgg.settings.keys import flatten, with_values
from sgg.systems import shared_parts
from sgg.systems.forecast import SharedPart

from ..cluster.interrupts import Interrupts
from ..cluster.session import nodes, ray_session
from ..search import planned_trials
from ..search.axis import Axis
from ..search.comparison import comparison
from ..search.repeats import block_axes, chosen_axes, repeats
from ..search.search_space import combinations, models, singles
from ..search.swept_values import left_out
from ..study.directory import StudyDirectory
from ..study.entry_points import EntryPoints
from . import preflight

if TYPE_CHECKING:
    from sgg.methods.dataset import DataSettings

    from .opened_data import Opened

BASELINE = "search.baseline"


@Interrupts(None).watched()
def plan_study(study: Study, axes: list[Axis], entry_points: EntryPoints) -> int:
    """Print what `run_study` would do. Returns 0. Raises what `run_study` raises before any trial starts."""
    directory = StudyDirectory.of(study)
    with keeping_nothing():
        directory.check(study, resume=False)
        preflight.check(study)
        print(as_yaml(study, axes), flush=True)
        if missing := to_generate(study, axes):
            say(f"plan of {directory.path}; nothing is written",
                *trial_lines(study, axes, planned_trials.number_of_trials(study, axes)),
                *(f"data: {data.to_generate()} is not there: a run generates it first. Sizes, memory and time are "
                  f"known afterwards: {data.generating()}" for data in missing))
            return 0
        from . import opened_data  # imports numpy, which is slow; the checks above do not wait for it

        opened = opened_data.open_data(study, axes, entry_points)
        opened_data.require_plugins(study, axes, opened)
        with ray_session(study.base.resources.address, study.source) as total, Interrupts(None).watched():
            plan(study, axes, opened, total)
    return 0


def plan(study: Study, axes: list[Axis], opened: Opened, total: dict[str, float]) -> None:
    """Print the plan of a study on a running Ray, each part as soon as it is known. total: what this Ray has."""
    from ..search.schedule import trials_at_once  # imports Ray, which reads the session's variables
    from .memory_plan import memory_lines, planned_steps
    from .opened_data import descriptions
    from .preparation import shared_configs, trial_resources
    from .time_plan import time_lines

    resources, count = trial_resources(study, total), planned_trials.number_of_trials(study, axes)
    at_once = min(count, trials_at_once(study, resources, nodes()))
    say(f"plan of {StudyDirectory.of(study).path}; nothing is written",
        *trial_lines(study, axes, count, placed(at_once, resources)), *descriptions(opened))
    data_of = {config.data.model_dump_json(): data for config, data in opened}
    parts: list[SharedPart] = []
    for config in shared_configs(study, axes):
        if (data := data_of.get(config.data.model_dump_json())) is not None:
            parts += [part for part in shared_parts(config, data) if part not in parts]
    say("made before the first trial, for all of them:", *(f"  {line}" for part in parts for line in part_lines(part)))
    say(*time_lines(study, axes, opened, parts, planned_trials.plan(study, axes), count, at_once))
    steps = planned_steps(study, axes, data_of)
    checkpoint = max((step.memory.checkpoint for step in steps if step.memory is not None), default=None)
    say(*disk_lines(study, parts, count, checkpoint))
    say(*memory_lines(study, steps, data_of, resources, at_once))


def say(*lines: str) -> None:
    """Print lines of the plan."""
    print("\n".join(f"# {line}" for line in lines), flush=True)


def as_yaml(study: Study, axes: list[Axis]) -> str:
    """The resolved settings of a study as a config file of the same study, with its axes. Left out are defaults that
    differ between trials, because they follow from a searched setting; a comment names them."""
    resolved = [flatten(study.trial(point).model_dump(mode="json")) for point in singles(axes) or [{}]]
    first, given = resolved[0], flatten(study.given)
    same = {key: value for key, value in first.items() if all(key in one and one[key] == value for one in resolved)}
    searched = {axis.key: study.axes[axis.key] for axis in axes if axis.key != ROW}
    # The axes come first, in their order, since draws depend on it.
    others = {key: value for key, value in given.items()  # of entries that only some trials choose
              if key not in same and any(key in one for one in resolved)}
    settings = with_values({}, {**searched, **same, **others, **searched})
    if rows := tried_rows(study.axes):
        baselines = [name for name in study.base.search.baseline if name in rows or "=" in name]
        settings = with_values(settings, {BASELINE: baselines})
        settings[ROWS] = {name: with_values({}, row) for name, row in rows.items()}
    text = yaml.safe_dump(settings, sort_keys=False, default_flow_style=None, width=120)
    differing = [key for key in dict.fromkeys(key for one in resolved for key in one)
                 if key not in {**same, **given, **searched} and not any(key in row for row in rows.values())]
    return text + (f"# follow from searched settings: {', '.join(differing)}\n" if differing else "")


def to_generate(study: Study, axes: list[Axis]) -> list[DataSettings]:
    """The data sets that a run would generate first."""
    points = combinations([axis for axis in axes if axis.role.shared])
    missing = {data.to_generate(): data for point in points if (data := study.trial(point).data).to_generate()}
    return list(missing.values())


def placed(at_once: int, resources: dict[str, float]) -> str:
    """How many trials run at a time, and on what, for `trial_lines`."""
    return f", {at_once} at a time, each on {' and '.join(f'{amount:g} {name}' for name, amount in resources.items())}"


def trial_lines(study: Study, axes: list[Axis], count: int, where: str = "") -> Iterator[str]:
    """How many trials run, and how they are chosen. where: they run, see `placed`; "": not known yet."""
    search, seeds = study.base.search, study.base.experiment.seed
    blocks = [f" x {len(axis.values)} {axis.key} ({', '.join(map(str, axis.values))})" for axis in block_axes(axes)]
    configurations = count // len(repeats(study, axes))
    yield (f"{_counted(count, 'trial')}: {_counted(configurations, 'configuration')}{''.join(blocks)} x "
           f"{_counted(len(seeds), 'seed')} ({', '.join(map(str, seeds))}){where}")
    if chosen_axes(axes):
        ends = {"off": "none is stopped early", "pbt": "pbt lets them copy one another"}
        early = ends.get(search.scheduler, f"{search.scheduler} stops the worse ones early")
        yield f"search.algorithm {search.algorithm} chooses them, and {early}; {comparison(search)}"
        yield "searched:"
        yield from (f"  {axis.key}: {axis_words(axis)}" for axis in chosen_axes(axes))
        yield from left_out(study, models(study, axes))


def axis_words(axis: Axis) -> str:
    """The values of an axis."""
    if axis.values:
        return f"{axis.kind} of {', '.join(map(str, axis.values))}"
    return f"{axis.kind} from {axis.low:g} to {axis.high:g}"


def part_lines(part: SharedPart) -> Iterator[str]:
    """A shared part: what there is, and where."""
    first, *others = part.said
    yield f"{part.name}: {first}" + (f" ({part.path})" if part.path is not None else "")
    yield from (f"  {line}" for line in others)


def disk_lines(study: Study, parts: Sequence[SharedPart], count: int, checkpoint: int | None) -> Iterator[str]:
    """What the run takes of the disks of the cache and of its folder. count: of trials. checkpoint: the bytes of the
    largest one; None: unknown."""
    size = sum(part.bytes or 0 for part in parts)
    unknown = [part.name for part in parts if part.bytes is None]
    more = f", without {' and '.join(unknown)}, whose size is not known yet" if unknown else ""
    if size or unknown:
        yield from _room(f"disk: about {gigabytes(size)} for what is made first{more}", study.base.cache, size,
                         "data.cache")
    if checkpoint is None:
        yield "disk: the size of checkpoints is unknown"
        return
    kept = min(study.base.training.keep_checkpoints + len(study.base.search.objectives), study.base.training.epochs)
    yield from _room(f"disk: at most {gigabytes(count * kept * checkpoint)} for {count} x {kept} checkpoints",
                     study.base.directory, count * kept * checkpoint,
                     "experiment.output, or lower training.keep_checkpoints")


def _room(words: str, folder: Path, size: int, setting: str) -> Iterator[str]:
    free = shutil.disk_usage(nearest_existing(folder)).free
    yield f"{words}; {gigabytes(free)} are free under {folder}"
    if size > free:
        yield f"  more than is free: change {setting}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"
