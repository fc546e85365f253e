"""Every peer of the package does the same work."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from in_python import corpora, engine, futures
from in_python.corpora import Facts
from in_python.peers import PEERS, dumps

FACTS = Facts("o15244861253", 1_536_638_268_000)
CHECKER = engine.Checker(FACTS)


@pytest.fixture(scope="session")
def folder(pytestconfig: pytest.Config) -> Path:
    """The corpora."""
    return Path(str(pytestconfig.getoption("--corpora")))


def answer(response: bytes) -> list[dict[str, Any]]:
    """The items of a response, without the words of a refusal."""
    read = json.loads(response)
    assert (read["status"], read["msg"], read["submsg"]) == (0, "Success", None)
    return [reply | {"submsg": reply["submsg"] is not None} for reply in read["data"]]


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("items", [1, 100, 1_000])
def test_every_peer_answers_every_item_as_the_engine_does(folder: Path, items: int, peer: str) -> None:
    assert corpora.facts(folder) == FACTS
    refused = 0
    for body in corpora.bodies(folder, items):
        expected = answer(CHECKER.respond(body, FACTS))
        assert len(expected) == items
        refused += sum(reply["status"] != 0 for reply in expected)
        found = answer(PEERS[peer](body, FACTS))
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert list(one) == list(other), index
            assert one == other, index
    assert bool(refused) == (items > 1)


def test_dicts_get_the_same_response_as_bytes(folder: Path) -> None:
    for body in corpora.bodies(folder, 100):
        items = json.loads(body)["data"]
        assert CHECKER.respond(items, FACTS) == CHECKER.respond(body, FACTS)


GOOD = {"requestId": "r", "controlChannelId": "DATASVC.CONTROL.c", "assetId": "a", "serviceId": "s"}
LIMITS = [
    {"requestId": "r" * 129},
    {"requestId": "a\u0001b"},
    {"requestId": None},
    {"assetId": None, "productKey": "p"},
    {"assetId": "", "productKey": "p", "deviceKey": "d"},
    {"assetId": "a" * 129},
    {"productKey": "a+b"},
    {"deviceKey": "$d"},
    {"serviceId": "a/b"},
    {"serviceId": "Höchstlast"},
    {"serviceId": "$s"},
    {"controlChannelId": "DATASVC.CONTROL."},
    {"controlChannelId": "DATASVC.CONTROL.é"},
    {"controlChannelId": "DATASVC.CONTROL." + "c" * 60},
    {"orgId": ""},
    {"orgId": "o2"},
    {"callbackUrl": "u" * 2049},
    {"timeout": 300_001},
    {"timeout": 300_000},
    {"timeout": None},
    {"timeout": 1.5},
    {"inputData": 7},
    {"inputData": None},
    {"gmtServiceRequest": -1},
]


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("members", LIMITS, ids=str)
def test_every_peer_keeps_the_limits(members: dict[str, Any], peer: str) -> None:
    body = orjson.dumps({"data": [GOOD | members]})
    assert answer(PEERS[peer](body, FACTS)) == answer(CHECKER.respond(body, FACTS))


@pytest.mark.parametrize("peer", PEERS)
def test_every_peer_refuses_both_items_of_one_id(peer: str) -> None:
    body = orjson.dumps({"data": [GOOD, GOOD | {"requestId": "q"}, GOOD]})
    found = answer(PEERS[peer](body, FACTS))
    assert found == answer(CHECKER.respond(body, FACTS))
    assert [reply["status"] for reply in found] == [1000, 0, 1000]


def test_everybody_ends_every_item_in_flight(folder: Path) -> None:
    flight = corpora.flight(folder, 10_000)
    assert flight.items == 10_000
    expected = sum(reply["status"] == 0 for message in flight.messages for reply in json.loads(message)["data"])
    assert 0 < expected < 10_000
    assert engine.from_items(flight, FACTS) == expected
    assert engine.from_bodies(flight, FACTS) == expected
    assert asyncio.run(futures.by_futures(flight, json.loads, None)) == expected
    assert asyncio.run(futures.by_futures(flight, json.loads, dumps)) == expected
    assert asyncio.run(futures.by_futures(flight, orjson.loads, orjson.dumps)) == expected
    assert asyncio.run(futures.by_tasks(flight, orjson.loads, orjson.dumps)) == expected
