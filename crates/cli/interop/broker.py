"""A broker for the service that knows as much of MQTT 3.1.1 as it needs, and acknowledges only when told."""

from __future__ import annotations

import contextlib
import queue
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

WAIT_S = 30


class Broker:
    """Accepts connections of one service. Commands (topics with a leading slash) are acknowledged only when told."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"
        self._commands: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._unacknowledged: list[tuple[socket.socket, bytes]] = []
        self._devices: socket.socket | None = None
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def command(self) -> tuple[str, bytes]:
        """Topic and payload of the next command."""
        return self._commands.get(timeout=WAIT_S)

    def has_more(self) -> bool:
        return not self._commands.empty()

    def acknowledge(self) -> None:
        """Acknowledges the commands received so far."""
        while self._unacknowledged:
            connection, packet_id = self._unacknowledged.pop(0)
            connection.sendall(b"\x40\x02" + packet_id)

    def publish(self, topic: str, payload: bytes) -> None:
        """Delivers a message of a device to the service."""
        assert self._devices is not None
        body = struct.pack(">H", len(topic)) + topic.encode() + payload
        assert len(body) < 128, "a length of one byte is enough here"
        self._devices.sendall(bytes([0x30, len(body)]) + body)

    def close(self) -> None:
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # The service has closed the connection, or the test is over.
        with contextlib.suppress(OSError, EOFError):
            while True:
                kind, body = _packet(connection)
                self._handle(connection, kind, body)

    def _handle(self, connection: socket.socket, kind: int, body: bytes) -> None:
        if kind >> 4 == 1:  # CONNECT
            connection.sendall(b"\x20\x02\x00\x00")
        elif kind >> 4 == 8:  # SUBSCRIBE, with the two filters of the devices' link
            self._devices = connection
            connection.sendall(b"\x90\x04" + body[:2] + b"\x01\x01")
        elif kind >> 4 == 12:  # PINGREQ
            connection.sendall(b"\xd0\x00")
        elif kind >> 4 == 3:  # PUBLISH, with QoS 1
            end = 2 + int(struct.unpack(">H", body[:2])[0])
            topic, packet_id = body[2:end].decode(), body[end : end + 2]
            if topic.startswith("/"):
                self._unacknowledged.append((connection, packet_id))
                self._commands.put((topic, body[end + 2 :]))
            else:
                connection.sendall(b"\x40\x02" + packet_id)


def _packet(connection: socket.socket) -> tuple[int, bytes]:
    kind = _exactly(connection, 1)[0]
    length = 0
    for shift in (0, 7, 14, 21):
        byte = _exactly(connection, 1)[0]
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
    return kind, _exactly(connection, length)


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


@contextmanager
def broker() -> Iterator[Broker]:
    running = Broker()
    try:
        yield running
    finally:
        running.close()
