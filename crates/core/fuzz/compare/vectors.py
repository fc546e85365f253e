"""The messages of the test vectors, as bytes (crates/core/vectors/README.md says what a case looks like)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parents[2] / "vectors"


def cases(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every case of one directory, with its group."""
    for file in sorted((VECTORS / kind).glob("*.json")):
        for case in json.loads(file.read_bytes())["cases"]:
            yield file.stem, case


def content(case: dict[str, Any]) -> bytes | None:
    """The bytes that a case is about; None if it is not about bytes."""
    if "json" in case:
        return json.dumps(case["json"], ensure_ascii=False).encode()
    if "text" in case:
        text = case["text"]
        return (text if isinstance(text, str) else "".join(text)).encode()
    if "parts" in case:
        return b"".join(_part(part) for part in case["parts"])
    if "hex" in case:
        return bytes.fromhex("".join(case["hex"]))
    if "sample" in case:
        return (VECTORS / "samples" / str(case["sample"])).read_bytes()
    return None


def _part(part: str | list[str] | dict[str, Any]) -> bytes:
    if isinstance(part, dict):
        return (str(part["repeat"]) * int(part["times"])).encode()
    return (part if isinstance(part, str) else "".join(part)).encode()
