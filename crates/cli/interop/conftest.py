"""A real `setpoint serve` for every test: nothing of ours is on the other side of its sockets."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers import Gateway

DEVICES = """\
orgId,productKey,deviceKey,assetId
o1,turbine,t1,asset-1
o1,turbine,t2,asset-2
o1,turbine,silent,asset-3
o2,turbine,foreign,asset-9
"""


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    binary = os.environ["SETPOINT_BIN"]
    devices = tmp_path / "devices.csv"
    devices.write_text(DEVICES)
    listen = ["--listen", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0"]
    process = subprocess.Popen([binary, "serve", *listen, "--devices", str(devices)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        http = process.stdout.readline().removeprefix("HTTP ").strip()
        mqtt = process.stdout.readline().removeprefix("MQTT mqtt://").strip()
        host, port = mqtt.rsplit(":", 1)
        yield Gateway(http, host, int(port))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
