"""Every reader's verdict on a document: None if it takes it, else what it has against it."""

from __future__ import annotations

import json
import struct
import subprocess
import threading
from collections.abc import Iterable

Verdicts = dict[str, str | None]


def ask(binary: str, documents: Iterable[bytes]) -> list[Verdicts]:
    """Asks the readers written in Rust (examples/readers.rs), and Python's own."""
    documents = list(documents)
    with subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        framed = b"".join(struct.pack(">I", len(document)) + document for document in documents)
        # Both pipes at once: neither side waits for the other.
        feed = threading.Thread(target=lambda pipe: (pipe.write(framed), pipe.close()), args=(process.stdin,))
        feed.start()
        answers: list[Verdicts] = [json.loads(line) for line in process.stdout]
        feed.join()
    assert process.returncode == 0 and len(answers) == len(documents), "the readers ended early"
    return [answer | {"Python": python(document)} for answer, document in zip(answers, documents, strict=True)]


def python(document: bytes) -> str | None:
    """Python's `json`, as everybody calls it."""
    try:
        json.loads(document)
    except (ValueError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"
    return None
