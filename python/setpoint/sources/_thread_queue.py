"""A bounded queue from a library's thread to the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

# Most messages in a queue.
_ROOM = 256


class ThreadQueue(Generic[T]):
    """Events that a thread puts in and the event loop takes out, in order. Must be made on the event loop.

    Back-pressure: a thread that finds it full waits, and so the broker does in the end.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: deque[T] = deque()
        self._some = asyncio.Event()
        self._room = threading.Semaphore(_ROOM)
        self._closed = threading.Event()

    def put(self, event: T) -> None:
        """Called by the thread. After `close` it drops the event."""
        # A semaphore cannot be closed, so the wait looks at `_closed` twice a second.
        while not self._room.acquire(timeout=0.5):
            if self._closed.is_set():
                return
        if not self.call(self._take, event):
            self._closed.set()

    def call(self, function: object, *arguments: object) -> bool:
        """Called by the thread: has the event loop call a function. False if the event loop is closed."""
        if self._closed.is_set():
            return False
        try:
            self._loop.call_soon_threadsafe(function, *arguments)  # type: ignore[arg-type]
        except RuntimeError:
            return False
        return True

    async def next(self) -> T:
        """Called on the event loop: waits for the next event."""
        while not self._events:
            self._some.clear()
            await self._some.wait()
        self._room.release()
        return self._events.popleft()

    def close(self) -> None:
        """Called on the event loop once nothing more is taken out. Later events are dropped."""
        self._closed.set()

    def _take(self, event: T) -> None:
        self._events.append(event)
        self._some.set()
