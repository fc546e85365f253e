"""The outcomes of a batch: events as they come, or all results at once."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, overload

from . import _display, frames
from ._core import Summary
from .errors import ClosedError
from .events import Ended, Event

if TYPE_CHECKING:
    from ._driver import Driver, Ticket

_log = logging.getLogger("setpoint.client")


class Progress(Protocol):
    """What `progress=` takes: a bar of tqdm, or anything else with this method."""

    def update(self, n: int) -> object:
        """`n` more items have ended."""


def advance(progress: Progress, ended: int) -> None:
    """Reports items that ended. If it raises, that is logged, and nothing else happens."""
    try:
        progress.update(ended)
    except Exception:
        _log.exception("progress failed")


class Outcomes:
    """The outcomes of one batch as they come: `async for outcome in client.invoke(items)` yields one event for each
    item, in the order in which they end, and then stops.

    The batch is sent when the iteration starts. Whatever ends the iteration early cancels the batch: leaving the loop
    and dropping this object, `aclose`, `cancel`, or a wait that is cancelled (also by `asyncio.timeout`). A request
    under way is then aborted, and replies for items that the service had already taken arrive at
    `client.late_events()`. The devices may execute them all the same.

    Reading events late loses none and blocks nobody else.
    """

    def __init__(
        self, start: Callable[[], Any], driver: Driver, loop: asyncio.AbstractEventLoop, progress: Progress | None
    ) -> None:
        # An async function that sends the batch; `None` once it was called, or if it never will be.
        self._start: Callable[[], Any] | None = start
        self._driver = driver
        self._loop = loop
        self._pid = os.getpid()
        self._progress = progress
        self._ticket: Ticket | None = None

    @property
    def batch(self) -> int | None:
        """The batch, as its events name it; `None` before it was sent."""
        return None if self._ticket is None else self._ticket.batch

    @property
    def summary(self) -> Summary | None:
        """How the items ended; `None` while one is open."""
        return None if self._ticket is None else self._ticket.summary

    def __aiter__(self) -> Outcomes:
        return self

    async def __anext__(self) -> Ended:
        """The next item that ended.

        Raises what the submission raises: `RequestError`, `InUseError`, `FullError`, `NoChannelError`,
        `NotListeningError`, `SourceEndedError`, `ClosedError`; then nothing was sent.
        """
        while (event := await self.next_event()) is not None:
            if isinstance(event, Ended):
                return event
        raise StopAsyncIteration

    def events(self) -> AsyncIterator[Event]:
        """All events of the batch instead: `Accepted` as well, and `BatchDone` as the last one."""
        return _Events(self)

    async def next_event(self) -> Event | None:
        """The next event of any kind; `None` after `BatchDone`."""
        ticket = await self._wait()
        if ticket is None or not ticket.events:
            return None
        event = ticket.events.popleft()
        if self._progress is not None and isinstance(event, Ended):
            advance(self._progress, 1)
        return event

    async def next_events(self) -> list[Event]:
        """All events that have come, at least one; none after `BatchDone`. Does not call `progress`."""
        await self._wait()
        return self.rest()

    def rest(self) -> list[Event]:
        """All events that have come, without waiting."""
        if self._ticket is None:
            return []
        events = list(self._ticket.events)
        self._ticket.events.clear()
        return events

    async def _wait(self) -> Ticket | None:
        """Waits until there are events, or there will be no more."""
        try:
            if self._start is not None:
                start, self._start = self._start, None
                self._ticket = await start()
            if self._ticket is not None:
                while not self._ticket.events and self._ticket.summary is None:
                    await self._ticket.more()
        except BaseException:
            self.cancel()
            raise
        return self._ticket

    def cancel(self) -> None:
        """Cancels the batch. Its open items end with `Cancelled`, which can still be read; harmless if it has ended."""
        self._start = None
        if self._ticket is not None:
            self._driver.cancel(self._ticket.batch)

    async def aclose(self) -> None:
        """The same, for `contextlib.aclosing`."""
        self.cancel()

    def __del__(self) -> None:
        # Missing if the constructor failed.
        ticket = getattr(self, "_ticket", None)
        # Any thread may collect it. A forked child must not touch the event loop.
        if ticket is None or ticket.summary is not None or self._pid != os.getpid() or self._loop.is_closed():
            return
        try:
            self._loop.call_soon_threadsafe(self._driver.cancel, ticket.batch)
        except RuntimeError:
            # The event loop was closed just now, and the batch with it.
            return

    def __repr__(self) -> str:
        if self._ticket is None:
            return "<Outcomes: not sent>"
        return f"<Outcomes of batch {self.batch}: {self.summary or f'{self._ticket.items} items'}>"


class _Events:
    """All events of a batch. It holds the batch's object, so dropping this cancels the batch."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes

    def __aiter__(self) -> _Events:
        return self

    async def __anext__(self) -> Event:
        event = await self._outcomes.next_event()
        if event is None:
            raise StopAsyncIteration
        return event


class Results(Sequence["Ended"]):
    """How every item of a batch ended, in the order of the items. Compares, copies and pickles by value."""

    def __init__(self, events: Sequence[Ended], summary: Summary) -> None:
        self._events = tuple(sorted(events, key=lambda event: event.index))
        self.summary = summary
        """How many ended in which way."""

    @property
    def ok(self) -> bool:
        """Whether every item ended with success."""
        return bool(self.summary.succeeded == self.summary.submitted)

    def to_records(self) -> list[dict[str, Any]]:
        """One dict for each item, with the output parsed."""
        return frames.records(self._events)

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame`, as of `outcomes_to_frame`."""
        return frames.outcomes_to_frame(self._events, backend="pandas")

    def to_polars(self) -> Any:
        """A `polars.DataFrame`, as of `outcomes_to_frame`."""
        return frames.outcomes_to_frame(self._events, backend="polars")

    @overload
    def __getitem__(self, index: int) -> Ended: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Ended]: ...
    def __getitem__(self, index: int | slice) -> Ended | Sequence[Ended]:
        return self._events[index]

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Ended]:
        return iter(self._events)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Results):
            return NotImplemented
        return self._events == other._events and self.summary == other.summary

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return _display.results_text(self._events, self.summary)

    def _repr_html_(self) -> str:
        return _display.results_html(self._events, self.summary)


async def collect(outcomes: Outcomes) -> Results:
    """Waits until every item has ended."""
    ended = [event async for event in outcomes]
    if outcomes.summary is None:
        # Only a bug leads here: the client lost the batch.
        raise ClosedError
    return Results(ended, outcomes.summary)
