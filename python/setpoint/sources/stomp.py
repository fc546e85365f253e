"""Queues or topics of ActiveMQ named by the channels, over STOMP 1.2.

A message is acknowledged only when it was handed on: what was not is delivered again, possibly in another order.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from .._backoff import Backoff
from .._extras import need
from ..errors import SettingError, SourceError
from ._bridge import Bridge
from ._broker import Broker
from ._events import Connected, Disconnected, Gap, SourceEvent, Unreadable

need("stomp", "stomp", "a channel over STOMP")

import stomp  # type: ignore[import-untyped]  # noqa: E402
from stomp.exception import StompException  # type: ignore[import-untyped]  # noqa: E402

# How long the broker may take for a connection and the subscriptions.
_ANSWER_S = 10.0
# How long the broker may take to end a connection.
_GOODBYE_S = 1.0
_CONNECT_S = 5.0
_HEARTBEAT_MS = 10_000
# Messages that the broker may send ahead of their acknowledgement.
_PREFETCH = 256
_PORTS = {"stomp": 61613}
# What sending raises on a connection that breaks: the library's own thread may have taken its socket away.
_BROKEN = (OSError, StompException, AttributeError)


@dataclass(frozen=True)
class _Received:
    """A message that is to be acknowledged, on the connection on which it came."""

    event: SourceEvent
    ack: str
    connection: Any


@dataclass(frozen=True)
class _Ended:
    """A connection has ended."""

    connection: Any
    reason: str


class _Failed(Exception):
    """The broker refused, or did not answer."""


class _Stop:
    """The thread is to hang up."""


class StompDestinations:
    """The queues or topics of one or more channels, at a broker `stomp://[user:password@]host[:port][/queue|/topic]`.

    A channel's id is the name of its queue, or of its topic where the URL ends in `/topic`. A queue keeps what comes
    while the connection is down; a topic does not, which is a gap. `most` bounds a message, in bytes.
    """

    def __init__(self, url: str, names: Sequence[str], most: int, backoff: Backoff) -> None:
        self._broker = Broker.parse("stomp", url, _PORTS)
        kind = self._broker.path.strip("/") or "queue"
        if kind not in ("queue", "topic"):
            raise SettingError("stomp", f"/{kind} is neither /queue nor /topic")
        self._keeps = kind == "queue"
        self._destinations = [f"/{kind}/{name}" for name in names]
        self._most = most
        self._backoff = backoff
        # What the thread is to do: acknowledge, or see that a connection has ended.
        self._orders: queue.SimpleQueue[_Received | _Ended | _Stop] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        # Whether it has been connected before, and why it is not: the thread alone writes.
        self._listening = False
        self._told = ""
        self.name = f"{self._broker.name}{','.join(self._destinations)}"

    async def open(self) -> None:
        """Connects and subscribes. Raises `SourceError` if the broker does not let it."""
        loop = asyncio.get_running_loop()
        self._bridge: Bridge[_Received | SourceEvent] = Bridge()
        self._opened: asyncio.Future[str | None] = loop.create_future()
        self._gone = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="setpoint-stomp", daemon=True)
        self._thread.start()
        try:
            # The thread has a bound of its own on every step.
            failure = await asyncio.shield(self._opened)
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
            event = await self._bridge.next()
            if not isinstance(event, _Received):
                yield event
                continue
            yield event.event
            self._orders.put(event)

    async def close(self) -> None:
        """Acknowledges what was handed on, and hangs up."""
        if self._thread is None:
            return
        self._thread = None
        self._orders.put(_Stop())
        try:
            await asyncio.wait_for(self._gone.wait(), _GOODBYE_S)
        except asyncio.TimeoutError:
            pass
        finally:
            self._bridge.close()

    # What follows is called by the thread.

    def _run(self) -> None:
        try:
            while True:
                reason = self._connect_and_serve()
                if reason is None:
                    return
                if not self._listening:
                    self._bridge.call(self._settle, reason)
                    return
                # It goes on trying, and says so when the reason is another one.
                if reason != self._told:
                    self._told = reason
                    self._bridge.put(Disconnected(reason))
                if self._stopped_within(self._backoff.pause()):
                    return
        finally:
            self._bridge.call(self._gone.set)

    def _connect_and_serve(self) -> str | None:
        """Why the connection has ended, or could not be made; `None` if it is to end."""
        connection = stomp.Connection12(
            [(self._broker.host, self._broker.port)],
            reconnect_attempts_max=1,
            timeout=_CONNECT_S,
            heartbeats=(_HEARTBEAT_MS, _HEARTBEAT_MS),
            auto_decode=False,
        )
        answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        connection.set_listener("setpoint", _Listener(self._bridge, self._orders, answers, connection, self._most))
        try:
            connection.connect(self._broker.user, self._broker.password, wait=False)
            _await_answer(answers)
            for number, destination in enumerate(self._destinations):
                headers = {"receipt": f"subscribed-{number}", "activemq.prefetchSize": str(_PREFETCH)}
                connection.subscribe(destination, str(number), "client-individual", headers)
                _await_answer(answers)
            self._backoff.reset()
            self._up()
            return self._serve(connection)
        except (*_BROKEN, _Failed) as error:
            return str(error) or "no connection"
        finally:
            # It may break at this moment.
            with contextlib.suppress(*_BROKEN):
                if connection.is_connected():
                    connection.disconnect(receipt="bye")

    def _up(self) -> None:
        if not self._listening:
            self._listening = True
            self._bridge.call(self._settle, None)
            return
        self._told = ""
        self._bridge.put(Connected())
        if not self._keeps:
            self._bridge.put(Gap("a topic keeps nothing for those who are not connected"))

    def _serve(self, connection: Any) -> str | None:
        while True:
            order = self._orders.get()
            if isinstance(order, _Stop):
                return None
            # What concerns an earlier connection is of no use to this one: its messages are delivered again.
            if order.connection is not connection:
                continue
            if isinstance(order, _Ended):
                return order.reason
            connection.ack(order.ack)

    def _stopped_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                if isinstance(self._orders.get(timeout=left), _Stop):
                    return True
            except queue.Empty:
                break
        return False

    def _settle(self, failure: str | None) -> None:
        if not self._opened.done():
            self._opened.set_result(failure)


class _Listener(stomp.ConnectionListener):  # type: ignore[misc]
    """Called by the library's own thread, one for each connection."""

    def __init__(
        self,
        bridge: Bridge[_Received | SourceEvent],
        orders: queue.SimpleQueue[_Received | _Ended | _Stop],
        answers: queue.SimpleQueue[str | None],
        connection: Any,
        most: int,
    ) -> None:
        self._bridge = bridge
        self._orders = orders
        self._answers = answers
        self._connection = connection
        self._most = most
        self._reason = "the broker closed the connection"

    def on_connected(self, _frame: Any) -> None:
        self._answers.put(None)

    def on_receipt(self, _frame: Any) -> None:
        self._answers.put(None)

    def on_error(self, frame: Any) -> None:
        self._reason = f"the broker answered: {frame.headers.get('message', 'an error')}"
        self._answers.put(self._reason)

    def on_heartbeat_timeout(self) -> None:
        self._reason = "nothing came from the broker, not even a sign of life"

    def on_disconnected(self) -> None:
        self._answers.put(self._reason)
        self._orders.put(_Ended(self._connection, self._reason))

    def on_message(self, frame: Any) -> None:
        event: SourceEvent = frame.body
        if len(frame.body) > self._most:
            event = Unreadable(f"a message of more than {self._most} bytes was ignored")
        self._bridge.put(_Received(event, frame.headers["ack"], self._connection))


def _await_answer(answers: queue.SimpleQueue[str | None]) -> None:
    try:
        failure = answers.get(timeout=_ANSWER_S)
    except queue.Empty:
        failure = "no answer in time"
    if failure is not None:
        raise _Failed(failure)
