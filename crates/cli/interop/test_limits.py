"""Messages that are far too large, and numbers that are far too long."""

from __future__ import annotations

import json
import re
from pathlib import Path

from paho.mqtt.enums import MQTTProtocolVersion

from peers import Gateway, Json
from service import serve
from test_interop import CONTROL, create, invoke, put

MIB = 1 << 20


def test_what_is_far_too_large_is_refused_and_memory_stays_bounded(devices: Path) -> None:
    many_keys = ",".join(f'"key{n}":1' for n in range(100_000))
    too_many: Json = {"data": [{}] * 100_000}
    with serve(devices) as service:
        gateway = service.gateway
        create(gateway)
        path = "/dataService/devices/multiInvoke?orgId=o1"
        for _ in range(10):
            status, body = gateway.curl("PUT", path, json.dumps({"data": ["x" * (10 * MIB)]}))
            assert (status, body["status"]) == (413, 413)
            status, body = gateway.curl("PUT", path, too_many)
            assert (status, body["status"]) == (413, 413)
            status, body = gateway.curl("PUT", path, f'{{"data":[{{{many_keys}}}]}}')
            assert (status, [reply["status"] for reply in body["data"]]) == (200, [1000])
            large = json.dumps(invoke("r", "asset-1")).replace('"unique": "r"', many_keys)
            status, body = gateway.curl("PUT", path, f'{{"data":[{large}]}}')
            assert (status, [reply["status"] for reply in body["data"]]) == (200, [1000])
            assert [reply["status"] for reply in put(gateway, "multiInvoke", [invoke("r" * 2 * MIB, "asset-1")])] == [
                1000
            ]
        process = Path(f"/proc/{service.process.pid}/status")
        if process.exists():
            peak = re.search(r"^VmHWM:\s*(\d+) kB$", process.read_text(), re.MULTILINE)
            assert peak is not None
            # A body has at most 8 MiB, and more than 140 MiB were sent.
            assert int(peak[1]) * 1_024 < 96 * MIB
        service.stop()


def test_integers_of_any_length_are_exact_from_end_to_end(gateway: Gateway) -> None:
    create(gateway)
    version = MQTTProtocolVersion.MQTTv5
    numbers: Json = {"a": 2**53 + 1, "b": 2**63, "c": -(2**64) - 1, "d": int("7" * 100), "e": [2**53 + 1]}
    with (
        gateway.channel(CONTROL, version) as outcomes,
        gateway.device("t1", lambda command: {"code": 200, "data": command["params"]}, version) as commands,
    ):
        replies = put(gateway, "multiInvoke", [invoke("r1", "asset-1", inputData=numbers)])
        assert (replies[0]["status"], replies[0]["inputData"]) == (0, numbers)
        final = outcomes.next(1)["r1"]
        assert (final["status"], final["inputData"], final["outputData"]) == (0, numbers, numbers)
        assert commands[0][1]["params"] == numbers
    for number in ("1e400", "-1e400", "1e-400", "7" * 400):
        body = json.dumps({"data": [invoke("r2", "asset-1", inputData={"a": 0})]}).replace('"a": 0', f'"a": {number}')
        status, answer = gateway.curl("PUT", "/dataService/devices/multiInvoke?orgId=o1", body)
        assert (status, answer["data"][0]["status"]) == (200, 1004), number
