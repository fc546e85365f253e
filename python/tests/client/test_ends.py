"""The limits of a client's world: other loops, other processes, callbacks, collection."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import warnings

import pytest
from service import OUTCOMES_FIRST, invoke, service
from support import client, soon

import setpoint

pytestmark = pytest.mark.asyncio


async def test_another_loop_is_told_so_and_changes_nothing() -> None:
    with service(OUTCOMES_FIRST) as it:
        async with client(it.url) as one:
            outcomes = one.invoke([invoke("a")])

            async def elsewhere() -> None:
                for call in (lambda: one.invoke([invoke("b")]), one.late_events, lambda: one.channels):
                    with pytest.raises(setpoint.WrongLoopError, match="event loop"):
                        call()
                with pytest.raises(setpoint.WrongLoopError):
                    await one.close()
                with pytest.raises(setpoint.WrongLoopError):
                    await anext(outcomes)

            await asyncio.to_thread(asyncio.run, elsewhere())
            with pytest.raises(setpoint.WrongLoopError):
                await asyncio.to_thread(one.invoke, [invoke("c")])
            assert (await soon(one.invoke_all([invoke("d")]))).ok
        assert len(it.bodies()) == 1


async def test_a_forked_child_is_told_so_and_leaves_the_parent_alone() -> None:
    with service(OUTCOMES_FIRST) as it:
        async with client(it.url) as one:
            with warnings.catch_warnings():
                # Newer Pythons warn of threads: the service's own, here.
                warnings.simplefilter("ignore", DeprecationWarning)
                child = os.fork()
            if child == 0:
                code = 1
                try:
                    one.invoke([invoke("a")])
                except setpoint.WrongLoopError as error:
                    code = 0 if "fork" in str(error) else 2
                finally:
                    os._exit(code)
            _, status = await asyncio.to_thread(os.waitpid, child, 0)
            assert os.waitstatus_to_exitcode(status) == 0
            assert (await soon(one.invoke_all([invoke("b")]))).ok


async def test_a_client_that_is_not_open_says_what_to_do() -> None:
    one = client("http://127.0.0.1:1")
    with pytest.raises(setpoint.ClosedError, match="async with"):
        one.invoke([invoke("a")])
    await one.close()
    assert one.stats == type(one.stats)()
    assert "not open" in repr(one)


async def test_a_client_is_opened_once() -> None:
    with service() as it:
        async with client(it.url) as one:
            with pytest.raises(setpoint.ClosedError, match="once"):
                await one.open()


async def test_a_client_that_is_forgotten_is_warned_of() -> None:
    with service() as it:
        one = client(it.url)
        await one.open()
        running = one._running
        with pytest.warns(ResourceWarning, match="not closed"):
            del one
            gc.collect()
        assert running is not None
        for pump in running.pumps:
            pump.cancel()
        await running.http.close()


async def test_progress_is_told_of_every_item_and_may_fail(caplog: pytest.LogCaptureFixture) -> None:
    class Bar:
        ended = 0

        def update(self, n: int) -> None:
            self.ended += n
            raise ValueError("the bar's own")

    with service(OUTCOMES_FIRST) as it:
        async with client(it.url) as one:
            bar = Bar()
            assert (await one.invoke_all([invoke(f"{n}") for n in range(10)], progress=bar)).ok
            assert bar.ended == 10
    assert sum("the bar's own" in (record.exc_text or "") for record in caplog.records) == 10


async def test_a_tqdm_bar_is_progress() -> None:
    tqdm = pytest.importorskip("tqdm")
    with service(OUTCOMES_FIRST) as it, open(os.devnull, "w") as nowhere:
        async with client(it.url) as one:
            with tqdm.tqdm(total=10, file=nowhere) as bar:
                await one.invoke_all([invoke(f"{n}") for n in range(10)], progress=bar)
                assert bar.n == 10


async def test_an_object_that_another_thread_drops_is_cancelled_on_the_loop() -> None:
    with service() as it:
        async with client(it.url) as one:
            held = [one.invoke([invoke("a")])]
            await soon(held[0].next_event())
            dropper = threading.Thread(target=held.clear)
            dropper.start()
            dropper.join()
            while one.open_items:
                await soon(asyncio.sleep(0.01))
