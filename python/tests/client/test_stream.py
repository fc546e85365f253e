"""The event stream, when it breaks; and what comes late."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from service import invoke, outcome, service
from support import client, own_outputs, settle, soon, until

import setpoint

pytestmark = pytest.mark.asyncio


async def test_a_broken_stream_is_resumed_and_nothing_is_lost() -> None:
    with service() as it:
        async with client(it.url) as one:
            changes = one.channel_events()
            waiting = asyncio.ensure_future(settle(one.invoke([invoke("a"), invoke("b"), invoke("c")])))
            await it.received(1)
            it.publish(outcome("a"))
            # Published while nobody is connected, or nearly so: it must come all the same.
            it.cut_streams()
            it.publish(outcome("b"))
            assert [(await soon(anext(changes))).kind for _ in range(2)] == ["disconnected", "connected"]
            it.publish(outcome("c"))
            events, summary = await soon(waiting)
            assert summary.succeeded == 3
            own_outputs(events)
            assert (one.stats.gaps, one.stats.duplicate) == (0, 0)
        assert it.state.streams[0] is None
        assert None not in it.state.streams[1:]


async def test_a_stream_that_cannot_be_resumed_is_a_gap() -> None:
    with service() as it:
        it.state.with_ids = False
        async with client(it.url) as one:
            changes = one.channel_events()
            it.cut_streams()
            found = [await soon(anext(changes)) for _ in range(3)]
            assert [change.kind for change in found] == ["disconnected", "connected", "gap"]
            assert "/channels/DATASVC.CONTROL.ops/events" in found[2].source
            assert (one.stats.gaps, one.stats.disconnects) == (1, 1)
        assert it.state.streams == [None, None]


async def test_a_channel_that_is_gone_is_named_while_the_stream_goes_on_trying() -> None:
    with service() as it:
        async with client(it.url) as one:
            changes = one.channel_events()
            it.state.deleted = True
            it.cut_streams()
            assert (await soon(anext(changes))).reason == "the service closed the stream"
            why = await soon(anext(changes))
            assert why.kind == "disconnected"
            assert "404" in str(why.reason)
            it.state.deleted = False
            assert (await soon(anext(changes))).kind == "connected"


async def test_gap_events_and_events_that_are_too_large_are_told_of() -> None:
    with service() as it:
        async with client(it.url, limits=setpoint.Limits(reply_bytes=1_000)) as one:
            changes, late = one.channel_events(), one.late_events()
            it.write_raw(b'event: gap\ndata: {"reason":"log is full"}\n\n')
            assert "log is full" in str((await soon(anext(changes))).reason)
            it.write_raw(b"data: " + b"x" * 2_000 + b"\n\n")
            event = await soon(anext(late))
            assert isinstance(event, setpoint.Unreadable)
            assert "more than 1000 bytes" in event.reason


async def test_unusual_characters_in_a_message_are_not_line_ends() -> None:
    output = {"text": "a\u2028b\u2029c\u0085d"}
    message = outcome("a")
    message["data"][0]["outputData"] = output
    with service() as it:
        async with client(it.url) as one:
            waiting = asyncio.ensure_future(one.invoke_all([invoke("a")]))
            await it.received(1)
            it.publish(json.dumps(message, ensure_ascii=False))
            assert (await soon(waiting))[0].output == output


async def test_late_replies_reach_feeds_and_the_callback_and_a_failing_callback_hurts_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    called: list[Any] = []

    def on_late(event: Any) -> None:
        called.append(event)
        if event.kind == "late":
            # A callback may use the client: its events come in their turn.
            other.cancel()
        raise ValueError("the callback's own")

    with service() as it:
        async with client(it.url, on_late=on_late) as one:
            other = one.invoke([invoke("other")])
            late = one.late_events()
            results = await one.invoke_all([invoke("slow", timeout=1)])
            assert results.summary.timed_out == 1
            await soon(other.next_event())
            it.publish(outcome("slow"))
            it.publish(outcome("slow"))
            it.publish(outcome("slow", 2000))
            it.publish(outcome("nobody"))
            it.publish("[]")
            found = [await soon(anext(late)) for _ in range(5)]
            assert [event.kind for event in found] == ["late", "duplicate", "duplicate", "unknown", "unreadable"]
            assert [event.conflict for event in found[1:3] if isinstance(event, setpoint.Duplicate)] == [False, True]
            assert found == called
            assert [event.kind async for event in other] == ["cancelled"]
            stats = one.stats
            assert (stats.late, stats.duplicate, stats.unknown, stats.unreadable) == (1, 2, 1, 1)
    assert sum("the callback's own" in (record.exc_text or "") for record in caplog.records) == 5


async def test_a_slow_reader_misses_a_counted_number_and_holds_nobody_up() -> None:
    with service() as it:
        async with client(it.url, late_buffer=2) as one:
            slow = one.late_events()
            for n in range(5):
                it.publish(outcome(f"nobody-{n}"))
            await until(lambda: one.stats.unknown == 5)
            assert slow.missed == 3
        found = [event async for event in slow]
        assert [event.outcome.request_id for event in found if isinstance(event, setpoint.Unknown)] == [
            "nobody-0",
            "nobody-1",
        ]
