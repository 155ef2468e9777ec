"""The progress of a search for people: a table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial as TuneTrial
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sgg.common.metric_names import is_fraction
from sgg.config import Config

from ..results.wording import short_names
from ..search.axis import Values, describe
from ..study.trial_record import FAILED, FINISHED, PENDING, RUNNING, STOPPED, TrialRecord
from ..trial.reported import headline_metrics
from ..trial.trainable import BEFORE_KEY, ENDED_KEY, FAILED_KEY, OBJECTIVE
from .trial_status import settings_of

SECONDS_BETWEEN_LINES = 5
STYLES = {RUNNING: "cyan", FINISHED: "green", STOPPED: "yellow", FAILED: "red", PENDING: "dim"}


@dataclass
class TrialView:
    """A trial as a row of the table."""

    name: str
    settings: str
    status: str = PENDING
    epoch: int = 0
    loss: float | None = None
    zero_shot: float | None = None
    all_shot: float | None = None
    objective: float | None = None
    reason: str = ""
    attempt: int | None = None
    begun: float | None = None
    seconds_per_epoch: float | None = None

    def see(self, row: dict[str, Any], zero_shot: str, all_shot: str, now: float) -> None:
        """Take over the values of an epoch's row. Values that the row does not have stay as they are."""
        first = self.epoch
        self.epoch, self.loss = row.get("epoch", self.epoch), row.get("loss", self.loss)
        self.zero_shot, self.all_shot = row.get(zero_shot, self.zero_shot), row.get(all_shot, self.all_shot)
        self.objective, self.reason = row.get(OBJECTIVE, self.objective), row.get(FAILED_KEY, self.reason)
        # A row from before the trial's process began says nothing about the pace of this process.
        if self.begun is not None and self.epoch > first and not row.get("done") and not row.get(BEFORE_KEY):
            self.seconds_per_epoch = (now - self.begun) / (self.epoch - first)
        self.begun = now

    def eta(self, epochs: int | None) -> float | None:
        """Seconds until the end of its last epoch; None when unknown."""
        if self.status != RUNNING or epochs is None or self.seconds_per_epoch is None:
            return None
        return max(0, epochs - self.epoch) * self.seconds_per_epoch


