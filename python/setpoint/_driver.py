"""Owns the requester of a client: gives it its inputs and delivers its events.

Everything here runs on one event loop and never waits, so a slow consumer, source or service cannot block it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ._core import BatchDone, Duplicate, Late, Now, Requester, Summary, Unknown, Unreadable
from ._feeds import ChannelEvent, Feeds
from ._http import Attempt, NotSent, Response
from ._send import Next, PendingBatch, Sending, send
from ._slots import Permit
from .errors import MessageError, SourceEndedError
from .events import Event
from .items import Item
from .sources import Connected, Disconnected, Gap, SourceEvent
from .sources import Unreadable as SourceUnreadable

_log = logging.getLogger("setpoint.client")

# The longest sleep while items are open, in ms: timers elsewhere stand still while the machine is suspended.
_LONGEST_SLEEP_MS = 1_000

_LATE = (Late, Duplicate, Unknown, Unreadable)

FamilyName = Literal["invoke", "write"]


@dataclass(frozen=True)
class Work:
    """A batch as the caller gave it: items, or a complete body."""

    family: FamilyName
    content: bytes | Sequence[Item]
    defaults: Mapping[str, object] | None


class Ticket:
    """A batch's place in the driver. Holds at most two events an item and one for the batch, so it needs no bound."""

    def __init__(self, batch: int, items: int) -> None:
        self.batch = batch
        self.items = items
        self.events: deque[Event] = deque()
        self.summary: Summary | None = None
        self._some = asyncio.Event()

    async def more(self) -> None:
        """Waits until there are events."""
        self._some.clear()
        await self._some.wait()

    def wake(self) -> None:
        """There are events."""
        self._some.set()


@dataclass(frozen=True)
class _Open:
    ticket: Ticket
    sender: asyncio.Task[None]


class Driver:
    """One requester on one event loop."""

    def __init__(self, requester: Requester, sending: Sending, feeds: Feeds) -> None:
        self._requester = requester
        self._sending = sending
        self._feeds = feeds
        self._loop = asyncio.get_running_loop()
        self._open: dict[int, _Open] = {}
        self._senders: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._delivering = False
        self._ended: tuple[str, str] | None = None

    def submit(self, work: Work, permit: Permit) -> Ticket:
        """Submits a batch and starts to send it; the caller's slot goes with it.

        Raises what `Requester.submit` raises, and `SourceEndedError`; then nothing was sent and the slot is the
        caller's.
        """
        if self._ended is not None:
            raise SourceEndedError(*self._ended)
        submission = self._requester.submit(work.content, work.family, defaults=work.defaults)
        ticket = Ticket(submission.batch, submission.items)
        pending = PendingBatch(submission.batch, work.family, submission.body, submission.patience_ms / 1_000)
        sending = send(self._sending, pending, permit, self)
        sender = self._loop.create_task(sending, name=f"setpoint-batch-{submission.batch}")
        self._senders.add(sender)
        sender.add_done_callback(self._senders.discard)
        # A task that is cancelled before it starts does not release its slot itself.
        sender.add_done_callback(lambda _: permit.release())
        self._open[submission.batch] = _Open(ticket, sender)
        self._settle()
        return ticket

    def cancel(self, batch: int) -> None:
        """Ends the batch's open items; harmless if it has ended."""
        if batch in self._open:
            self._requester.cancel(batch)
            self._settle()

    def resending(self, batch: int) -> None:
        """The batch is about to be sent once more."""
        self._requester.resend(batch)
        self._settle()

    def attempted(self, batch: int, attempt: Attempt) -> Next:
        """An attempt to send the batch is over. Says whether there is to be another."""
        if isinstance(attempt, Response):
            settled = self._response(batch, attempt)
        elif isinstance(attempt, NotSent):
            settled = self._requester.handle_not_sent(batch, attempt.reason) == "settled"
        else:
            settled = False
        self._settle()
        return "done" if settled else "again"

    def source_event(self, name: str, event: SourceEvent) -> None:
        """What a source yielded."""
        if isinstance(event, Connected):
            self._feeds.tell(ChannelEvent("connected", name))
        elif isinstance(event, Disconnected):
            self._feeds.tell(ChannelEvent("disconnected", name, event.reason))
        elif isinstance(event, Gap):
            self._feeds.tell(ChannelEvent("gap", name, event.reason))
        elif isinstance(event, SourceUnreadable):
            self._feeds.unreadable(f"{name}: {event.reason}")
        else:
            try:
                self._requester.handle_message(event)
            except MessageError as error:
                self._feeds.unreadable(f"a message from {name}: {error}")
            self._settle()

    def source_ended(self, name: str, reason: str) -> None:
        """A source has ended: no more outcomes can be received."""
        _log.error("%s has ended: %s", name, reason)
        self._ended = (name, reason)
        self._feeds.tell(ChannelEvent("ended", name, reason))

    def shut_down(self) -> set[asyncio.Task[None]]:
        """Cancels what is open, in the order of the calls. Returns the tasks that are still ending."""
        senders = set(self._senders)
        for sender in senders:
            sender.cancel()
        for batch in sorted(self._open):
            self._requester.cancel(batch)
        self._settle()
        self._feeds.close()
        if self._timer is not None:
            self._timer.cancel()
        return senders

    def _response(self, batch: int, response: Response) -> bool:
        """Whether there is nothing more to send."""
        try:
            return bool(self._requester.handle_response(batch, response.body) == "settled")
        except MessageError as error:
            reason = f"HTTP {response.status} without a Setpoint answer ({error}); check the URL"
        self._feeds.unreadable(f"the response to batch {batch}: {reason}")
        # With such a status something other than the service refused it and passed nothing on. After any other, such as
        # a proxy's 502, the service may have received the batch.
        if 300 <= response.status < 500:
            return bool(self._requester.handle_not_sent(batch, reason) == "settled")
        return False

    def _settle(self) -> None:
        """Called after every input: delivers the events and sets the timer."""
        # A callback of the caller's may call the client: those events are delivered by the loop below.
        if self._delivering:
            return
        self._delivering = True
        try:
            while events := self._requester.poll_events():
                self._deliver(events)
        finally:
            self._delivering = False
        self._set_timer()

    def _deliver(self, events: Sequence[Event]) -> None:
        touched: set[Ticket] = set()
        for event in events:
            if isinstance(event, _LATE):
                self._feeds.late(event)
                continue
            batch = self._open.get(event.batch)
            if batch is None:
                continue
            if isinstance(event, BatchDone):
                del self._open[event.batch]
                # All its items have ended: an attempt that is under way is of no use.
                batch.sender.cancel()
                batch.ticket.summary = event.summary
            batch.ticket.events.append(event)
            touched.add(batch.ticket)
        for ticket in touched:
            ticket.wake()

    def _set_timer(self) -> None:
        at = self._requester.poll_timeout()
        if at is None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return
        pause = min(max(at - Now.read().monotonic_ms, 0), _LONGEST_SLEEP_MS) / 1_000
        if self._timer is not None:
            if self._timer.when() <= self._loop.time() + pause:
                # Waking up too early is harmless, and cheaper than a new timer for every input.
                return
            self._timer.cancel()
        self._timer = self._loop.call_later(pause, self._time)

    def _time(self) -> None:
        self._timer = None
        self._requester.handle_timeout()
        self._settle()
