"""The corpora that `boundary write` made: the bytes that every language is measured on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Item = dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """Arguments of a check."""

    org_id: str
    epoch_ms: int


@dataclass(frozen=True)
class Flight:
    """Items that are all in flight at once, and the messages that answer all of them in random order."""

    bodies: list[bytes]
    batches: list[list[Item]]
    messages: list[bytes]

    @property
    def items(self) -> int:
        """How many are in flight."""
        return sum(map(len, self.batches))


def send(body: bytes) -> None:
    """Where a body would be sent."""


def facts(folder: Path) -> Facts:
    """The org, and the time."""
    read = json.loads((folder / "facts.json").read_bytes())
    return Facts(read["orgId"], read["epochMs"])


def bodies(folder: Path, items: int) -> list[bytes]:
    """Batch bodies of `items` invokes each, one in ten invalid."""
    return (folder / f"respond-{items}.jsonl").read_bytes().splitlines()


def parsed(bodies: list[bytes]) -> list[list[Item]]:
    """The items of each body, as dicts."""
    return [json.loads(body)["data"] for body in bodies]


def flight(folder: Path, items: int) -> Flight:
    """This many valid invokes and their answers."""
    bodies, messages = (
        (folder / f"flight-{items}-{kind}.jsonl").read_bytes().splitlines() for kind in ("bodies", "messages")
    )
    return Flight(bodies, parsed(bodies), messages)
