"""Reads the lines of a server-sent event stream. Bounded: an event that grows too large is skipped and named.

`httpx-sse` is not used: it bounds nothing, yields an event for an id without data, and takes an id before its event is
whole, so that a stream that breaks in between would be resumed behind an event that nobody got.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_BOM = b"\xef\xbb\xbf"
# `data: ` and the line end are on top of the data itself.
_FIELD_BYTES = 64


@dataclass(frozen=True)
class Parsed:
    """One event. `data` is `None` where it passed the bound."""

    kind: str
    data: bytes | None


class Parser:
    """Bytes in, events out. `most` bounds the data of an event, in bytes."""

    def __init__(self, most: int, last_id: str | None = None) -> None:
        self.last_id = last_id
        """The id of the last event that was whole; `None` before the first."""
        self._most = most
        self._line = bytearray()
        # The last byte was a CR: a LF right after it belongs to the same line end.
        self._after_cr = False
        self._start = True
        self._kind = ""
        self._data: list[bytes] = []
        self._size = 0
        self._too_large = False
        self._pending_id = last_id

    def push(self, chunk: bytes) -> Iterator[Parsed]:
        """Takes in the next piece of the stream, however it was cut, as far as the iterator is followed."""
        if not chunk:
            return
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_cr = False
            if not chunk:
                return
        self._after_cr = chunk.endswith(b"\r")
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        parts = chunk.split(b"\n")
        rest = parts.pop()
        for part in parts:
            self._extend(part)
            parsed = self._end_line()
            if parsed is not None:
                yield parsed
        self._extend(rest)

    def _extend(self, part: bytes) -> None:
        room = max(self._most + _FIELD_BYTES - len(self._line), 0)
        if len(part) > room:
            self._too_large = True
        self._line += part[:room]

    def _end_line(self) -> Parsed | None:
        line = bytes(self._line)
        self._line.clear()
        if self._start:
            self._start = False
            line = line.removeprefix(_BOM)
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        self._field(field, value.removeprefix(b" "))
        return None

    def _field(self, field: bytes, value: bytes) -> None:
        if field == b"data":
            self._size += len(value)
            if self._size > self._most:
                self._too_large = True
            # What was skipped counts as data all the same: its event is named.
            self._data.append(b"" if self._too_large else value)
        elif field == b"event":
            self._kind = value.decode(errors="replace")
        elif field == b"id" and b"\0" not in value:
            self._pending_id = value.decode(errors="replace")
        # Comments (an empty name), `retry`, and whatever comes later mean nothing here.

    def _dispatch(self) -> Parsed | None:
        self.last_id = self._pending_id
        kind, data, too_large = self._kind, self._data, self._too_large
        self._kind, self._data, self._size, self._too_large = "", [], 0, False
        if too_large:
            return Parsed(kind or "message", None)
        return Parsed(kind or "message", b"\n".join(data)) if data else None
