"""A bound on the requests under way at once."""

from __future__ import annotations

import asyncio
from collections import deque

from .errors import ClosedError


class Permit:
    """One slot, held until it is given back, which may be done more than once."""

    def __init__(self, slots: Slots) -> None:
        self._slots: Slots | None = slots

    def release(self) -> None:
        """Gives the slot back."""
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.give_back()


class Slots:
    """A bounded number of slots; further callers wait for their turn, in order. Belongs to one event loop.

    Unlike `asyncio.Semaphore` it can be closed, which ends every wait.
    """

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False

    async def acquire(self) -> Permit:
        """Waits for a slot. A wait that is cancelled takes none.

        Raises `ClosedError` once `close` was called.
        """
        if self._closed:
            raise ClosedError
        if self._free > 0 and not self._waiting:
            self._free -= 1
            return Permit(self)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                # It got its slot just as the wait was cancelled: the slot goes to the next one.
                self.give_back()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise
        return Permit(self)

    def give_back(self) -> None:
        """Called by a permit: gives the slot to the next one that waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def close(self) -> None:
        """Ends every wait, now and from now on."""
        self._closed = True
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(ClosedError())
        self._waiting.clear()
