"""Objects and the garbage collector; test_processes.py has a long run."""

from __future__ import annotations

import gc
import weakref

import conversation

import setpoint

ITEMS = 200
REQUESTER = setpoint.Requester("o1", remembered=1_000)


def check_dicts() -> None:
    assert (
        len(setpoint.check(conversation.items(ITEMS, inputData={"é": [1.5, None, {"x": 1}]}), org_id="o1").accepted)
        == ITEMS
    )


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


def test_the_collector_may_come_at_any_moment() -> None:
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for turn in range(20):
            converse(1_000_000 + turn)
            check_dicts()
    finally:
        gc.set_threshold(*threshold)


def test_what_an_outcome_gave_out_lives_as_long_as_somebody_holds_it() -> None:
    class Holder:
        """Something that can be watched."""

    requester = setpoint.Requester("o1")
    requester.submit(conversation.items(1))
    requester.handle_message(conversation.message(conversation.reply("r0")))
    event = requester.poll_events()[0]
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
