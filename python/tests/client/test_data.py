"""Results as records, data frames, text and tables."""

from __future__ import annotations

import builtins
import json
import pickle
import sys
from typing import Any

import pytest
from service import CHANNEL, reply

import setpoint
from setpoint import _display


def results() -> setpoint.Results:
    """Every way in which an item can end."""
    requester = setpoint.Requester("o1", grace_ms=0)
    hostile = "<script>alert(1)</script>\x1b[2J\n"
    names = ["ok", "failed", "refused", hostile, "cancelled"]
    items: list[dict[str, Any]]
    items = [{"requestId": name, "controlChannelId": CHANNEL, "assetId": "a<b>", "serviceId": "s"} for name in names]
    items[3]["timeout"] = 1
    sent = requester.submit(items, now=setpoint.Now(0, 0))
    replies = [reply(item, 0, None) for item in items]
    replies[2].update(status=1101, msg="no such device", submsg="<b>asset</b>")
    body = json.dumps({"status": 0, "msg": "Success", "submsg": None, "data": replies})
    requester.handle_response(sent.batch, body, now=setpoint.Now(0, 0))
    outcomes = [reply(items[0], 0, {"rpm": 12, "on": None}), reply(items[1], 1000204, None)]
    outcomes[0].update(gmtServiceReply=1_700_000_000_123)
    requester.handle_message(json.dumps({"data": outcomes}))
    requester.handle_timeout(now=setpoint.Now(100, 100))
    requester.cancel(sent.batch)
    events = requester.poll_events()
    done = events.pop()
    assert isinstance(done, setpoint.BatchDone)
    ended = [event for event in events if isinstance(event, setpoint.Ended)]
    return setpoint.Results(list(reversed(ended)), done.summary)


def test_results_are_a_sequence_in_the_order_of_the_items() -> None:
    found = results()
    kinds = ["finished", "finished", "refused", "timedOut", "cancelled"]
    assert [event.kind for event in found] == kinds
    assert (len(found), found[1].index, [event.kind for event in found[1:3]]) == (5, 1, kinds[1:3])
    assert not found.ok
    assert found == pickle.loads(pickle.dumps(found))
    assert found != results()[:2]


def test_records_have_a_row_for_each_item() -> None:
    rows = results().to_records()
    assert [row["code"] for row in rows] == [0, 1000204, 1101, 1000203, None]
    assert [row["ok"] for row in rows] == [True, False, False, False, False]
    assert (rows[0]["output"], rows[0]["target"], rows[0]["gmt_service_reply"]) == (
        {"rpm": 12, "on": None},
        "s",
        1_700_000_000_123,
    )
    assert rows[4]["asset_id"] is None


@pytest.mark.parametrize("backend", ["pandas", "polars"])
def test_frames_have_the_same_types_whatever_is_missing(backend: Any) -> None:
    pytest.importorskip(backend)
    found = results()
    frame = found.to_pandas() if backend == "pandas" else found.to_polars()
    empty = setpoint.outcomes_to_frame([], backend)
    assert list(frame.columns) == list(empty.columns) == list(found.to_records()[0])
    assert list(map(str, frame.dtypes)) == list(map(str, empty.dtypes))
    assert (len(frame), len(empty)) == (5, 0)
    column = list(frame["code"])
    assert column[:4] == [0, 1000204, 1101, 1000203]
    assert json.loads(frame["output"][0]) == {"rpm": 12, "on": None}
    assert int(frame["gmt_service_reply"][0]) == 1_700_000_000_123


def test_an_unknown_backend_and_a_missing_library_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="'pandas' or 'polars'"):
        setpoint.outcomes_to_frame([], "numpy")  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ImportError, match=r"pip install 'setpoint\[polars\]'"):
        setpoint.outcomes_to_frame([], "polars")


@pytest.mark.parametrize(
    ("module", "library", "extra"),
    [
        ("setpoint.client", "httpx", "client"),
        ("setpoint.sources.mqtt", "paho", "mqtt"),
        ("setpoint.sources.stomp", "stomp", "stomp"),
    ],
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    module: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.split(".")[0] == library:
            raise ModuleNotFoundError(f"No module named {library!r}", name=library)
        return real(name, *arguments, **keywords)

    import importlib

    real_import = importlib.import_module

    def import_without(name: str, package: str | None = None) -> Any:
        if name.split(".")[0] == library:
            raise ModuleNotFoundError(f"No module named {library!r}", name=library)
        return real_import(name, package)

    for name in [name for name in sys.modules if name.startswith("setpoint.") and name != "setpoint._core"]:
        if name in ("setpoint._http", module):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr("setpoint._extras.importlib.import_module", import_without)
    with pytest.raises(ImportError, match=rf"pip install 'setpoint\[{extra}\]'"):
        real_import(module)


def test_text_has_the_counts_and_the_first_failures_on_one_line_each() -> None:
    text = repr(results())
    lines = text.split("\n")
    assert lines[0] == "<Results of 5 items: 1 succeeded, 1 failed, 1 refused, 1 timed out, 1 cancelled>"
    assert len(lines) == 5
    assert "\x1b" not in text


def test_tables_escape_everything_and_are_bounded() -> None:
    found = results()
    html = found._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<b>asset</b>" not in html
    assert "\x1b" not in html
    assert html.count("<tr>") == 6
    many = _display.results_html(list(found) * 100, found.summary)
    assert many.count("<tr>") == 21
    assert "… and 480 more" in many


def test_reports_have_tables_as_well() -> None:
    body = '{"data":[{"requestId":"<i>","assetId":5}]}'
    report = setpoint.check(body, org_id="o1")
    html = report._repr_html_()
    assert "1 items: 0 accepted, 1 refused" in html
    assert "&lt;i&gt;" in html
    assert "<i>" not in html
