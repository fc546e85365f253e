"""Runs contenders in turns, so that other load on the machine affects all of them."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Burst = Callable[[int], int]
"""Does its work this many times and returns the nanoseconds of CPU time that it took."""

BURST_NS = 4_000_000


@dataclass(frozen=True)
class Contender:
    """A contender: what does the work, and the number of items of one pass."""

    name: str
    burst: Burst
    items: int


@dataclass
class Series:
    """What one contender took in each round, in nanoseconds an item."""

    name: str
    samples: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Spread:
    """The median, and the 10th and 90th percentiles."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        ordered = sorted(values)
        low, median, high = (ordered[round((len(ordered) - 1) * part)] for part in (0.1, 0.5, 0.9))
        return cls(low, median, high)


def timed(work: Callable[[], object]) -> Burst:
    """The CPU time that this thread needs for the work. Waiting for the processor does not count."""

    def burst(passes: int) -> int:
        start = time.thread_time_ns()
        for _ in range(passes):
            work()
        return time.thread_time_ns() - start

    return burst


def in_turns(contenders: Sequence[Contender], rounds: int, tick: Callable[[], None]) -> dict[str, Series]:
    """Runs each contender in short bursts, once a round, another one first in each. The first round warms up."""
    passes = [passes_of(contender) for contender in contenders]
    series = [Series(contender.name) for contender in contenders]
    for turn in range(rounds):
        for step in range(len(contenders)):
            at = (turn + step) % len(contenders)
            # A contender does not pay for the garbage of the one before.
            gc.collect()
            nanos = contenders[at].burst(passes[at])
            series[at].samples.append(nanos / passes[at] / contenders[at].items)
        tick()
    return {each.name: each for each in series}


def passes_of(contender: Contender) -> int:
    """How many passes make a burst that is long enough to be timed and short enough to be one of many."""
    contender.burst(1)
    return max(1, math.ceil(BURST_NS / max(1, contender.burst(1))))


def ratio(of: Series, by: Series) -> Spread:
    """Every sample divided by the other's of the same round."""
    return Spread.of([one / other for one, other in zip(of.samples, by.samples, strict=True)])
