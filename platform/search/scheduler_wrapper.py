"""A scheduler that leaves every decision to another: what schedulers of ours begin with."""

from __future__ import annotations

from typing import Any

from ray.tune.schedulers import TrialScheduler


class SchedulerWrapper(TrialScheduler):
    """Hands whatever Tune tells and asks on to the scheduler `rule`."""

    def __init__(self, rule: TrialScheduler):
        super().__init__()  # type: ignore[no-untyped-call]  # Ray's own, without annotation
        self._rule = rule

    @property
    def metric(self) -> str | None:
        """What the rule judges by."""
        return self._rule.metric

    @property
    def supports_buffered_results(self) -> bool:
        """Whether the rule takes several results at once."""
        return self._rule.supports_buffered_results

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Whether the rule takes the search's metric."""
        return self._rule.set_search_properties(metric, mode, **spec)

    def on_trial_add(self, controller: Any, trial: Any) -> None:
        """A trial is about to wait for its turn."""
        self._rule.on_trial_add(controller, trial)

    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Whether a trial goes on."""
        return self._rule.on_trial_result(controller, trial, result)

    def on_trial_complete(self, controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """A trial has ended of itself."""
        self._rule.on_trial_complete(controller, trial, result)

    def on_trial_error(self, controller: Any, trial: Any) -> None:
        """A trial has failed."""
        self._rule.on_trial_error(controller, trial)

    def on_trial_remove(self, controller: Any, trial: Any) -> None:
        """A trial is taken away before its end."""
        self._rule.on_trial_remove(controller, trial)

    def choose_trial_to_run(self, controller: Any) -> Any:
        """The trial that starts next, if one is to be preferred."""
        return self._rule.choose_trial_to_run(controller)

    def debug_string(self) -> str:
        """What the rule says of itself."""
        return self._rule.debug_string()
