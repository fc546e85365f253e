"""Waits that are cancelled, loops that are left, objects that are dropped; other calls are not affected."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import random

import pytest
from service import HOLD, Service, Step, invoke, items, outcome, service
from support import client, own_outputs, settle, soon, until

import setpoint

pytestmark = pytest.mark.asyncio


async def works(one: setpoint.Client, it: Service, name: str) -> None:
    """A call that gets its own answer, and nobody else's."""
    waiting = asyncio.ensure_future(settle(one.invoke([invoke(name)])))
    asked = json.dumps(name).encode()
    await asyncio.to_thread(it.wait, lambda state: any(asked in body for _, body in state.batches))
    it.publish(outcome(name))
    events, summary = await soon(waiting)
    assert summary.succeeded == 1
    own_outputs(events)


async def test_leaving_the_loop_cancels_and_the_next_call_gets_its_own_answer() -> None:
    with service() as it:
        async with client(it.url) as one:
            late = one.late_events()
            it.publish(outcome("nobody"))
            async for event in one.invoke([invoke("left"), invoke("open")]).events():
                assert event.kind == "accepted"
                break
            await until(lambda: one.open_items == 0)
            await works(one, it, "kept")
            it.publish(outcome("open"))
            kinds = [(await soon(anext(late))).kind for _ in range(2)]
            assert kinds == ["unknown", "late"]
            assert (one.stats.late, one.stats.unknown) == (1, 1)


async def test_an_object_that_is_dropped_in_a_cycle_is_cancelled_when_it_is_collected() -> None:
    with service() as it:
        async with client(it.url) as one:
            outcomes = one.invoke([invoke("a")])
            await soon(outcomes.next_event())
            holder: list[object] = [outcomes]
            holder.append(holder)
            del holder, outcomes
            assert one.open_items == 1
            gc.collect()
            await until(lambda: one.open_items == 0)


async def test_a_request_that_is_under_way_is_broken_off_and_gives_its_slot_back() -> None:
    with service(HOLD) as it:
        async with client(it.url, requests_under_way=1, response_timeout_ms=600_000) as one:
            waiting = asyncio.ensure_future(one.invoke_all([invoke("a")]))
            await it.received(1)
            # Its response is held back for ever, and it has the only slot.
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert one.open_items == 0
            await works(one, it, "kept")
            assert len(it.bodies()) == 2, "and it is not sent again"
            first, second = it.state.connections_of_batches
            assert first != second, "no answer can be left on the connection"


async def test_a_timeout_of_the_caller_cancels_the_batch() -> None:
    with service(HOLD) as it:
        async with client(it.url) as one:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(one.invoke_all([invoke("a")]), 0.05)
            assert one.open_items == 0
            await works(one, it, "kept")


async def test_cancelling_by_hand_ends_the_open_items_which_can_still_be_read() -> None:
    with service() as it:
        async with client(it.url) as one:
            outcomes = one.invoke([invoke("a"), invoke("b")])
            await soon(outcomes.next_event())
            it.publish(outcome("a"))
            async with contextlib.aclosing(outcomes):
                assert (await soon(anext(outcomes))).kind == "finished"
            rest = [event async for event in outcomes]
            assert [event.kind for event in rest] == ["cancelled"]
            assert outcomes.summary is not None
            assert (outcomes.summary.succeeded, outcomes.summary.cancelled) == (1, 1)


async def test_a_call_may_be_cancelled_at_every_await() -> None:
    with service() as it:
        async with client(it.url, requests_under_way=2) as one:
            for steps in range(25):
                task = asyncio.ensure_future(one.invoke_all([invoke(f"cancelled-{steps}")]))
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                assert one.open_items == 0, steps
                await works(one, it, f"kept-{steps}")


async def test_a_call_that_waits_for_its_turn_was_never_sent() -> None:
    with service(HOLD) as it:
        async with client(it.url, requests_under_way=1) as one:
            first = asyncio.ensure_future(one.invoke_all([invoke("first")]))
            await it.received(1)
            waiting = [asyncio.ensure_future(one.invoke_all([invoke(f"waiting-{n}")])) for n in range(3)]
            await asyncio.sleep(0)
            assert one.open_items == 1
            waiting[1].cancel()
            it.publish(outcome("first"))
            assert (await soon(first)).ok
            for n in (0, 2):
                await it.received(2 + n // 2)
                it.publish(outcome(f"waiting-{n}"))
                assert (await soon(waiting[n])).ok
            assert [items(body)[0]["requestId"] for body in it.bodies()] == ["first", "waiting-0", "waiting-2"]


async def test_a_batch_that_waits_to_be_sent_again_takes_no_slot() -> None:
    with service(Step(cut=0)) as it:
        async with client(it.url, requests_under_way=1, backoff_ms=(100_000, 100_000)) as one:
            waiting = asyncio.ensure_future(one.invoke_all([invoke("waiting", timeout=300_000)]))
            await it.received(1)
            await works(one, it, "kept")
            it.publish(outcome("waiting"))
            assert (await soon(waiting)).ok


async def test_calls_cancelled_at_random_leave_the_others_alone() -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    with service(*[Step(outcomes_first=n % 2 == 0) for n in range(10_000)]) as it:
        async with client(it.url, requests_under_way=4) as one:

            async def call(n: int) -> None:
                batch = [invoke(f"{n}-{i}", timeout=20_000) for i in range(3)]
                task = asyncio.ensure_future(one.invoke_all(batch))
                if n % 3 == 0:
                    await asyncio.sleep(chance.random() * 0.05)
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        own_outputs(await task)
                    return
                # Whatever the script did: every item gets its outcome, if need be once more.
                while not task.done():
                    for i in range(3):
                        it.publish(outcome(f"{n}-{i}"))
                    await asyncio.wait([task], timeout=0.2)
                results = await task
                assert results.ok, seed
                own_outputs(results)

            await soon(asyncio.gather(*(call(n) for n in range(90))))
            assert one.open_items == 0, seed
            await works(one, it, "last")


async def test_closing_cancels_what_is_open_and_ends_every_wait() -> None:
    with service(HOLD) as it:
        one = client(it.url, requests_under_way=1)
        await one.open()
        late, changes = one.late_events(), one.channel_events()
        sent = asyncio.ensure_future(one.invoke_all([invoke("sent")]))
        await it.received(1)
        waiting = asyncio.ensure_future(one.invoke_all([invoke("waiting")]))
        await asyncio.sleep(0)
        await soon(asyncio.gather(one.close(), one.close()))
        assert (await soon(sent)).summary.cancelled == 1
        with pytest.raises(setpoint.ClosedError):
            await soon(waiting)
        assert [event async for event in late] == []
        assert [event async for event in changes] == []
        with pytest.raises(setpoint.ClosedError):
            one.invoke([invoke("after")])
        await one.close()
        assert len(asyncio.all_tasks()) == 1
        assert "closed" in repr(one)


async def test_leaving_the_client_by_an_exception_closes_it() -> None:
    with service() as it:
        with pytest.raises(KeyError):
            async with client(it.url) as one:
                outcomes = one.invoke([invoke("a")])
                await soon(outcomes.next_event())
                raise KeyError
        assert [event.kind async for event in outcomes] == ["cancelled"]
        assert len(asyncio.all_tasks()) == 1
