"""MQTT topics named by the channels, QoS 1, in a session that outlives the connection.

With paho-mqtt alone: aiomqtt says nothing of whether the broker still had the session, so that a gap could not be told
of, acknowledges a message before anyone has seen it, and drops messages when its queue is full.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from .._backoff import Backoff
from .._extras import need
from ..errors import SettingError, SourceError
from ._bridge import Bridge
from ._broker import Broker
from ._events import Connected, Disconnected, Gap, SourceEvent, Unreadable

need("paho.mqtt.client", "mqtt", "a channel over MQTT")

import paho.mqtt.client as paho  # noqa: E402
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion  # noqa: E402
from paho.mqtt.properties import Properties  # noqa: E402
from paho.mqtt.reasoncodes import ReasonCode  # noqa: E402

# How long the broker may take for a connection and the subscriptions.
_ANSWER_S = 10.0
# How long it may take to leave nothing behind.
_GOODBYE_S = 1.0
_KEEP_ALIVE_S = 30
_CONNECT_S = 5.0
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True)
class _Received:
    """A message that is to be acknowledged, on the connection on which it came."""

    event: SourceEvent
    packet_id: int
    connection: int


class MqttTopics:
    """The topics of one or more channels, over MQTT 3.1.1, at a broker `mqtt[s]://[user:password@]host[:port]`.

    The session is persistent: what is published while the connection is down is delivered when it is back, and a
    message is acknowledged only when it was handed on. A session under a name made up here is removed again by
    `close`; under a client id of the caller's own it stays, and what came in the meantime is delivered at the next
    start. `most` bounds a message, in bytes.
    """

    def __init__(
        self,
        url: str,
        client_id: str | None,
        topics: Sequence[str],
        most: int,
        backoff: Backoff,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._broker = Broker.parse("mqtt", url, _PORTS)
        if client_id == "":
            raise SettingError("mqtt_client_id", "it is empty, and a session that outlives its connection needs a name")
        self._own_session = client_id is None
        self._client_id = client_id or f"setpoint-{secrets.token_hex(8)}"
        self._topics = list(topics)
        self._most = most
        self._backoff = backoff
        self._tls = tls
        self._client: paho.Client | None = None
        # How many connections there have been, and whether the first one has subscribed: paho's thread alone writes.
        self._connections = 0
        self._listening = False
        self._told = ""
        self.name = f"{self._broker.name}/{','.join(self._topics)}"

    async def open(self) -> None:
        """Connects and subscribes. Raises `SourceError` if the broker does not let it."""
        self._bridge: Bridge[_Received | SourceEvent] = Bridge()
        self._opened: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._gone = asyncio.Event()
        client = self._client = self._connection(clean=False)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        try:
            self._connect(client)
            try:
                failure = await asyncio.wait_for(asyncio.shield(self._opened), _ANSWER_S)
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
            event = await self._bridge.next()
            if not isinstance(event, _Received):
                yield event
                continue
            yield event.event
            # On another connection the broker may use the same packet id for another message.
            if event.connection == self._connections and self._client is not None:
                self._client.ack(event.packet_id, 1)

    async def close(self) -> None:
        """Hangs up, and has the broker forget a session of its own."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            # Without a connection there is nothing to wait for.
            if client.disconnect() == MQTTErrorCode.MQTT_ERR_SUCCESS:
                await asyncio.wait_for(self._gone.wait(), _GOODBYE_S)
        except asyncio.TimeoutError:
            return
        finally:
            self._bridge.close()
        if self._own_session and self._listening:
            await self._forget_session()

    async def _forget_session(self) -> None:
        """A clean connection under the same name makes the broker forget the session."""
        loop = asyncio.get_running_loop()
        forgotten = asyncio.Event()

        def tell(*_: object) -> None:
            # Nobody waits any more when the loop is gone.
            if not loop.is_closed():
                loop.call_soon_threadsafe(forgotten.set)

        client = self._connection(clean=True)
        client.on_connect = lambda client, *_: _hang_up(client)
        client.on_connect_fail = lambda client, _: _hang_up(client)
        client.on_disconnect = tell
        self._connect(client)
        try:
            # The broker may be gone: then its sessions go with it, or by its own rule.
            await asyncio.wait_for(forgotten.wait(), _GOODBYE_S)
        except asyncio.TimeoutError:
            client.disconnect()

    def _connection(self, clean: bool) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=clean,
            protocol=MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        client.connect_timeout = _CONNECT_S
        if self._broker.user is not None:
            client.username_pw_set(self._broker.user, self._broker.password)
        if self._broker.scheme == "mqtts":
            client.tls_set_context(self._tls)
        return client

    def _connect(self, client: paho.Client) -> None:
        client.connect_async(self._broker.host, self._broker.port, _KEEP_ALIVE_S)
        # From here on it is paho's thread that connects, and connects again.
        client.loop_start()

    # What follows is called by paho's thread.

    def _on_connect(
        self, client: paho.Client, _: object, flags: paho.ConnectFlags, code: ReasonCode, __: Properties | None
    ) -> None:
        if code.is_failure:
            self._told = f"the broker refused the connection: {code}"
            self._not_opened(self._told)
            return
        self._connections += 1
        self._backoff.reset()
        if not self._listening or not flags.session_present:
            client.subscribe([(topic, 1) for topic in self._topics])
        if self._listening:
            self._told = ""
            self._bridge.put(Connected())
            if not flags.session_present:
                self._bridge.put(Gap("the broker no longer had the session"))

    def _on_subscribe(
        self, _: paho.Client, __: object, ___: int, codes: list[ReasonCode], ____: Properties | None
    ) -> None:
        refused = [topic for topic, code in zip(self._topics, codes, strict=False) if code.is_failure]
        if not refused:
            self._listening = True
            self._bridge.call(self._settle, None)
        elif self._listening:
            self._bridge.put(Gap(f"the broker refused the subscription to {', '.join(refused)}"))
        else:
            self._not_opened(f"the broker refused the subscription to {', '.join(refused)}")

    def _on_connect_fail(self, client: paho.Client, _: object) -> None:
        # Called while the error is being handled.
        error = sys.exc_info()[1]
        self._lost(client, str(error) if error else "no connection")

    def _on_disconnect(
        self, client: paho.Client, _: object, __: paho.DisconnectFlags, code: ReasonCode, ___: Properties | None
    ) -> None:
        self._lost(client, self._told or str(code))
        if self._client is None:
            self._bridge.call(self._gone.set)

    def _on_message(self, client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        event: SourceEvent = bytes(message.payload)
        if message.retain:
            # Nothing on a channel is retained by the service: such a message was planted, or is from another time.
            event = Unreadable("a retained message was ignored")
        elif len(message.payload) > self._most:
            event = Unreadable(f"a message of more than {self._most} bytes was ignored")
        self._bridge.put(_Received(event, message.mid, self._connections) if message.qos else event)

    def _lost(self, client: paho.Client, reason: str) -> None:
        pause = self._backoff.pause()
        # The pauses are ours, with jitter; paho takes any number of seconds.
        client.reconnect_delay_set(pause, pause)  # type: ignore[arg-type]
        self._not_opened(reason)
        # It goes on trying, and says so when the reason is another one.
        if self._listening and self._client is not None and reason != self._told:
            self._told = reason
            self._bridge.put(Disconnected(reason))

    def _not_opened(self, reason: str) -> None:
        self._bridge.call(self._settle, reason)

    def _settle(self, failure: str | None) -> None:
        if not self._opened.done():
            self._opened.set_result(failure)


def _hang_up(client: paho.Client) -> None:
    client.disconnect()
