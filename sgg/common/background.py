"""Work in one background thread, beside that of its owner."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any


class Background:
    """Runs functions one after another in a thread of its own, in the order in which they are given.

    Use it as a context manager: the thread ends with the context. At most one function is under way, so that results
    which wait for it stay few. An error of a function is raised by the next call of `run`, or at the end of the
    context, unless the context ends with an error of its own.
    """

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._last: Future[Any] | None = None

    def __enter__(self) -> Background:
        return self

    def run(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Begin `function(*arguments)`. First wait for the function before it, and raise its error."""
        self.wait()
        self._last = self._pool.submit(function, *arguments)

    def wait(self) -> None:
        """Wait for the last function, and raise its error."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self.wait()
        finally:
            self._pool.shutdown()
