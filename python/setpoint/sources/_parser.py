"""Parses a server-sent event stream. Bounded: an event that is too large is skipped and reported.

`httpx-sse` is not used: it has no bounds, yields an event for an id without data, and takes over an id before its event
is complete, so a stream that breaks in between would be resumed after an event that was never received.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_BOM = b"\xef\xbb\xbf"
# Allowance for the field name and the line end, beyond the data.
_FIELD_BYTES = 64


@dataclass(frozen=True)
class Parsed:
    """One event. `data` is `None` if it was too large."""

    kind: str
    data: bytes | None


class Parser:
    """Bytes in, events out. `most` bounds the data of an event, in bytes."""

    def __init__(self, most: int, last_id: str | None = None) -> None:
        self.last_id = last_id
        """The id of the last complete event; `None` before the first."""
        self._most = most
        self._line = bytearray()
        # The last byte was a CR: an LF right after it belongs to the same line end.
        self._after_cr = False
        self._start = True
        self._kind = ""
        self._data: list[bytes] = []
        self._size = 0
        self._too_large = False
        self._pending_id = last_id

    def push(self, chunk: bytes) -> Iterator[Parsed]:
        """Takes the next piece of the stream, cut anywhere. It is parsed as far as the iterator is read."""
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
            # Skipped data counts as data, so that its event is reported.
            self._data.append(b"" if self._too_large else value)
        elif field == b"event":
            self._kind = value.decode(errors="replace")
        elif field == b"id" and b"\0" not in value:
            self._pending_id = value.decode(errors="replace")
        # Comments (an empty name), `retry` and unknown fields are ignored.

    def _dispatch(self) -> Parsed | None:
        self.last_id = self._pending_id
        kind, data, too_large = self._kind, self._data, self._too_large
        self._kind, self._data, self._size, self._too_large = "", [], 0, False
        if too_large:
            return Parsed(kind or "message", None)
        return Parsed(kind or "message", b"\n".join(data)) if data else None
