"""Addresses that callers and devices write into messages: the service echoes them and connects to none of them."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from peers import Json
from service import serve
from test_interop import CONTROL, SET, create, invoke, put


@contextmanager
def listeners() -> Iterator[list[socket.socket]]:
    """The same port on both loopback addresses, for connections and for datagrams."""
    with ExitStack() as stack:
        first = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = first.getsockname()[1]
        found = [first]
        for family, kind, address in (
            (socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1"),
            (socket.AF_INET6, socket.SOCK_STREAM, "::1"),
        ):
            other = stack.enter_context(socket.socket(family, kind))
            try:
                other.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    other.listen()
            except OSError as error:
                # Not every machine has IPv6.
                assert family == socket.AF_INET6, error
                continue
            found.append(other)
        yield found


def assert_untouched(listener: socket.socket) -> None:
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.recv(1) if listener.type == socket.SOCK_DGRAM else listener.accept()


def request(http: str, text: str) -> bytes:
    """Sends bytes that curl would not send, and reads until the connection is closed."""
    host, port = http.removeprefix("http://").rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(text.encode())
        answer = b""
        while part := connection.recv(4_096):
            answer += part
        return answer


def test_no_address_in_a_message_is_ever_called(devices: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "callback"
    os.mkfifo(fifo)
    with listeners() as silent, serve(devices) as service:
        gateway = service.gateway
        port = silent[0].getsockname()[1]
        schemes = ("http", "https", "ws", "wss", "mqtt", "ftp", "redis", "gopher", "ldap", "udp")
        urls = [f"{scheme}://{host}:{port}/x" for scheme in schemes for host in ("127.0.0.1", "localhost", "[::1]")]
        urls += [f"//127.0.0.1:{port}/", f"127.0.0.1:{port}", f"http://user:word@127.0.0.1:{port}/?a=b#c"]
        urls += [f"file://{fifo}", str(fifo), "http://169.254.169.254/latest/meta-data/"]
        create(gateway)
        path = "/dataService/controlChannels?orgId=o1"
        described = {"controlChannelId": f"{CONTROL}2", "desc": urls[0], "callbackUrl": urls[0]}
        assert gateway.curl("POST", path, described)[0] == 200

        def answer(command: Json) -> Json:
            return {"code": 200, "message": urls[0], "data": {"callbackUrl": urls[0], **command["params"]}}

        version = MQTTProtocolVersion.MQTTv311
        with gateway.device("t1", answer, version), gateway.events(CONTROL, "o1") as invokes:
            names = [f"r{n}" for n in range(len(urls))]
            items = [
                invoke(name, "asset-1", callbackUrl=url, inputData={"callbackUrl": url})
                for name, url in zip(names, urls, strict=True)
            ]
            headers = [f"{name}: {urls[0]}" for name in ("Origin", "Referer", "X-Callback-Url", "Forwarded")]
            options = [part for header in headers for part in ("--header", header)]
            # Up to the limit of one device, so that nothing is refused.
            assert len(items) <= 64
            status, body = gateway.curl(
                "PUT", "/dataService/devices/multiInvoke?orgId=o1", {"data": items, "callbackUrl": urls[0]}, *options
            )
            assert status == 200
            assert [(reply["status"], reply["callbackUrl"]) for reply in body["data"]] == [(0, url) for url in urls]
            finals = invokes.next(len(urls))
            assert [(finals[name]["status"], finals[name]["callbackUrl"]) for name in names] == [(0, u) for u in urls]

            long = invoke("long", "asset-1", callbackUrl=urls[0] + "x" * 10_240)
            assert [reply["status"] for reply in put(gateway, "multiInvoke", [long])] == [1000]
            written: Json = {"requestId": "w1", "setMeasurepointChannelId": SET, "assetId": "asset-1"}
            written |= {"measurepointId": "speed", "inputData": {"arg": 1}, "callbackUrl": urls[0]}
            with gateway.events(SET, "o1") as writes:
                assert put(gateway, "multiSet", [written])[0]["callbackUrl"] == urls[0]
                assert writes.next(1)["w1"]["status"] == 0

        # It is not a proxy either.
        target = f"127.0.0.1:{port}"
        for line in (f"GET http://{target}/ HTTP/1.1", f"CONNECT {target} HTTP/1.1", f"GET //{target}/ HTTP/1.1"):
            answered = request(gateway.http, f"{line}\r\nHost: {target}\r\nConnection: close\r\n\r\n")
            assert answered.startswith(b"HTTP/1.1 4"), answered
        # A process that opened it for reading would still be waiting for a writer.
        with pytest.raises(OSError) as nobody:
            os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        assert nobody.value.errno == errno.ENXIO
        # Only when the process has ended is it certain that nothing more comes.
        service.stop()
        for listener in silent:
            assert_untouched(listener)
