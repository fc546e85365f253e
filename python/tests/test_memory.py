"""What was used is given back: a leak of a few hundred bytes an item would show."""

from __future__ import annotations

import gc
import os
import weakref
from collections.abc import Callable
from pathlib import Path

import conversation
import pytest

import setpoint

ITEMS = 200
ROUNDS = 400
# Every round a leak of 100 bytes an item would leave 20 kB behind, and all of them 8 MB.
MOST = 4 << 20

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def check_bytes(start: int) -> None:
    report = setpoint.check(conversation.message(*conversation.items(ITEMS, timeout=0)), org_id="o1")
    assert len(report.refused) == len(report.refused[0].faults) * ITEMS
    assert len(report.response) > ITEMS
    assert len(report.to_records()) == ITEMS


def check_dicts(start: int) -> None:
    assert (
        len(setpoint.check(conversation.items(ITEMS, inputData={"é": [1.5, None, {"x": 1}]}), org_id="o1").accepted)
        == ITEMS
    )


def refuse_and_raise(start: int) -> None:
    for body in (b"{", conversation.message(), b"\xff" * 1_000):
        with pytest.raises(setpoint.RequestError):
            setpoint.check(body, org_id="o1")
    with pytest.raises(setpoint.EncodeError):
        setpoint.check([*conversation.items(ITEMS), {"a": {"b": {1, 2}}}], org_id="o1")


def converse(start: int) -> None:
    names = [f"{start}-{n}" for n in range(ITEMS)]
    submitted = REQUESTER.submit(
        [item | {"requestId": name} for item, name in zip(conversation.items(ITEMS), names, strict=True)]
    )
    replies = [conversation.reply(name, outputData={"text": name * 10}) for name in names]
    REQUESTER.handle_response(submitted.batch, conversation.response(*replies))
    REQUESTER.handle_message(conversation.message(*replies))
    for event in REQUESTER.poll_events():
        if isinstance(event, setpoint.Finished):
            assert event.output["text"].startswith(str(start))
            assert event.outcome.output is event.output


REQUESTER = setpoint.Requester("o1", remembered=1_000)


@pytest.mark.parametrize("work", [check_bytes, check_dicts, refuse_and_raise, converse], ids=lambda work: work.__name__)
def test_a_long_run_leaves_nothing_behind(work: Callable[[int], None]) -> None:
    for turn in range(ROUNDS // 4):
        work(turn)
    gc.collect()
    before = resident()
    for turn in range(ROUNDS // 4, ROUNDS // 4 + ROUNDS):
        work(turn)
    gc.collect()
    grown = resident() - before
    assert grown < MOST, f"{grown / (1 << 20):.1f} MiB more after {ROUNDS} rounds of {ITEMS} items"


def test_a_leak_of_a_hundred_bytes_an_item_would_be_seen() -> None:
    kept: list[bytes] = []
    before = resident()
    for _ in range(ROUNDS * ITEMS):
        kept.append(bytes(100 - 33))
    assert resident() - before > MOST


def test_the_collector_may_come_at_any_moment() -> None:
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for turn in range(20):
            converse(1_000_000 + turn)
            check_dicts(turn)
    finally:
        gc.set_threshold(*threshold)


def test_what_an_outcome_gave_out_lives_as_long_as_somebody_holds_it() -> None:
    class Holder:
        """Something that can be watched."""

    requester = setpoint.Requester("o1")
    requester.submit(conversation.items(1))
    requester.handle_message(conversation.message(conversation.reply("r0")))
    event = requester.poll_events()[1]
    assert isinstance(event, setpoint.Finished)
    holder = Holder()
    watched = weakref.ref(holder)
    event.output["held"] = holder
    del holder, requester
    gc.collect()
    assert watched() is not None
    assert event.output["held"] is watched()
    del event
    gc.collect()
    assert watched() is None
