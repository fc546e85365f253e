"""Exponential back-off with jitter."""

from __future__ import annotations

import random


class Backoff:
    """Doubling pauses with jitter, from `first_ms` up to `most_ms`."""

    def __init__(self, first_ms: float, most_ms: float) -> None:
        self._first = first_ms
        self._most = max(first_ms, most_ms)
        self._next = first_ms

    def pause(self) -> float:
        """The next pause in seconds: between half and all of the step, so that many clients do not come back at
        once."""
        step = self._next
        self._next = min(step * 2, self._most)
        return (step / 2 + random.random() * step / 2) / 1_000

    def reset(self) -> None:
        """After a success: the next pause is the first one again."""
        self._next = self._first

    def copy(self) -> Backoff:
        """The same pauses, from the first one on."""
        return Backoff(self._first, self._most)
