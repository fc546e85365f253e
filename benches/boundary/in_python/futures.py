"""In-flight items as asyncio programs keep them: a dict of futures, each with a timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from .corpora import Flight, Item, send

Loads = Callable[[bytes], Any]
Dumps = Callable[[Any], bytes]

PATIENCE_S = 3600.0
"""Added to every timeout: nothing expires because the machine was busy."""


class Futures:
    """A future and a `call_later` for each item, by request id."""

    def __init__(self, loads: Loads) -> None:
        self.loads = loads
        self.loop = asyncio.get_running_loop()
        self.pending: dict[str, tuple[asyncio.Future[Item], asyncio.TimerHandle]] = {}

    def register(self, item: Item) -> asyncio.Future[Item]:
        """Waits for the answer to an item from now on."""
        request_id = item["requestId"]
        future: asyncio.Future[Item] = self.loop.create_future()
        timer = self.loop.call_later(PATIENCE_S + item["timeout"] / 1000, self.expire, request_id)
        self.pending[request_id] = future, timer
        return future

    def expire(self, request_id: str) -> None:
        """There was no answer in time."""
        future, _ = self.pending.pop(request_id)
        if not future.done():
            future.set_exception(TimeoutError(request_id))

    def handle_message(self, body: bytes) -> None:
        """A message from the channel. A reply that nobody waits for is dropped."""
        for reply in self.loads(body)["data"]:
            waiting = self.pending.pop(reply["requestId"], None)
            if waiting is not None:
                future, timer = waiting
                timer.cancel()
                if not future.done():
                    future.set_result(reply)


async def by_futures(flight: Flight, loads: Loads, dumps: Dumps | None) -> int:
    """Everything submitted, everything answered: how many succeeded.

    Without `dumps` the bodies were written elsewhere. Nobody awaits the futures: they are looked at when all have
    ended, which costs least.
    """
    keeper = Futures(loads)
    waiting = []
    for items in flight.batches:
        waiting += [keeper.register(item) for item in items]
        if dumps is not None:
            send(dumps({"data": items}))
    for message in flight.messages:
        keeper.handle_message(message)
    # The loop removes cancelled timers at its next turn.
    await asyncio.sleep(0)
    return sum(future.result()["status"] == 0 for future in waiting)


async def by_tasks(flight: Flight, loads: Loads, dumps: Dumps) -> int:
    """The same with a task for each item, which waits for its answer with `asyncio.wait_for`."""
    keeper = Waiters(loads)
    tasks = []
    for items in flight.batches:
        tasks += [asyncio.create_task(keeper.call(item)) for item in items]
        send(dumps({"data": items}))
    # Every task starts to wait.
    await asyncio.sleep(0)
    for message in flight.messages:
        keeper.handle_message(message)
        await asyncio.sleep(0)
    replies = await asyncio.gather(*tasks)
    return sum(reply["status"] == 0 for reply in replies)


class Waiters:
    """A future for each item, by request id."""

    def __init__(self, loads: Loads) -> None:
        self.loads = loads
        self.loop = asyncio.get_running_loop()
        self.pending: dict[str, asyncio.Future[Item]] = {}

    async def call(self, item: Item) -> Item:
        """Waits for the answer to an item."""
        request_id = item["requestId"]
        future = self.pending[request_id] = self.loop.create_future()
        try:
            return await asyncio.wait_for(future, PATIENCE_S + item["timeout"] / 1000)
        finally:
            del self.pending[request_id]

    def handle_message(self, body: bytes) -> None:
        """A message from the channel. A reply that nobody waits for is dropped."""
        for reply in self.loads(body)["data"]:
            future = self.pending.get(reply["requestId"])
            if future is not None and not future.done():
                future.set_result(reply)
