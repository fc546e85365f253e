"""Logs about hostile clients and devices: one line for each event, without anything that a terminal acts on."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import socket
import struct
import threading
import unicodedata
from pathlib import Path

import pytest

from peers import Gateway
from service import serve
from test_interop import create, invoke, put

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z +(TRACE|DEBUG|INFO|WARN|ERROR) ")
MARK = "forged"
# A line break, clearing the screen, setting the title, reversing the text, and control characters above ASCII.
HOSTILE = f"../\r\n2026-01-01T00:00:00.0Z  INFO {MARK}\x1b[2J\x1b]0;x\x07\u202e\u2028\u0085\u009b2J\x08\x7f\u200f"


def packet(kind: int, body: bytes) -> bytes:
    assert len(body) < 16_384
    return bytes([kind, len(body) & 0x7F | 0x80, len(body) >> 7]) + body


def field(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def connect(client_id: str) -> bytes:
    return packet(0x10, field("MQTT") + bytes([4, 2, 0, 60]) + field(client_id))


def send(host: str, port: int, data: bytes) -> None:
    """Sends it, and reads until the peer closes the connection."""
    with socket.create_connection((host, port), timeout=30) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4_096):
            pass


def be_hostile(gateway: Gateway) -> None:
    """Sends hostile text in every place that a client or a device can choose."""
    create(gateway)
    # What follows a client's DISCONNECT is read and logged before the connection ends.
    for client_id in (HOSTILE, HOSTILE.replace("/", ""), "".join(c for c in HOSTILE if c >= " " and c not in "/\x7f")):
        send(gateway.mqtt_host, gateway.mqtt_port, connect(client_id))
    for text in (HOSTILE, "".join(c for c in HOSTILE if c >= " " and c not in "\x7f")):
        for topic in (f"/sys/turbine/{text}/thing/service/start_reply", f"/sys/turbine/t1/thing/service/{text}_reply"):
            message = packet(0x32, field(topic.replace("../", "")) + b"\x00\x01{}")
            send(gateway.mqtt_host, gateway.mqtt_port, connect("device") + message)
    put(gateway, "multiInvoke", [invoke(HOSTILE, HOSTILE, callbackUrl=HOSTILE, serviceId=HOSTILE)])
    for query in ("orgId=%1b%5b2J%0a", "orgId=o1&x=%0aforged"):
        gateway.curl("PUT", f"/dataService/devices/multiInvoke?{query}", {"data": []})
    host, port = gateway.http.removeprefix("http://").rsplit(":", 1)
    for head in (
        f"GET /{HOSTILE} HTTP/1.1",
        f"GET / HTTP/1.1\r\nHost: {HOSTILE}",
        f"{HOSTILE}",
        "GET /\x1b[2J HTTP/1.1",
    ):
        send(host, int(port), f"{head}\r\nConnection: close\r\n\r\n".encode())


def harmful(text: str) -> list[str]:
    """The characters on which a terminal or a line reader acts."""
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]


@pytest.mark.parametrize("log_filter", [None, "trace"], ids=["the default level", "everything"])
def test_every_log_line_is_one_event_and_harmless(devices: Path, tmp_path: Path, log_filter: str | None) -> None:
    path = tmp_path / "log"
    with path.open("wb") as log, serve(devices, log=log, log_filter=log_filter) as service:
        be_hostile(service.gateway)
        service.stop()
    lines = path.read_text().removesuffix("\n").split("\n")
    for line in lines:
        assert LINE.match(line), line
        assert harmful(line) == [], line
    assert any(MARK in line for line in lines), "nothing hostile was logged, so nothing was shown"


@pytest.mark.parametrize("log_filter", [None, "trace"], ids=["the default level", "everything"])
def test_every_json_log_line_is_one_event_and_harmless(devices: Path, tmp_path: Path, log_filter: str | None) -> None:
    path = tmp_path / "log"
    with path.open("wb") as log, serve(devices, "--log", "json", log=log, log_filter=log_filter) as service:
        be_hostile(service.gateway)
        service.stop()
    events = []
    for line in path.read_text().removesuffix("\n").split("\n"):
        assert harmful(line) == [], line
        events.append(json.loads(line))
        assert {"timestamp", "level", "fields", "target"} <= events[-1].keys()
    assert any(event["fields"].get("client_id") == HOSTILE for event in events), "escaped, and not changed"


def test_a_log_on_a_terminal_has_the_colours_of_the_service_alone(
    devices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    ours, theirs = pty.openpty()
    written = bytearray()

    def read() -> None:
        # It ends when the other end of the terminal is closed.
        with contextlib.suppress(OSError):
            while part := os.read(ours, 4_096):
                written.extend(part)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with serve(devices, log=theirs) as service:
            be_hostile(service.gateway)
            service.stop()
    finally:
        os.close(theirs)
        reader.join(timeout=30)
        os.close(ours)
    text = written.decode()
    assert "\x1b[" in text, "a terminal gets colours"
    plain = re.sub(r"\x1b\[\d*m", "", text)
    for line in plain.removesuffix("\r\n").split("\r\n"):
        assert LINE.match(line), line
        assert harmful(line) == [], line
    assert MARK in plain
