"""What the sources of message brokers share: opening, acknowledging, telling of changes, closing."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from .._backoff import Backoff
from ..errors import SourceError
from ._broker_url import BrokerUrl
from ._events import Connected, Disconnected, Gap, SourceEvent, Unreadable
from ._thread_queue import ThreadQueue

A = TypeVar("A")

# How long the broker may take for a connection and the subscriptions.
ANSWER_S = 10.0
# How long the broker may take to end a connection.
GOODBYE_S = 1.0
CONNECT_S = 5.0


@dataclass(frozen=True)
class Received(Generic[A]):
    """A message that is to be acknowledged once it was handed on."""

    event: SourceEvent
    ack: A
    """What the subclass needs for that."""


class BrokerSource(ABC, Generic[A]):
    """A channel source over a client library that has a thread of its own.

    The public methods, `_start`, `_acknowledge`, `_hang_up` and `_clean_up` run on the event loop; everything else runs
    on the thread. `most` bounds a message, in bytes.
    """

    _open_timeout_s: ClassVar[float | None] = ANSWER_S
    """How long `open` waits; `None` if the subclass bounds each step itself."""

    def __init__(self, broker: BrokerUrl, path: str, most: int, backoff: Backoff) -> None:
        self._broker = broker
        self._most = most
        self._backoff = backoff
        self._is_open = False
        # Whether it has ever subscribed, and why it is not connected; written by the thread alone.
        self._listening = False
        self._told = ""
        self.name = f"{broker.name}{path}"

    async def open(self) -> None:
        """Connects and subscribes. Raises `SourceError` if the broker does not let it."""
        self._queue: ThreadQueue[Received[A] | SourceEvent] = ThreadQueue()
        self._opened: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._gone = asyncio.Event()
        self._is_open = True
        try:
            self._start()
            try:
                failure = await asyncio.wait_for(asyncio.shield(self._opened), self._open_timeout_s)
            except asyncio.TimeoutError:
                failure = "no answer in time"
        except BaseException:
            await self.close()
            raise
        if failure is not None:
            await self.close()
            check = "check the URL, the credentials and that the broker runs"
            raise SourceError(self.name, f"{failure}; {check}")

    async def events(self) -> AsyncIterator[SourceEvent]:
        """The messages and changes, for as long as anyone asks."""
        while True:
            event = await self._queue.next()
            if not isinstance(event, Received):
                yield event
                continue
            yield event.event
            # The caller asks for the next event, so it has taken this one.
            self._acknowledge(event.ack)

    async def close(self) -> None:
        """Acknowledges what was handed on, and ends the connection."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            if self._hang_up():
                await asyncio.wait_for(self._gone.wait(), GOODBYE_S)
        except asyncio.TimeoutError:
            return
        finally:
            self._queue.close()
        await self._clean_up()

    @abstractmethod
    def _start(self) -> None:
        """Starts to connect."""

    @abstractmethod
    def _acknowledge(self, ack: A) -> None:
        """Acknowledges a message, unless it came on an earlier connection."""

    @abstractmethod
    def _hang_up(self) -> bool:
        """Has the connection end. Whether `_ended` will be called then."""

    async def _clean_up(self) -> None:
        """Called once the connection has ended in order."""

    def _subscribed(self) -> None:
        """Every message from now on is delivered."""
        self._listening = True
        self._queue.call(self._settle, None)

    def _connected_again(self, gap: str | None) -> None:
        """The connection is back; `gap` says why messages may have been missed."""
        self._told = ""
        self._queue.put(Connected())
        if gap is not None:
            self._queue.put(Gap(gap))

    def _lost(self, reason: str) -> None:
        """There is no connection. A reason is told once, as long as it stays the same."""
        self._not_opened(reason)
        if self._listening and self._is_open and reason != self._told:
            self._told = reason
            self._queue.put(Disconnected(reason))

    def _not_opened(self, reason: str) -> None:
        """`open` fails with this reason, if it still waits."""
        self._queue.call(self._settle, reason)

    def _ended(self) -> None:
        """The last connection has ended."""
        self._queue.call(self._gone.set)

    def _bounded(self, message: bytes) -> SourceEvent:
        """The message, unless it is too large."""
        if len(message) > self._most:
            return Unreadable(f"a message of more than {self._most} bytes was ignored")
        return message

    def _settle(self, failure: str | None) -> None:
        if not self._opened.done():
            self._opened.set_result(failure)
