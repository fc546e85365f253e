"""Finding cases, making their bytes, comparing what they expect; crates/core/vectors/README.md describes the format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from setpoint import Limits

ROOT = Path(__file__).resolve().parents[2] / "crates" / "core" / "vectors"

Case = dict[str, Any]


def cases(kind: str) -> dict[str, Case]:
    """Every case of one directory by its name, `{group}/{name}`."""
    found: dict[str, Case] = {}
    for file in sorted((ROOT / kind).iterdir()):
        for case in json.loads(file.read_bytes())["cases"]:
            name = f"{file.stem}/{case['name']}"
            assert name not in found, f"two cases of {kind} have the name {name}"
            found[name] = case
    return found


def body(case: Case) -> bytes:
    """The bytes that a case is about: exactly one of `json`, `text`, `parts`, `hex` and `sample`."""
    (form,) = (form for form in ("json", "text", "parts", "hex", "sample") if form in case)
    value = case[form]
    if form == "json":
        return compact(value)
    if form == "text":
        return string(value).encode()
    if form == "parts":
        return "".join(_part(part) for part in value).encode()
    if form == "hex":
        return bytes.fromhex(string(value))
    return sample(string(value))


def compact(value: Any) -> bytes:
    """JSON without white space, and text as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _part(part: Any) -> str:
    if isinstance(part, dict) and "repeat" in part:
        return string(part["repeat"]) * int(part["times"])
    return string(part)


def sample(name: str) -> bytes:
    """One of the source pages' messages, byte for byte."""
    return (ROOT / "samples" / name).read_bytes()


def string(value: Any) -> str:
    """A text, which may be written as a list of pieces."""
    return "".join(value) if isinstance(value, list) else str(value)


def limits(case: Case) -> Limits:
    """The limits of a case; what it does not name has the engine's default."""
    return Limits(**{snake(name): bound for name, bound in case.get("limits", {}).items()})


def snake(name: str) -> str:
    """`bodyBytes` as Python spells it."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)


def compare(expected: Any, found: Any, path: str = "") -> None:
    """Fails unless `found` is what is expected: objects may have more members, everything else is equal."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            assert key in found, f"{path}.{key}: is not there"
            compare(value, found[key], f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(found, list):
        assert len(expected) == len(found), f"{path}: expected {expected}, found {found}"
        for index, (one, other) in enumerate(zip(expected, found, strict=True)):
            compare(one, other, f"{path}[{index}]")
    else:
        # 1 and True and 1.0 are equal in Python, and three values in JSON.
        same = expected == found and type(expected) is type(found)
        assert same, f"{path}: expected {expected!r}, found {found!r}"
