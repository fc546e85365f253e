"""Reports the results: a table in the terminal, a page, and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from .plan import Cost, Row


@dataclass(frozen=True)
class Report:
    """Everything that was measured, and where."""

    machine: dict[str, str]
    load: tuple[str, str]
    seconds: int
    rows: Sequence[Row]
    costs: Sequence[Cost]


def as_json(report: Report) -> str:
    """All of it."""
    rows = [asdict(row) | {"reached": row.reached} for row in report.rows]
    return json.dumps(asdict(report) | {"rows": rows}, indent=2)


def table(report: Report) -> str:
    """For a terminal."""
    head = ("work", "", "measured", "target", "", "rounds")
    lines = [head, *map(cells, report.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    right = {2, 3}
    text = [
        "  ".join(cell.rjust(width) if at in right else cell.ljust(width) for at, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    ]
    return "\n".join([*(line.rstrip() for line in text), "", score(report.rows)])


def page(report: Report) -> str:
    """For benches/boundary/PYTHON.md."""
    before, after = report.load
    facts = report.machine | {"load": f"{before} before, {after} after", "run": f"{report.seconds} s"}
    lines = [
        "# The Python package beside what people write",
        "",
        "Written by `make bench-python`; do not edit. [README.md](README.md) says what is measured and how.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in facts.items()),
        "",
        f"**{score(report.rows)}**",
        "",
        "## Against the targets",
        "",
        'Medians of the rounds; "rounds" is where the middle eight tenths of them lie.',
        "",
        "| work | | measured | target | | rounds |",
        "|---|---|---:|---:|---|---|",
        *("| " + " | ".join(cells(row)) + " |" for row in report.rows),
        "",
        "## What an item costs",
        "",
        "Nanoseconds of CPU time, medians.",
    ]
    for work in dict.fromkeys(cost.work for cost in report.costs):
        lines += costs(work, [cost for cost in report.costs if cost.work == work])
    return "\n".join(lines) + "\n"


def costs(work: str, costs: list[Cost]) -> list[str]:
    """Contenders down, sizes across."""
    sizes = list(dict.fromkeys(cost.items for cost in costs))
    found = {(cost.contender, cost.items): number(cost.nanos.median) for cost in costs}
    return [
        "",
        f"| {work} | " + " | ".join(f"{size:,}" for size in sizes) + " |",
        "|---|" + "---:|" * len(sizes),
        *(
            f"| {name} | " + " | ".join(found[name, size] for size in sizes) + " |"
            for name in dict.fromkeys(cost.contender for cost in costs)
        ),
    ]


def cells(row: Row) -> tuple[str, str, str, str, str, str]:
    """A row as texts."""
    target = ""
    if row.least is not None:
        target = f"≥ {value(row.least, row.unit)}"
    elif row.most is not None:
        target = f"≤ {value(row.most, row.unit)}"
    verdict = {None: "", True: "reached", False: "falls short"}[row.reached]
    spread = f"{number(row.value.low)}–{number(row.value.high)}"
    return row.work, row.beside, value(row.value.median, row.unit), target, verdict, spread


def value(amount: float, unit: str) -> str:
    """With its unit."""
    return f"{number(amount)}{'' if unit == '×' else ' '}{unit}"


def number(amount: float) -> str:
    """Rounded to the significant digits."""
    return f"{amount:.0f}" if amount >= 100 else f"{amount:.1f}" if amount >= 10 else f"{amount:.2f}"


def score(rows: Sequence[Row]) -> str:
    """How many targets are reached."""
    verdicts = [row.reached for row in rows if row.reached is not None]
    return f"{sum(verdicts)} of {len(verdicts)} targets reached."
