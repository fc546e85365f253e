"""Events that belong to no batch: late replies, changes of the channel; and their counters."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from ._core import Unreadable
from .events import LateEvent

_log = logging.getLogger("setpoint.client")

T = TypeVar("T")


@dataclass(frozen=True)
class ChannelEvent:
    """A change of the connection on which outcomes come."""

    kind: Literal["disconnected", "connected", "gap", "ended"]
    """`disconnected`: lost, or it still cannot be made; the source goes on trying. `connected`: it is back. `gap`:
    messages may have been missed, and items whose outcome was among them will time out. `ended`: for good; the client
    takes no more batches."""
    source: str
    """Which source."""
    reason: str | None = None
    """Why; `None` for `connected`."""


@dataclass(frozen=True)
class Stats:
    """Counters of events that belong to no batch, since the client was opened."""

    late: int = 0
    """Outcomes of items that had ended before."""
    duplicate: int = 0
    """Replies that repeated an outcome."""
    unknown: int = 0
    """Replies under a request id that is not known here."""
    unreadable: int = 0
    """Replies, messages and responses that could not be read."""
    disconnects: int = 0
    """Times at which a source lost its connection, or found a new reason why it cannot be made."""
    gaps: int = 0
    """Times at which messages may have been missed."""


class Feed(Generic[T]):
    """Events since it was made, as an async iterator that ends when the client closes.

    Its buffer is bounded. Events that come while it is full are dropped and counted in `missed`.
    """

    def __init__(self, room: int) -> None:
        self._events: deque[T] = deque()
        self._room = max(room, 1)
        self._missed = 0
        self._closed = False
        self._some = asyncio.Event()

    @property
    def missed(self) -> int:
        """How many events were dropped because the buffer was full."""
        return self._missed

    def __aiter__(self) -> Feed[T]:
        return self

    async def __anext__(self) -> T:
        """The next event. Nothing is lost when the wait is cancelled."""
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._some.clear()
            await self._some.wait()
        return self._events.popleft()

    def put(self, event: T) -> None:
        """Adds an event, or counts it where there is no room."""
        if len(self._events) >= self._room:
            self._missed += 1
            return
        self._events.append(event)
        self._some.set()

    def close(self) -> None:
        """There will be no more events."""
        self._closed = True
        self._some.set()


class Feeds:
    """The feeds of such events, and the counters. Feeds are held by weak references."""

    def __init__(self, room: int, on_late: Callable[[LateEvent], object] | None) -> None:
        self._room = room
        self._on_late = on_late
        self._late: weakref.WeakSet[Feed[LateEvent]] = weakref.WeakSet()
        self._channel: weakref.WeakSet[Feed[ChannelEvent]] = weakref.WeakSet()
        self._counts = dict.fromkeys(Stats.__dataclass_fields__, 0)
        self._closed = False

    def late_events(self) -> Feed[LateEvent]:
        """Replies that end nothing, from now on."""
        return self._subscribe(self._late)

    def channel_events(self) -> Feed[ChannelEvent]:
        """Changes of the channel, from now on."""
        return self._subscribe(self._channel)

    def late(self, event: LateEvent) -> None:
        """Counts a reply that ends nothing, and puts it into every feed."""
        self._counts[event.kind] += 1
        for feed in tuple(self._late):
            feed.put(event)
        if self._on_late is not None:
            try:
                self._on_late(event)
            except Exception:
                _log.exception("on_late failed")

    def unreadable(self, reason: str) -> None:
        """Counts and reports something that is not a reply at all."""
        self.late(Unreadable(reason))

    def tell(self, event: ChannelEvent) -> None:
        """Counts a change of the channel, and puts it into every feed."""
        if event.kind == "disconnected":
            self._counts["disconnects"] += 1
        elif event.kind == "gap":
            self._counts["gaps"] += 1
        for feed in tuple(self._channel):
            feed.put(event)

    def stats(self) -> Stats:
        """The counters."""
        return Stats(**self._counts)

    def close(self) -> None:
        """Ends every feed."""
        self._closed = True
        for late in tuple(self._late):
            late.close()
        for channel in tuple(self._channel):
            channel.close()

    def _subscribe(self, feeds: weakref.WeakSet[Feed[T]]) -> Feed[T]:
        feed: Feed[T] = Feed(self._room)
        if self._closed:
            # A feed made after the end is closed at once.
            feed.close()
        else:
            feeds.add(feed)
        return feed
