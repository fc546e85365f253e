"""Validation and reply correlation for batched device commands.

`check` says what is wrong with a batch before it is sent. `Requester` matches replies, for programs with their own
HTTP client and message queue. `Client` (and its blocking twin, `setpoint.sync.Client`) also sends and receives; it
needs `pip install "setpoint[client]"`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._core import (
    Accepted,
    AcceptedItem,
    BatchDone,
    Cancelled,
    CodeInfo,
    Directory,
    Duplicate,
    Fault,
    Finished,
    Late,
    Limits,
    Now,
    Outcome,
    Refusal,
    Refused,
    RefusedItem,
    Report,
    Requester,
    Submission,
    Summary,
    TimedOut,
    Unknown,
    Unreadable,
    check,
    code_info,
    codes,
    families,
)
from ._families import FamilyName, FamilyTable
from .errors import (
    AnswerError,
    CallRefusedError,
    ClientError,
    ClosedError,
    EncodeError,
    ForkedError,
    FullError,
    InUseError,
    JsonError,
    MessageError,
    NoChannelError,
    NotListeningError,
    PoisonedError,
    RefusedError,
    RequestError,
    SetpointError,
    SettingError,
    SourceEndedError,
    SourceError,
    UnreachableError,
    UnreadableError,
    WrongLoopError,
)
from .events import Ended, Event, LateEvent
from .items import InvokeItem, Item, WriteItem

if TYPE_CHECKING:
    from . import sources, sync, wire
    from .client import Client
    from .frames import outcomes_to_frame
    from .outcomes import Outcomes, Results

__all__ = [
    "Accepted",
    "AcceptedItem",
    "AnswerError",
    "BatchDone",
    "CallRefusedError",
    "Cancelled",
    "Client",
    "ClientError",
    "ClosedError",
    "CodeInfo",
    "Directory",
    "Duplicate",
    "EncodeError",
    "Ended",
    "Event",
    "FamilyName",
    "FamilyTable",
    "Fault",
    "Finished",
    "ForkedError",
    "FullError",
    "InUseError",
    "InvokeItem",
    "Item",
    "JsonError",
    "Late",
    "LateEvent",
    "Limits",
    "MessageError",
    "NoChannelError",
    "NotListeningError",
    "Now",
    "Outcome",
    "Outcomes",
    "PoisonedError",
    "Refusal",
    "Refused",
    "RefusedError",
    "RefusedItem",
    "Report",
    "RequestError",
    "Requester",
    "Results",
    "SetpointError",
    "SettingError",
    "SourceEndedError",
    "SourceError",
    "Submission",
    "Summary",
    "TimedOut",
    "Unknown",
    "UnreachableError",
    "Unreadable",
    "UnreadableError",
    "WriteItem",
    "WrongLoopError",
    "check",
    "code_info",
    "codes",
    "families",
    "outcomes_to_frame",
    "sources",
    "sync",
    "wire",
]


# Loaded on first use: they need optional libraries, or only some programs need them.
_LAZY = {"Client": "client", "Outcomes": "outcomes", "Results": "outcomes", "outcomes_to_frame": "frames"}
_MODULES = frozenset(("sources", "sync", "wire"))


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_LAZY[name]}", __name__), name)
    globals()[name] = value
    return value
