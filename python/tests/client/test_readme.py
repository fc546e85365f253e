"""The README's examples of the client, as they stand there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from service import WAIT_S

ROOT = Path(__file__).parents[3]
SECTION = (ROOT / "python" / "README.md").read_text().split("## The client\n", 1)[1]
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", SECTION, re.DOTALL)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    devices = ["--devices", str(ROOT / "crates" / "cli" / "examples" / "devices.csv")]
    binary = os.environ["SETPOINT_BIN"]
    serve = [binary, "serve", "--listen", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0", *devices]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as service:
        assert service.stdout is not None
        http = service.stdout.readline().removeprefix("HTTP ").strip()
        mqtt = service.stdout.readline().removeprefix("MQTT ").strip()
        simulate = [binary, "devices", "simulate", "--broker", mqtt, *devices]
        with subprocess.Popen(simulate, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as fleet:
            assert fleet.stderr is not None
            assert "are connected" in fleet.stderr.readline()
            yield http
            fleet.send_signal(signal.SIGINT)
            fleet.wait(WAIT_S)
        service.kill()


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == SECTION.count("```python") == 4


@pytest.mark.parametrize(("code", "output"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_does_what_it_says(code: str, output: str, url: str) -> None:
    script = code.replace("http://127.0.0.1:8080", url)
    assert url in script
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert (done.returncode, done.stdout) == (0, output), done.stderr
