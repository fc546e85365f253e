"""Sends one batch until its response has been read, or until the batch has ended without one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from ._backoff import Backoff
from ._http import Attempt, Http, Lost, NotSent
from ._slots import Permit, Slots
from .errors import ClosedError

_log = logging.getLogger("setpoint.client")

Next = Literal["done", "again"]
"""What follows an attempt: nothing, or the same body again after a pause."""


@dataclass(frozen=True)
class Sending:
    """What sending needs, the same for every batch."""

    http: Http
    urls: Mapping[str, str]
    """Where the batches of each family go."""
    slots: Slots
    """One slot for each request under way."""
    response_timeout_s: float
    """How long one attempt waits for its response."""
    connect_attempts: int
    """How often a connection is tried before a batch that was never sent is given up."""
    backoff: Backoff


@dataclass(frozen=True)
class PendingBatch:
    """A batch that is being sent."""

    batch: int
    family: str
    body: bytes
    patience_s: float
    """How long it may be sent again."""


class Judge(Protocol):
    """Who knows the state of a batch."""

    def resending(self, batch: int) -> None:
        """The batch is about to be sent once more."""

    def attempted(self, batch: int, attempt: Attempt) -> Next:
        """An attempt is over. Says whether there is to be another."""


async def send(sending: Sending, pending: PendingBatch, permit: Permit, judge: Judge) -> None:
    """Runs until there is nothing more to send, or is cancelled when the batch has ended. The first
    slot is given; whoever made the task gives it back if the task never runs.

    A body is not sent again once the shortest of its items' timeouts has passed: by then nobody expects that command to
    be executed. The items are then left to their deadlines.
    """
    until = time.monotonic() + pending.patience_s
    backoff = sending.backoff.copy()
    may_have_arrived = False
    connections_refused = 0
    while True:
        try:
            if may_have_arrived:
                judge.resending(pending.batch)
            url = sending.urls[pending.family]
            attempt = await sending.http.call("PUT", url, pending.body, sending.response_timeout_s)
        finally:
            # Releases the request slot while waiting, so that other batches can use it.
            permit.release()
        not_sent = isinstance(attempt, NotSent)
        connections_refused += not_sent
        _tell(pending.batch, attempt)
        pause = backoff.pause()
        another_connection = (
            not_sent and connections_refused < sending.connect_attempts and time.monotonic() + pause < until
        )
        if not another_connection:
            may_have_arrived |= not not_sent
            if judge.attempted(pending.batch, attempt) == "done" or time.monotonic() + pause >= until:
                return
        await asyncio.sleep(pause)
        try:
            permit = await sending.slots.acquire()
        except ClosedError:
            return


def _tell(batch: int, attempt: Attempt) -> None:
    if isinstance(attempt, NotSent):
        _log.warning("batch %d could not be sent: %s", batch, attempt.reason)
    elif isinstance(attempt, Lost):
        _log.warning("batch %d got no response: %s", batch, attempt.reason)
    else:
        _log.debug("batch %d: HTTP %d", batch, attempt.status)
