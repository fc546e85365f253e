"""Outcomes over MQTT, at the service's own broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from gateway import CONTROL, SET, Gateway, devices, proxy, serve
from paho.mqtt.enums import CallbackAPIVersion
from service import WAIT_S, outcome
from support import client, heard, soon, until
from test_gateway import invoke

import setpoint

pytestmark = pytest.mark.asyncio


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with serve(tmp_path) as running:
        yield running


@contextmanager
def publisher(gateway: Gateway) -> Iterator[Any]:
    """Publishes in the service's place; returns when the broker has it."""
    peer = paho.Client(CallbackAPIVersion.VERSION2)
    peer.connect("127.0.0.1", gateway.mqtt_port)
    peer.loop_start()

    def publish(message: Any, topic: str = CONTROL, retain: bool = False) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        peer.publish(topic, text, qos=1, retain=retain).wait_for_publish(WAIT_S)

    try:
        yield publish
    finally:
        peer.disconnect()
        peer.loop_stop()


async def test_outcomes_of_both_families_come_over_mqtt(gateway: Gateway) -> None:
    with devices(gateway):
        async with client(gateway.http, channel=[CONTROL, SET], mqtt=gateway.mqtt) as one:
            batches = [one.invoke_all([invoke(f"{b}-{n}", n) for n in range(50)]) for b in range(10)]
            results = await soon(asyncio.gather(*batches))
            assert all(result.ok for result in results)
            write = setpoint.WriteItem(asset_id="asset-1", measurepoint_id="power", value=1)
            assert (await soon(one.write_all([write]))).ok
            assert one.stats.gaps == 0


async def test_what_is_published_while_the_connection_is_down_comes_when_it_is_back(gateway: Gateway) -> None:
    with devices(gateway), publisher(gateway) as publish, proxy(gateway.mqtt_port) as between:
        async with client(gateway.http, mqtt=f"mqtt://127.0.0.1:{between.port}") as one:
            changes = one.channel_events()
            assert (await soon(one.invoke_all([invoke("before")]))).ok
            between.cut()
            await asyncio.to_thread(publish, outcome("nobody"))
            results = await soon(one.invoke_all([invoke("while", timeout=30_000)]))
            assert results.ok
            assert [(await soon(anext(changes))).kind for _ in range(2)] == ["disconnected", "connected"]
            await until(lambda: one.stats.unknown == 1)
            # What was handed on just before the cut may come again: its acknowledgement was lost.
            assert one.stats.gaps == 0


async def test_a_broker_that_is_killed_and_started_again_is_a_gap_and_goes_on(tmp_path: Path) -> None:
    with serve(tmp_path) as first:
        ports = {"http_port": first.port, "mqtt_port": first.mqtt_port}
        async with client(first.http, mqtt=first.mqtt) as one:
            changes = one.channel_events()
            first.kill()
            assert (await soon(anext(changes))).kind == "disconnected"
            with serve(tmp_path, **ports) as second, devices(second):
                while (await soon(anext(changes))).kind != "gap":
                    pass
                with publisher(second) as publish:
                    # The subscription is made anew; until then nothing is heard.
                    while one.stats.unknown == 0:
                        await asyncio.to_thread(publish, outcome("nobody"))
                assert (await soon(one.invoke_all([invoke("after")]))).ok


async def test_a_session_with_a_name_outlives_the_client_and_one_without_does_not(gateway: Gateway) -> None:
    with publisher(gateway) as publish:
        for name, kept in (("mine", 1), (None, 0)):
            settings = {"mqtt": gateway.mqtt, "mqtt_client_id": name}
            async with client(gateway.http, **settings) as one:
                await asyncio.to_thread(publish, outcome("seen"))
                await heard(one, 1)
            await asyncio.to_thread(publish, outcome("missed"))
            async with client(gateway.http, **settings) as one:
                await asyncio.to_thread(publish, outcome("last"))
                await heard(one, 1 + kept)
                assert one.stats.unknown == 1 + kept, name


async def test_retained_and_too_large_messages_are_told_of(gateway: Gateway) -> None:
    with publisher(gateway) as publish:
        await asyncio.to_thread(publish, outcome("planted"), retain=True)
        async with client(gateway.http, mqtt=gateway.mqtt, limits=setpoint.Limits(reply_bytes=1_000)) as one:
            late = one.late_events()
            # The retained one comes with the subscription.
            await asyncio.to_thread(publish, "x" * 2_000)
            await asyncio.to_thread(publish, "[]")
            events = [await soon(anext(late)) for _ in range(3)]
            reasons = [event.reason for event in events if isinstance(event, setpoint.Unreadable)]
            assert "retained" in reasons[0]
            assert "more than 1000 bytes" in reasons[1]
            assert "a message from" in reasons[2]
            assert one.stats.unknown == 0


async def test_a_broker_that_is_not_there_or_not_named_well_is_said_at_once(gateway: Gateway) -> None:
    for url, error, part in [
        ("mqtt://127.0.0.1:1", setpoint.SourceError, "refused"),
        ("mqtts://127.0.0.1:1", setpoint.SourceError, "refused"),
        ("http://127.0.0.1", setpoint.SettingError, "mqtt://"),
        ("mqtt://", setpoint.SettingError, "host"),
        ("mqtt://x:y", setpoint.SettingError, "URL"),
    ]:
        with pytest.raises(error, match=part):
            await soon(client(gateway.http, mqtt=url).open())
    with pytest.raises(setpoint.SettingError, match="needs a name"):
        await client(gateway.http, mqtt=gateway.mqtt, mqtt_client_id="").open()


async def test_passwords_stay_out_of_names_and_texts(gateway: Gateway) -> None:
    async with client(gateway.http, mqtt=gateway.mqtt.replace("mqtt://", "mqtt://us%40er:p%2Bw@")) as one:
        assert one._running is not None
        (source,) = one._running.sources
        assert "p+w" not in source.name + repr(source.__dict__) + repr(one)
        assert source._broker.user == "us@er"  # type: ignore[attr-defined]
