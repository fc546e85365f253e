"""A real ActiveMQ, from Maven's artifacts."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import stomp  # type: ignore[import-untyped]
from service import WAIT_S

HERE = Path(__file__).parent
JARS = HERE.parents[2] / "target" / "activemq"
LOGIN = "app:se%3Acr%40t"


def jars() -> Path:
    """Where the broker's artifacts are. They are fetched once."""
    if shutil.which("java") is None or shutil.which("mvn") is None:
        pytest.skip("ActiveMQ takes java and mvn")
    if not any(JARS.glob("activemq-jaas-*.jar")):
        pom = str(HERE / "activemq" / "pom.xml")
        command = ["mvn", "--quiet", "--batch-mode", "--file", pom, "dependency:copy-dependencies"]
        subprocess.run([*command, f"-DoutputDirectory={JARS}"], check=True, timeout=300)
    return JARS


@dataclass(frozen=True)
class Broker:
    process: subprocess.Popen[str]
    port: int

    @property
    def url(self) -> str:
        return f"stomp://{LOGIN}@127.0.0.1:{self.port}"

    def kill(self) -> None:
        """What nobody can prepare for."""
        self.process.kill()
        self.process.wait(WAIT_S)


@contextmanager
def activemq(folder: Path, port: int = 0) -> Iterator[Broker]:
    classes = f"{jars()}/*"
    command = ["java", "-Xmx256m", "-cp", classes, str(HERE / "activemq" / "Broker.java"), str(folder), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("STOMP "), "the broker did not start"
            yield Broker(process, int(line.split()[1]))
        finally:
            process.kill()


class _Receipts(stomp.ConnectionListener):  # type: ignore[misc]
    def __init__(self) -> None:
        self.came = threading.Event()

    def on_receipt(self, _frame: Any) -> None:
        self.came.set()


@contextmanager
def publisher(broker: Broker) -> Iterator[Any]:
    """Sends messages; returns when the broker has them."""
    connection = stomp.Connection12([("127.0.0.1", broker.port)])
    receipts = _Receipts()
    connection.set_listener("", receipts)
    connection.connect("app", "se:cr@t", wait=True)

    def send(destination: str, text: str) -> None:
        receipts.came.clear()
        connection.send(destination, text, headers={"receipt": "sent", "persistent": "true"})
        assert receipts.came.wait(WAIT_S)

    try:
        yield send
    finally:
        connection.disconnect()
