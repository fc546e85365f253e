"""Forwards the events of a source to the client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Protocol

from ._events import ChannelSource, Connected, Disconnected, Gap, SourceEvent, Unreadable

_log = logging.getLogger("setpoint.client")
# Messages taken from a source that never waits before other tasks get a turn.
_IN_A_ROW = 64


class Taker(Protocol):
    """The receiver of a source's events."""

    def source_event(self, name: str, event: SourceEvent) -> None:
        """The next message or change."""

    def source_ended(self, name: str, reason: str) -> None:
        """The source has ended."""


async def run(source: ChannelSource, taker: Taker) -> None:
    """Runs until the source ends, or is cancelled."""
    name = source.name
    try:
        events = source.events()
        try:
            await _carry(name, events, taker)
        finally:
            close = getattr(events, "aclose", None)
            if close is not None:
                await close()
    # A source that raises has ended, and is reported as such: otherwise later batches would be sent without anybody to
    # receive their outcomes.
    except Exception as error:
        _log.exception("%s failed", name)
        taker.source_ended(name, f"it failed: {type(error).__name__}: {error}")
    else:
        taker.source_ended(name, "it yields no more messages")


async def _carry(name: str, events: AsyncIterator[SourceEvent], taker: Taker) -> None:
    taken = 0
    async for event in events:
        _tell(name, event)
        taker.source_event(name, event)
        taken += 1
        if taken % _IN_A_ROW == 0:
            await asyncio.sleep(0)


def _tell(name: str, event: SourceEvent) -> None:
    if isinstance(event, Connected):
        _log.info("%s: connected again", name)
    elif isinstance(event, Disconnected):
        _log.warning("%s: disconnected: %s", name, event.reason)
    elif isinstance(event, Gap):
        _log.warning("%s: messages may have been missed: %s", name, event.reason)
    elif isinstance(event, Unreadable):
        _log.warning("%s: unreadable: %s", name, event.reason)
