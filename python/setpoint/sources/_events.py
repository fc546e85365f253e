"""Sources of channel messages, and the events that they yield."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Connected:
    """The connection is back."""


@dataclass(frozen=True)
class Disconnected:
    """The connection was lost, or still cannot be made, for this reason; the source goes on trying."""

    reason: str


@dataclass(frozen=True)
class Gap:
    """Messages may have been missed: the outcomes in them will not come, and their items time out here."""

    reason: str


@dataclass(frozen=True)
class Unreadable:
    """Data that cannot be handed on as a message, for instance because it is too large."""

    reason: str


SourceEvent = bytes | Connected | Disconnected | Gap | Unreadable
"""A channel message in bytes, or a change."""


@runtime_checkable
class ChannelSource(Protocol):
    """Anything that yields channel messages: the service's event stream, an MQTT topic, or your own.

    All of it is called on the client's event loop. `name` is what it is called in events and errors, for instance its
    URL.
    """

    @property
    def name(self) -> str:
        """What it is called in events and errors."""

    async def open(self) -> None:
        """Starts to listen. Once this has returned, every message published from then on comes out of `events`:
        no batch is sent before. Raises `SourceError` if it cannot."""

    def events(self) -> AsyncIterator[SourceEvent]:
        """The messages and changes. The source reconnects by itself; it has ended for good if the iterator ends.

        A request for the next event means that the one before was handed on.
        """

    async def close(self) -> None:
        """The client is closing: release everything. The call may be cancelled."""


class IterableSource:
    """Messages that another part of the program yields."""

    def __init__(self, messages: AsyncIterable[bytes]) -> None:
        self._messages = messages
        self.name = type(messages).__name__

    async def open(self) -> None:
        """Nothing to do."""

    async def events(self) -> AsyncIterator[SourceEvent]:
        """The messages."""
        async for message in self._messages:
            yield message

    async def close(self) -> None:
        """Closes a generator."""
        close = getattr(self._messages, "aclose", None)
        if close is not None:
            await close()
