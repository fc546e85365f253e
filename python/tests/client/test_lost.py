"""Requests and responses that get lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from service import BREAK_OFF, CHANNEL, HOLD, OUTCOMES_FIRST, Service, Step, invoke, outcome, service, successes
from support import client, own_outputs, reserve, settle, soon

import setpoint

pytestmark = pytest.mark.asyncio

BUSY = b'{"status":503,"msg":"Service Unavailable","submsg":"try again later"}'
PAGE = b"<html>bad gateway</html>"


class Fed:
    """A source that a test feeds; `None` ends it."""

    name = "fed"

    def __init__(self) -> None:
        self.messages: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.closed = False

    async def open(self) -> None:
        """Listens already."""

    async def events(self) -> AsyncIterator[setpoint.sources.SourceEvent]:
        while (message := await self.messages.get()) is not None:
            yield message

    async def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    "lost",
    [
        BREAK_OFF,
        Step(cut=-1),
        Step(cut=0),
        Step(status=502, body=PAGE),
        Step(status=200, body=b""),
        Step(status=200, body=PAGE),
        Step(status=500, body=b'{"no": "status"}'),
    ],
    ids=["half an answer", "no answer", "a head alone", "a proxy's 502", "nothing", "a page", "no answer of ours"],
)
async def test_a_lost_response_is_asked_for_again_with_the_same_body(lost: Step) -> None:
    with service(lost, OUTCOMES_FIRST) as it:
        async with client(it.url) as one:
            events, summary = await settle(one.invoke([invoke("a"), invoke("b")]))
            assert (summary.accepted, summary.succeeded) == (2, 2)
            own_outputs(events)
            bodies = it.bodies()
            assert len(bodies) == 2
            assert bodies[0] == bodies[1], "byte for byte"
            told = lost.cut is None
            assert one.stats.unreadable == told, "what is no answer of the service's is told of"


@pytest.mark.parametrize("slow", [HOLD, Step(drip_s=0.05)], ids=["nothing", "a byte now and then"])
async def test_a_response_that_does_not_come_is_asked_for_again(slow: Step) -> None:
    with service(slow, OUTCOMES_FIRST) as it:
        async with client(it.url, response_timeout_ms=100) as one:
            _, summary = await settle(one.invoke([invoke("a")]))
            assert summary.succeeded == 1
            assert len(it.bodies()) == 2


async def test_a_response_without_an_end_is_given_up_and_asked_for_again() -> None:
    with service(Step(endless=True), OUTCOMES_FIRST) as it:
        limits = setpoint.Limits(reply_bytes=1 << 17)
        async with client(it.url, limits=limits, response_timeout_ms=60_000) as one:
            _, summary = await settle(one.invoke([invoke("a")]))
            assert (summary.succeeded, len(it.bodies())) == (1, 2)


async def test_after_a_lost_response_a_busy_service_is_asked_until_it_answers() -> None:
    busy = Step(503, BUSY)
    with service(BREAK_OFF, busy, Step(502, PAGE), busy, OUTCOMES_FIRST) as it:
        async with client(it.url) as one:
            _, summary = await settle(one.invoke([invoke("a")]))
            assert (summary.succeeded, len(it.bodies())) == (1, 5)


async def test_a_busy_service_that_answers_at_once_has_refused() -> None:
    with service(Step(503, BUSY)) as it:
        async with client(it.url) as one:
            events, _ = await settle(one.invoke([invoke("a")]))
            (refused,) = events
            assert isinstance(refused, setpoint.Refused)
            assert (refused.code, refused.refusal.whole_request) == (503, True)
            assert len(it.bodies()) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 404, 407])
async def test_an_answer_that_is_not_the_services_is_found_out_at_once_and_no_redirect_is_followed(status: int) -> None:
    with service() as elsewhere, service() as it:
        it.then(Step(status, PAGE, f"Location: {elsewhere.url}/dataService/devices/multiInvoke?orgId=o1\r\n"))
        async with client(it.url) as one:
            (event,), summary = await settle(one.invoke([invoke("a")]))
            assert summary.refused == 1
            assert isinstance(event, setpoint.Refused)
            assert event.submsg is not None
            assert f"HTTP {status}" in event.submsg
            assert "check the URL" in event.submsg
        assert (len(it.bodies()), elsewhere.bodies()) == (1, [])


async def test_outcomes_alone_are_enough_when_every_response_is_lost() -> None:
    with service(*[BREAK_OFF] * 1_000) as it:
        async with client(it.url) as one:
            waiting = asyncio.ensure_future(settle(one.invoke([invoke("a"), invoke("b")])))
            await it.received(2)
            it.publish(successes(it.bodies()[0]))
            _, summary = await soon(waiting)
            assert (summary.accepted, summary.succeeded) == (2, 2)


async def test_nothing_is_sent_again_once_the_shortest_timeout_has_passed() -> None:
    with service(*[BREAK_OFF] * 100_000) as it:
        async with client(it.url) as one:
            batch = [invoke("a", timeout=150), invoke("b", timeout=400)]
            events, summary = await settle(one.invoke(batch))
            assert summary.timed_out == 2
            for event in events:
                assert isinstance(event, setpoint.TimedOut)
                assert (event.known_unsent, event.outcome, event.code) == (False, None, 1000203)
            sent = len(it.bodies())
            assert sent > 1, "it was sent again while there was time"
            await settle(one.invoke([invoke("c", timeout=1)]))
            assert all(b'"c"' in body for body in it.bodies()[sent:]), "the ended batch is not sent any more"


async def test_without_a_connection_nothing_was_sent_and_the_items_say_so() -> None:
    held, port = reserve()
    async with client(f"http://127.0.0.1:{port}", source=Fed(), connect_attempts=3) as one:
        (event,), summary = await settle(one.invoke([invoke("a")]))
    held.close()
    assert (summary.refused, summary.accepted) == (1, 0)
    assert isinstance(event, setpoint.Refused)
    assert event.refusal.whole_request
    assert event.submsg is not None
    assert "connection" in event.submsg.lower()


async def test_a_connection_is_tried_again_while_there_is_time() -> None:
    held, port = reserve()
    fed = Fed()
    settings = {"source": fed, "connect_attempts": 1_000_000, "grace_ms": None}
    async with client(f"http://127.0.0.1:{port}", **settings) as one:
        _, summary = await settle(one.invoke([invoke("a", timeout=300)]))
        assert (summary.refused, summary.timed_out) == (1, 0), "nothing was sent, and that is known"
        waiting = asyncio.ensure_future(settle(one.invoke([invoke("b", timeout=20_000)])))
        await asyncio.sleep(0)
        held.close()
        it = Service(port=port)
        await it.received(1)
        fed.messages.put_nowait(json.dumps(successes(it.bodies()[0])).encode())
        assert (await soon(waiting))[1].succeeded == 1
        it.close()
    assert fed.closed


async def test_after_something_may_have_arrived_a_refused_connection_does_not_end_the_items() -> None:
    it = Service(BREAK_OFF)
    fed = Fed()
    async with client(it.url, source=fed, connect_attempts=1) as one:
        waiting = asyncio.ensure_future(settle(one.invoke([invoke("a", timeout=20_000)])))
        await it.received(1)
        it.close()
        # It is tried again and again, and refused; the outcome comes all the same.
        fed.messages.put_nowait(json.dumps(outcome("a")).encode())
        assert (await soon(waiting))[1].succeeded == 1


async def test_any_async_iterable_of_bytes_is_a_source() -> None:
    messages: asyncio.Queue[bytes] = asyncio.Queue()
    ended = []

    async def listen() -> AsyncIterator[bytes]:
        try:
            while True:
                yield await messages.get()
        finally:
            ended.append(True)

    with service() as it:
        async with client(it.url, source=listen()) as one:
            waiting = asyncio.ensure_future(one.invoke_all([invoke("a", controlChannelId="DATASVC.CONTROL.any")]))
            await it.received(1)
            messages.put_nowait(b"this is no message")
            messages.put_nowait(json.dumps(outcome("a")).encode())
            assert (await soon(waiting)).ok
            assert one.stats.unreadable == 1
    assert ended == [True]


@pytest.mark.parametrize("broken", [False, True], ids=["it ends", "it fails"])
async def test_when_the_source_has_ended_nothing_more_is_sent(broken: bool, caplog: pytest.LogCaptureFixture) -> None:
    go = asyncio.Event()

    async def listen() -> AsyncIterator[bytes]:
        await go.wait()
        if broken:
            raise ValueError("the plug-in's own")
        for message in list[bytes]():
            yield message

    with service() as it:
        async with client(it.url, source=listen()) as one:
            changes = one.channel_events()
            go.set()
            change = await soon(anext(changes))
            assert change.kind == "ended"
            assert change.reason is not None
            assert ("the plug-in's own" in change.reason) == broken
            with pytest.raises(setpoint.SourceEndedError, match=r"listen|generator"):
                await one.invoke_all([invoke("a", controlChannelId=CHANNEL)])
        assert it.bodies() == []
    assert broken == any("the plug-in's own" in (record.exc_text or "") for record in caplog.records)
