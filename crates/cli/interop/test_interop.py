"""One round trip after another, against the real binary."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from peers import Gateway, Json

SAMPLES = Path(__file__).parents[2] / "core" / "vectors" / "samples"
CONTROL = "DATASVC.CONTROL.ops"
SET = "DATASVC.SET.ops"
BOTH = [MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5]


def invoke(request_id: str, asset_id: str, **more: object) -> Json:
    item = {"requestId": request_id, "controlChannelId": CONTROL, "assetId": asset_id, "serviceId": "start"}
    return {**item, "inputData": {"unique": request_id}, "timeout": 20_000, **more}


def create(gateway: Gateway) -> None:
    status, body = gateway.curl("POST", "/dataService/controlChannels?orgId=o1", {"controlChannelId": CONTROL})
    assert (status, body["status"], body["data"]["controlChannelId"]) == (200, 0, CONTROL)
    path = "/dataService/setMeasurepointChannels?orgId=o1"
    status, body = gateway.curl("POST", path, {"setMeasurepointChannelId": SET, "desc": "writes"})
    assert (status, body["status"], body["data"]["desc"]) == (200, 0, "writes")


def put(gateway: Gateway, call: str, items: list[Json]) -> list[Json]:
    status, body = gateway.curl("PUT", f"/dataService/devices/{call}?orgId=o1", {"data": items})
    assert (status, body["status"], body["msg"], body["submsg"]) == (200, 0, "Success", None)
    replies: list[Json] = body["data"]
    return replies


@pytest.mark.parametrize("protocol", BOTH, ids=["MQTT 3.1.1", "MQTT 5"])
def test_commands_go_out_and_outcomes_come_back_on_both_kinds_of_channel(
    gateway: Gateway, protocol: MQTTProtocolVersion
) -> None:
    create(gateway)
    with (
        gateway.channel(CONTROL, protocol) as outcomes,
        gateway.events(CONTROL, "o1") as events,
        gateway.device("t1", lambda command: {"code": 200, "data": command["params"]}, protocol) as first,
        gateway.device("t2", lambda _: {"code": 2001, "message": "no wind"}, protocol),
    ):
        replies = put(gateway, "multiInvoke", [invoke("r1", "asset-1"), invoke("r2", "asset-2"), invoke("", "asset-1")])
        assert [reply["status"] for reply in replies] == [0, 0, 1000]
        assert "requestId" in replies[2]["submsg"]
        for source in (outcomes, events):
            finals = source.next(2)
            assert (finals["r1"]["status"], finals["r1"]["outputData"]) == (0, {"unique": "r1"})
            assert (finals["r2"]["status"], finals["r2"]["msg"]) == (1000204, "invoke service error")
            assert finals["r2"]["submsg"] == "device code 2001: no wind"
        topic, command = first[0]
        assert topic == "/sys/turbine/t1/thing/service/start"
        assert (command["version"], command["method"]) == ("1.0", "thing.service.start")
        assert command["id"] != "r1"
        assert 0 < command["timeout"] <= 20_000
        # An accepted reply has the samples' fields in the samples' order.
        sample = json.loads((SAMPLES / "invoke-ack-mixed.json").read_text())["data"][0]
        assert list(replies[0]) == list(sample)


def test_a_write_reaches_the_measure_point(gateway: Gateway) -> None:
    create(gateway)
    version = MQTTProtocolVersion.MQTTv311
    item: Json = {"requestId": "w1", "setMeasurepointChannelId": SET, "productKey": "turbine", "deviceKey": "t1"}
    item |= {"measurepointId": "speed", "inputData": {"arg": 12.50}}
    with (
        gateway.channel(SET, version) as outcomes,
        gateway.device("t1", lambda _: {"code": 200}, version) as commands,
    ):
        replies = put(gateway, "multiSet", [item])
        assert (replies[0]["status"], replies[0]["assetId"], replies[0]["orgId"]) == (0, "asset-1", "o1")
        assert outcomes.next(1)["w1"]["status"] == 0
    topic, command = commands[0]
    assert topic == "/sys/turbine/t1/thing/service/measurepoint/set"
    assert (command["params"], command["method"]) == ({"speed": 12.5}, "thing.service.measurepoint.set")


def test_the_same_batch_again_is_answered_alike_and_sent_once(gateway: Gateway) -> None:
    create(gateway)
    version = MQTTProtocolVersion.MQTTv5
    with (
        gateway.channel(CONTROL, version) as outcomes,
        gateway.device("t1", lambda _: {"code": 200}, version) as commands,
    ):
        batch = [invoke("r1", "asset-1")]
        first = put(gateway, "multiInvoke", batch)
        final = outcomes.next(1)["r1"]
        assert final["status"] == 0
        assert put(gateway, "multiInvoke", batch) == first
        # A caller that repeats a batch may have missed its outcome, so the outcome is published again. The next message
        # on the channel shows that the repetition caused nothing else.
        put(gateway, "multiInvoke", [invoke("r2", "asset-1")])
        came = outcomes.next(1)
        if "r1" in came:
            assert came["r1"] == final
            came = outcomes.next(1)
        assert list(came) == ["r2"]
        assert len(commands) == 2
        changed = put(gateway, "multiInvoke", [invoke("r1", "asset-1", inputData={"unique": "other"})])
        assert (changed[0]["status"], len(commands)) == (1000, 2)


def test_of_a_batch_that_is_half_known_only_the_new_half_is_sent(gateway: Gateway) -> None:
    create(gateway)
    version = MQTTProtocolVersion.MQTTv5
    with (
        gateway.channel(CONTROL, version) as outcomes,
        gateway.device("t1", lambda command: {"code": 200, "data": command["params"]}, version) as commands,
    ):
        items = [invoke(f"r{n}", "asset-1") for n in range(6)]
        first = put(gateway, "multiInvoke", items[:3])
        assert set(outcomes.next(3)) == {"r0", "r1", "r2"}
        # The index in the batch does not matter: known and new items are mixed.
        mixed = [items[3], items[0], items[4], items[2], items[1], items[5]]
        replies = put(gateway, "multiInvoke", mixed)
        assert [reply["requestId"] for reply in replies] == [item["requestId"] for item in mixed]
        assert [reply["status"] for reply in replies] == [0] * 6
        assert [replies[1], replies[4], replies[3]] == first, "the original answers"
        finals: Json = {}
        while len(finals) < 6:
            # The known items have ended, so their outcomes are published again.
            finals |= outcomes.next(1)
        assert all(final["outputData"] == {"unique": name} for name, final in finals.items())
    assert [command["params"]["unique"] for _, command in commands] == [f"r{n}" for n in range(6)]


def test_silence_times_out_and_a_neighbours_answer_changes_nothing(gateway: Gateway) -> None:
    create(gateway)
    version = MQTTProtocolVersion.MQTTv311

    def answer_for_a_neighbour(command: Json) -> None:
        reply = json.dumps({"id": command["id"], "code": 200})
        neighbour.publish("/sys/turbine/t2/thing/service/start_reply", reply, qos=1).wait_for_publish(30)

    with (
        gateway.channel(CONTROL, version) as outcomes,
        gateway.peer(["unused"], version, lambda *_: None) as neighbour,
        gateway.device("silent", answer_for_a_neighbour, version) as commands,
    ):
        put(gateway, "multiInvoke", [invoke("r1", "asset-3", timeout=1_000)])
        final = outcomes.next(1)["r1"]
        assert (final["status"], final["msg"], final["gmtDeviceReply"]) == (1000203, "timeout", -1)
        assert final["submsg"].startswith("sent, and no answer")
        assert final["gmtServiceReply"] - final["gmtServiceRequest"] >= 1_000
    assert len(commands) == 1


def test_a_reader_that_comes_back_gets_what_it_missed(gateway: Gateway) -> None:
    create(gateway)
    version = MQTTProtocolVersion.MQTTv311
    with gateway.device("t1", lambda _: {"code": 200}, version), gateway.channel(CONTROL, version) as live:
        with gateway.events(CONTROL, "o1") as events:
            put(gateway, "multiInvoke", [invoke("r1", "asset-1")])
            assert events.next(1)["r1"]["status"] == 0
            last = events.event_ids[-1]
        put(gateway, "multiInvoke", [invoke("r2", "asset-1")])
        assert set(live.next(2)) == {"r1", "r2"}
        with gateway.events(CONTROL, "o1", last) as events:
            assert set(events.next(1)) == {"r2"}


def test_whole_requests_are_refused_as_published(gateway: Gateway) -> None:
    status, body = gateway.curl("PUT", "/dataService/devices/multiInvoke?orgId=nobody", {"data": [{}]})
    assert (status, body) == (400, json.loads((SAMPLES / "error-unknown-org.json").read_text()))
    status, body = gateway.curl("PUT", "/dataService/devices/multiInvoke?orgId=o1", '{"data":[{"a":1,"a":2}]}')
    assert (status, body["status"]) == (400, 400)
    assert "at byte 16" in body["submsg"]
    status, body = gateway.curl("PUT", "/dataService/devices/multiInvoke?orgId=o1&orgId=o2", {"data": [{}]})
    assert (status, body["status"]) == (400, 400)
    status, body = gateway.curl("PUT", "/nowhere", {"data": []})
    assert (status, body["status"]) == (404, 404)


def test_what_belongs_to_another_org_looks_like_what_does_not_exist(gateway: Gateway) -> None:
    create(gateway)
    replies = put(gateway, "multiInvoke", [invoke("r1", "asset-9"), invoke("r2", "asset-none")])
    assert [reply["status"] for reply in replies] == [1000201, 1000201]
    assert replies[0]["submsg"] == replies[1]["submsg"]
    assert replies[0]["productKey"] is None
    foreign = gateway.curl("GET", f"/dataService/controlChannels/{CONTROL}?orgId=o2")
    missing = gateway.curl("GET", "/dataService/controlChannels/DATASVC.CONTROL.none?orgId=o2")
    assert foreign == missing
    assert foreign[1]["status"] == 1000103
