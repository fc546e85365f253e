"""The answers of the calls that are not batches: `{"status":…,"msg":…,"submsg":…,"data":…}`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ._core import code_info


@dataclass(frozen=True)
class Envelope:
    """An answer of this shape. `msg` is never empty."""

    status: int
    msg: str
    submsg: str | None
    data: Any


def open_envelope(body: bytes) -> Envelope:
    """Reads an answer. Raises `ValueError`, with the place as `pos` where it is known, for anything else."""
    try:
        content = json.loads(body)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(content, dict):
        raise ValueError("it is not an object")
    status, msg, submsg = content.get("status"), content.get("msg"), content.get("submsg")
    if not isinstance(status, int) or isinstance(status, bool):
        raise ValueError("it has no status")
    if not isinstance(msg, str | None) or not isinstance(submsg, str | None):
        raise ValueError("its msg or submsg is not text")
    known = code_info(status)
    return Envelope(status, msg or (known.msg if known else ""), submsg, content.get("data"))


def said(body: bytes) -> str | None:
    """What an answer says, for a person; `None` if it says nothing of this shape."""
    try:
        envelope = open_envelope(body)
    except ValueError:
        return None
    text = f"{envelope.status} {envelope.msg}"
    if envelope.submsg and envelope.submsg != envelope.msg:
        text += f": {envelope.submsg}"
    return text
