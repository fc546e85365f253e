"""The same batches as bytes, as text, as dicts, and without Python: byte for byte the same answers."""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Callable

import batches
import corpus
import pytest

from setpoint import FamilyName, Now, RequestError, check

NOW = Now(0, 1_700_000_000_000)
FAMILIES: tuple[FamilyName, ...] = ("invoke", "write")


def answer(body: object, family: FamilyName, now: Now = NOW) -> bytes:
    """The response, also where the whole request is refused."""
    try:
        return check(body, family, org_id="o1", now=now).response  # type: ignore[arg-type]
    except RequestError as error:
        return error.response


def seeds(count: int) -> list[int]:
    """Seeds of this run; `SEED=` runs one alone."""
    given = os.environ.get("SEED")
    return [int(given)] if given else [random.randrange(2**32) for _ in range(count)]


def for_each(count: int, run: Callable[[random.Random, FamilyName], None]) -> None:
    for seed in seeds(count):
        rng = random.Random(seed)
        family = rng.choice(FAMILIES)
        try:
            run(rng, family)
        except BaseException:
            print(f"SEED={seed}")
            raise


def test_every_lane_gives_the_same_response() -> None:
    def run(rng: random.Random, family: FamilyName) -> None:
        items = batches.batch(rng, family)
        body = corpus.compact({"data": items})
        expected = answer(body, family)
        assert answer(items, family) == expected
        assert answer(tuple(items), family) == expected
        for lane in (body.decode(), bytearray(body), memoryview(body), memoryview(b"xx" + body)[2:]):
            assert answer(lane, family) == expected

    for_each(1_500, run)


def test_broken_bodies_are_answered_alike_as_bytes_and_text() -> None:
    def run(rng: random.Random, family: FamilyName) -> None:
        body = corpus.compact({"data": batches.batch(rng, family)})
        at = rng.randrange(len(body))
        broken = rng.choice([body[:at], body[:at] + body[at + 1 :], body[:at] + b'"' + body[at:]])
        expected = answer(broken, family)
        assert answer(bytearray(broken), family) == expected
        try:
            text = broken.decode()
        except UnicodeDecodeError:
            return
        assert answer(text, family) == expected

    for_each(500, run)


@pytest.mark.skipif("SETPOINT_BIN" not in os.environ, reason="SETPOINT_BIN names no setpoint command")
def test_the_engine_without_python_gives_the_same_response() -> None:
    def run(rng: random.Random, family: FamilyName) -> None:
        items = batches.batch(rng, family)
        body = corpus.compact({"data": items})
        command = [os.environ["SETPOINT_BIN"], "check", "--json", "--family", family, "--org", "o1", "-"]
        done = subprocess.run(command, input=body, capture_output=True, check=False)
        assert done.returncode in (0, 1, 2), done.stderr
        expected = done.stdout.removesuffix(b"\n")
        # The one thing that depends on when it was run; the last one, since a payload may spell a field like it.
        times = re.findall(rb'"gmtServiceReply":(\d+)', expected)
        now = Now(0, int(times[-1])) if times else NOW
        assert answer(body, family, now) == expected
        assert answer(items, family, now) == expected

    for_each(200, run)
