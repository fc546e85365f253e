"""The real service, simulated devices, and a way to break connections in between."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service import WAIT_S

Json = dict[str, Any]

# A device takes 64 commands at once, so ten thousand items take some.
DEVICES = 200
CONTROL, SET = "DATASVC.CONTROL.ops", "DATASVC.SET.ops"


@dataclass(frozen=True)
class Gateway:
    process: subprocess.Popen[str]
    http: str
    mqtt: str
    devices: Path

    def kill(self) -> None:
        """What nobody can prepare for."""
        self.process.kill()
        self.process.wait(WAIT_S)

    @property
    def port(self) -> int:
        return int(self.http.rsplit(":", 1)[1])

    @property
    def mqtt_port(self) -> int:
        return int(self.mqtt.rsplit(":", 1)[1])


def write_devices(folder: Path) -> Path:
    path = folder / "devices.csv"
    rows = [f"o1,turbine,t-{n},asset-{n}" for n in range(DEVICES)]
    path.write_text("\n".join(["orgId,productKey,deviceKey,assetId", *rows, ""]))
    return path


@contextmanager
def serve(folder: Path, http_port: int = 0, mqtt_port: int = 0) -> Iterator[Gateway]:
    """Runs the service with a broker of its own, and with the channels of the tests."""
    devices = write_devices(folder)
    config = folder / "setpoint.toml"
    channels = [f'[[channels]]\norgId = "o1"\nchannelId = "{name}"\n' for name in (CONTROL, SET)]
    config.write_text("".join(channels))
    command = [os.environ["SETPOINT_BIN"], "serve", "--config", str(config), "--devices", str(devices)]
    command += ["--listen", f"127.0.0.1:{http_port}", "--mqtt-listen", f"127.0.0.1:{mqtt_port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            http = process.stdout.readline().removeprefix("HTTP ").strip()
            mqtt = process.stdout.readline().removeprefix("MQTT ").strip()
            assert http, "the service did not start"
            yield Gateway(process, http, mqtt, devices)
        finally:
            process.kill()


class Devices:
    """Simulated devices, and the ledger of what they executed, if it is to be kept."""

    def __init__(self, gateway: Gateway, *faults: str, keep: bool) -> None:
        self._keep = keep
        command = [os.environ["SETPOINT_BIN"], "devices", "simulate", "--json", "--broker", gateway.mqtt]
        command += ["--devices", str(gateway.devices), *faults]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        assert "devices are connected" in self._process.stderr.readline()
        self._ledger: list[Json] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if self._keep:
                self._ledger.append(json.loads(line))

    def close(self) -> list[Json]:
        """Disconnects them. Everything that was executed, in order."""
        self._process.send_signal(signal.SIGINT)
        assert self._process.wait(WAIT_S) == 0
        self._reader.join(WAIT_S)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._process.stdout.close()
        self._process.stderr.close()
        return self._ledger

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(WAIT_S)
            self._reader.join(WAIT_S)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


@contextmanager
def devices(gateway: Gateway, *faults: str, keep: bool = True) -> Iterator[Devices]:
    running = Devices(gateway, *faults, keep=keep)
    try:
        yield running
    finally:
        running.kill()


class Proxy:
    """Carries bytes between its port and another one, until told to cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    near.close()
                    continue
                with self._lock:
                    self.connections += 1
                    self._open += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Breaks every connection there is; new ones are carried."""
        with self._lock:
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self._open.clear()

    def close(self) -> None:
        # Wakes the accept up first.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()


@contextmanager
def proxy(port: int) -> Iterator[Proxy]:
    running = Proxy(port)
    try:
        yield running
    finally:
        running.close()
