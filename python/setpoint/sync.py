"""The client for programs without an event loop: the same methods, which block.

```python
with setpoint.sync.Client("http://127.0.0.1:8080", org_id="o1", channel="DATASVC.CONTROL.ops") as client:
    for outcome in client.invoke([{"assetId": "turbine-7", "serviceId": "start"}]):
        print(outcome.request_id, outcome.ok, outcome.output)
```
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from . import _feeds, channels, client, outcomes
from ._core import BatchDone, Summary
from ._feeds import ChannelEvent, Stats
from ._thread import LoopThread
from .channels import Channel, ChannelList, FamilyName
from .errors import ClosedError
from .events import Ended, Event, LateEvent
from .items import Item
from .outcomes import Progress, Results

__all__ = ["Channels", "Client", "Feed", "Outcomes"]

P = ParamSpec("P")
T = TypeVar("T")


def _settings_of(
    _: Callable[Concatenate[Any, P], None],
) -> Callable[[Callable[..., None]], Callable[Concatenate[Any, P], None]]:
    """Has a constructor take what another one takes."""
    return lambda constructor: constructor


class Client:
    """The client of `setpoint.Client`, with its settings, for any thread of this process.

    Its event loop runs in a thread of its own, which also calls `on_late` and reads a `source`. Ctrl-C in a wait
    cancels the batch and leaves the client usable. At the end of the program it is closed, whatever is open then.
    """

    @_settings_of(client.Client.__init__)
    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self._thread: LoopThread | None = None
        self._client = client.Client(*arguments, **settings)

    def open(self) -> None:
        """Connects and subscribes, as `setpoint.Client.open`. `with` does it."""
        if self._thread is not None:
            raise ClosedError("a client is opened once; make a new one")
        thread = LoopThread()
        try:
            thread.run(self._client.open())
        except BaseException:
            thread.stop()
            thread.join()
            raise
        thread.at_stop(self._client.close)
        self._thread = thread
        # For a client that is dropped without being closed. It does not wait: any thread may collect it.
        weakref.finalize(self, thread.stop).atexit = False

    def invoke(
        self, items: Iterable[Item], *, timeout_ms: int | None = None, progress: Progress | None = None
    ) -> Outcomes:
        """The outcomes of a batch of invokes, as they come. The batch is sent when the iteration starts; while as many
        requests are under way as the client may have, it waits. `progress` gets an `update(1)` for each item that
        ended.
        """
        return self._outcomes(lambda: self._client.invoke(items, timeout_ms=timeout_ms), progress)

    def write(
        self, items: Iterable[Item], *, timeout_ms: int | None = None, progress: Progress | None = None
    ) -> Outcomes:
        """The outcomes of a batch of writes; otherwise as `invoke`."""
        return self._outcomes(lambda: self._client.write(items, timeout_ms=timeout_ms), progress)

    def send_body(
        self,
        body: bytes | bytearray | memoryview | str,
        family: FamilyName = "invoke",
        *,
        progress: Progress | None = None,
    ) -> Outcomes:
        """The outcomes of a complete body, as of `setpoint.Client.send_body`."""
        return self._outcomes(lambda: self._client.send_body(body, family), progress)

    def invoke_all(
        self, items: Iterable[Item], *, timeout_ms: int | None = None, progress: Progress | None = None
    ) -> Results:
        """Sends a batch of invokes and waits until every item has ended. Raises what the iteration of `invoke`
        raises."""
        return _collect(self.invoke(items, timeout_ms=timeout_ms, progress=progress))

    def write_all(
        self, items: Iterable[Item], *, timeout_ms: int | None = None, progress: Progress | None = None
    ) -> Results:
        """The same for a batch of writes."""
        return _collect(self.write(items, timeout_ms=timeout_ms, progress=progress))

    def late_events(self) -> Feed[LateEvent]:
        """Replies that end nothing: late, duplicate, unknown and unreadable ones, from now on."""
        thread = self._open()
        return Feed(thread, thread.run(_call(self._client.late_events)))

    def channel_events(self) -> Feed[ChannelEvent]:
        """Changes of the connection on which outcomes come (lost, back, possible gaps), from now on."""
        thread = self._open()
        return Feed(thread, thread.run(_call(self._client.channel_events)))

    @property
    def stats(self) -> Stats:
        """Counters of events that belong to no batch, since the client was opened."""
        return self._client.stats

    @property
    def channels(self) -> Channels:
        """The channel calls, over the same connections."""
        thread = self._open()
        return Channels(thread, thread.run(_call(lambda: self._client.channels)))

    @property
    def open_items(self) -> int:
        """How many items have not ended."""
        return self._client.open_items

    def close(self) -> None:
        """Cancels open batches, stops listening, and waits until everything is closed. `with` does it."""
        if self._thread is not None:
            self._thread.stop()
            self._thread.join()

    def __enter__(self) -> Client:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._client).replace("<Client", "<sync.Client", 1)

    def _open(self) -> LoopThread:
        if self._thread is None:
            raise ClosedError("the client is not open; use `with`")
        return self._thread

    def _outcomes(self, make: Callable[[], outcomes.Outcomes], progress: Progress | None) -> Outcomes:
        thread = self._open()
        return Outcomes(thread, thread.run(_call(make)), progress)


class Outcomes:
    """The outcomes of one batch as they come: `for outcome in client.invoke(items)` yields one event for each item, in
    the order in which they end, and then stops.

    The batch is sent when the iteration starts. Whatever ends the iteration before that, cancels the batch: leaving the
    loop and dropping this object, `close`, or Ctrl-C in a wait. One thread at a time may iterate.
    """

    def __init__(self, thread: LoopThread, waited: outcomes.Outcomes, progress: Progress | None) -> None:
        self._thread = thread
        self._outcomes = waited
        self._progress = progress
        # Fetched together: every crossing between threads costs more than an event.
        self._events: Iterator[Event] = iter(())
        self._done = False

    @property
    def batch(self) -> int | None:
        """The batch, as its events name it; `None` before it was sent."""
        return self._outcomes.batch

    @property
    def summary(self) -> Summary | None:
        """How the items ended; `None` while one is open."""
        return self._outcomes.summary

    def __iter__(self) -> Outcomes:
        return self

    def __next__(self) -> Ended:
        """The next item that ended. Raises what the iteration of `setpoint.Outcomes` raises."""
        while (event := self.next_event()) is not None:
            if isinstance(event, Ended):
                return event
        raise StopIteration

    def events(self) -> Iterator[Event]:
        """All events of the batch instead: `Accepted` as well, and `BatchDone` as the last one."""
        while (event := self.next_event()) is not None:
            yield event

    def next_event(self) -> Event | None:
        """The next event of any kind; `None` after `BatchDone`."""
        try:
            event = next(self._events, None)
            if event is None and not self._done:
                self._events = iter(self._fetch())
                event = next(self._events, None)
        except BaseException:
            # Ctrl-C, also where nothing was being waited for just then.
            self._abandon()
            raise
        self._done = self._done or event is None or isinstance(event, BatchDone)
        if self._progress is not None and isinstance(event, Ended):
            outcomes.advance(self._progress, 1)
        return event

    def close(self) -> None:
        """Cancels the batch; harmless if it has ended."""
        self._thread.run(_call(self._outcomes.cancel))

    def _abandon(self) -> None:
        self._thread.soon(self._outcomes.cancel)

    def _fetch(self) -> list[Event]:
        try:
            return self._thread.run(self._outcomes.next_events())
        except ClosedError:
            # How closing ended the items can still be read.
            self._thread.join()
            events = self._outcomes.rest()
            if not events:
                raise
            return events

    def __repr__(self) -> str:
        return repr(self._outcomes)


class Feed(Generic[T]):
    """Events since it was made, as an iterator that waits for the next one and ends when the client closes.

    Its buffer is bounded. What comes while it is full is not in the feed but in `missed`.
    """

    def __init__(self, thread: LoopThread, feed: _feeds.Feed[T]) -> None:
        self._thread = thread
        self._feed = feed

    @property
    def missed(self) -> int:
        """How many events were dropped because the buffer was full."""
        return self._feed.missed

    def __iter__(self) -> Feed[T]:
        return self

    def __next__(self) -> T:
        try:
            return self._thread.run(_next(self._feed))
        except ClosedError:
            raise StopIteration from None


class Channels:
    """The channel calls of the service, as of `setpoint.client.Channels`."""

    def __init__(self, thread: LoopThread, calls: channels.Channels) -> None:
        self._thread = thread
        self._calls = calls

    def create(self, channel_id: str, desc: str = "") -> Channel:
        """Creates a channel."""
        return self._thread.run(self._calls.create(channel_id, desc))

    def ensure(self, channel_id: str) -> bool:
        """Creates a channel unless it exists. Whether it was created."""
        return self._thread.run(self._calls.ensure(channel_id))

    def get(self, channel_id: str) -> Channel | None:
        """One channel; `None` if the org has no such channel."""
        return self._thread.run(self._calls.get(channel_id))

    def list(self, family: FamilyName, *, page_size: int = 0, page: int = 1) -> ChannelList:
        """The org's channels of a family; `page_size` 0 is all of them, pages count from 1."""
        return self._thread.run(self._calls.list(family, page_size=page_size, page=page))

    def update(self, channel_id: str, desc: str) -> None:
        """Changes a channel's description."""
        self._thread.run(self._calls.update(channel_id, desc))

    def delete(self, channel_id: str, *, force: bool = False) -> None:
        """Deletes a channel. While items are in flight on it the service refuses, unless `force` is set."""
        self._thread.run(self._calls.delete(channel_id, force=force))


async def _call(function: Callable[[], T]) -> T:
    """Has the event loop call it."""
    return function()


async def _next(feed: _feeds.Feed[T]) -> T:
    # `StopAsyncIteration` cannot be raised out of a coroutine.
    async for event in feed:
        return event
    raise ClosedError


def _collect(waited: Outcomes) -> Results:
    try:
        ended = list(waited)
    except BaseException:
        waited._abandon()
        raise
    if waited.summary is None:
        raise ClosedError
    return Results(ended, waited.summary)
