"""Measures the Python package and its alternatives in one run, and reports the results.

    make bench-python          builds everything, measures, writes PYTHON.md
    bench.py --corpora FOLDER --program FILE [--quick] [--json]

What falls short is said, and is no failure.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from in_python import machine, plan, report


def main() -> None:
    """Measures and reports."""
    arguments = parser().parse_args()
    effort = plan.QUICK if arguments.quick else plan.FULL
    progress = Progress(effort.steps)
    before, start = machine.load(), time.monotonic()
    rows, costs = plan.run(arguments.corpora, arguments.program, effort, progress.tick)
    progress.clear()
    seconds = round(time.monotonic() - start)
    found = report.Report(machine.here(), (before, machine.load()), seconds, rows, costs)
    print(report.as_json(found) if arguments.json else report.table(found))
    if not arguments.quick:
        arguments.out.write_text(report.page(found), encoding="utf-8")
        print(f"wrote {arguments.out}", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description="The Python package beside what people write instead of it.")
    parser.add_argument("--corpora", type=Path, required=True, metavar="FOLDER", help="what `boundary write` wrote")
    parser.add_argument("--program", type=Path, required=True, metavar="FILE", help="the program `boundary`")
    parser.add_argument("--quick", action="store_true", help="few rounds, for a look; writes no page")
    parser.add_argument("--json", action="store_true", help="prints everything as JSON instead of the table")
    page = Path(__file__).with_name("PYTHON.md")
    parser.add_argument("--out", type=Path, default=page, metavar="FILE", help="the page (default: PYTHON.md here)")
    return parser


class Progress:
    """A progress line on standard error, if that is a terminal."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.done = 0
        self.start = time.monotonic()
        self.is_seen = sys.stderr.isatty()

    def tick(self, doing: str) -> None:
        """One step further."""
        self.done += 1
        if self.is_seen:
            seconds = time.monotonic() - self.start
            print(f"\r\x1b[K{seconds:4.0f} s {self.done * 100 // self.steps:3} %  {doing}", end="", file=sys.stderr)

    def clear(self) -> None:
        """Erases the line."""
        if self.is_seen:
            print("\r\x1b[K", end="", file=sys.stderr)


if __name__ == "__main__":
    main()
