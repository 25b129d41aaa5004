"""Threads that help a program and never keep it from ending."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Helpers(Generic[T]):
    """A pool as ``concurrent.futures`` has one, of daemon threads: one that hangs in a read holds no program up.

    Args:
        threads: how many, >= 1.
    """

    def __init__(self, threads: int) -> None:
        self._work: SimpleQueue[tuple[Future[T], Callable[..., T], tuple[Any, ...]] | None] = SimpleQueue()
        self._threads = [Thread(target=self._help, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def submit(self, call: Callable[..., T], *arguments: Any) -> Future[T]:
        """Have something called; in the order of asking."""
        future: Future[T] = Future()
        self._work.put((future, call, arguments))
        return future

    def close(self, patience: float) -> None:
        """Let the threads end with what they are at, and wait so many seconds for that at most."""
        for _ in self._threads:
            self._work.put(None)
        until = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _help(self) -> None:
        while (task := self._work.get()) is not None:
            future, call, arguments = task
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call(*arguments))
                except BaseException as error:
                    future.set_exception(error)
            del task, future, call, arguments  # the next wait may be long
