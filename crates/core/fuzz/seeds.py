"""Writes the fuzz targets' seeds from the test vectors into one folder for each target: seeds.py FOLDER.

The scripts have no seeds: what `arbitrary` makes of bytes is nothing that a person could write.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "compare"))

from vectors import cases, content

# Larger inputs slow a fuzzer down more than they teach it.
MOST_BYTES = 8_192
# The commands that the target `answer` waits for, and where their answers come from.
COMMANDS = [b"$a", b"$b", b"$c"]
TOPICS = [
    b"/sys/p/d0/thing/service/s_reply\n",
    b"/sys/p/d0/thing/service/measurepoint/set_reply\n",
    b"/sys/p/d1/thing/service/s_reply\n",
]


def seeds() -> dict[str, set[bytes]]:
    """By target."""
    found: dict[str, set[bytes]] = {
        name: set() for name in ("batch", "replies", "answer", "topic", "json")
    }
    for target, kind in (
        ("batch", "validation"),
        ("replies", "replies"),
        ("json", "json"),
    ):
        found[target] = {
            body for _, case in cases(kind) if (body := content(case)) is not None
        }
    for _, case in cases("devices"):
        if case["kind"] == "answerTopic":
            found["topic"].add(str(case["topic"]).encode())
        elif case["kind"] == "commandTopic":
            found["topic"].add(f"{case['expect']}_reply".encode())
            found["topic"].add(
                "/".join(
                    case[name] for name in ("productKey", "deviceKey", "target")
                ).encode()
            )
        elif case["kind"] == "answer" and (payload := content(case)) is not None:
            for topic, command in zip(TOPICS, COMMANDS, strict=True):
                found["answer"].add(topic + payload.replace(b'"m1"', b'"%s"' % command))
    # Every device under every id: only three of these end anything.
    for topic in TOPICS:
        found["answer"] |= {
            topic + b'{"id":"%s","code":200,"data":{"x":1}}' % command
            for command in COMMANDS
        }
    # What decides is said twice.
    for name in (b"requestId", b"status", b"serviceId"):
        said = b'"%s":0,"%s":"s"' % (name, name)
        found["replies"].add(b'{"data":[{"serviceId":"s","status":0,%s}]}' % said)
        found["batch"].add(b'{"data":[{%s}]}' % said)
    found["answer"].add(TOPICS[0] + b'{"id":"$a","code":1,"code":200}')
    # Every document is one for the strict reader, too.
    found["json"] |= found["batch"] | found["replies"]
    return {
        target: {seed for seed in all_of_it if len(seed) <= MOST_BYTES}
        for target, all_of_it in found.items()
    }


def main() -> None:
    """Names follow from the content, so that writing them again changes nothing."""
    for target, contents in seeds().items():
        folder = Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for seed in contents:
            (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
        print(f"{target}: {len(contents)} seeds")


if __name__ == "__main__":
    main()
