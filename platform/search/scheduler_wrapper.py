"""A scheduler that wraps another. Schedulers of this platform extend it."""

from __future__ import annotations

from typing import Any

from ray.tune.schedulers import TrialScheduler


class SchedulerWrapper(TrialScheduler):
    """Passes every call of Tune to the scheduler `rule`."""

    def __init__(self, rule: TrialScheduler):
        super().__init__()  # type: ignore[no-untyped-call]  # Ray's own, without annotation
        self.rule = rule

    @property
    def metric(self) -> str | None:
        """The metric of the rule."""
        return self.rule.metric

    @property
    def supports_buffered_results(self) -> bool:
        """Whether the rule accepts several results at once."""
        return self.rule.supports_buffered_results

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Whether the rule accepts the search's metric."""
        return self.rule.set_search_properties(metric, mode, **spec)

    def on_trial_add(self, controller: Any, trial: Any) -> None:
        """Tune adds a trial."""
        self.rule.on_trial_add(controller, trial)

    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """The decision whether a trial continues."""
        return self.rule.on_trial_result(controller, trial, result)

    def on_trial_complete(self, controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """A trial has ended."""
        self.rule.on_trial_complete(controller, trial, result)

    def on_trial_error(self, controller: Any, trial: Any) -> None:
        """A trial has failed."""
        self.rule.on_trial_error(controller, trial)

    def on_trial_remove(self, controller: Any, trial: Any) -> None:
        """Tune removes a trial before its end."""
        self.rule.on_trial_remove(controller, trial)

    def choose_trial_to_run(self, controller: Any) -> Any:
        """The trial that starts next; None when Tune may choose."""
        return self.rule.choose_trial_to_run(controller)

    def debug_string(self) -> str:
        """The rule's state, for a log."""
        return self.rule.debug_string()
