"""The call of Ray Tune that runs the trials of a study, with its scheduler, search algorithm and callbacks."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any

from ray import tune
from ray.tune import Callback, CheckpointConfig, ResumeConfig
from ray.tune.experiment import Trial as TuneTrial
from ray.tune.schedulers import TrialScheduler

from sgg.config import Study

from ..callbacks.closing import Closing
from ..callbacks.live_table import LiveTable
from ..callbacks.resume_snapshot_store import SnapshotStore
from ..callbacks.resume_snapshots import SnapshotCallback
from ..callbacks.trackers import trackers
from ..callbacks.trial_status import TrialStatusCallback
from ..cluster.interrupts import Interrupts
from ..cluster.session import nodes
from ..search.axis import Axis
from ..search.comparison import comparison
from ..search.early_stopping import past_trials
from ..search.planned_trials import number_of_trials
from ..search.schedule import param_space, scheduler, search_algorithm, trials_at_once
from ..study.directory import RAY, SNAPSHOTS, StudyDirectory
from ..trial.trainable import Trial


@dataclass(frozen=True)
class TuneRun:
    """The trials of a study, as Tune runs them.

    resources: of each trial, by name. epochs: of the longest trial.
    """

    study: Study
    axes: list[Axis]
    directory: StudyDirectory
    resources: dict[str, float]
    epochs: int

    @property
    def count(self) -> int:
        """How many trials the search has."""
        return number_of_trials(self.study, self.axes)

    def run(self, resume: bool, interrupts: Interrupts) -> tuple[bool, int]:
        """Run the trials until all are over or `interrupts` ends them. resume: start from the newest snapshot.

        Returns whether the run was interrupted, and how many trials it has begun.
        """
        count, at_once = self.count, trials_at_once(self.study, self.resources, nodes())
        store = SnapshotStore(self.directory.path / SNAPSHOTS)
        resume = resume and store.put_back(self.directory.path / RAY)  # there is none before the first trial begins
        past = past_trials(self.directory)
        print(f"{count} trial{'s' * (count > 1)}, {min(at_once, count)} at a time, each on "
              f"{' and '.join(f'{amount:g} {name}' for name, amount in self.resources.items())}; everything is written "
              f"under {self.directory.path}", flush=True)
        unfinished = sum(not record.over for record, _ in past) if resume else 0
        if unfinished > at_once:  # Tune starts those at once, whatever the search algorithm allows
            print(f"{unfinished} of them had begun and are not over: they go on first, as many at a time as there are "
                  "resources for", flush=True)
        if len(self.study.base.search.objectives) > 1:
            print(comparison(self.study.base.search), flush=True)
        closing, snapshots = Closing(), SnapshotCallback(store, resume)
        rule = scheduler(self.study, self.axes, self.epochs, {record.name: done for record, done in past})
        with interrupts.watched():
            handler = signal.getsignal(signal.SIGINT)
            try:
                with closing.watching(), LiveTable(self.study.base, count, min(at_once, count), self.epochs) as table:
                    for record, done in past if resume else ():
                        table.recall(record, done.results)
                    status = TrialStatusCallback(self.directory, self.study.base.search.max_failures)
                    begun = self._tune(resume, at_once, snapshots.before_trials_of(rule),
                                       [snapshots, status, table, *trackers(self.study, self.directory), closing])
                # Tune installs a handler of its own, and removes it at the first Ctrl-C.
                return signal.getsignal(signal.SIGINT) is handler, begun
            except KeyboardInterrupt:
                return True, len(self.directory.records())

    def _tune(self, resume: bool, at_once: int, rule: TrialScheduler, callbacks: list[Callback]) -> int:
        """Returns how many trials Tune has begun."""
        search = self.study.base.search
        kind = ResumeConfig.ResumeType  # which Ray's annotation takes for texts
        again = ResumeConfig(finished=kind.SKIP, unfinished=kind.RESUME, errored=kind.RESUME)  # type: ignore[arg-type]
        analysis = tune.run(
            Trial, name=RAY, storage_path=str(self.directory.path), num_samples=self.count,
            config=param_space(self.study, self.axes, str(self.directory.path)),
            search_alg=search_algorithm(self.study, self.axes, at_once), scheduler=rule, callbacks=callbacks,
            checkpoint_config=CheckpointConfig(checkpoint_at_end=False), max_failures=search.max_failures,
            # Population-based training pauses trials. A paused trial keeps its process, which no other may use then.
            reuse_actors=search.scheduler != "pbt", resume_config=again if resume else None,
            raise_on_failed_trial=False, trial_dirname_creator=_folder_name, verbose=0)
        return len(analysis.trials)


def _folder_name(trial: TuneTrial) -> Any:
    return trial.trial_id
