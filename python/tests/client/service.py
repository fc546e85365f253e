"""A service that does what a script says, and remembers what it was asked. It runs in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]

CHANNEL = "DATASVC.CONTROL.ops"
WAIT_S = 30


@dataclass(frozen=True)
class Step:
    """What to do with the next batch. Without an answer of its own, every item is accepted."""

    status: int = 200
    body: bytes | None = None
    headers: str = ""
    outcomes_first: bool = False
    """Publish a success for every item before the answer."""
    hold: bool = False
    """Take it in, and answer when `release` was called as often as there were such steps before this one."""
    cut: int | None = None
    """Break the connection off after so many bytes of the answer's body; -1: before the answer."""
    endless: bool = False
    """Answer without an end."""
    drip_s: float = 0.0
    """The pause after each byte of the answer."""


ACCEPT = Step()
OUTCOMES_FIRST = Step(outcomes_first=True)
HOLD = Step(hold=True)
BREAK_OFF = Step(cut=5)


@dataclass
class State:
    script: deque[Step] = field(default_factory=deque)
    always: Step = ACCEPT
    """What to do when the script is at its end."""
    batches: list[tuple[str, bytes]] = field(default_factory=list)
    """Path with query, and body, of every batch call."""
    connections_of_batches: list[int] = field(default_factory=list)
    """Which TCP connection each batch call came on."""
    messages: list[str] = field(default_factory=list)
    """What was published, from event 1 on."""
    streams: list[str | None] = field(default_factory=list)
    """The `Last-Event-ID` of every connection to the stream."""
    cut: int = 0
    """Connections to the stream up to this one are cut."""
    with_ids: bool = True
    deleted: bool = False
    released: int = 0
    held: int = 0
    connections: int = 0
    raw: list[bytes] = field(default_factory=list)
    """Bytes to write into the stream as they are."""


class Service:
    """The service; without a script it accepts."""

    def __init__(self, *script: Step, port: int = 0) -> None:
        self.state = State(deque(script))
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._wake: set[asyncio.Event] = set()
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(port,), daemon=True)
        self._thread.start()
        assert self._started.wait(WAIT_S)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def then(self, *steps: Step) -> None:
        self._change(lambda: self.state.script.extend(steps))

    def publish(self, message: Json | str) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self._change(lambda: self.state.messages.append(text))

    def write_raw(self, data: bytes) -> None:
        """Writes bytes into the streams that are open, whatever they are."""
        self._change(lambda: self.state.raw.append(data))

    def release(self) -> None:
        """Lets one held answer go."""

        def change() -> None:
            self.state.released += 1

        self._change(change)

    def cut_streams(self) -> None:
        """Ends every connection to the stream there has been."""

        def change() -> None:
            self.state.cut = len(self.state.streams)

        self._change(change)

    def bodies(self) -> list[bytes]:
        return [body for _, body in self.state.batches]

    def wait(self, done: Callable[[State], object]) -> None:
        """Waits until it is true of the state."""
        with self._changed:
            assert self._changed.wait_for(lambda: done(self.state), WAIT_S), self.state

    async def received(self, batches: int) -> None:
        await asyncio.to_thread(self.wait, lambda state: len(state.batches) >= batches)

    async def connected(self, times: int) -> None:
        await asyncio.to_thread(self.wait, lambda state: len(state.streams) >= times)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WAIT_S)

    def _change(self, change: Callable[[], object]) -> None:
        def apply() -> None:
            with self._changed:
                change()
                self._changed.notify_all()
            for event in self._wake:
                event.set()

        if threading.current_thread() is self._thread:
            apply()
        else:
            asyncio.run_coroutine_threadsafe(_async(apply), self._loop).result(WAIT_S)

    async def _until(self, done: Callable[[], bool]) -> None:
        event = asyncio.Event()
        self._wake.add(event)
        try:
            while not done():
                event.clear()
                await event.wait()
        finally:
            self._wake.discard(event)

    def _run(self, port: int) -> None:
        try:
            self._loop.run_until_complete(self._main(port))
        finally:
            self._loop.close()

    async def _main(self, port: int) -> None:
        serving: set[asyncio.Task[None] | None] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            serving.add(asyncio.current_task())
            try:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                    await self._serve(reader, writer)
            finally:
                writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", port, limit=1 << 26)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        # What was accepted at the last moment is a task, and starts another one. Both take their first steps before
        # the server is closed and they are cancelled: else nobody would close the socket.
        self._loop.remove_reader(server.sockets[0].fileno())
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others & serving:
                task.cancel()
            await asyncio.sleep(0)
        server.close()
        # Transports that were aborted end in the loop's next turn.
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.state.connections += 1
        connection = self.state.connections
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, *fields = head.strip().split("\r\n")
            method, target, _ = line.split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            path = unquote(urlsplit(target).path)
            if method == "GET" and path.endswith("/events"):
                await self._events(path, headers.get("last-event-id"), writer)
                return
            if method == "PUT" and path.startswith("/dataService/devices/"):
                await self._batch(target, body, connection, writer)
            else:
                await _answer(writer, 404, json.dumps({"status": 404, "msg": "Not Found", "submsg": None}).encode())

    async def _batch(self, target: str, body: bytes, connection: int, writer: asyncio.StreamWriter) -> None:
        step = self.state.script.popleft() if self.state.script else self.state.always

        def received() -> None:
            self.state.batches.append((target, body))
            self.state.connections_of_batches.append(connection)

        self._change(received)
        if step.hold:
            self.state.held += 1
            turn = self.state.held
            await self._until(lambda: self.state.released >= turn)
        if step.outcomes_first:
            self.publish(successes(body))
        answer = json.dumps(accepted(body)).encode() if step.body is None else step.body
        if step.cut is not None:
            if step.cut >= 0:
                writer.write(_head(step.status, len(answer), step.headers) + answer[: step.cut])
                await writer.drain()
            raise asyncio.IncompleteReadError(b"", None)
        if step.endless:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                await writer.drain()
        if step.drip_s:
            writer.write(_head(step.status, len(answer), step.headers))
            for byte in answer:
                writer.write(bytes([byte]))
                await asyncio.sleep(step.drip_s)
            return
        await _answer(writer, step.status, answer, step.headers)

    async def _events(self, path: str, last_id: str | None, writer: asyncio.StreamWriter) -> None:
        if not path.endswith(".ops/events") or self.state.deleted:
            text = {"status": 404, "msg": "Invalid object id", "submsg": "no such channel in this org"}
            await _answer(writer, 404, json.dumps(text).encode())
            return
        at = len(self.state.messages) if last_id is None else int(last_id)
        raw = len(self.state.raw)
        self._change(lambda: self.state.streams.append(last_id))
        me = len(self.state.streams)
        start = f"id: {at}\n\n" if self.state.with_ids else ": hello\n\n"
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + start.encode()
        )
        state = self.state
        while True:
            await writer.drain()
            await self._until(partial(_something_to_write, state, me, at, raw))
            if state.cut >= me:
                return
            if raw < len(state.raw):
                writer.write(state.raw[raw])
                raw += 1
                continue
            number = f"id: {at + 1}\n" if state.with_ids else ""
            message = state.messages[at]
            if ("setMeasurepointChannelId" in message) == (".SET." in path):
                writer.write(f"{number}data: {message}\n\n".encode())
            at += 1


