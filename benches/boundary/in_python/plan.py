"""What is measured, against which peers, and the targets."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import orjson

from . import corpora, engine, futures
from .corpora import Facts, Flight
from .measure import Contender, Series, Spread, in_turns, ratio, timed
from .peers import PEERS, Respond, dumps

SETPOINT = "setpoint"
DICTS = "setpoint, from dicts"
BODIES = "setpoint, from bodies"
RUST = "the engine from Rust"
JSON, ORJSON, TASKS = "json, dict of futures", "orjson, dict of futures", "orjson, a task and wait_for each, and dumps"
WRITES = " and dumps"

D = TypeVar("D", bound=futures.Dumps | None)

RESPOND = (1, 100, 1_000)
IN_FLIGHT = (10_000, 100_000)

FASTER = {
    (100, "json + hand checks"): 25.0,
    (100, "orjson + hand checks"): 8.0,
    (100, "msgspec, Raw payloads"): 4.0,
    (100, "pydantic + orjson"): 15.0,
    (1, "msgspec, Raw payloads"): 4.0,
}
MOST_OVER_RUST = 1.2
MOST_NS_FROM_DICTS = 500.0
FASTER_IN_FLIGHT = 10.0


@dataclass(frozen=True)
class Effort:
    """How many rounds there are."""

    respond: int
    in_flight: dict[int, int]

    @property
    def steps(self) -> int:
        """Of the progress."""
        return self.respond * len(RESPOND) + sum(self.in_flight.values())


FULL = Effort(150, {10_000: 15, 100_000: 7})
QUICK = Effort(20, {10_000: 3, 100_000: 1})


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    work: str
    beside: str
    unit: str
    value: Spread
    least: float | None = None
    most: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the median reaches the target; `None` without a target."""
        if self.least is not None:
            return self.value.median >= self.least
        return None if self.most is None else self.value.median <= self.most


@dataclass(frozen=True)
class Cost:
    """The cost of an item for one contender, in nanoseconds."""

    work: str
    items: int
    contender: str
    nanos: Spread


def run(folder: Path, program: Path, effort: Effort, tick: Callable[[str], None]) -> tuple[list[Row], list[Cost]]:
    """Everything."""
    facts = corpora.facts(folder)
    rows: list[Row] = []
    costs: list[Cost] = []
    with engine.Bare(program, [folder / f"respond-{items}.jsonl" for items in RESPOND]) as bare:
        for file, items in enumerate(RESPOND):
            series = respond(folder, facts, items, partial(bare.respond, file), effort.respond, tick)
            rows += respond_rows(items, series)
            costs += [Cost("respond", items, each.name, Spread.of(each.samples)) for each in series.values()]
    for items in IN_FLIGHT:
        series = in_flight(folder, facts, items, effort.in_flight[items], tick)
        rows += flight_rows(items, series)
        costs += [Cost("in flight", items, each.name, Spread.of(each.samples)) for each in series.values()]
    return rows, costs


def respond(
    folder: Path, facts: Facts, items: int, bare: Callable[[int], int], rounds: int, tick: Callable[[str], None]
) -> dict[str, Series]:
    """Bodies in, responses out."""
    bodies = corpora.bodies(folder, items)
    lists = corpora.parsed(bodies)
    checker = engine.Checker(facts)
    settle()

    def each(answer: Respond) -> Callable[[], None]:
        def work() -> None:
            for body in bodies:
                answer(body, facts)

        return work

    def each_list() -> None:
        for commands in lists:
            checker.respond(commands, facts)

    in_all = items * len(bodies)
    contenders = [
        Contender(SETPOINT, timed(each(checker.respond)), in_all),
        Contender(RUST, bare, in_all),
        Contender(DICTS, timed(each_list), in_all),
        *(Contender(name, timed(each(peer)), in_all) for name, peer in PEERS.items()),
    ]
    return in_turns(contenders, rounds, lambda: tick(f"respond, {items:,} items"))


def in_flight(folder: Path, facts: Facts, items: int, rounds: int, tick: Callable[[str], None]) -> dict[str, Series]:
    """Everything submitted, everything answered."""
    flight = corpora.flight(folder, items)
    settle()
    loop = asyncio.new_event_loop()

    def sync(work: Callable[[Flight, Facts], int]) -> Callable[[], None]:
        return lambda: hold(work(flight, facts), items)

    def on_loop(
        work: Callable[[Flight, futures.Loads, D], Coroutine[Any, Any, int]], loads: futures.Loads, dumps: D
    ) -> Callable[[], None]:
        return lambda: hold(loop.run_until_complete(work(flight, loads, dumps)), items)

    contenders = [
        Contender(BODIES, timed(sync(engine.from_bodies)), items),
        Contender(JSON, timed(on_loop(futures.by_futures, json.loads, None)), items),
        Contender(ORJSON, timed(on_loop(futures.by_futures, orjson.loads, None)), items),
        Contender(DICTS, timed(sync(engine.from_items)), items),
        Contender(JSON + WRITES, timed(on_loop(futures.by_futures, json.loads, dumps)), items),
        Contender(ORJSON + WRITES, timed(on_loop(futures.by_futures, orjson.loads, orjson.dumps)), items),
        Contender(TASKS, timed(on_loop(futures.by_tasks, orjson.loads, orjson.dumps)), items),
    ]
    try:
        return in_turns(contenders, rounds, lambda: tick(f"in flight, {items:,} items"))
    finally:
        loop.close()


def settle() -> None:
    """Excludes what was loaded from garbage collection: an application does not hold a corpus."""
    gc.collect()
    gc.freeze()


def hold(succeeded: int, items: int) -> None:
    """Nine in ten succeed: a contender with another count did other work."""
    if succeeded != items * 9 // 10:
        raise AssertionError(f"{succeeded} of {items} succeeded")


def respond_rows(items: int, series: dict[str, Series]) -> list[Row]:
    """The lines for one size of body."""
    work, mine = f"bytes → response, {items:,} item{'s'[: items > 1]}", series[SETPOINT]
    rows = [
        Row(work, f"faster than {name}", "×", ratio(series[name], mine), least=FASTER.get((items, name)))
        for name in PEERS
    ]
    over = MOST_OVER_RUST if items == 1_000 else None
    rows.append(Row(work, RUST + " = 1", "×", ratio(mine, series[RUST]), most=over))
    most = MOST_NS_FROM_DICTS if items == 100 else None
    dicts = Spread.of(series[DICTS].samples)
    rows.append(Row(work.replace("bytes", "dicts"), "an item", "ns", dicts, most=most))
    return rows


def flight_rows(items: int, series: dict[str, Series]) -> list[Row]:
    """The lines for so many in flight: first with complete bodies, then from items."""

    def row(work: str, name: str, mine: str, least: float | None = FASTER_IN_FLIGHT) -> Row:
        work = f"{items:,} in flight, {work}"
        return Row(work, f"faster than {name}", "×", ratio(series[name], series[mine]), least=least)

    given, written = "bodies given", "bodies written"
    return [
        row(given, JSON, BODIES),
        row(given, ORJSON, BODIES),
        row(written, JSON + WRITES, DICTS),
        row(written, ORJSON + WRITES, DICTS),
        row(written, TASKS, DICTS, None),
    ]
