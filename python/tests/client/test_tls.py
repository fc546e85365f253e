"""Certificates: verified always, against those that were given."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from gateway import Gateway, devices, serve
from support import client, soon
from test_gateway import invoke
from test_lost import Fed

import setpoint

pytestmark = pytest.mark.asyncio


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with serve(tmp_path) as running:
        yield running


def certificate(folder: Path, name: str) -> tuple[str, str]:
    """A certificate for a name that nobody but itself vouches for, and its key."""
    key, cert = str(folder / f"{name}.key"), str(folder / f"{name}.pem")
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName={'IP' if name[0].isdigit() else 'DNS'}:{name}"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", cert]
    subprocess.run([*command, *subject], check=True, capture_output=True)
    return cert, key


@asynccontextmanager
async def encrypted(port: int, cert: str, key: str) -> AsyncIterator[int]:
    """Takes TLS on a port of its own, and carries what is inside to `port`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    tasks: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        for ends in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.ensure_future(carry(*ends))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        while tasks:
            await asyncio.wait(tasks)


async def test_a_service_whose_certificate_is_trusted_is_heard_over_https_and_mqtts(
    gateway: Gateway, tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path, "127.0.0.1")
    context = ssl.create_default_context(cafile=cert)
    with devices(gateway):
        async with encrypted(gateway.port, cert, key) as https, encrypted(gateway.mqtt_port, cert, key) as mqtts:
            url = f"https://127.0.0.1:{https}"
            async with client(url, ca_file=cert) as one:
                assert (await soon(one.invoke_all([invoke("a")]))).ok
            async with client(url, ssl_context=context, mqtt=f"mqtts://127.0.0.1:{mqtts}") as one:
                assert (await soon(one.invoke_all([invoke("b")]))).ok


async def test_a_certificate_that_nobody_vouches_for_or_of_another_host_is_refused_and_nothing_is_sent(
    gateway: Gateway, tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path, "127.0.0.1")
    foreign, foreign_key = certificate(tmp_path, "elsewhere.example")
    async with encrypted(gateway.port, cert, key) as unknown, encrypted(gateway.port, foreign, foreign_key) as other:
        trust: list[tuple[int, dict[str, Any]]] = [(unknown, {}), (other, {"ca_file": foreign})]
        for port, settings in trust:
            url = f"https://127.0.0.1:{port}"
            with pytest.raises(setpoint.SourceError, match=r"(?i)certificate"):
                await soon(client(url, **settings).open())
            async with client(url, source=Fed(), connect_attempts=1, **settings) as one:
                (event,) = await soon(one.invoke_all([invoke("a")]))
                assert isinstance(event, setpoint.Refused)
                assert "certificate" in str(event.submsg).lower()


# paho leaves a socket whose handshake failed to the collector, which warns of it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
async def test_a_broker_that_nobody_vouches_for_is_refused(gateway: Gateway, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "127.0.0.1")
    async with encrypted(gateway.mqtt_port, cert, key) as port:
        with pytest.raises(setpoint.SourceError, match=r"(?i)certificate"):
            await soon(client(gateway.http, mqtt=f"mqtts://127.0.0.1:{port}").open())


async def test_there_is_no_silent_way_not_to_verify(tmp_path: Path) -> None:
    careless = ssl.create_default_context()
    careless.check_hostname = False
    careless.verify_mode = ssl.CERT_NONE
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no certificate")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"ssl_context": careless}, "verifies no certificates"),
        ({"ca_file": str(nothing)}, "nothing.pem"),
        ({"ca_file": str(tmp_path / "none.pem")}, "none.pem"),
        ({"ca_file": str(nothing), "ssl_context": ssl.create_default_context()}, "give it or ssl_context"),
    ]
    for settings, part in cases:
        with pytest.raises(setpoint.SettingError, match=part):
            client("https://127.0.0.1:1", **settings)
