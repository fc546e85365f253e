"""The process of `setpoint serve`."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from peers import Gateway


@dataclass(frozen=True)
class Service:
    process: subprocess.Popen[str]
    gateway: Gateway

    def stop(self) -> None:
        """Sends SIGTERM, as a service manager does. The process has to end with exit code 0."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=30) == 0

    def pause(self) -> None:
        """Suspends the process, and returns when it is suspended."""
        self.process.send_signal(signal.SIGSTOP)
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), status

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def serve(
    devices: Path, *options: str, log: IO[bytes] | int | None = None, log_filter: str | None = None
) -> Iterator[Service]:
    """Runs it with a broker of its own, unless the options name one; logs go to `log`."""
    environment = {name: value for name, value in os.environ.items() if name != "SETPOINT_LOG"}
    if log_filter is not None:
        environment["SETPOINT_LOG"] = log_filter
    listen = ["--listen", "127.0.0.1:0"]
    if "--broker" not in options and "--config" not in options:
        listen += ["--mqtt-listen", "127.0.0.1:0"]
    command = [os.environ["SETPOINT_BIN"], "serve", *listen, "--devices", str(devices), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
    try:
        assert process.stdout is not None
        http = process.stdout.readline().removeprefix("HTTP ").strip()
        mqtt = process.stdout.readline().removeprefix("MQTT mqtt://").strip()
        host, port = mqtt.rsplit(":", 1)
        yield Service(process, Gateway(http, host, int(port)))
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
