"""Huge and hostile input: an error that says so, or a result; never an abort, and nothing half done."""

from __future__ import annotations

import gc
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from conversation import items, message, reply

from setpoint import EncodeError, Limits, Requester, RequestError, SetpointError, check, wire


class Hook:
    """Runs code of its own where an integer is asked for."""

    def __init__(self, action: Callable[[], Any]) -> None:
        self.action = action

    def __index__(self) -> int:
        self.action()
        return 7


def test_a_dict_may_be_changed_while_it_is_walked() -> None:
    inner: dict[str, Any] = {}
    item: dict[str, Any] = {"requestId": "r", "inputData": inner}

    def destroy() -> None:
        item.clear()
        inner.clear()
        gc.collect()
        for number in range(1_000):
            inner[str(number)] = number

    inner.update({"a": Hook(destroy), "b": "b" * 1_000, "c": [1, 2]})
    body = Requester("o1").submit([item]).body
    assert body == b'{"data":[{"requestId":"r","inputData":{"a":7,"b":"' + b"b" * 1_000 + b'","c":[1,2]}}]}'
    assert len(inner) == 1_000 and item == {}


def test_a_dict_may_be_changed_while_an_error_in_it_is_described() -> None:
    outer: dict[str, Any] = {}

    class Key:
        def __repr__(self) -> str:
            outer.clear()
            gc.collect()
            return "key"

    outer["".join(["input", "Data"])] = {"a": {Key(): 1}}
    with pytest.raises(EncodeError, match="the key key is no str") as caught:
        check([outer], org_id="o1")
    assert (caught.value.index, caught.value.field) == (0, "inputData.a") and outer == {}


def test_keys_of_a_derived_class_are_text() -> None:
    class Name(str):
        __slots__ = ()

    batch: list[dict[str, Any]] = [{Name("requestId"): "a", "n": 1 << 70}, {"requestId": "b", Name("n"): Name("x")}]
    body = Requester("o1").submit(batch).body
    assert body == b'{"data":[{"requestId":"a","n":%d},{"requestId":"b","n":"x"}]}' % (1 << 70)


def test_lists_may_be_changed_while_they_are_walked() -> None:
    numbers: list[Any] = [1, 2, 3]
    batch: list[Any] = items(3)
    batch[1]["inputData"] = {"a": Hook(batch.clear), "b": Hook(numbers.clear), "c": numbers}
    assert [item.index for item in check(batch, org_id="o1").accepted] == [0, 1]
    numbers = [Hook(lambda: numbers.clear()), 2, 3]
    assert check(items(1, inputData={"a": numbers}), org_id="o1").ok


def test_a_requester_may_be_used_while_it_walks() -> None:
    requester = Requester("o1")
    inside: list[int] = []

    def more() -> None:
        inside.append(requester.submit([{"serviceId": "inside"}]).batch)
        requester.poll_events()
        requester.cancel(inside[-1])

    sent = requester.submit([{"inputData": {"a": Hook(more)}}, {"inputData": {"a": Hook(more)}}])
    assert inside == [1, 2] and sent.batch == 3 and requester.open_items == 2


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError, RecursionError])
def test_what_a_hook_raises_comes_out_and_nothing_is_kept(error: type[BaseException]) -> None:
    def fail() -> None:
        raise error("from the hook")

    class Item:
        def __setpoint_item__(self) -> dict[str, Any]:
            raise error("from the hook")

    class Keys(dict[str, Any]):
        def items(self) -> Any:
            raise error("from the hook")

    requester = Requester("o1")
    batches: list[list[Any]] = [[*items(1), {"a": [Hook(fail)]}], [Item()], [Keys(a=1)], [{"a": Keys()}]]
    for batch in batches:
        with pytest.raises(error, match="from the hook"):
            requester.submit(batch)
    assert requester.open_items == 0
    assert requester.submit(items(1)).batch == 1


