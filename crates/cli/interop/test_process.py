"""The process is suspended, resumed and terminated."""

from __future__ import annotations

import json
import time
from pathlib import Path

from paho.mqtt.enums import MQTTProtocolVersion

from broker import broker
from service import serve
from test_interop import CONTROL, create, invoke, put

TIMEOUT_MS = 1_000


def test_a_process_that_was_stopped_past_deadlines_ends_every_item_once_and_sends_nothing_stale(
    devices: Path, tmp_path: Path
) -> None:
    with broker() as devices_broker:
        config = tmp_path / "setpoint.toml"
        # One command at a time: the second is not sent before the broker has acknowledged the first.
        config.write_text(f'[engine]\nhand_over_window = 1\n[mqtt]\nurl = "{devices_broker.url}"\n')
        with serve(devices, "--config", str(config)) as service:
            gateway = service.gateway
            create(gateway)
            with gateway.events(CONTROL, "o1") as outcomes:
                items = [invoke(name, "asset-1", timeout=TIMEOUT_MS) for name in ("sent", "unsent")]
                assert [reply["status"] for reply in put(gateway, "multiInvoke", items)] == [0, 0]
                sent = json.loads(devices_broker.command()[1])
                assert sent["params"] == {"unique": "sent"}

                service.pause()
                deadline = time.monotonic() + TIMEOUT_MS / 1_000
                # It is waiting when the process resumes, and lets the second command be sent.
                devices_broker.acknowledge()
                while time.monotonic() <= deadline:
                    time.sleep(0.05)
                service.resume()

                finals = outcomes.next(2)
                assert {final["status"] for final in finals.values()} == {1000203}
                assert finals["sent"]["submsg"].startswith("sent, and no answer")
                assert "before it was sent" in finals["unsent"]["submsg"]
                # A late answer changes nothing.
                reply_topic = "/sys/turbine/t1/thing/service/start_reply"
                devices_broker.publish(reply_topic, json.dumps({"id": sent["id"], "code": 200}).encode())

                # The next batch works, and shows that nothing was sent or published in between.
                put(gateway, "multiInvoke", [invoke("later", "asset-1")])
                topic, payload = devices_broker.command()
                later = json.loads(payload)
                assert later["params"] == {"unique": "later"}, "a stale command was sent"
                devices_broker.acknowledge()
                devices_broker.publish(topic + "_reply", json.dumps({"id": later["id"], "code": 200}).encode())
                (name, final), *more = outcomes.next(1).items()
                assert (name, final["status"], more) == ("later", 0, [])
                service.stop()
            assert outcomes.nothing_more()
            assert not devices_broker.has_more()


def test_a_process_that_is_ended_with_items_pending_invents_no_outcome(devices: Path) -> None:
    with serve(devices) as service:
        gateway = service.gateway
        create(gateway)
        with (
            gateway.device("silent", lambda _: None, MQTTProtocolVersion.MQTTv311),
            gateway.events(CONTROL, "o1") as outcomes,
        ):
            replies = put(gateway, "multiInvoke", [invoke("r1", "asset-3"), invoke("r2", "asset-3")])
            assert [reply["status"] for reply in replies] == [0, 0]
            service.stop()
        # The stream was read to its end, that is until the process ended.
        assert outcomes.nothing_more()
