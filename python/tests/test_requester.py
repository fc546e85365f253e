"""The caller's side of the conversation."""

from __future__ import annotations

import json
import time

import conversation
import pytest
from conversation import items, message, reply, response

from setpoint import (
    Accepted,
    BatchDone,
    Cancelled,
    Duplicate,
    Finished,
    FullError,
    InUseError,
    Late,
    MessageError,
    Now,
    Outcome,
    Refusal,
    Refused,
    Requester,
    RequestError,
    Summary,
    TimedOut,
    Unknown,
    Unreadable,
)


def at(ms: int) -> Now:
    return Now(ms, 1_700_000_000_000 + ms)


def test_every_kind_of_event_is_told() -> None:
    requester = Requester("o1", grace_ms=100)
    sent = requester.submit(items(3, timeout=1_000), now=at(0))
    assert (sent.batch, sent.family, sent.items, requester.open_items) == (1, "invoke", 3, 3)
    assert 0 < sent.patience_ms <= 1_000
    refused = reply("r2", status=1000207, msg="can not find device", submsg="assetId: there is no such device")
    assert requester.handle_response(1, response(reply("r0"), reply("r1"), refused), at(5)) == "settled"
    refusal = Refusal(1000207, "can not find device", "assetId: there is no such device", False)
    assert requester.poll_events() == [Accepted(1, 0, "r0"), Accepted(1, 1, "r1"), Refused(1, 2, "r2", refusal)]
    assert requester.handle_message(message(reply("r0"), reply("x"), {"requestId": 5})) == 3
    finished, unknown, unreadable = requester.poll_events()
    assert isinstance(finished, Finished) and finished.outcome.request_id == "r0"
    assert isinstance(unknown, Unknown) and unknown.outcome.request_id == "x"
    assert isinstance(unreadable, Unreadable) and unreadable.reason
    timeout = requester.poll_timeout()
    assert timeout is not None and 1_000 <= timeout <= 1_105
    requester.handle_timeout(at(1_099))
    assert requester.poll_events() == []
    requester.handle_timeout(at(1_105))
    timed_out, done = requester.poll_events()
    assert timed_out == TimedOut(1, 1, "r1", False, None)
    assert done == BatchDone(1, Summary(3, 2, 1, 1, 0, 1, 0))
    assert (requester.open_items, requester.poll_timeout()) == (0, None)
    requester.handle_message(message(reply("r0"), reply("r0", status=1000204), reply("r1")))
    same, other, late = requester.poll_events()
    assert isinstance(same, Duplicate) and not same.conflict
    assert isinstance(other, Duplicate) and other.conflict
    assert isinstance(late, Late) and late.index == 1


def test_the_four_that_end_an_item_answer_the_same_questions() -> None:
    requester = Requester("o1")
    requester.submit(items(4), now=at(0))
    refused = reply("r3", status=1000, msg="para error", submsg="serviceId: is null")
    requester.handle_response(1, response(*(reply(f"r{index}") for index in range(3)), refused), at(0))
    failed = reply("r1", status=1000204, msg="invoke failed", submsg="jammed", outputData={"at": 12345678901234567890})
    requester.handle_message(message(reply("r0"), failed))
    requester.handle_timeout(at(1_000_000))
    requester.submit(items(1, 4), now=at(0))
    requester.cancel(2)
    ended = [event for event in requester.poll_events() if not isinstance(event, Accepted | BatchDone)]
    assert [type(event) for event in ended] == [Refused, Finished, Finished, TimedOut, Cancelled]
    found = [
        (event.ok, event.code, event.msg, event.submsg, event.output)
        for event in ended
        if isinstance(event, Refused | Finished | TimedOut | Cancelled)
    ]
    assert found == [
        (False, 1000, "para error", "serviceId: is null", None),
        (True, 0, "SUCCESS", None, {"rpm": 12}),
        (False, 1000204, "invoke failed", "jammed", {"at": 12345678901234567890}),
        (False, 1000203, "timeout", None, None),
        (False, None, None, None, None),
    ]
    assert [event.kind for event in ended] == ["refused", "finished", "finished", "timedOut", "cancelled"]


