"""Outcomes as records and as data frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal

from ._core import Finished, Outcome, TimedOut
from ._extras import need

if TYPE_CHECKING:
    from .events import Ended

_Column = Callable[["Ended", Outcome | None], Any]

# Names and types of a frame's columns, and how their values are read.
_COLUMNS: dict[str, tuple[Literal["int", "text", "bool"], _Column]] = {
    "index": ("int", lambda event, _: event.index),
    "request_id": ("text", lambda event, _: event.request_id),
    "kind": ("text", lambda event, _: event.kind),
    "ok": ("bool", lambda event, _: event.ok),
    "code": ("int", lambda event, _: event.code),
    "msg": ("text", lambda event, _: event.msg),
    "submsg": ("text", lambda event, _: event.submsg),
    "target": ("text", lambda _, outcome: outcome and outcome.target),
    "asset_id": ("text", lambda _, outcome: outcome and outcome.asset_id),
    "product_key": ("text", lambda _, outcome: outcome and outcome.product_key),
    "device_key": ("text", lambda _, outcome: outcome and outcome.device_key),
    "gmt_service_reply": ("int", lambda _, outcome: outcome and outcome.gmt_service_reply),
    "gmt_device_reply": ("int", lambda _, outcome: outcome and outcome.gmt_device_reply),
    "output": ("text", lambda _, outcome: outcome and outcome.output_text),
}


def outcome_of(event: Ended) -> Outcome | None:
    """The outcome that came from the channel, if one did."""
    return event.outcome if isinstance(event, Finished | TimedOut) else None


def records(events: Iterable[Ended]) -> list[dict[str, Any]]:
    """One dict for each item that ended: the columns of a frame, with `output` parsed."""
    rows = []
    for event in events:
        outcome = outcome_of(event)
        row = {name: value(event, outcome) for name, (_, value) in _COLUMNS.items()}
        row["output"] = event.output
        rows.append(row)
    return rows


def outcomes_to_frame(events: Iterable[Ended], backend: Literal["pandas", "polars"] = "pandas") -> Any:
    """A data frame with one row for each item that ended, in the given order.

    Columns: `index`, `request_id`, `kind` (how it ended), `ok`, `code`, `msg`, `submsg`; and, where an outcome came
    from the channel, `target`, `asset_id`, `product_key`, `device_key`, `gmt_service_reply` and `gmt_device_reply` (ms
    since the Unix epoch) and `output` (JSON text). Types are the same whatever is missing.

    Raises `ImportError` if the backend is not installed, `ValueError` for any other backend.
    """
    pairs = [(event, outcome_of(event)) for event in events]
    data = {name: [value(*pair) for pair in pairs] for name, (_, value) in _COLUMNS.items()}
    if backend == "pandas":
        pandas = need("pandas", "pandas", "a pandas.DataFrame")
        types = {"int": "Int64", "text": "string", "bool": "boolean"}
        series = {name: pandas.array(values, dtype=types[_COLUMNS[name][0]]) for name, values in data.items()}
        return pandas.DataFrame(series)
    if backend == "polars":
        polars = need("polars", "polars", "a polars.DataFrame")
        kinds = {"int": polars.Int64, "text": polars.String, "bool": polars.Boolean}
        return polars.DataFrame(data, schema={name: kinds[kind] for name, (kind, _) in _COLUMNS.items()})
    raise ValueError(f"backend is 'pandas' or 'polars', not {backend!r}")
