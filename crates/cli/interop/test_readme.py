"""The README's walk through the command, line by line."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]


def commands() -> list[list[str]]:
    section = (ROOT / "README.md").read_text().split("## Use it", 1)[1].split("From Rust:", 1)[0]
    blocks = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    return [shlex.split(line.removeprefix("$ ")) for block in blocks for line in block.splitlines()]


def test_every_command_of_the_readme_does_what_it_says() -> None:
    environment = {**os.environ}
    running: list[subprocess.Popen[str]] = []
    done = 0
    try:
        for command in commands():
            assert command[0] == "setpoint"
            arguments = command[1:]
            if arguments[0] == "serve":
                arguments += ["--listen", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0"]
            line = [os.environ["SETPOINT_BIN"], *arguments]
            if arguments[0] in ("serve", "devices"):
                # The service prints its address on standard output, the devices a note on standard error.
                process = subprocess.Popen(
                    line, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
                )
                running.append(process)
                assert process.stdout is not None
                assert process.stderr is not None
                if arguments[0] == "serve":
                    environment["SETPOINT_URL"] = process.stdout.readline().removeprefix("HTTP ").strip()
                    environment["SETPOINT_BROKER"] = process.stdout.readline().removeprefix("MQTT ").strip()
                else:
                    assert "3 devices are connected" in process.stderr.readline()
                continue
            result = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
            assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
            done += 1
        for process in running:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
    finally:
        for process in running:
            process.kill()
            process.communicate()
    assert (done, len(running)) == (5, 2)
