"""Outcomes over STOMP, at a real ActiveMQ."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import stomp  # type: ignore[import-untyped]
from activemq_broker import LOGIN, Broker, activemq, publisher
from service import CHANNEL, invoke, outcome, service, successes
from support import client, heard, own_outputs, settle, soon, until

import setpoint

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with activemq(tmp_path) as running:
        yield running


@pytest.mark.parametrize("kind", ["queue", "topic"])
async def test_outcomes_come_over_queues_and_topics(broker: Broker, kind: str) -> None:
    with service() as it, publisher(broker) as send:
        async with client(it.url, stomp=f"{broker.url}/{kind}") as one:
            names = [f"r{n}" for n in range(1_000)]
            waiting = asyncio.ensure_future(settle(one.invoke([invoke(name) for name in names])))
            await it.received(1)
            for name in names[:300]:
                await asyncio.to_thread(send, f"/{kind}/{CHANNEL}", json.dumps(outcome(name)))
            await asyncio.to_thread(send, f"/{kind}/{CHANNEL}", "\u2028 no JSON \0")
            await asyncio.to_thread(send, f"/{kind}/{CHANNEL}", json.dumps(successes(it.bodies()[0])))
            events, summary = await soon(waiting)
            own_outputs(events)
            assert summary.succeeded == 1_000
            await until(lambda: one.stats.duplicate == 300)
            assert one.stats.unreadable == 1


async def test_a_broker_that_is_killed_and_started_again_delivers_what_was_not_handed_on(tmp_path: Path) -> None:
    with activemq(tmp_path) as first, service() as it:
        async with client(it.url, stomp=first.url) as one:
            changes = one.channel_events()
            waiting = asyncio.ensure_future(
                one.invoke_all([invoke("a", timeout=100_000), invoke("b", timeout=100_000)])
            )
            await it.received(1)
            with publisher(first) as send:
                await asyncio.to_thread(send, f"/queue/{CHANNEL}", json.dumps(outcome("a")))
            await until(lambda: one.open_items == 1)
            first.kill()
            assert (await soon(anext(changes))).kind == "disconnected"
            with activemq(tmp_path, first.port) as second:
                while (await soon(anext(changes))).kind != "connected":
                    pass
                with publisher(second) as send:
                    await asyncio.to_thread(send, f"/queue/{CHANNEL}", json.dumps(outcome("b")))
                assert (await soon(waiting)).ok
                assert one.stats.gaps == 0


async def test_what_was_handed_on_is_acknowledged_and_what_was_not_is_delivered_to_the_next_one(broker: Broker) -> None:
    with service() as it, publisher(broker) as send:
        for n in range(3):
            await asyncio.to_thread(send, f"/queue/{CHANNEL}", json.dumps(outcome(f"nobody-{n}")))
        for number in (1, 0):
            async with client(it.url, stomp=broker.url) as one:
                await asyncio.to_thread(send, f"/queue/{CHANNEL}", json.dumps(outcome(f"last-{number}")))
                await heard(one, 1 + 3 * number)
                assert one.stats.unknown == 1 + 3 * number


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), AttributeError("no socket any more")])
async def test_a_connection_that_breaks_as_it_is_left_does_no_harm(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    failed, left = [], []

    def breaks(connection: stomp.Connection12, receipt: str) -> None:
        left.append(receipt)
        connection.transport.disconnect_socket()
        raise error

    monkeypatch.setattr(threading, "excepthook", lambda args: failed.append(args.exc_value))
    monkeypatch.setattr(stomp.Connection12, "disconnect", breaks)
    with service() as it:
        async with client(it.url, stomp=broker.url):
            pass
    assert (failed, left) == ([], ["bye"])


async def test_a_topic_that_was_left_for_a_while_is_a_gap(tmp_path: Path) -> None:
    with activemq(tmp_path) as first, service() as it:
        async with client(it.url, stomp=f"{first.url}/topic") as one:
            changes = one.channel_events()
            first.kill()
            with activemq(tmp_path, first.port):
                kinds = []
                while "gap" not in kinds:
                    kinds.append((await soon(anext(changes))).kind)
                assert kinds[-2:] == ["connected", "gap"]


async def test_a_broker_that_refuses_or_is_not_there_is_said_at_once(broker: Broker) -> None:
    with service() as it:
        for url, error, part in [
            (broker.url.replace(LOGIN, "app:wrong"), setpoint.SourceError, "broker answered"),
            ("stomp://127.0.0.1:1", setpoint.SourceError, "no connection"),
            ("stomp://127.0.0.1/exchange", setpoint.SettingError, "queue"),
            ("mqtt://127.0.0.1", setpoint.SettingError, "stomp://"),
        ]:
            with pytest.raises(error, match=part) as raised:
                await soon(client(it.url, stomp=url).open())
            assert "wrong@" not in str(raised.value)
