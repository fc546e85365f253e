"""Results as text, and as tables in notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any

from ._core import Report, Summary

if TYPE_CHECKING:
    from .events import Ended

# Rows of a table; more are counted.
_ROWS = 20
# Characters of one cell.
_CELL = 120
_REPORT_HEAD = ("index", "request_id", "accepted", "code", "msg", "reason")
_HEAD = ("index", "request_id", "kind", "code", "msg", "submsg", "output")


def counts(summary: Summary) -> str:
    """`3 succeeded, 1 timed out`; counts of 0 are left out."""
    parts = [
        (summary.succeeded, "succeeded"),
        (summary.failed, "failed"),
        (summary.refused, "refused"),
        (summary.timed_out, "timed out"),
        (summary.cancelled, "cancelled"),
    ]
    return ", ".join(f"{count} {word}" for count, word in parts if count) or "nothing"


def results_text(events: Sequence[Ended], summary: Summary) -> str:
    """One line of counts, and the first items that did not succeed."""
    bad = [event for event in events if not event.ok]
    lines = [f"<Results of {len(events)} items: {counts(summary)}>"]
    lines += [f"  {' '.join(part for part in _row(event)[:6] if part)}" for event in bad[:5]]
    if len(bad) > 5:
        lines.append(f"  … and {len(bad) - 5} more")
    return "\n".join(lines)


def results_html(events: Sequence[Ended], summary: Summary) -> str:
    """A table with one row for each item, up to a bound. All values are escaped."""
    rows = (_row(event) for event in events)
    return f"<p>{len(events)} items: {escape(counts(summary))}</p>" + table(_HEAD, rows, len(events))


def report_html(report: Report) -> str:
    """A table with one row for each item of a report, up to a bound, escaped as well."""
    records = islice(report.to_records(), _ROWS)
    rows = ([_cell(record[name]) for name in _REPORT_HEAD] for record in records)
    refused = len(report.refused)
    line = f"{len(report)} items: {len(report) - refused} accepted, {refused} refused"
    return f"<p>{line}</p>" + table(_REPORT_HEAD, rows, len(report))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], total: int) -> str:
    """An HTML table of the first rows; `total` is how many there are."""
    lines = ["<table><thead><tr>", *(f"<th>{escape(name)}</th>" for name in head), "</tr></thead><tbody>"]
    for row in islice(rows, _ROWS):
        lines += ["<tr>", *(f"<td>{escape(cell)}</td>" for cell in row), "</tr>"]
    lines.append("</tbody></table>")
    if total > _ROWS:
        lines.append(f"<p>… and {total - _ROWS} more</p>")
    return "".join(lines)


def _row(event: Ended) -> list[str]:
    outcome = getattr(event, "outcome", None)
    output = None if outcome is None else outcome.output_text
    cells = (event.index, event.request_id, event.kind, event.code, event.msg, event.submsg, output)
    return [_cell(value) for value in cells]


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    # No line breaks, and no control characters that a terminal acts on.
    text = "".join(character if character.isprintable() else "�" for character in text)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"
