"""A batch that goes well, and what is wrong with one before it is sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import pytest
from service import CHANNEL, Step, invoke, items, org_of, outcome, service
from support import client, own_outputs, settle, soon

import setpoint

pytestmark = pytest.mark.asyncio


async def test_outcomes_come_as_they_end_and_the_summary_afterwards() -> None:
    with service() as it:
        async with client(it.url, org_id="o 1&x") as one:
            outcomes = one.invoke([invoke("a"), invoke("b"), invoke("c")])
            assert it.bodies() == [], "it is sent when the iteration starts"
            assert outcomes.summary is None
            seen: list[setpoint.Ended] = []
            names = iter(["c", "a", "b"])

            async def published() -> None:
                await it.received(1)
                it.publish(outcome(next(names)))

            await soon(_both(outcomes, seen, published()))
            for name in names:
                it.publish(outcome(name))
            seen += [event async for event in outcomes]
            assert [(event.kind, event.index, event.request_id, event.ok) for event in seen] == [
                ("finished", 2, "c", True),
                ("finished", 0, "a", True),
                ("finished", 1, "b", True),
            ]
            own_outputs(seen)
            assert outcomes.summary is not None
            assert (outcomes.summary.submitted, outcomes.summary.succeeded, outcomes.summary.accepted) == (3, 3, 3)
            assert [event async for event in outcomes] == []
        (target, body), *more = it.state.batches
        assert (org_of(target), more) == ("o 1&x", [])
        assert {item["controlChannelId"] for item in items(body)} == {CHANNEL}


async def _both(outcomes: setpoint.Outcomes, seen: list[setpoint.Ended], publishing: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(publishing)
    seen.append(await anext(outcomes))
    await task


async def test_all_events_are_there_for_those_who_want_them() -> None:
    with service(Step(outcomes_first=True)) as it:
        async with client(it.url) as one:
            events, summary = await settle(one.invoke([invoke("a"), invoke("b")]))
    assert summary.succeeded == 2
    assert {event.kind for event in events} <= {"accepted", "finished"}


async def test_results_are_in_the_order_of_the_items_and_say_what_happened() -> None:
    refused = {
        "status": 0,
        "msg": "Success",
        "submsg": None,
        "data": [
            {**invoke("a"), "status": 0, "msg": "SUCCESS"},
            {**invoke("b"), "status": 1101, "msg": "no such device", "submsg": "asset"},
        ],
    }
    with service(Step(body=json.dumps(refused).encode())) as it:
        async with client(it.url) as one:
            it.publish(outcome("nobody"))
            waiting = one.invoke([invoke("a"), invoke("b")])
            first = await anext(waiting)
            assert (first.kind, first.code, first.ok) == ("refused", 1101, False)
            it.publish(outcome("a"))
            assert [event.request_id async for event in waiting] == ["a"]

            it.then(Step(outcomes_first=True))
            results = await one.invoke_all([invoke(f"r{n}") for n in range(20)])
            assert [event.request_id for event in results] == [f"r{n}" for n in range(20)]
            assert (results.ok, results.summary.succeeded, len(results), results[3].index) == (True, 20, 20, 3)
            assert one.open_items == 0
            assert one.stats.unknown == 1


async def test_writes_have_their_own_channel_call_and_field() -> None:
    with service(Step(outcomes_first=True)) as it:
        async with client(it.url, channel=["DATASVC.SET.ops", CHANNEL]) as one:
            write = {"requestId": "w", "assetId": "turbine-7", "measurepointId": "power", "inputData": {"value": 1}}
            assert (await one.write_all([write, setpoint.WriteItem(measurepoint_id="p", value=2, asset_id="a")])).ok
        target, body = it.state.batches[0]
        assert target.startswith("/dataService/devices/multiSet?")
        assert {item["setMeasurepointChannelId"] for item in items(body)} == {"DATASVC.SET.ops"}


async def test_timeouts_are_filled_in_where_an_item_has_none() -> None:
    with service(*[Step(outcomes_first=True)] * 2) as it:
        async with client(it.url, timeout_ms=7_000) as one:
            await one.invoke_all([invoke("a"), invoke("b", timeout=1_234)])
            await one.invoke_all([invoke("c"), invoke("d", timeout=1_234)], timeout_ms=9_000)
        assert [[item["timeout"] for item in items(body)] for body in it.bodies()] == [[7_000, 1_234], [9_000, 1_234]]


async def test_a_body_from_elsewhere_is_sent_byte_for_byte() -> None:
    body = json.dumps({"data": [{**invoke("a"), "controlChannelId": CHANNEL}]}, indent=3).encode()
    with service(*[Step(outcomes_first=True)] * 2) as it:
        async with client(it.url) as one:
            for given in (body, bytearray(body.replace(b'"a"', b'"b"'))):
                _, summary = await settle(one.send_body(given))
                assert summary.succeeded == 1
        assert it.bodies() == [body, body.replace(b'"a"', b'"b"')]


async def test_what_is_wrong_with_a_batch_is_said_before_anything_is_sent() -> None:
    with service() as it:
        async with client(it.url) as one:
            with pytest.raises(setpoint.NotListeningError) as not_listening:
                await one.invoke_all([invoke("a"), invoke("b", controlChannelId="DATASVC.CONTROL.other")])
            assert (not_listening.value.index, not_listening.value.channel_id) == (1, "DATASVC.CONTROL.other")
            with pytest.raises(setpoint.NoChannelError, match=r"item 0 .*DATASVC\.SET\."):
                await one.write_all([{"assetId": "a", "measurepointId": "m", "inputData": {"v": 1}}])
            with pytest.raises(setpoint.RequestError):
                await one.invoke_all([])
            with pytest.raises(setpoint.RequestError):
                await settle(one.send_body(b'{"data": ['))
            with pytest.raises(setpoint.EncodeError):
                await one.invoke_all([invoke("x", inputData={"a": object()})])
            waiting = one.invoke([invoke("a")])
            await it_has(waiting)
            with pytest.raises(setpoint.InUseError):
                await one.invoke_all([invoke("a")])
            assert len(it.bodies()) == 1
            assert "1 open items" in repr(one)


async def it_has(outcomes: setpoint.Outcomes) -> None:
    event = await outcomes.next_event()
    assert isinstance(event, setpoint.Accepted)


async def test_settings_that_cannot_be_used_say_which_and_why() -> None:
    for settings, part in [
        ({"org_id": ""}, "org_id"),
        ({"channel": ()}, "none was given"),
        ({"channel": "ops"}, "neither family"),
        ({"mqtt": "mqtt://x", "stomp": "stomp://x"}, "one of"),
        ({"mqtt_client_id": "x"}, "only with mqtt"),
        ({"connect_attempts": 0}, "at least 1"),
    ]:
        with pytest.raises(setpoint.SettingError, match=part):
            client("http://127.0.0.1:1", **settings)  # type: ignore[arg-type]
    for url, part in [
        ("127.0.0.1:8080", "http://"),
        ("localhost:8080", "http://"),
        ("mqtt://x", "http://"),
        ("http://x/?orgId=1", "query"),
        ("http://x:y", "URL"),
        ("", "http://"),
    ]:
        with pytest.raises(setpoint.SettingError, match=part):
            await client(url).open()


async def test_a_channel_that_does_not_exist_is_named_with_what_to_do() -> None:
    with service() as it:
        with pytest.raises(setpoint.SourceError, match="create_channels=True") as error:
            await client(it.url, channel="DATASVC.CONTROL.unknown").open()
        assert "404" in str(error.value)
