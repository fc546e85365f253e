"""The Python package at the same work, and the engine without it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType

import setpoint
from setpoint import Finished

from .corpora import Facts, Flight, Item, send


class Checker:
    """The package, at the time given by the facts. No clock is read."""

    def __init__(self, facts: Facts) -> None:
        self.now = setpoint.Now(0, facts.epoch_ms)

    def respond(self, body: bytes | list[Item], facts: Facts) -> bytes:
        """A body in, or items that are dicts already; the response out."""
        return setpoint.check(body, org_id=facts.org_id, now=self.now).response


def from_items(flight: Flight, facts: Facts) -> int:
    """Everything submitted as dicts, everything answered, events drained message by message: how many succeeded."""
    requester = setpoint.Requester(facts.org_id, open_items=flight.items)
    for items in flight.batches:
        send(requester.submit(items).body)
    return drained(requester, flight)


def from_bodies(flight: Flight, facts: Facts) -> int:
    """The same with complete bodies."""
    requester = setpoint.Requester(facts.org_id, open_items=flight.items)
    for body in flight.bodies:
        send(requester.submit(body).body)
    return drained(requester, flight)


def drained(requester: setpoint.Requester, flight: Flight) -> int:
    """Reads every message and the outcome of every item."""
    succeeded = 0
    for message in flight.messages:
        requester.handle_message(message)
        for event in requester.poll_events():
            if isinstance(event, Finished) and event.ok:
                succeeded += 1
    return succeeded


class Bare:
    """The engine without a binding: a program that checks the same bodies on request."""

    def __init__(self, program: Path, files: list[Path]) -> None:
        self.process = subprocess.Popen(
            [program, "respond", *files], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def respond(self, file: int, passes: int) -> int:
        """Checks all bodies of a file so many times: nanoseconds of CPU time."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{file} {passes}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def __enter__(self) -> Bare:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.communicate()
