"""Lists of items: dicts, objects, and what is derived from the types that JSON has."""

from __future__ import annotations

import enum
import json
import random
from collections import OrderedDict, defaultdict
from typing import Any

import batches
import pytest

from setpoint import EncodeError, InvokeItem, Limits, Now, Requester, SetpointError, WriteItem, check

ROOM = Limits(depth=1024)


def written(value: Any) -> str:
    """How a value is spelled inside a body."""
    items = [{"requestId": "r", "inputData": value}]
    body = Requester("o1", limits=ROOM).submit(items).body.decode()
    return body.removeprefix('{"data":[{"requestId":"r","inputData":').removesuffix("}]}")


def spelled(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def test_values_are_spelled_as_json_dumps_spells_them() -> None:
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    for _ in range(3_000):
        value = batches.value(rng, 4)
        assert written(value) == spelled(value), f"seed {seed}"


def test_floats_are_spelled_as_repr_spells_them() -> None:
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    numbers = [batches.number(rng) for _ in range(20_000)]
    assert written(numbers) == spelled(numbers), f"seed {seed}"
    edges = [sign * digits * 10.0**power for power in range(-320, 309) for digits in (1.0, 1.5) for sign in (1, -1)]
    assert written(edges) == spelled(edges)


def test_every_character_is_spelled_as_json_dumps_spells_it() -> None:
    for start in range(0, 0x110000, 0x1000):
        text = "".join(chr(at) for at in range(start, start + 0x1000) if not 0xD800 <= at < 0xE000)
        assert written(text) == spelled(text), hex(start)
        assert written({text: 1}) == spelled({text: 1}), hex(start)


class Level(enum.IntEnum):
    HIGH = 3


class Colour(str, enum.Enum):
    RED = "red"


class Loud(str):
    def __str__(self) -> str:
        raise AssertionError("a text is taken for what it is")

    __repr__ = __str__


class Metres(float):
    def __repr__(self) -> str:
        return "many metres"


class Digits(int):
    def __repr__(self) -> str:
        return "many digits"

    __str__ = __repr__


class Rows(list[Any]):
    pass


def test_what_is_derived_from_a_type_of_json_is_spelled_as_that() -> None:
    assert written([Level.HIGH, Colour.RED, Loud("x"), Metres(1.5), Digits(7), Digits(2**70), True]) == (
        f'[3,"red","x",1.5,7,{2**70},true]'
    )
    assert written({Loud("k"): Rows([1, (2, 3)]), Colour.RED: defaultdict(int, a=1)}) == '{"k":[1,[2,3]],"red":{"a":1}}'


def test_an_ordered_dict_keeps_its_own_order() -> None:
    ordered = OrderedDict(a=1, b=2, c=3)
    ordered.move_to_end("a")
    assert written(ordered) == spelled(ordered) == '{"b":2,"c":3,"a":1}'
    assert Requester("o1").submit([OrderedDict(requestId="r", z=1)]).body == b'{"data":[{"requestId":"r","z":1}]}'


class Whole:
    """An integer as numpy has them."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number


def test_whatever_is_an_index_is_an_integer() -> None:
    assert written([Whole(5), {"a": Whole(-(2**70))}]) == f'[5,{{"a":{-(2**70)}}}]'


def test_numbers_of_numpy_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    assert written([numpy.int64(-3), numpy.uint64(2**64 - 1), numpy.float64(0.1)]) == f"[-3,{2**64 - 1},0.1]"
    with pytest.raises(EncodeError, match=r"item 0, inputData\[0\]: numpy.ndarray is no JSON") as raised:
        written([numpy.array([1, 2])])
    assert (raised.value.index, raised.value.field) == (0, "inputData[0]")


@pytest.mark.parametrize(
    ("value", "field", "reason"),
    [
        ({"a": [1, float("nan")]}, "inputData.a[1]", "NaN is no JSON number"),
        ({"a": float("inf")}, "inputData.a", "inf is no JSON number"),
        ([-float("inf")], "inputData[0]", "-inf is no JSON number"),
        ({"a": {1: 2}}, "inputData.a", "the key 1 is no str"),
        ({None: 2}, "inputData", "the key None is no str"),
        ({"a": {1, 2}}, "inputData.a", "set is no JSON"),
        ({"a": b"bytes"}, "inputData.a", "bytes is no JSON"),
        ({"a": 1j}, "inputData.a", "complex is no JSON"),
        ({"a": object}, "inputData.a", "type is no JSON"),
        ({"a": "x\ud800"}, "inputData.a", "holds a lone surrogate"),
        ({"a": {"\udfff": 1}}, "inputData.a", "holds a lone surrogate"),
        ({"a": Digits(10**5_000)}, "inputData.a", "too many digits"),
    ],
)
def test_what_is_no_json_is_named_with_its_place(value: Any, field: str, reason: str) -> None:
    items = [{"requestId": "r0"}, {"requestId": "r1", "inputData": value}]
    requester = Requester("o1")
    for call in (lambda: check(items, org_id="o1"), lambda: requester.submit(items)):
        with pytest.raises(EncodeError) as raised:
            call()
        error = raised.value
        assert isinstance(error, SetpointError) and isinstance(error, ValueError)
        assert (error.index, error.field) == (1, field)
        assert reason in error.reason and str(error) == f"item 1, {field}: {error.reason}"
    assert requester.open_items == 0 and requester.poll_events() == []


def test_text_with_a_lone_surrogate_is_no_body() -> None:
    with pytest.raises(EncodeError, match="lone surrogate"):
        check('{"data":["\ud800"]}', org_id="o1")
    with pytest.raises(EncodeError, match="lone surrogate"):
        Requester("o1").handle_message("\ud800")


def test_nesting_beyond_every_reader_is_refused_with_its_place() -> None:
    deep: Any = 1
    for _ in range(1_021):
        deep = [deep]
    assert written(deep) == "[" * 1_021 + "1" + "]" * 1_021
    endless: list[Any] = []
    endless.append(endless)
    around: dict[str, Any] = {}
    around["again"] = around
    for value in ([[[deep]]], endless, around):
        with pytest.raises(EncodeError, match="nested more than 1024 deep, or within itself") as raised:
            written(value)
        assert raised.value.index == 0


def test_items_that_are_no_dicts_are_refused_by_the_engine() -> None:
    items: Any = [1, "x", None, [], {"requestId": "r"}]
    report = check(items, org_id="o1")
    assert [item.index for item in report.refused] == [0, 1, 2, 3, 4]
    assert [item.faults[0].reason for item in report.refused][:2] == [
        "the item must be an object, not a number",
        "the item must be an object, not a string",
    ]


@pytest.mark.parametrize("body", [None, 5, {"data": []}, {1}, iter([]), object()])
def test_what_is_no_body_is_a_type_error(body: Any) -> None:
    with pytest.raises(
        TypeError, match="a batch is bytes, bytearray, memoryview, str, or a list of dict, InvokeItem or W"
    ):
        check(body, org_id="o1")
    with pytest.raises(TypeError, match="a batch is bytes"):
        Requester("o1").submit(body)
    with pytest.raises(TypeError, match="expected bytes, bytearray, memoryview or str, not "):
        Requester("o1").handle_message(body)


def test_objects_say_the_same_as_dicts() -> None:
    invoke = InvokeItem(
        service_id="start",
        channel_id="DATASVC.CONTROL.ops",
        asset_id="a1",
        input={"rpm": 12},
        timeout_ms=5_000,
        request_id="r1",
        callback_url="http://example.com",
    )
    write = WriteItem(
        measurepoint_id="power",
        channel_id="DATASVC.SET.ops",
        product_key="p",
        device_key="d",
        value=1.5,
        request_id="r2",
    )
    requester = Requester("o1")
    sent = json.loads(requester.submit([invoke]).body)["data"]
    assert sent == [
        {
            "requestId": "r1",
            "controlChannelId": "DATASVC.CONTROL.ops",
            "assetId": "a1",
            "timeout": 5_000,
            "callbackUrl": "http://example.com",
            "serviceId": "start",
            "inputData": {"rpm": 12},
        }
    ]
    assert check([invoke], org_id="o1", now=Now(0, 1)) == check(sent, org_id="o1", now=Now(0, 1))
    sent = json.loads(requester.submit([write], "write").body)["data"]
    assert sent == [
        {
            "requestId": "r2",
            "setMeasurepointChannelId": "DATASVC.SET.ops",
            "productKey": "p",
            "deviceKey": "d",
            "measurepointId": "power",
            "inputData": {"arg": 1.5},
        }
    ]
    assert check([invoke, write], org_id="o1").refused[0].index == 1


def test_what_an_item_lacks_is_filled_in() -> None:
    requester = Requester("o1")
    items = [{"requestId": given, "x": given, "y": 1} for given in (None, "", "mine")]
    sent = json.loads(requester.submit([*items, {}], defaults={"x": "given", "z": [1]}).body)["data"]
    assert [item.get("x") for item in sent] == ["given", "given", "mine", "given"]
    assert all(item["z"] == [1] for item in sent)
    ids = [item["requestId"] for item in sent]
    assert ids[2] == "mine" and len(set(ids)) == 4 and all(len(made) == 36 for made in (ids[0], ids[1], ids[3]))
    assert items == [{"requestId": given, "x": given, "y": 1} for given in (None, "", "mine")], "items are not changed"
