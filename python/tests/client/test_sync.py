"""The blocking twin: threads, Ctrl-C, forks, and the end of the program."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from service import CHANNEL, OUTCOMES_FIRST, WAIT_S, invoke, outcome, service

import setpoint
from setpoint import channels, sync


def client(url: str, **settings: Any) -> setpoint.sync.Client:
    quick: dict[str, Any] = {"org_id": "o1", "channel": CHANNEL, "grace_ms": 0, "backoff_ms": (1, 20)}
    return setpoint.sync.Client(url, **{**quick, **settings})


def test_it_does_what_its_twin_does() -> None:
    with service(*[OUTCOMES_FIRST] * 3) as it:
        with client(it.url, channel=[CHANNEL, "DATASVC.SET.ops"]) as one:
            outcomes = one.invoke([invoke("a"), invoke("b")])
            assert it.bodies() == []
            assert outcomes.summary is None
            assert [event.request_id for event in outcomes] == ["a", "b"]
            assert outcomes.summary is not None
            assert outcomes.summary.succeeded == 2
            kinds = [
                event.kind
                for event in one.send_body(it.bodies()[0].replace(b'"a"', b'"c"').replace(b'"b"', b'"d"')).events()
            ]
            assert kinds[-1] == "batchDone"
            assert kinds.count("finished") == 2
            write = {"requestId": "w", "assetId": "a", "measurepointId": "m", "inputData": {"v": 1}}
            assert one.write_all([write]).ok
            late = one.late_events()
            it.publish(outcome("nobody"))
            assert next(late).kind == "unknown"
            assert (one.stats.unknown, one.open_items, late.missed) == (1, 0, 0)
            with pytest.raises(setpoint.NotListeningError):
                one.invoke_all([invoke("x", controlChannelId="DATASVC.CONTROL.other")])
            with pytest.raises(setpoint.CallRefusedError, match="404"):
                one.channels.list("invoke")
        assert list(late) == []
        with pytest.raises(setpoint.ClosedError):
            one.invoke([invoke("y")])
        one.close()


def test_signatures_are_those_of_the_twin() -> None:
    for theirs, ours in ((setpoint.Client, sync.Client), (channels.Channels, sync.Channels)):
        names = {name for name in vars(theirs) if not name.startswith("_")}
        assert names == {name for name in vars(ours) if not name.startswith("_")}
        for name in names:
            method = getattr(theirs, name)
            if inspect.isfunction(method):
                assert list(inspect.signature(method).parameters) == list(
                    inspect.signature(getattr(ours, name)).parameters
                ), name


def test_many_threads_share_one_client_and_get_their_own_answers() -> None:
    with service(*[OUTCOMES_FIRST] * 200) as it, client(it.url) as one:

        def call(n: int) -> None:
            results = one.invoke_all([invoke(f"{n}-{i}") for i in range(5)])
            assert [event.output for event in results] == [{"of": f"{n}-{i}"} for i in range(5)]

        with ThreadPoolExecutor(16) as pool:
            for _ in pool.map(call, range(200)):
                pass
        assert one.open_items == 0


def test_leaving_the_loop_cancels_the_batch() -> None:
    with service() as it, client(it.url) as one:
        for event in one.invoke([invoke("a")]).events():
            assert event.kind == "accepted"
            break
        wait_until(lambda: one.open_items == 0)
        outcomes = one.invoke([invoke("b")])
        next(outcomes.events())
        outcomes.close()
        assert [event.kind for event in outcomes] == ["cancelled"]


def test_progress_is_told_in_the_thread_that_waits() -> None:
    class Bar:
        def __init__(self) -> None:
            self.threads: list[int] = []

        def update(self, n: int) -> None:
            self.threads += [threading.get_ident()] * n

    with service(OUTCOMES_FIRST) as it, client(it.url) as one:
        bar = Bar()
        one.invoke_all([invoke(str(n)) for n in range(7)], progress=bar)
        assert bar.threads == [threading.get_ident()] * 7


def test_a_callback_cannot_wait_for_its_own_client() -> None:
    errors: list[str] = []
    with service() as it:

        def on_late(_: object) -> None:
            try:
                one.invoke_all([invoke("x")])
            except setpoint.WrongLoopError as error:
                errors.append(str(error))

        with client(it.url, on_late=on_late) as one:
            it.publish(outcome("nobody"))
            wait_until(lambda: errors)
    assert "callback" in errors[0]


def test_a_forked_child_is_told_so() -> None:
    with service(OUTCOMES_FIRST) as it, client(it.url) as one:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            code = 1
            try:
                one.invoke_all([invoke("a")])
            except setpoint.WrongLoopError as error:
                one.close()
                code = 0 if "fork" in str(error) else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert one.invoke_all([invoke("b")]).ok


def test_a_client_that_cannot_open_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    with pytest.raises(setpoint.SourceError):
        client("http://127.0.0.1:1").open()
    assert threading.active_count() == before


def test_closing_from_another_thread_ends_the_waits() -> None:
    with service() as it:
        one = client(it.url)
        one.open()
        with ThreadPoolExecutor(2) as pool:
            waiting = pool.submit(one.invoke_all, [invoke("a")])
            late = pool.submit(list, one.late_events())
            wait_until(lambda: one.open_items == 1)
            one.close()
            assert waiting.result(WAIT_S).summary.cancelled == 1
            assert late.result(WAIT_S) == []


def wait_until(done: Any) -> None:
    until = time.monotonic() + WAIT_S
    while not done():
        assert time.monotonic() < until
        time.sleep(0.01)


SCRIPT = """
import sys, threading
sys.path.insert(0, {folder!r})
import setpoint
from test_sync import client, invoke

