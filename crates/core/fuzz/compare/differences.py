"""The classes of documents on which readers may differ from ours. docs/json-differences.md says why each is right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from readers import Verdicts

# Our readers' default bound on nesting.
OUR_LEVELS = 128


@dataclass(frozen=True)
class Difference:
    """A class: who differs, and how to tell that a document belongs to it without believing any of the readers."""

    example: bytes
    readers: frozenset[str]
    # What our reader has against such a document begins so; None: it takes it.
    reason: str | None
    proof: Callable[[bytes], bool]

    def explains(self, document: bytes, reader: str, verdicts: Verdicts) -> bool:
        """Whether this is why the reader differs on the document."""
        ours = verdicts["setpoint"]
        is_ours = ours is None if self.reason is None else ours is not None and ours.startswith(self.reason)
        return reader in self.readers and is_ours and self.proof(document)


def unexplained(document: bytes, verdicts: Verdicts) -> list[str]:
    """The readers that differ from ours on the document for no reason that is written down."""
    ours = verdicts["setpoint"]
    differ = [reader for reader, theirs in verdicts.items() if (theirs is None) != (ours is None)]
    return [
        reader for reader in differ if not any(known.explains(document, reader, verdicts) for known in CLASSES.values())
    ]


def has_duplicate_key(document: bytes) -> bool:
    """Decoded, so that another spelling of the same key counts. Numbers stay text, for some are too long to be read."""
    found = False

    def look(members: list[tuple[str, Any]]) -> None:
        nonlocal found
        found |= len({key for key, _ in members}) < len(members)

    json.loads(document, object_pairs_hook=look, parse_int=str)
    return found


def has_lone_surrogate(document: bytes) -> bool:
    """In a text that Python has decoded, a pair is one character: what is left stands alone."""
    # Objects become lists of pairs, so that no member hides another.
    read = json.loads(document, parse_int=str, object_pairs_hook=list)
    return any("\ud800" <= char <= "\udfff" for char in json.dumps(read, ensure_ascii=False))


def has_constant(document: bytes) -> bool:
    """NaN, Infinity or -Infinity."""
    found: list[str] = []
    json.loads(document, parse_constant=found.append, parse_int=str)
    return bool(found)


def has_long_integer(document: bytes) -> bool:
    """A number with more than 4,300 digits before any point or exponent."""
    found: list[str] = []
    json.loads(document, parse_int=found.append, parse_float=found.append)
    return any(len(re.split("[.eE]", number.lstrip("-"))[0]) > 4_300 for number in found)


def has_infinite_number(document: bytes) -> bool:
    """A number that no finite double holds."""
    found: list[float] = []

    def look(text: str) -> None:
        found.append(float(text))

    json.loads(document, parse_int=look, parse_float=look)
    return any(number in (float("inf"), float("-inf")) for number in found)


def is_plain_utf8(document: bytes) -> bool:
    """UTF-8 as RFC 8259 wants it, without a byte order mark."""
    try:
        return not document.decode().startswith("\ufeff") and json.detect_encoding(document) == "utf-8"
    except UnicodeDecodeError:
        return False


def levels(document: bytes) -> int:
    """How deep objects and arrays nest, counted by hand, since readers may give up."""
    deepest = depth = 0
    in_string = escaped = False
    for byte in document:
        if escaped:
            escaped = False
        elif byte == ord("\\"):
            escaped = in_string
        elif byte == ord('"'):
            in_string = not in_string
        elif not in_string and byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif not in_string and byte in b"]}":
            depth -= 1
    return deepest


def _nested(count: int) -> bytes:
    return b"[" * count + b"]" * count


_ALL = frozenset({"serde_json", "jiter", "Python"})
_PYTHON = frozenset({"Python"})

CLASSES = {
    "duplicate key": Difference(b'{"a":1,"a":2}', _ALL, "duplicate key", has_duplicate_key),
    "lone surrogate": Difference(rb'"\ud800"', _PYTHON, "a lone surrogate", has_lone_surrogate),
    "no number": Difference(b"[NaN,-Infinity]", _PYTHON, "expected a", has_constant),
    # Whatever we stumble over first: as UTF-8 the document makes no sense at all.
    "encoding": Difference(b"\xef\xbb\xbf{}", _PYTHON, "", lambda document: not is_plain_utf8(document)),
    "deep": Difference(_nested(129), _ALL, "nested deeper", lambda document: levels(document) > OUR_LEVELS),
    "127 levels": Difference(_nested(128), frozenset({"serde_json"}), None, lambda document: levels(document) > 127),
    "beyond a double": Difference(b"1e400", frozenset({"serde_json"}), None, has_infinite_number),
    "long integer": Difference(b"9" * 4_301, _PYTHON | {"jiter"}, None, has_long_integer),
}
