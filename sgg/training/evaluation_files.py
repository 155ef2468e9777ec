"""What a trial keeps of an evaluation beside its metrics: predicates.json and zero_shot.json, for the report.

Both come from the counts of that evaluation. Recall of each predicate is written after every one, pictures of zero-shot
relations after the last one: the test, or the last validation of a run without test.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from sgg.common import distributed as parallel
from sgg.evaluate.evaluation import Values, unadjusted
from sgg.evaluate.predicate_recall import PredicateRecall
from sgg.evaluate.zero_shot_examples import Example, write_zero_shot, zero_shot_of
from sgg.experiment.context import Experiment
from sgg.metrics import SceneGraphMetrics
from sgg.metrics.counted import CountedImages


class EvaluationFiles:
    """The files of one evaluation. It is made before the evaluation counts, and written after it.

    metrics: those that the evaluation will count with. Every process makes one and calls `write`; process 0 writes.
    """

    def __init__(self, experiment: Experiment, metrics: Mapping[str, SceneGraphMetrics], split: str,
                 epoch: int) -> None:
        self._experiment, self._metrics, self._split, self._epoch = experiment, unadjusted(metrics), split, epoch
        self._found: list[Example] = []
        config = experiment.config
        wanted = config.search.objectives[0][0].split("/")[1:2]
        self._mode = next((mode for mode in wanted if mode in self._metrics), next(iter(self._metrics)))
        self._pictures = split == "test" or (not config.evaluation.test and epoch == config.training.epochs)
        if self._pictures:
            self._metrics[self._mode].watch = partial(self._watch, boxes_given=self._mode != "sgdet")

    def _watch(self, counted: CountedImages, boxes_given: bool) -> None:
        self._found += zero_shot_of(counted, boxes_given)

    def write(self, directory: Path, values: Values) -> None:
        """Write the files into a trial's folder. values: of the evaluation."""
        found = [one for of_process in parallel.gathered(self._found) for one in of_process] if self._pictures else []
        if parallel.rank() != 0:
            return
        data = self._experiment.data
        PredicateRecall.of(self._metrics, data.predicates).write(directory, self._split, self._epoch)
        if self._pictures:
            recall = {int(name.rpartition("@")[2]): value for name, value in values.items()
                      if re.fullmatch(rf"{self._mode}/all/ngR@\d+", name)}
            write_zero_shot(directory, found, recall, self._experiment.split(self._split),
                            (data.classes, data.predicates),
                            {"split": self._split, "epoch": self._epoch, "mode": self._mode})