def _something_to_write(state: State, me: int, at: int, raw: int) -> bool:
    return state.cut >= me or at < len(state.messages) or raw < len(state.raw)


async def _async(function: Callable[[], object]) -> None:
    function()


def _head(status: int, length: int, headers: str) -> bytes:
    return f"HTTP/1.1 {status} Scripted\r\nContent-Length: {length}\r\n{headers}\r\n".encode()


async def _answer(writer: asyncio.StreamWriter, status: int, body: bytes, headers: str = "") -> None:
    writer.write(_head(status, len(body), headers) + body)
    await writer.drain()


@contextmanager
def service(*script: Step) -> Iterator[Service]:
    running = Service(*script)
    try:
        yield running
    finally:
        running.close()


def items(body: bytes) -> list[Json]:
    data: list[Json] = json.loads(body)["data"]
    return data


def reply(item: Json, code: int, output: Any) -> Json:
    return {**item, "status": code, "outputData": output}


def accepted(body: bytes) -> Json:
    return {"status": 0, "msg": "Success", "submsg": None, "data": [reply(item, 0, None) for item in items(body)]}


def successes(body: bytes) -> Json:
    """A channel message with a success for every item, whose output says whose it is."""
    return {"data": [reply(item, 0, {"of": item["requestId"]}) for item in items(body)]}


def outcome(request_id: str, code: int = 0) -> Json:
    """A channel message with one outcome."""
    item = {"requestId": request_id, "controlChannelId": CHANNEL, "serviceId": "start"}
    return {"data": [reply(item, code, {"of": request_id})]}


def invoke(request_id: str, **fields: Any) -> Json:
    """An invoke with this request id, for the client's channel."""
    return {"requestId": request_id, "assetId": "turbine-7", "serviceId": "start", **fields}


def org_of(target: str) -> str:
    return parse_qs(urlsplit(target).query)["orgId"][0]
