"""curl as the application, paho-mqtt as the devices and as the reader of a channel."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

Json = dict[str, Any]
WAIT_S = 30


@dataclass(frozen=True)
class Gateway:
    http: str
    mqtt_host: str
    mqtt_port: int

    def curl(self, method: str, path: str, body: Json | str | None = None, *options: str) -> tuple[int, Json]:
        """One call: the HTTP status, and the body."""
        command = ["curl", "--silent", "--show-error", "--max-time", str(WAIT_S), "--request", method]
        command += ["--write-out", "\n%{http_code}", *options]
        data = body if isinstance(body, str) else json.dumps(body)
        if body is not None:
            command += ["--header", "Content-Type: application/json", "--data-binary", "@-"]
        done = subprocess.run([*command, self.http + path], input=data, capture_output=True, text=True, check=True)
        text, status = done.stdout.rsplit("\n", 1)
        return int(status), json.loads(text)

    @contextmanager
    def peer(
        self,
        filters: list[str],
        protocol: MQTTProtocolVersion,
        on_message: Callable[[mqtt.Client, mqtt.MQTTMessage], None],
    ) -> Iterator[mqtt.Client]:
        """An MQTT client whose subscriptions are acknowledged."""
        ready = threading.Event()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=protocol)

        def subscribed(_client: mqtt.Client, _data: Any, _mid: int, codes: list[ReasonCode], _props: Any) -> None:
            assert not any(code.is_failure for code in codes), codes
            ready.set()

        client.on_subscribe = subscribed
        client.on_message = lambda client, _data, message: on_message(client, message)
        client.connect(self.mqtt_host, self.mqtt_port)
        client.subscribe([(topic, 1) for topic in filters])
        client.loop_start()
        try:
            assert ready.wait(WAIT_S), "the broker did not acknowledge the subscription"
            yield client
        finally:
            client.disconnect()
            client.loop_stop()

    @contextmanager
    def device(
        self, key: str, answer: Callable[[Json], Json | None], protocol: MQTTProtocolVersion
    ) -> Iterator[list[tuple[str, Json]]]:
        """A device that answers every command as told; yields the commands that it received, with their topics."""
        commands: list[tuple[str, Json]] = []

        def on_message(client: mqtt.Client, message: mqtt.MQTTMessage) -> None:
            if message.topic.endswith("_reply"):
                return
            command = json.loads(message.payload)
            commands.append((message.topic, command))
            reply = answer(command)
            if reply is not None:
                client.publish(message.topic + "_reply", json.dumps({"id": command["id"], **reply}), qos=1)

        base = f"/sys/turbine/{key}/thing/service"
        with self.peer([f"{base}/+", f"{base}/measurepoint/set"], protocol, on_message):
            yield commands

    @contextmanager
    def channel(self, channel_id: str, protocol: MQTTProtocolVersion) -> Iterator[Outcomes]:
        """Reads a channel's MQTT topic."""
        outcomes = Outcomes()
        with self.peer([channel_id], protocol, lambda _client, message: outcomes.take(bytes(message.payload))):
            yield outcomes

    @contextmanager
    def events(self, channel_id: str, org_id: str, last_event_id: str | None = None) -> Iterator[Outcomes]:
        """Reads a channel as server-sent events, with curl."""
        url = f"{self.http}/channels/{channel_id}/events?orgId={org_id}"
        header = ["--header", f"Last-Event-ID: {last_event_id}"] if last_event_id else []
        command = ["curl", "--silent", "--no-buffer", *header, url]
        outcomes = Outcomes()
        connected = threading.Event()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:

            def read() -> None:
                assert process.stdout is not None
                for line in process.stdout:
                    connected.set()
                    field, _, value = line.rstrip("\n").partition(": ")
                    if field == "id":
                        outcomes.event_ids.append(value)
                    elif field == "data" and value.startswith("{"):
                        outcomes.take(value)

            reader = threading.Thread(target=read)
            reader.start()
            try:
                assert connected.wait(WAIT_S), "the stream sent nothing"
                yield outcomes
            finally:
                process.kill()
                reader.join()


class Outcomes:
    """The replies received over a channel."""

    def __init__(self) -> None:
        self._replies: queue.Queue[Json] = queue.Queue()
        self.event_ids: list[str] = []

    def take(self, message: bytes | str) -> None:
        content = json.loads(message)
        if "data" in content:
            for reply in content["data"]:
                self._replies.put(reply)

    def next(self, count: int) -> dict[str, Json]:
        """The next replies, by request id."""
        replies = [self._replies.get(timeout=WAIT_S) for _ in range(count)]
        return {reply["requestId"]: reply for reply in replies}

    def nothing_more(self) -> bool:
        return self._replies.empty()