class LiveTable(Callback):
    """Shows trials, settings, epoch, loss, validation metrics, remaining time and the best trial so far.

    config: settings that all trials share. total: how many trials the search has. at_once: how many run at a time.
    epochs: of the longest trial; None when unknown.
    """

    def __init__(self, config: Config, total: int, at_once: int, epochs: int | None, console: Console | None = None):
        self._console = console or Console()
        self._total, self._at_once, self._epochs = total, at_once, epochs
        self._metric, mode = config.search.objectives[0]
        self._higher_is_better = mode == "max"
        self._zero_shot, self._all_shot = headline_metrics(config)
        self._views: dict[str, TrialView] = {}
        self._begun, self._last_line = time.monotonic(), 0.0
        self._live: Live | None = None

    def __enter__(self) -> LiveTable:
        if self._console.is_terminal:
            self._live = Live(get_renderable=self.table, console=self._console, refresh_per_second=2)
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def recall(self, record: TrialRecord, rows: list[dict[str, Any]]) -> None:
        """Show a trial from before the search was resumed, with what it had reported."""
        view = TrialView(record.name, _in_words(record.values), record.status if record.over else PENDING)
        for row in rows:
            view.see(row, self._zero_shot, self._all_shot, 0.0)
        view.begun = view.seconds_per_epoch = None
        self._views[record.name] = view

    def on_trial_start(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """A trial starts, or starts again."""
        view = self._view(trial)
        view.status, view.begun, view.attempt = RUNNING, time.monotonic(), None
        self._line(view, "started", always=True)

    def on_trial_result(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, result: dict[str, Any],
                        **info: Any) -> None:
        """A trial reported an epoch."""
        view, before = self._view(trial), self._view(trial).attempt
        view.attempt = None if result.get(BEFORE_KEY) else result.get("attempt")
        if before is not None and view.attempt is not None and view.attempt > before:
            self._line(view, "lost its worker and resumed from its last checkpoint", always=True)
        view.see(result, self._zero_shot, self._all_shot, time.monotonic())
        if not result.get(ENDED_KEY):
            self._line(view, f"epoch {view.epoch}{f' of {self._epochs}' if self._epochs else ''}")

    def on_trial_complete(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """A trial has ended or was stopped."""
        view = self._view(trial)
        view.status = FAILED if view.reason else FINISHED if trial.last_result.get(ENDED_KEY) else STOPPED
        self._line(view, view.status, always=True)

    def on_trial_error(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """A trial failed."""
        view = self._view(trial)
        view.status, view.reason = FAILED, view.reason or "its process died too often"
        self._line(view, f"failed: {view.reason}", always=True)

    def on_trial_recover(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """A trial lost its process."""
        self._line(self._view(trial), "lost its process, resumes", always=True)

    def table(self) -> Table:
        """The table of trials: the running ones and the newest others, as many as the terminal has lines for."""
        views = list(self._views.values())  # once: it is drawn in another thread, while Tune's thread adds trials
        table = Table(title=self._headline(views), title_justify="left", caption=self._best(views),
                      caption_justify="left", expand=True)
        for name in ("trial", "settings", "state"):
            table.add_column(name, overflow="fold" if name == "settings" else "ellipsis")
        for name in ("epoch", "loss", "val zs %", "val all %", "time left"):
            table.add_column(name, justify="right")
        room = max(5, self._console.height - 8)
        order = sorted(views, key=lambda view: (view.status == RUNNING, view.begun or 0))
        for view in order[-room:]:
            table.add_row(view.name, view.settings, Text(view.status, STYLES[view.status]),
                          f"{view.epoch}/{self._epochs or '?'}", _number(view.loss, "{:.3f}"),
                          _percent(view.zero_shot), _percent(view.all_shot), duration(view.eta(self._epochs)))
        return table

    def _view(self, trial: TuneTrial) -> TrialView:
        settings = _in_words(settings_of(trial))
        view = self._views.setdefault(trial.trial_id, TrialView(trial.trial_id, settings))
        view.settings = settings
        return view

    def _line(self, view: TrialView, what: str, always: bool = False) -> None:
        now = time.monotonic()
        if self._live is not None or (not always and now - self._last_line < SECONDS_BETWEEN_LINES):
            return
        self._last_line = now
        words = [f"[{duration(now - self._begun)}]", view.name, what]
        if view.loss is not None and not what.startswith("started"):
            words += [f"loss {view.loss:.3f}", f"val zs {_percent(view.zero_shot)} %",
                      f"all {_percent(view.all_shot)} %"]
        if (eta := view.eta(self._epochs)) is not None:
            words.append(f"{duration(eta)} left")
        self._console.print("  ".join([*words, view.settings]), soft_wrap=True, highlight=False, markup=False)

    def _headline(self, views: Sequence[TrialView]) -> str:
        counts = {status: sum(view.status == status for view in views) for status in STYLES}
        words = [f"{counts[status]} {status}" for status in (RUNNING, FINISHED, STOPPED, FAILED) if counts[status]]
        left = duration(self._time_left(views))
        return f"{self._total} trials: {', '.join(words) or 'starting'}; {duration(time.monotonic() - self._begun)} " \
               f"so far, about {left} left"

    def _time_left(self, views: Sequence[TrialView]) -> float | None:
        paces = [view.seconds_per_epoch for view in views if view.seconds_per_epoch is not None]
        if not paces or self._epochs is None:
            return None
        waiting = self._total - sum(view.status != PENDING for view in views)
        epochs = waiting * self._epochs + sum(max(0, self._epochs - view.epoch) for view in views
                                              if view.status == RUNNING)
        return epochs * sum(paces) / len(paces) / self._at_once

    def _best(self, views: Sequence[TrialView]) -> str:
        known = [(view.objective, view) for view in views if view.objective is not None and view.status != FAILED]
        if not known:
            return ""
        objective, best = (max if self._higher_is_better else min)(known, key=lambda pair: pair[0])
        return f"best so far: {metric_text(self._metric, objective)}  {best.settings} ({best.name}, epoch {best.epoch})"


def _in_words(values: Values) -> str:
    return describe(dict(zip(short_names(list(values)), values.values(), strict=True)))


def duration(seconds: float | None) -> str:
    """Seconds as 1:23 or 1:02:03; a dash when unknown."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def metric_text(metric: str, value: float) -> str:
    """A value of a metric as text: fractions such as recall in percent, losses and ranks as plain numbers."""
    return f"{_percent(value)} %" if is_fraction(metric) else f"{value:.4g}"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _percent(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{100 * value:.1f}"
