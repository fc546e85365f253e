"""The machine and the versions that were measured."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent


def here() -> dict[str, str]:
    """The machine and the code, as lines of a table."""
    changed = said("git", "status", "--porcelain", "--untracked-files=no")
    peers = ("orjson", "msgspec", "pydantic")
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "commit": said("git", "rev-parse", "--short=12", "HEAD") + (" with changes" if changed else ""),
        "processor": f"{processor()}, {len(os.sched_getaffinity(0))} cores",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "compiler": said("rustc", "--version"),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "peers": ", ".join(f"{name} {version(name)}" for name in peers),
    }


def load() -> str:
    """How busy the machine is: the average number of runnable tasks in the last minute."""
    return f"{os.getloadavg()[0]:.2f}"


def processor() -> str:
    """The name of the processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def said(*command: str) -> str:
    """The output of a program; empty if there is no such program."""
    try:
        return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
