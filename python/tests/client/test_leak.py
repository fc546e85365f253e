"""A client that runs for long keeps nothing of what has ended."""

from __future__ import annotations

import asyncio
import gc
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from gateway import Gateway, devices, proxy, serve
from support import client, soon, until
from test_gateway import invoke

import setpoint
from setpoint._driver import Ticket

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(300)]

MIB = 1 << 20
ROUNDS = 100


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with serve(tmp_path) as running:
        yield running


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def alive() -> Counter[str]:
    gc.collect()
    kinds = (Ticket, setpoint.Outcomes, setpoint.Results, asyncio.Task, asyncio.Future, asyncio.TimerHandle)
    things = [thing for thing in gc.get_objects() if isinstance(thing, kinds)]
    # The loop itself keeps timers that were cancelled, up to a hundred of them, until it comes across them.
    return Counter(
        type(thing).__name__ for thing in things if not (isinstance(thing, asyncio.Handle) and thing.cancelled())
    )


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
async def test_thousands_of_batches_with_cancellations_and_broken_streams_leave_nothing_behind(
    gateway: Gateway,
) -> None:
    with devices(gateway, "--twice=5", "--fail=5", keep=False), proxy(gateway.port) as between:
        async with client(f"http://127.0.0.1:{between.port}", remembered=1_000) as one:

            async def work(start: int) -> None:
                for n in range(start, start + ROUNDS):
                    names = [f"{n}-{i}" for i in range(60)]
                    feed = one.late_events()
                    call = asyncio.ensure_future(one.invoke_all([invoke(name, i) for i, name in enumerate(names)]))
                    if n % 3 == 0:
                        await asyncio.sleep(0.002 * (n % 5))
                        call.cancel()
                        await asyncio.wait([call])
                    else:
                        await soon(call)
                    async for event in one.invoke([invoke(f"{n}-left"), invoke(f"{n}-too")]):
                        assert event.index in (0, 1)
                        break
                    if n % 20 == 0:
                        between.cut()
                    del feed

                await until(lambda: one.open_items == 0)

            await work(0)
            before, kept = resident(), alive()
            for turn in range(1, 3):
                await work(turn * ROUNDS)
            # What there is of a connection that is just being made anew comes and goes; what leaks stays.
            grown, left = resident() - before, alive()
            assert all(left[name] <= kept[name] + 8 for name in left), (kept, left)
            assert left["Ticket"] <= 1
            assert grown < 8 * MIB, f"{grown / MIB:.1f} MiB more after {2 * ROUNDS} more rounds"
            print(f"grown by {grown / MIB:.2f} MiB in {2 * ROUNDS} rounds; alive: {dict(left)}")
