"""The service's own event stream: `GET /channels/{id}/events`, resumable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import anyio
import httpx

from .._backoff import Backoff
from .._envelope import said
from .._http import STREAM_IDLE_S, Http, Lost, describe, read
from ..errors import SourceError
from ._events import Connected, Disconnected, Gap, SourceEvent, Unreadable
from ._parser import Parsed, Parser

# Most bytes read of a response that refuses the stream.
_REFUSAL_BYTES = 64 << 10
_OK = 200
_NOT_FOUND = 404


class _Refused(Exception):
    """Why a connection could not be made."""


class EventStream:
    """A channel's server-sent events over HTTP. Reconnects with `Last-Event-ID`, so nothing is lost as long as the
    service still has it; otherwise there is a gap."""

    def __init__(self, http: Http, channel_id: str, most: int, answer_s: float, backoff: Backoff) -> None:
        self._http = http
        self._channel_id = channel_id
        self._most = most
        self._answer_s = answer_s
        self._backoff = backoff
        self._live: httpx.Response | None = None
        self._chunks: AsyncIterator[bytes] | None = None
        self._parser = Parser(most)
        self.name = http.url("/channels", [channel_id, "events"])

    async def open(self) -> None:
        """Connects. Raises `SourceError` if the service does not answer with a stream."""
        try:
            await self._connect()
        except _Refused as refused:
            raise SourceError(self.name, str(refused)) from None

    async def events(self) -> AsyncIterator[SourceEvent]:
        """The messages and changes, for as long as anyone asks."""
        told = ""
        while True:
            if self._chunks is not None:
                chunk, told = await self._read(self._chunks)
                if chunk is not None:
                    for parsed in self._parser.push(chunk):
                        yield self._event(parsed)
                    continue
                await self.close()
                yield Disconnected(told)
            resumable = bool(self._parser.last_id)
            await asyncio.sleep(self._backoff.pause())
            try:
                await self._connect()
            except _Refused as refused:
                # It goes on trying; a new reason, such as a deleted channel, is told.
                if str(refused) != told:
                    told = str(refused)
                    yield Disconnected(told)
                continue
            yield Connected()
            if not resumable:
                yield Gap("the stream broke before it had given an event id to resume from")

    async def close(self) -> None:
        """Closes the connection."""
        live, self._live, self._chunks = self._live, None, None
        if live is not None:
            await live.aclose()

    async def _connect(self) -> None:
        headers = {"Accept": "text/event-stream"}
        last_id = self._parser.last_id
        if last_id:
            headers["Last-Event-ID"] = last_id
        try:
            response = await self._http.open_stream(self.name, headers, self._answer_s)
        except Exception as error:
            check = "check the URL and that the service runs (`setpoint serve`)"
            raise _Refused(f"{describe(error)}; {check}") from None
        if response.status_code != _OK:
            raise _Refused(await self._explain(response))
        if not response.headers.get("content-type", "").strip().lower().startswith("text/event-stream"):
            await response.aclose()
            raise _Refused("the answer is not an event stream; check the URL")
        self._parser = Parser(self._most, last_id)
        self._live, self._chunks = response, response.aiter_raw()

    async def _explain(self, response: httpx.Response) -> str:
        text = None
        try:
            with anyio.fail_after(self._answer_s):
                body = await read(response, _REFUSAL_BYTES)
                text = None if isinstance(body, Lost) else said(body.body)
        # Without the body, the status has to do.
        except (httpx.HTTPError, OSError):
            pass
        finally:
            await response.aclose()
        quoted = f" ({text})" if text else ""
        if response.status_code == _NOT_FOUND:
            return (
                f"the service answered 404{quoted}; does org {self._http.org_id!r} have this channel? Create it with "
                f"`setpoint channel create {self._channel_id}` or create_channels=True"
            )
        return f"the service answered HTTP {response.status_code}{quoted}"

    async def _read(self, chunks: AsyncIterator[bytes]) -> tuple[bytes | None, str]:
        """The next piece of the live connection; or why there is none."""
        try:
            chunk = await anext(chunks)
        except StopAsyncIteration:
            return None, "the service closed the stream"
        except httpx.ReadTimeout:
            return None, f"nothing came for {STREAM_IDLE_S:.0f} s, not even a sign of life"
        # Including errors that httpx does not wrap: after any of them it reconnects.
        except (httpx.HTTPError, OSError) as error:
            return None, describe(error)
        self._backoff.reset()
        return chunk, ""

    def _event(self, parsed: Parsed) -> SourceEvent:
        if parsed.data is None:
            return Unreadable(f"an event of more than {self._most} bytes was skipped")
        if parsed.kind == "gap":
            return Gap(f"the service no longer holds them: {parsed.data.decode(errors='replace')}")
        return parsed.data