def test_hooks_that_give_nonsense_are_errors() -> None:
    class Item:
        def __setpoint_item__(self) -> int:
            return 5

    class Index:
        def __index__(self) -> str:
            return "5"

    class Pairs(dict[str, Any]):
        def items(self) -> Any:
            return [1, 2]

    for batch in ([Item()], [{"a": Index()}], [{"a": Pairs(b=1)}], [Pairs(b=1)]):
        with pytest.raises((TypeError, EncodeError)):
            check(batch, org_id="o1")  # type: ignore[arg-type]


def test_an_interrupt_in_the_middle_leaves_the_requester_usable() -> None:
    requester = Requester("o1")
    hook = Hook(lambda: signal.raise_signal(signal.SIGINT))
    # Whoever runs tests in the background may have it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            requester.submit([*items(100), {"inputData": {"a": hook}}])
    finally:
        signal.signal(signal.SIGINT, before)
    assert requester.submit(items(100)).items == 100


def test_bodies_at_the_limit_and_beyond() -> None:
    limit = Limits().body_bytes
    head, tail = b'{"data":[{"requestId":"r","inputData":{"a":"', b'"}}]}'
    for byte in (b"x", b"\\n", "\u00e9".encode()):
        room = limit - len(head) - len(tail)
        body = head + byte * (room // len(byte)) + tail
        for lane in (body, bytearray(body), body.decode()):
            assert len(check(lane, org_id="o1").refused) == 1
        with pytest.raises(RequestError, match="413"):
            check(body + b" " * len(byte), org_id="o1")
    with pytest.raises(RequestError, match="413"):
        check([{"a": "x" * limit}], org_id="o1")
    with pytest.raises(RequestError, match="413"):
        Requester("o1").submit(b"[" * (limit + 1))


NOTHING = [b"", b"\0", b"\xff\xfe", b"[" * 100_000, b'{"data":' * 50_000, b"\xed\xa0\x80", b'"\\ud800"']


@pytest.mark.parametrize("text", NOTHING)
def test_bytes_that_are_nothing_are_errors_with_a_place(text: bytes) -> None:
    requester = Requester("o1")
    requester.submit(items(1))
    calls: list[Callable[[], object]] = [
        lambda: check(text, org_id="o1"),
        lambda: requester.submit(text),
        lambda: requester.handle_message(text),
        lambda: requester.handle_response(1, text),
        lambda: wire.check_json(text),
        lambda: wire.read_message(text),
        lambda: wire.read_response(text),
        lambda: wire.read_answer(text),
    ]
    for call in calls:
        with pytest.raises(SetpointError) as raised:
            call()
        assert str(raised.value)
    assert requester.open_items == 1


def test_the_deepest_nesting_fits_into_the_small_stack() -> None:
    deep: Any = 1
    for _ in range(2_000):
        deep = {"a": [deep]}
    found: list[BaseException] = []

    def walk() -> None:
        try:
            check([{"inputData": deep}], org_id="o1")
        except BaseException as error:
            found.append(error)

    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=walk)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert [type(error) for error in found] == [EncodeError]


def test_an_output_that_python_cannot_parse_raises_and_is_still_text() -> None:
    requester = Requester("o1")
    digits = "1" * (sys.get_int_max_str_digits() + 1 if hasattr(sys, "get_int_max_str_digits") else 5_000)
    requester.submit(items(1))
    requester.handle_message(message(reply("r0")).replace(b"12", digits.encode()))
    finished = requester.poll_events()[0]
    outcome = finished.outcome  # type: ignore[union-attr]
    assert outcome is not None and digits in outcome.output_text
    if hasattr(sys, "get_int_max_str_digits"):
        for _ in range(2):
            with pytest.raises(ValueError, match="digits"):
                _ = outcome.output


def test_lone_surrogates_in_other_arguments_are_errors() -> None:
    text = "o\ud800"
    calls: list[Callable[[], object]] = [
        lambda: check(b"{}", org_id=text),
        lambda: Requester(text),
        lambda: wire.command_topic("invoke", text, "d", "s"),
        lambda: Requester("o1").handle_not_sent(1, text),
        lambda: Requester("o1").submit([{}], defaults={text: 1}),
        lambda: Requester("o1").submit([{}], defaults={"a": text}),
    ]
    for call in calls:
        with pytest.raises(ValueError):
            call()
