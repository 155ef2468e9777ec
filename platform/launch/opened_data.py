"""The data that the trials of a study read, opened and checked before Ray starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgg.config import Config, ConfigError, Study
from sgg.data import DataSet
from sgg.data.findings import in_words
from sgg.experiment.data_checks import check_metric, image_hashes

from ..search.axis import Axis, Values
from ..search.search_space import combinations
from ..study.directory import StudyDirectory
from ..study.entry_points import EntryPoints, find

if TYPE_CHECKING:
    from sgg.systems.contract import Use

MOST_OPENED = 16
"""Opening a data set reads its annotation. Up to so many combinations of the axes' values are opened; of more, every
single value and every data set."""

Opened = list[tuple[Config, DataSet]]
"""Each data set that trials read, with the settings of a trial that reads it."""


def open_data(study: Study, axes: list[Axis], entry_points: EntryPoints) -> Opened:
    """Open and check every data set that the trials of a study read, so that no trial fails because of its data.

    Raises ConfigError when settings do not fit the data, and what reading the data raises.
    """
    open_one = find(entry_points.open_data)
    opened = []
    for config in distinct([study.trial(values) for values in tried_points(axes)]):
        data = open_one(config)
        opened.append((config, data))
        if axes or study.base.search.trials > 1:  # the search compares trials by this metric
            check_metric(config, data)
    return opened


def tried_points(axes: list[Axis]) -> list[Values]:
    """The values under which data are opened and tried: every data set, with the first values of the other axes if
    there are many combinations."""
    tried = [axis for axis in axes if axis.role.tried]
    points = combinations(tried, MOST_OPENED)
    of_data = combinations([axis for axis in tried if axis.key.startswith("data.")])
    return points + [{**points[0], **point} for point in of_data]


def require_plugins(study: Study, axes: list[Axis], opened: Opened, use: Use = "training") -> None:
    """Build and try every plugin's part of a method that trials choose and a use needs, each on the data of its trial.
    Raises ConfigError when one cannot be used."""
    if not study.base.experiment.plugins:
        return
    from sgg.experiment.context import Experiment  # imports torch, which only plugins need so early
    from sgg.systems import faults_of_plugins

    choosing = [axis for axis in axes if axis.chooses_methods]
    data_of = {config.data.model_dump_json(): data for config, data in opened}
    configs = [study.trial(values) for values in combinations(choosing, MOST_OPENED)]
    faults = [fault for config in configs if (data := data_of.get(config.data.model_dump_json())) is not None
              for fault in faults_of_plugins(Experiment(config, data), use)]
    if faults:
        raise ConfigError(study.source, list(dict.fromkeys(faults)))


def require_same_data(directory: StudyDirectory, study: Study, opened: Opened) -> None:
    """Raises ConfigError when the study was begun on other data or images than those that are opened now."""
    begun = directory.begun_data(study).first  # of many data sets not all are opened so early
    begun.require({data.hash: data.description for _, data in opened})
    begun.require_images(image_hashes(*one) for one in opened)


def descriptions(opened: Opened) -> list[str]:
    """Each data set in one line, for the person who starts the study: its images, those that the settings leave out,
    and what was found when it was read."""
    lines = []
    for config, data in opened:
        found = f"; {in_words(data.findings)}" if data.findings else ""
        lines.append(f"data: {data.description}{left_out(config)}{found}")
    return list(dict.fromkeys(lines))


def left_out(config: Config) -> str:
    """Which images the settings keep of each split; empty when they keep all."""
    firsts = {"of train": config.data.train_images, "each of val and test": config.data.eval_images}
    kept = [f"{first:,} {split}" for split, first in firsts.items() if first is not None]
    validated = config.evaluation.val_images
    return (f"; of these the first {' and '.join(kept)}" if kept else "") + \
        (f"; validated on {validated:,} of val" if validated is not None else "")


def distinct(configs: list[Config]) -> list[Config]:
    """The configs without repetitions, in their order."""
    return list({config.model_dump_json(): config for config in configs}.values())
