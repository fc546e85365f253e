"""Objects of the package are values: they compare, print, copy and pickle by their attributes."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from conversation import items, message, reply, response

from setpoint import (
    AcceptedItem,
    Directory,
    EncodeError,
    Fault,
    FullError,
    InUseError,
    JsonError,
    Limits,
    MessageError,
    Now,
    PoisonedError,
    Refusal,
    RefusedError,
    RefusedItem,
    Requester,
    RequestError,
    SetpointError,
    Summary,
    check,
    codes,
    wire,
)


def heard() -> list[Any]:
    """Every kind of event, and the outcomes in them."""
    requester = Requester("o1")
    requester.submit(items(4), now=Now(0, 0))
    requester.handle_response(
        1, response(*(reply(f"r{index}") for index in range(3)), reply("r3", status=1000)), Now(0, 0)
    )
    requester.handle_message(message(reply("r0"), reply("r0", msg="again"), reply("who", outputData={"é": [1]}), {}))
    requester.handle_message(message(reply("r1", status=1000203, msg="timeout")))
    requester.handle_timeout(Now(10_000_000, 0))
    requester.submit(items(1, 4), now=Now(0, 0))
    requester.cancel(2)
    requester.handle_message(message(reply("r4")))
    events: list[Any] = requester.poll_events()
    assert len({event.kind for event in events}) == 10
    return [*events, *(event.outcome for event in events if getattr(event, "outcome", None))]


def values() -> list[Any]:
    report = check(items(1) + items(1, 1, serviceId=5), org_id="o1", now=Now(0, 5))
    (good, bad) = wire.read_message(message(reply("r0"), {}))
    topic = "/sys/p/d/thing/service/s/invoke_reply"
    return [
        *heard(),
        report,
        *report.accepted,
        *report.refused,
        *report.refused[0].faults,
        Summary(7, 6, 1, 2, 3, 1, 0),
        Refusal(1000, "para error", None, False),
        Limits(items=5),
        Limits(),
        Now(1, -2),
        *codes()[:3],
        bad,
        good,
        wire.AnswerTopic("p", "d", None),
        *filter(None, [wire.answer_topic(topic)]),
        wire.read_answer(b'{"id":"1","code":200,"data":{}}'),
        Requester("o1").submit(items(1)),
    ]


def test_copies_are_equal_and_nothing_else_is() -> None:
    found = values()
    assert len({type(value) for value in found}) >= 24
    for value in found:
        pickled = [pickle.loads(pickle.dumps(value, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
        for other in (*pickled, copy.copy(value), copy.deepcopy(value)):
            assert type(other) is type(value)
            assert (other == value, other != value) == (True, False)
            assert repr(other) == repr(value)
            if value.__hash__ is not None:
                assert hash(other) == hash(value)
        assert repr(value).startswith(type(value).__name__ + "(")
        assert value != 5 and value is not None and (value == 5) is False
        with pytest.raises(TypeError):
            value < value  # noqa: B015
        with pytest.raises(AttributeError):
            value.index = 5
    for first, one in enumerate(found):
        for second, other in enumerate(found):
            if one == other:
                assert type(one) is type(other) and repr(one) == repr(other)
            assert (one == other) or first != second


def test_what_was_pickled_still_says_everything() -> None:
    for event in heard():
        other = pickle.loads(pickle.dumps(event))
        for name in (name for name in dir(event) if not name.startswith("_")):
            assert getattr(other, name) == getattr(event, name), (event, name)


def test_a_report_that_was_pickled_is_whole() -> None:
    report = check(items(2) + items(1, 2, serviceId=5), org_id="o1")
    other = pickle.loads(pickle.dumps(report))
    assert (other.response, other.to_records(), other.refused) == (report.response, report.to_records(), report.refused)
    assert other.accepted == report.accepted and other.family == report.family and len(other) == 3


def test_reprs_are_what_makes_the_value() -> None:
    for value in (
        AcceptedItem(1, "r"),
        Summary(1, 1, 0, 1, 0, 0, 0),
        Now(1, 2),
        Limits(depth=5),
        Fault(5, "a", "é\n'\""),
    ):
        assert eval(repr(value)) == value
    faults = [Fault(1, "f", "r")]
    assert eval(repr(RefusedItem(0, None, 1, "m", faults))) == RefusedItem(0, None, 1, "m", faults)


def raised(call: Any) -> SetpointError:
    with pytest.raises(SetpointError) as error:
        call()
    return error.value


def test_errors_are_copied_whole() -> None:
    requester = Requester("o1", open_items=2)
    requester.submit(items(1))
    errors = [
        raised(lambda: check(b"{", org_id="o1")),
        raised(lambda: check(items(1, serviceId=None), org_id="o1").raise_for_refused()),
        raised(lambda: check([{"a": [float("nan")]}], org_id="o1")),
        raised(lambda: requester.submit(items(1))),
        raised(lambda: requester.submit(items(5, 5))),
        raised(lambda: requester.handle_message(b"{")),
        raised(lambda: wire.check_json(b"[1,]")),
        raised(lambda: wire.read_answer(b"{}")),
        PoisonedError(),
    ]
    kinds = [RequestError, RefusedError, EncodeError, InUseError, FullError, MessageError, JsonError]
    assert [type(error) for error in errors][:7] == kinds
    for error in errors:
        other = pickle.loads(pickle.dumps(error))
        assert type(other) is type(error)
        assert (str(other), other.args, vars(other)) == (str(error), error.args, vars(error))
        assert other.code == error.code and str(error)
    assert [error.code for error in errors[:3]] == [400, 1000, None]


def test_what_has_no_value_is_not_pickled() -> None:
    for value in (Requester("o1"), Directory({"o1": {"channels": [], "devices": []}})):
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(value)
        with pytest.raises(TypeError, match="cannot pickle"):
            copy.copy(value)
