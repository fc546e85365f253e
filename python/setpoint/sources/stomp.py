"""Queues or topics of ActiveMQ named by the channels, over STOMP 1.2.

A message is acknowledged only once it was handed on. Those not acknowledged are delivered again, possibly in another
order.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._backoff import Backoff
from .._extras import need
from ..errors import SettingError
from ._broker_source import ANSWER_S, CONNECT_S, BrokerSource, Received
from ._broker_url import BrokerUrl

need("stomp", "stomp", "a channel over STOMP")

import stomp  # type: ignore[import-untyped]  # noqa: E402
from stomp.exception import StompException  # type: ignore[import-untyped]  # noqa: E402

_HEARTBEAT_MS = 10_000
# Messages that the broker may send ahead of their acknowledgement.
_PREFETCH = 256
_PORTS = {"stomp": 61613}
# What sending raises on a connection that breaks: the library's own thread may have removed its socket.
_BROKEN = (OSError, StompException, AttributeError)


@dataclass(frozen=True)
class _Ack:
    """Acknowledges a message, on the connection on which it came."""

    id: str
    connection: Any


@dataclass(frozen=True)
class _Ended:
    """A connection has ended."""

    connection: Any
    reason: str


class _Stop:
    """The thread is to end its connection and itself."""


_Order = _Ack | _Ended | _Stop


class _Failed(Exception):
    """The broker refused, or did not answer."""


class StompDestinations(BrokerSource[_Ack]):
    """The queues or topics of one or more channels, at a broker `stomp://[user:password@]host[:port][/queue|/topic]`.

    A channel's id is the name of its queue, or of its topic if the URL ends in `/topic`. A queue keeps messages while
    the connection is down; a topic does not, which is a gap.
    """

    # The thread bounds each step itself.
    _open_timeout_s = None

    def __init__(self, url: str, names: Sequence[str], most: int, backoff: Backoff) -> None:
        broker = BrokerUrl.parse("stomp", url, _PORTS)
        kind = broker.path.strip("/") or "queue"
        if kind not in ("queue", "topic"):
            raise SettingError("stomp", f"/{kind} is neither /queue nor /topic")
        self._keeps = kind == "queue"
        self._destinations = [f"/{kind}/{name}" for name in names]
        super().__init__(broker, ",".join(self._destinations), most, backoff)
        # What the thread waits for.
        self._orders: queue.SimpleQueue[_Order] = queue.SimpleQueue()

    def _start(self) -> None:
        threading.Thread(target=self._run, name="setpoint-stomp", daemon=True).start()

    def _acknowledge(self, ack: _Ack) -> None:
        self._orders.put(ack)

    def _hang_up(self) -> bool:
        self._orders.put(_Stop())
        return True

    # The methods below are called by the thread.

    def _run(self) -> None:
        try:
            while True:
                reason = self._connect_and_serve()
                if reason is None:
                    return
                self._lost(reason)
                if not self._listening or self._stopped_within(self._backoff.pause()):
                    return
        finally:
            self._ended()

    def _connect_and_serve(self) -> str | None:
        """Returns why the connection ended or could not be made; `None` if it was to end."""
        connection = stomp.Connection12(
            [(self._broker.host, self._broker.port)],
            reconnect_attempts_max=1,
            timeout=CONNECT_S,
            heartbeats=(_HEARTBEAT_MS, _HEARTBEAT_MS),
            auto_decode=False,
        )
        answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        connection.set_listener("setpoint", _Listener(self, self._orders, answers, connection))
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
            # The connection may break at this moment.
            with contextlib.suppress(*_BROKEN):
                if connection.is_connected():
                    connection.disconnect(receipt="bye")

    def _up(self) -> None:
        if not self._listening:
            self._subscribed()
        else:
            gap = None if self._keeps else "a topic keeps nothing for those who are not connected"
            self._connected_again(gap)

    def _serve(self, connection: Any) -> str | None:
        while True:
            order = self._orders.get()
            if isinstance(order, _Stop):
                return None
            # Orders for an earlier connection are dropped: its messages are delivered again.
            if order.connection is not connection:
                continue
            if isinstance(order, _Ended):
                return order.reason
            connection.ack(order.id)

    def _stopped_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                if isinstance(self._orders.get(timeout=left), _Stop):
                    return True
            except queue.Empty:
                break
        return False

    def received(self, message: bytes, ack: _Ack) -> None:
        """Called by the library's thread for each message."""
        self._queue.put(Received(self._bounded(message), ack))


class _Listener(stomp.ConnectionListener):  # type: ignore[misc]
    """The callbacks of one connection, called by the library's own thread."""

    def __init__(
        self,
        source: StompDestinations,
        orders: queue.SimpleQueue[_Order],
        answers: queue.SimpleQueue[str | None],
        connection: Any,
    ) -> None:
        self._source = source
        self._orders = orders
        self._answers = answers
        self._connection = connection
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
        self._source.received(frame.body, _Ack(frame.headers["ack"], self._connection))


def _await_answer(answers: queue.SimpleQueue[str | None]) -> None:
    try:
        failure = answers.get(timeout=ANSWER_S)
    except queue.Empty:
        failure = "no answer in time"
    if failure is not None:
        raise _Failed(failure)
