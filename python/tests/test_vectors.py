"""The vectors of the engine, read from the same files as in every other language."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import corpus
import pytest
import scripts
from corpus import Case

from setpoint import (
    AnswerError,
    Directory,
    FamilyName,
    JsonError,
    Limits,
    MessageError,
    Now,
    Report,
    RequestError,
    check,
    families,
    wire,
)

# How many cases each directory holds: a file that is lost or skipped must not go unnoticed.
COUNTS: dict[str, int] = json.loads((corpus.ROOT / "counts.json").read_bytes())
# A response may be larger than the request that caused it.
UNBOUNDED = Limits(body_bytes=2**40, reply_bytes=2**40, items=2**40, payload_bytes=2**40, depth=1024)


def validation(case: Case) -> None:
    """From a body to every fault and the whole response."""
    directory = Directory(case["directory"]) if "directory" in case else None
    family: FamilyName = case.get("family", "invoke")
    limits, now = corpus.limits(case), Now(0, case.get("now", 1_700_000_000_000))
    found: dict[str, Any]
    try:
        report = check(
            corpus.body(case), family, org_id=case.get("orgId", "o1"), directory=directory, limits=limits, now=now
        )
    except RequestError as error:
        found = {"error": _error(error) | {"offset": error.offset}, "response": error.response.decode()}
        with pytest.raises(RequestError) as read:
            wire.read_response(error.response, family, limits=UNBOUNDED)
        assert _error(read.value) == _error(error)
    else:
        items = _items(report)
        found = {"items": items, "response": report.response.decode(), "error": None}
        replies = [reply for reply in wire.read_response(report.response, family, limits=UNBOUNDED)]
        for item, reply in zip(items, replies, strict=True):
            assert isinstance(reply, wire.Reply)
            reasons = [": ".join(filter(None, (fault["field"], fault["reason"]))) for fault in item["faults"]]
            said = json.loads(reply.text)
            assert (said["status"], said["submsg"] or "") == (item["code"], "; ".join(reasons))
    expected = dict(case["expect"])
    if "response" in expected:
        expected["response"] = corpus.string(expected["response"])
    if "items" in expected:
        expected["error"] = None
    corpus.compare(expected, found)
    wire.check_json(found["response"])


def _error(error: RequestError) -> dict[str, Any]:
    return {"status": error.code, "msg": error.msg, "submsg": error.reason}


def _items(report: Report) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = [{}] * len(report)
    for accepted in report.accepted:
        items[accepted.index] = {"requestId": accepted.request_id, "code": 0, "faults": []}
    for refused in report.refused:
        faults = [{"code": fault.code, "field": fault.field, "reason": fault.reason} for fault in refused.faults]
        items[refused.index] = {"requestId": refused.request_id, "code": refused.code, "faults": faults}
    assert report.ok == (not report.refused) and len(report.accepted) + len(report.refused) == len(report)
    return items


def replies(case: Case) -> None:
    """Responses and channel messages, read and written back."""
    limits, family = corpus.limits(case), case.get("family", "invoke")
    is_response = case["kind"] == "response"
    written = ""
    found: dict[str, Any]
    try:
        if is_response:
            read = wire.read_response(corpus.body(case), family, limits=limits)
        else:
            read = wire.read_message(corpus.body(case), limits=limits)
    except RequestError as error:
        found, written = {"error": _error(error)}, error.response.decode()
    except MessageError as error:
        found = {"unusable": {"offset": error.offset, "reason": error.reason}}
    else:
        good = [reply for reply in read if isinstance(reply, wire.Reply)]
        written = (wire.write_response(good) if is_response else wire.write_message(good)).decode()
        found = {"replies": [_reply(reply) for reply in read]}
    corpus.compare(case["expect"], found)
    if "written" not in case:
        return
    expected = case["written"]
    if isinstance(expected, dict):
        expected = _minified(corpus.sample(expected["minified"]).decode()).replace(expected.get("without", "\0"), "")
        written = _minified(written)
    assert corpus.string(expected) == written


def _reply(reply: wire.Reply | wire.BadReply) -> dict[str, Any]:
    if isinstance(reply, wire.BadReply):
        return {"bad": reply.reason, "index": reply.index, "offset": reply.offset}
    fields: dict[str, Any] = reply.fields
    return fields | {"family": reply.family}


def _minified(text: str) -> str:
    """A text without the white space between its tokens."""
    kept, in_string, after_backslash = [], False, False
    for char in text:
        if char == '"' and not after_backslash:
            in_string = not in_string
        after_backslash = in_string and char == "\\" and not after_backslash
        if in_string or char not in " \t\r\n":
            kept.append(char)
    return "".join(kept)


def devices(case: Case) -> None:
    """Topics, command payloads, answers."""
    family: FamilyName = case.get("family", "invoke")
    found: Any
    if case["kind"] == "commandTopic":
        found = wire.command_topic(family, case["productKey"], case["deviceKey"], case["target"])
    elif case["kind"] == "answerTopic":
        topic = wire.answer_topic(case["topic"])
        found = topic and {
            "productKey": topic.product_key,
            "deviceKey": topic.device_key,
            "serviceId": topic.service_id,
        }
    elif case["kind"] == "command":
        found = wire.command_payload(
            family,
            case["messageId"],
            case["target"],
            case.get("input"),
            timeout_ms=case["timeoutMs"],
            deadline_epoch_ms=case["deadlineEpochMs"],
        ).decode()
    else:
        assert case["kind"] == "answer"
        found = _answer(case)
    corpus.compare(case["expect"], found)


def _answer(case: Case) -> dict[str, Any]:
    try:
        answer = wire.read_answer(corpus.body(case), limits=corpus.limits(case))
    except AnswerError as error:
        return {"unreadable": error.reason}
    if answer.bad is not None:
        return {"id": answer.id, "bad": answer.bad}
    return {"id": answer.id, "code": answer.code, "data": answer.data, "message": answer.message}


def strict_json(case: Case) -> None:
    """Which texts are strict JSON, alone and inside a batch, in a field that nobody reads."""
    text, depth = corpus.body(case), case.get("depth", Limits().depth)
    found: dict[str, Any]
    try:
        wire.check_json(text, depth)
        found = {"accepted": True}
    except JsonError as error:
        found = {"accepted": False, "offset": error.offset, "reason": error.reason}
    corpus.compare(case["expect"], found)
    field = families()["invoke"]["channel_field"]
    item = json.dumps({"requestId": "r", field: "DATASVC.CONTROL.c", "assetId": "a", "serviceId": "s"})
    body = b'{"unread":' + text + b',"data":[' + item.encode() + b"]}"
    if found["accepted"]:
        assert check(body, org_id="o1", limits=Limits(depth=depth + 1)).ok
    else:
        with pytest.raises(RequestError):
            check(body, org_id="o1", limits=Limits(depth=depth + 1))


RUNNERS: dict[str, Callable[[Case], None]] = {
    "validation": validation,
    "replies": replies,
    "devices": devices,
    "json": strict_json,
    "engine": scripts.run,
}


@pytest.mark.parametrize("kind", COUNTS)
def test_no_case_is_lost(kind: str) -> None:
    assert len(corpus.cases(kind)) == COUNTS[kind], "if this is what you meant, correct counts.json"


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in COUNTS for name in corpus.cases(kind)])
def test_vector(kind: str, name: str) -> None:
    RUNNERS[kind](corpus.cases(kind)[name])
