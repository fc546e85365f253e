"""All contenders that answer a batch: a body in, the complete response out."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson

from . import dicts, models, structs
from .corpora import Facts

Respond = Callable[[bytes, Facts], bytes]

compact = json.JSONEncoder(separators=(",", ":")).encode


def dumps(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return compact(value).encode()


PEERS: dict[str, Respond] = {
    "json + hand checks": partial(dicts.respond, loads=json.loads, dumps=dumps),
    "orjson + hand checks": partial(dicts.respond, loads=orjson.loads, dumps=orjson.dumps),
    "msgspec, Raw payloads": structs.respond,
    "pydantic + orjson": models.respond,
}
