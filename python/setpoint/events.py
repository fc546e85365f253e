"""Groups of events, for annotations and `isinstance`."""

from __future__ import annotations

from typing import TypeAlias

from ._core import (
    Accepted,
    BatchDone,
    Cancelled,
    Duplicate,
    Finished,
    Late,
    Refused,
    TimedOut,
    Unknown,
    Unreadable,
)

Ended: TypeAlias = Refused | Finished | TimedOut | Cancelled
"""An item has ended. Every item ends with exactly one of these."""

LateEvent: TypeAlias = Late | Duplicate | Unknown | Unreadable
"""A reply that ends nothing."""

Event: TypeAlias = Accepted | Ended | LateEvent | BatchDone
"""Any event of a requester."""
