"""Against the real service: both families, channels, faults of devices, broken connections, a service that dies."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway import CONTROL, DEVICES, SET, Gateway, devices, proxy, serve
from support import client, soon, until

import setpoint

pytestmark = pytest.mark.asyncio

# Long beside what ten thousand items take, unoptimised and with other work on the same processors: about five seconds.
TIMEOUT_MS = 20_000
# How long a slow answer of a simulated device takes; a late one comes after the command's time.
SLOW_MS = 200


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with serve(tmp_path) as running:
        yield running


def invoke(name: str, device: int = 0, **fields: Any) -> dict[str, Any]:
    data = {"unique": name}
    return {
        "requestId": name,
        "assetId": f"asset-{device % DEVICES}",
        "serviceId": "start",
        "inputData": data,
        **fields,
    }


async def test_both_families_go_there_and_back(gateway: Gateway) -> None:
    with devices(gateway) as fleet:
        async with client(gateway.http, channel=[CONTROL, SET]) as one:
            invokes = [invoke(f"i{n}", n) for n in range(5)] + [
                setpoint.InvokeItem(
                    product_key="turbine", device_key="t-3", service_id="stop", input={"deep": [1, None]}
                )
            ]
            results = await soon(one.invoke_all(invokes))
            assert results.ok, results
            assert [event.output for event in results] == [{"unique": f"i{n}"} for n in range(5)] + [
                {"deep": [1, None]}
            ]
            write = setpoint.WriteItem(asset_id="asset-1", measurepoint_id="power", value=2**60 + 1, timeout_ms=5_000)
            written = await soon(one.write_all([write, write]))
            assert written.ok, written
            assert len({event.request_id for event in written}) == 2
            refused = await soon(one.invoke_all([invoke("r"), invoke("x", assetId="nothing")]))
            assert [event.kind for event in refused] == ["finished", "refused"]
            assert refused[1].code is not None
            assert not refused.ok
        ledger = fleet.close()
    assert Counter(entry["family"] for entry in ledger) == {"invoke": 7, "write": 2}


async def test_channels_are_created_listed_changed_and_deleted(gateway: Gateway) -> None:
    mine = "DATASVC.CONTROL.mine"
    async with client(gateway.http, channel=[mine, CONTROL], create_channels=True) as one:
        channels = one.channels
        assert await channels.ensure(mine) is False
        assert await channels.ensure("DATASVC.SET.a") is True
        await channels.update(mine, "of mine")
        found = await channels.get(mine)
        assert found is not None
        assert (found.id, found.desc, found.family) == (mine, "of mine", "invoke")
        assert await channels.get("DATASVC.CONTROL.none") is None
        listed = await channels.list("invoke")
        assert (listed.total, {channel.id for channel in listed.channels}) == (2, {mine, CONTROL})
        assert len((await channels.list("invoke", page_size=1, page=2)).channels) == 1
        with pytest.raises(setpoint.CallRefusedError) as error:
            await channels.create(mine)
        assert error.value.code == setpoint.families()["invoke"]["channel_exists"]
        await channels.delete("DATASVC.SET.a")
        assert await channels.get("DATASVC.SET.a") is None
        with pytest.raises(setpoint.SettingError):
            await channels.create("ops")
        gateway.kill()
        with pytest.raises(setpoint.UnreachableError, match="setpoint serve") as unreachable:
            await channels.get(mine)
        assert unreachable.value.not_sent in (True, False)


FAULTS = (
    "slow=3",
    "fail=3",
    "late=1",
    "twice=2",
    "conflicting=1",
    "never=1",
    "garbage=1",
    "for-neighbour=1",
    "wrong-id=1",
)


def fits(entry: dict[str, Any], event: setpoint.Ended) -> bool:
    """Whether an item ended as it must after what its device did."""
    behaviour = entry["behaviour"]
    kind = behaviour if isinstance(behaviour, str) else next(iter(behaviour))
    if kind in ("succeed", "twice", "conflictingTwice"):
        return bool(event.ok and event.output == json.loads(entry["params"]))
    if kind == "fail":
        said = f"device code {behaviour['fail']['code']}: "
        return event.kind == "finished" and not event.ok and str(event.submsg).startswith(said)
    if kind == "late" and behaviour["late"]["delayMs"] <= SLOW_MS:
        return bool(event.ok)
    if kind == "garbage" and behaviour["garbage"] == "brokenContent":
        return event.kind == "finished" and not event.ok
    # It executed, and nothing that can be used came back in time.
    return isinstance(event, setpoint.TimedOut) and not event.known_unsent


@pytest.mark.timeout(240)
async def test_ten_thousand_items_with_faults_end_once_each_and_the_books_balance(gateway: Gateway) -> None:
    batches, items = 100, 100
    with devices(gateway, "--seed", "7", *(f"--{fault}" for fault in FAULTS)) as fleet:
        async with client(gateway.http, grace_ms=5_000) as one:

            async def run(batch: int) -> setpoint.Results:
                names = [f"{batch}-{n}" for n in range(items)]
                batch_items = [invoke(name, batch * items + n, timeout=TIMEOUT_MS) for n, name in enumerate(names)]
                results = await one.invoke_all(batch_items)
                assert [event.request_id for event in results] == names, "every item once, in its place"
                return results

            everything = await asyncio.gather(*(run(batch) for batch in range(batches)))
            assert one.open_items == 0
            stats = one.stats
        ledger = fleet.close()
    ended = {event.request_id: event for results in everything for event in results}
    assert len(ended) == batches * items
    executed = Counter(json.loads(entry["params"])["unique"] for entry in ledger)
    assert set(executed) == set(ended), "every command was executed"
    assert set(executed.values()) == {1}, "and once"
    wrong = [
        (entry, ended[json.loads(entry["params"])["unique"]])
        for entry in ledger
        if not fits(entry, ended[json.loads(entry["params"])["unique"]])
    ]
    assert wrong == []
    kinds = Counter(event.kind for event in ended.values())
    assert kinds["timedOut"] > 0
    assert kinds["finished"] > 9_000
    assert (stats.gaps, stats.unknown, stats.unreadable) == (0, 0, 0)


async def test_a_stream_that_is_cut_again_and_again_loses_nothing(gateway: Gateway) -> None:
    with devices(gateway, "--slow=30"), proxy(gateway.port) as between:
        async with client(f"http://127.0.0.1:{between.port}", requests_under_way=4) as one:
            waiting = asyncio.gather(
                *(one.invoke_all([invoke(f"{b}-{n}", n, timeout=30_000) for n in range(50)]) for b in range(20))
            )
            for _ in range(5):
                await asyncio.sleep(0.1)
                between.cut()
            results = await soon(waiting)
            assert [result.ok for result in results] == [True] * 20, results
            assert one.stats.disconnects > 0
            assert one.stats.gaps == 0


async def test_a_service_that_is_killed_and_started_again_is_found_again_with_a_gap(tmp_path: Path) -> None:
    with serve(tmp_path) as first:
        port = first.port
        async with client(first.http) as one:
            changes = one.channel_events()
            # No device is there: what the service had taken dies with it.
            lost = asyncio.ensure_future(one.invoke_all([invoke("lost", timeout=1_000)]))
            await until(lambda: one.open_items == 1)
            first.kill()
            assert (await soon(anext(changes))).kind == "disconnected"
            with serve(tmp_path, http_port=port) as second:
                while (change := await soon(anext(changes))).kind != "gap":
                    assert change.kind in ("disconnected", "connected")
                with devices(second):
                    assert (await soon(one.invoke_all([invoke("found")]))).ok
                assert (await soon(lost)).summary.timed_out + (await lost).summary.refused == 1


async def test_a_call_that_is_cancelled_half_way_leaves_the_next_one_its_own_answer(gateway: Gateway) -> None:
    with devices(gateway):
        async with client(gateway.http, requests_under_way=2) as one:
            for n in range(40):
                task = asyncio.ensure_future(one.invoke_all([invoke(f"cancelled-{n}")]))
                for _ in range(n):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
                results = await soon(one.invoke_all([invoke(f"kept-{n}")]))
                assert [event.output for event in results] == [{"unique": f"kept-{n}"}]
            assert one.open_items == 0
