"""An event loop in a thread of its own, for callers without one."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from .errors import ClosedError, WrongLoopError

T = TypeVar("T")

# How long the thread may take to end when the program does.
_EXIT_S = 5.0

# How long tasks in the thread may take to end by themselves when it is stopped.
_LAST_WORDS_S = 1.0


class _Call(Generic[T]):
    """A coroutine that another thread waits for. Its methods are called on the event loop, but for the first two."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine: Coroutine[Any, Any, T] | None = coroutine
        self._future: concurrent.futures.Future[T] = concurrent.futures.Future()
        # `Future.result` waits on a condition. If Ctrl-C comes as that wait begins, it releases a lock that it does not
        # hold and raises RuntimeError. Waiting on a bare lock has no such state.
        self._ended = ended = threading.Lock()
        ended.acquire()
        self._future.add_done_callback(lambda _: ended.release())
        self._task: asyncio.Task[T] | None = None

    def result(self) -> T:
        """Waits for what it returns or raises."""
        self._ended.acquire()
        return self._future.result()

    def start(self) -> None:
        """Runs it."""
        coroutine, self._coroutine = self._coroutine, None
        if coroutine is not None:
            self._task = asyncio.ensure_future(coroutine)
            self._task.add_done_callback(self._done)

    def abandon(self) -> None:
        """Cancels it, whether it has started or not."""
        if self._task is not None:
            self._task.cancel()
        self._drop()

    def _done(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self._future.cancel()
        elif (error := task.exception()) is not None:
            self._future.set_exception(error)
        else:
            self._future.set_result(task.result())

    def _drop(self) -> None:
        coroutine, self._coroutine = self._coroutine, None
        if coroutine is not None:
            coroutine.close()

    def __del__(self) -> None:
        # It never started: the thread had stopped, or does not exist in a forked child.
        self._drop()


class LoopThread:
    """Runs coroutines for other threads until it is stopped.

    The thread is a daemon, so it keeps no program alive. It is stopped at exit, before the interpreter is finalized: a
    thread that returns from native code after that may crash the process.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._closing: Callable[[], Coroutine[Any, Any, None]] | None = None
        self._stopping = asyncio.Event()
        self._lock = threading.Lock()
        self._stopped = False
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._main, name="setpoint-client", daemon=True)
        _running.add(self)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs it there and waits for what it returns. A wait that is interrupted cancels it.

        Raises `ClosedError` once the thread was stopped, `WrongLoopError` in a forked child and in the thread itself.
        """
        call = _Call(coroutine)
        # Ctrl-C may come at any place from here on.
        try:
            self._check()
            self._post(call.start)
            return call.result()
        except concurrent.futures.CancelledError:
            raise ClosedError from None
        except BaseException:
            # Harmless if it was the coroutine itself that raised.
            self.soon(call.abandon)
            raise

    def soon(self, function: Callable[[], object]) -> None:
        """Has the event loop call it, without waiting; does nothing if the thread was stopped."""
        if self._pid == os.getpid():
            with contextlib.suppress(ClosedError):
                self._post(function)

    def at_stop(self, closing: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Sets the coroutine that runs last, when the thread is stopped."""
        self._closing = closing

    def stop(self) -> None:
        """Has the thread end, without waiting for it."""
        # A forked child has no such thread; the lock may stay locked for ever, and a wake-up would reach the parent.
        if self._pid != os.getpid():
            return
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            # Calls posted before are tasks by then, and are cancelled in order.
            self._loop.call_soon_threadsafe(self._stopping.set)

    def join(self, timeout_s: float | None = None) -> None:
        """Waits until the thread has ended. It does not wait for itself, nor in a forked child."""
        if self._pid == os.getpid() and threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)

    def _check(self) -> None:
        if self._pid != os.getpid():
            raise WrongLoopError(f"this client belongs to process {self._pid}; make a new one after a fork")
        if threading.current_thread() is self._thread:
            raise WrongLoopError("a callback of this client cannot wait for it; hand the work to another thread")

    def _post(self, function: Callable[[], object]) -> None:
        with self._lock:
            if self._stopped:
                raise ClosedError
            self._loop.call_soon_threadsafe(function)

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._until_stopped())
        finally:
            self._loop.close()

    async def _until_stopped(self) -> None:
        await self._stopping.wait()
        if self._closing is not None:
            await self._closing()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            # Closing ends the waits of these tasks, whose results still go to their threads.
            await asyncio.wait(others, timeout=_LAST_WORDS_S)
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_asyncgens()


_running: weakref.WeakSet[LoopThread] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    threads = list(_running)
    for thread in threads:
        thread.stop()
    for thread in threads:
        thread.join(_EXIT_S)