one = client({url!r})
one.open()
"""


def run(url: str, script: str) -> subprocess.Popen[str]:
    text = SCRIPT.format(folder=str(Path(__file__).parent), url=url) + script
    command = [sys.executable, "-X", "dev", "-W", "ignore::ResourceWarning", "-c", text]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=WAIT_S)
    return process.returncode, out.strip(), err


@pytest.mark.parametrize(
    "ending",
    ["", "import sys; sys.exit(0)", "del one", "import gc; one = None; gc.collect()"],
    ids=["end of the script", "sys.exit", "del", "collected"],
)
def test_the_program_ends_with_thousands_pending(ending: str) -> None:
    script = """
started = threading.Barrier(11)
def wait(batch):
    for event in one.invoke([invoke(f"{batch}-{n}", timeout=300_000) for n in range(500)]).events():
        if event.index == 499:
            started.wait()
for batch in range(10):
    threading.Thread(target=wait, args=(batch,), daemon=True).start()
started.wait()
print(one.open_items, flush=True)
"""
    with service() as it:
        code, out, err = finish(run(it.url, script + ending + "\n"))
    assert (code, out) == (0, "5000"), err
    assert "Fatal" not in err, err
    assert "Traceback" not in err, err


def test_ctrl_c_in_a_wait_cancels_the_batch_and_leaves_the_client_usable() -> None:
    script = """
try:
    one.invoke_all([invoke("interrupted", timeout=300_000)])
except KeyboardInterrupt:
    print("interrupted", one.invoke_all([invoke("kept")]).summary.succeeded, one.open_items)
"""
    with service() as it:
        process = run(it.url, script)
        it.wait(lambda state: len(state.batches) == 1)
        process.send_signal(signal.SIGINT)
        it.wait(lambda state: len(state.batches) == 2)
        it.publish(outcome("kept"))
        code, out, err = finish(process)
    assert (code, out) == (0, "interrupted 1 0"), err


def test_an_async_program_ends_with_thousands_pending() -> None:
    script = """
import asyncio
async def main():
    two = setpoint.Client(one._client._settings.url, org_id="o1", channel="DATASVC.CONTROL.ops")
    await two.open()
    batches = [[invoke(f"{b}-{n}", timeout=300_000) for n in range(500)] for b in range(10)]
    waiting = [asyncio.ensure_future(two.invoke_all(batch)) for batch in batches]
    while two.open_items < 5000:
        await asyncio.sleep(0.01)
    print(two.open_items, flush=True)
asyncio.run(main())
"""
    with service() as it:
        code, out, err = finish(run(it.url, script))
    assert (code, out) == (0, "5000"), err
    assert "Fatal" not in err, err


def test_interrupts_at_random_places_leave_nothing_open_and_the_client_usable() -> None:
    script = """
import random, signal, time
seed = random.randrange(1 << 32)
chance = random.Random(seed)
print("seed", seed, file=sys.stderr, flush=True)

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
for n in range(60):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0002 + chance.random() * 0.01)
        for i in range(100):
            one.invoke_all([invoke(f"{n}-{i}")])
    except KeyboardInterrupt:
        pass
    signal.setitimer(signal.ITIMER_REAL, 0)
    until = time.monotonic() + 20
    while one.open_items:
        assert time.monotonic() < until, (n, one)
        time.sleep(0.001)
    assert one.invoke_all([invoke(f"kept-{n}")]).ok
print("usable")
"""
    with service() as it:
        it.state.always = OUTCOMES_FIRST
        code, out, err = finish(run(it.url, script))
    assert (code, out) == (0, "usable"), err
