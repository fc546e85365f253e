"""Helpers for the tests of the client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from service import CHANNEL, WAIT_S

import setpoint

T = TypeVar("T")


def client(url: str, **settings: Any) -> setpoint.Client:
    """A client with everything set for short waits."""
    quick: dict[str, Any] = {
        "org_id": "o1",
        "channel": CHANNEL,
        "grace_ms": 0,
        "backoff_ms": (1, 20),
        "connect_timeout_ms": 5_000,
        "response_timeout_ms": 5_000,
    }
    return setpoint.Client(url, **{**quick, **settings})


async def soon(awaitable: Awaitable[T]) -> T:
    """Fails the test instead of hanging it."""
    return await asyncio.wait_for(awaitable, WAIT_S)


async def until(done: Callable[[], object]) -> None:
    """Waits until it is true."""

    async def wait() -> None:
        while not done():
            await asyncio.sleep(0.01)

    await soon(wait())


async def heard(one: setpoint.Client, unknown: int) -> None:
    """Waits until so many replies have come that nobody asked for."""
    await until(lambda: one.stats.unknown >= unknown)


async def settle(outcomes: setpoint.Outcomes) -> tuple[list[setpoint.Event], setpoint.Summary]:
    """All events of a batch but the last. Every item must have ended exactly once."""
    events = [event async for event in outcomes.events()]
    last = events.pop()
    assert isinstance(last, setpoint.BatchDone)
    ended = [event.index for event in events if isinstance(event, setpoint.Ended)]
    assert sorted(ended) == list(range(last.summary.submitted)), events
    assert outcomes.summary == last.summary
    return events, last.summary


def own_outputs(events: Sequence[Any]) -> None:
    """Every success says that it is the item's own."""
    for event in events:
        if isinstance(event, setpoint.Finished):
            assert event.output == {"of": event.request_id}


def reserve() -> tuple[socket.socket, int]:
    """A port of this test's own on which nobody listens: connections are refused while the socket is held."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held, held.getsockname()[1]