def test_an_outcome_says_what_the_device_wrote_and_parses_it_once() -> None:
    requester = Requester("o1")
    requester.submit(items(1))
    text = '{ "n": 1e400, "big": 123456789012345678901234567890, "é": "\\u00e9" }'
    body = message(reply("r0", productKey="p", deviceKey="d", gmtServiceReply=5, gmtDeviceReply=-1))
    requester.handle_message(body.replace(b'{"rpm":12}', text.encode()))
    (finished,) = (event for event in requester.poll_events() if isinstance(event, Finished))
    outcome = finished.outcome
    assert isinstance(outcome, Outcome) and outcome is finished.outcome
    assert outcome.output_text == text and outcome.output == json.loads(text)
    assert outcome.output is outcome.output and finished.output is outcome.output
    assert (outcome.family, outcome.code, outcome.ok, outcome.msg, outcome.submsg) == (
        "invoke",
        0,
        True,
        "SUCCESS",
        None,
    )
    assert (outcome.product_key, outcome.device_key, outcome.asset_id, outcome.target) == ("p", "d", "a1", "start")
    assert (outcome.gmt_service_reply, outcome.gmt_device_reply) == (5, -1)


def test_events_can_be_drained_in_parts() -> None:
    requester = Requester("o1")
    requester.submit(items(10))
    requester.cancel(1)
    parts = [
        requester.poll_events(0),
        requester.poll_events(3),
        requester.poll_events(most=100),
        requester.poll_events(),
    ]
    assert [len(part) for part in parts] == [0, 3, 8, 0]
    assert [event.index for event in parts[1] if isinstance(event, Cancelled)] == [0, 1, 2]


def test_bytes_are_sent_as_they_are() -> None:
    requester = Requester("o1")
    body = b' {"data" : [ {"requestId":"r"} ] } '
    assert requester.submit(body).body is body
    assert requester.submit(bytearray(body.replace(b'"r"', b'"s"'))).body == body.replace(b'"r"', b'"s"')


def test_what_cannot_be_submitted_leaves_nothing_behind() -> None:
    requester = Requester("o1", open_items=3)
    requester.submit(items(2))
    with pytest.raises(InUseError) as in_use:
        requester.submit(items(1, 1))
    assert (in_use.value.index, in_use.value.request_id) == (0, "r1")
    with pytest.raises(FullError) as full:
        requester.submit(items(2, 5))
    assert (full.value.open, full.value.more, full.value.bound) == (2, 2, 3)
    with pytest.raises(RequestError) as unusable:
        requester.submit(b"{}")
    assert unusable.value.code == 400
    with pytest.raises(MessageError) as message_error:
        requester.handle_response(1, b"<html>")
    assert (message_error.value.offset, str(message_error.value)) == (0, f"{message_error.value.reason} at byte 0")
    with pytest.raises(MessageError):
        requester.handle_message(b"[]")
    assert requester.open_items == 2 and requester.poll_events() == []


def test_what_was_certainly_not_sent_is_refused() -> None:
    requester = Requester("o1")
    requester.submit(items(1))
    assert requester.handle_not_sent(1, "no connection") == "settled"
    refused, done = requester.poll_events()
    assert (
        isinstance(refused, Refused)
        and refused.refusal.submsg is not None
        and "no connection" in refused.refusal.submsg
    )
    assert isinstance(done, BatchDone)


def test_the_clocks_are_read_where_no_time_is_given() -> None:
    requester = Requester("o1")
    before = Now.read()
    requester.submit(items(1, timeout=1_000))
    after = Now.read()
    timeout = requester.poll_timeout()
    assert timeout is not None and before.monotonic_ms + 1_000 <= timeout <= after.monotonic_ms + 6_000
    assert abs(after.epoch_ms - time.time() * 1_000) < 60_000
    if hasattr(time, "CLOCK_BOOTTIME"):
        clock = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
        assert before.monotonic_ms <= after.monotonic_ms <= clock


def test_request_ids_that_are_made_up_never_repeat() -> None:
    given = [Requester("o1") for _ in range(20)]
    made = [item["requestId"] for one in given for item in json.loads(one.submit([{}] * 100).body)["data"]]
    assert len(set(made)) == 2_000


def test_a_batch_that_nobody_knows_is_ignored() -> None:
    requester = Requester("o1")
    requester.cancel(77)
    requester.resend(77)
    requester.handle_timeout()
    assert requester.handle_response(77, conversation.response(), at(0)) == "settled"
    assert requester.poll_events() == []
    with pytest.raises(OverflowError):
        requester.cancel(-1)


def test_a_requester_says_who_it_is() -> None:
    requester = Requester("o1")
    requester.submit(items(2))
    assert (requester.org_id, repr(requester)) == ("o1", 'Requester(org_id="o1", open_items=2)')
