"""MQTT topics named by the channels, QoS 1, in a session that outlives the connection.

It uses paho-mqtt alone: aiomqtt does not say whether the broker still had the session, so a gap could not be reported;
it acknowledges a message before it is handed on, and drops messages when its queue is full.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from .._backoff import Backoff
from .._extras import need
from ..errors import SettingError
from ._broker_source import CONNECT_S, GOODBYE_S, BrokerSource, Received
from ._broker_url import BrokerUrl
from ._events import Gap, SourceEvent, Unreadable

need("paho.mqtt.client", "mqtt", "a channel over MQTT")

import paho.mqtt.client as paho  # noqa: E402
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion  # noqa: E402
from paho.mqtt.properties import Properties  # noqa: E402
from paho.mqtt.reasoncodes import ReasonCode  # noqa: E402

_KEEP_ALIVE_S = 30
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True)
class _Packet:
    """What is acknowledged: a packet, on the connection on which it came."""

    packet_id: int
    connection: int


class MqttTopics(BrokerSource[_Packet]):
    """The topics of one or more channels, over MQTT 3.1.1, at a broker `mqtt[s]://[user:password@]host[:port]`.

    The session is persistent: messages published while the connection is down are delivered when it is back, and a
    message is acknowledged only once it was handed on. A session with a generated client id is removed by `close`; one
    with a client id of the caller's stays, and messages published meanwhile are delivered at the next start.
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
        super().__init__(BrokerUrl.parse("mqtt", url, _PORTS), f"/{','.join(topics)}", most, backoff)
        if client_id == "":
            raise SettingError("mqtt_client_id", "it is empty, and a session that outlives its connection needs a name")
        self._own_session = client_id is None
        self._client_id = client_id or f"setpoint-{secrets.token_hex(8)}"
        self._topics = list(topics)
        self._tls = tls
        self._client: paho.Client | None = None
        # How many connections there have been; written by paho's thread alone.
        self._connections = 0

    def _start(self) -> None:
        client = self._client = self._connection(clean=False)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        self._connect(client)

    def _acknowledge(self, ack: _Packet) -> None:
        # On another connection the broker may use the same packet id for another message.
        if ack.connection == self._connections and self._is_open and self._client is not None:
            self._client.ack(ack.packet_id, 1)

    def _hang_up(self) -> bool:
        # Without a connection there is nothing to wait for.
        return self._client is not None and self._client.disconnect() == MQTTErrorCode.MQTT_ERR_SUCCESS

    async def _clean_up(self) -> None:
        if self._own_session and self._listening:
            await self._forget_session()

    async def _forget_session(self) -> None:
        """Connects once with a clean session under the same client id, which removes the old one at the broker."""
        loop = asyncio.get_running_loop()
        forgotten = asyncio.Event()

        def tell(*_: object) -> None:
            # Once the loop is closed, nothing waits for this.
            if not loop.is_closed():
                loop.call_soon_threadsafe(forgotten.set)

        client = self._connection(clean=True)
        client.on_connect = lambda client, *_: _disconnect(client)
        client.on_connect_fail = lambda client, _: _disconnect(client)
        client.on_disconnect = tell
        self._connect(client)
        try:
            # If the broker does not answer, the session stays until the broker removes it by its own rule.
            await asyncio.wait_for(forgotten.wait(), GOODBYE_S)
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
        client.connect_timeout = CONNECT_S
        if self._broker.user is not None:
            client.username_pw_set(self._broker.user, self._broker.password)
        if self._broker.scheme == "mqtts":
            client.tls_set_context(self._tls)
        return client

    def _connect(self, client: paho.Client) -> None:
        client.connect_async(self._broker.host, self._broker.port, _KEEP_ALIVE_S)
        # paho's thread connects, and reconnects.
        client.loop_start()

    # The methods below are called by paho's thread.

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
            self._connected_again(None if flags.session_present else "the broker no longer had the session")

    def _on_subscribe(
        self, _: paho.Client, __: object, ___: int, codes: list[ReasonCode], ____: Properties | None
    ) -> None:
        refused = [topic for topic, code in zip(self._topics, codes, strict=False) if code.is_failure]
        if not refused:
            self._subscribed()
        elif self._listening:
            self._queue.put(Gap(f"the broker refused the subscription to {', '.join(refused)}"))
        else:
            self._not_opened(f"the broker refused the subscription to {', '.join(refused)}")

    def _on_connect_fail(self, client: paho.Client, _: object) -> None:
        # Called while the error is being handled.
        error = sys.exc_info()[1]
        self._retry_later(client, str(error) if error else "no connection")

    def _on_disconnect(
        self, client: paho.Client, _: object, __: paho.DisconnectFlags, code: ReasonCode, ___: Properties | None
    ) -> None:
        self._retry_later(client, self._told or str(code))
        if not self._is_open:
            self._ended()

    def _on_message(self, client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        event: SourceEvent
        if message.retain:
            # The service publishes nothing as retained: somebody else put it there, or it is old.
            event = Unreadable("a retained message was ignored")
        else:
            event = self._bounded(bytes(message.payload))
        self._queue.put(Received(event, _Packet(message.mid, self._connections)) if message.qos else event)

    def _retry_later(self, client: paho.Client, reason: str) -> None:
        pause = self._backoff.pause()
        # paho reconnects after this pause, in seconds; fractions are fine.
        client.reconnect_delay_set(pause, pause)  # type: ignore[arg-type]
        self._lost(reason)


def _disconnect(client: paho.Client) -> None:
    client.disconnect()
