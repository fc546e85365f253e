"""Batches that are made up: most items are right, some are wrong in one way or another."""

from __future__ import annotations

import math
import random
import struct
from typing import Any

from setpoint import FamilyName, families

# Whatever JSON escapes, and characters of one to four bytes.
LETTERS = 'abcXYZ019 _-./"\\\n\t\x00\x1f\x7f/éßЖ中\u2028\ufeff\ue000😀\U0001d538'


def batch(rng: random.Random, family: FamilyName) -> list[Any]:
    """Up to 40 items."""
    return [item(rng, family, index) for index in range(rng.choice([1, 2, 5, rng.randrange(1, 40)]))]


def item(rng: random.Random, family: FamilyName, index: int) -> Any:
    """An item, or something in an item's place."""
    if rng.random() < 0.02:
        return value(rng, 2)
    table = families()[family]
    fields: dict[str, Any] = {
        "requestId": f"r{index}" if rng.random() < 0.9 else text(rng),
        table["channel_field"]: table["channel_prefix"] + rng.choice(["ops", "a.b", text(rng)]),
        "assetId": rng.choice(["turbine-7", text(rng)]),
        table["target_field"]: rng.choice(["start", text(rng)]),
        "inputData": {text(rng): value(rng, 3) for _ in range(1 if family == "write" else rng.randrange(5))},
    }
    for name in ("timeout", "callType", "callbackUrl", "orgId", "productKey", "deviceKey", text(rng)):
        if rng.random() < 0.2:
            fields[name] = rng.choice([5_000, "ASYNC", "o1", None, "", value(rng, 1)])
    if rng.random() < 0.2:
        fields[rng.choice(list(fields))] = value(rng, 2)
    if rng.random() < 0.1:
        del fields[rng.choice(list(fields))]
    names = list(fields)
    if rng.random() < 0.3:
        rng.shuffle(names)
    return {name: fields[name] for name in names}


def value(rng: random.Random, depth: int) -> Any:
    """Anything that JSON can represent."""
    kind = rng.randrange(9 if depth else 7)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.choice([0, -1, 2**31, -(2**63), 2**63 - 1, 2**63, 2**64, 10**40, -(10**25)])
    if kind == 2:
        return rng.randrange(-1_000, 1_000_000)
    if kind == 3:
        return number(rng)
    if kind < 7:
        return text(rng)
    if kind == 7:
        return [value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {text(rng): value(rng, depth - 1) for _ in range(rng.randrange(4))}


def number(rng: random.Random) -> float:
    """Any finite float: also those at which the spelling changes."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice([0.0, -0.0, 1e-4, 9.999e-5, 1e15, 1e16, 9007199254740993.0, 5e-324, 1.7976931348623157e308])
    if kind == 1:
        return round(rng.uniform(-1_000, 1_000), rng.randrange(6))
    if kind == 2:
        return rng.choice([-1, 1]) * rng.uniform(1, 10) * 10.0 ** rng.randrange(-320, 308)
    found: float = struct.unpack("d", rng.randbytes(8))[0]
    return found if math.isfinite(found) else 0.5


def text(rng: random.Random) -> str:
    """A text without lone surrogates."""
    return "".join(rng.choice(LETTERS) for _ in range(rng.choice([0, 1, 3, 8, rng.randrange(60)])))
