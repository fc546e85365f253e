"""What a check finds, and how it says so."""

from __future__ import annotations

import json
from typing import Any

import conversation
import corpus
import pytest

from setpoint import (
    AcceptedItem,
    Directory,
    Fault,
    Limits,
    Now,
    RefusedError,
    RefusedItem,
    Report,
    RequestError,
    check,
    code_info,
    codes,
    families,
)

ITEMS = [*conversation.items(2), *conversation.items(1, 2, serviceId=None, timeout=0), *conversation.items(1, 3)]


def test_a_report_has_the_accepted_and_the_refused() -> None:
    report = check(ITEMS, org_id="o1", now=Now(0, 5))
    assert isinstance(report, Report)
    assert (len(report), report.ok, report.family) == (4, False, "invoke")
    assert report.accepted == [AcceptedItem(0, "r0"), AcceptedItem(1, "r1"), AcceptedItem(3, "r3")]
    faults = (
        Fault(1000, "serviceId", "is null"),
        Fault(1000, "timeout", "must be an integer from 1 to 300000, in milliseconds"),
    )
    assert report.refused == [RefusedItem(2, "r2", 1000, "para error", faults)]
    assert report.refused[0].faults == faults
    assert (
        report.refused[0].reason == "serviceId: is null; timeout: must be an integer from 1 to 300000, in milliseconds"
    )
    assert json.loads(report.response)["data"][2]["submsg"] == report.refused[0].reason
    assert report.response is report.response
    assert repr(report) == "Report(family='invoke', accepted=3, refused=1)"


def test_refused_items_can_be_raised() -> None:
    report = check(ITEMS, org_id="o1")
    with pytest.raises(RefusedError) as raised:
        report.raise_for_refused()
    assert raised.value.refused == tuple(report.refused) and raised.value.code == 1000
    assert str(raised.value).startswith("1 of 4 items would be refused: item 2: 1000 para error: serviceId: is null; ")
    check(ITEMS[:2], org_id="o1").raise_for_refused()


def test_records_are_one_row_for_each_item() -> None:
    records = check(ITEMS, org_id="o1").to_records()
    assert records[1] == {
        "index": 1,
        "request_id": "r1",
        "accepted": True,
        "code": 0,
        "msg": "SUCCESS",
        "reason": None,
    }
    assert [record["accepted"] for record in records] == [True, True, False, True]
    assert records[2]["reason"] == check(ITEMS, org_id="o1").refused[0].reason


def test_a_report_is_a_table_in_notebooks() -> None:
    items = [*ITEMS, *conversation.items(1, 4, serviceId="<script>")]
    html = check(items, org_id="o1")._repr_html_()
    assert html.count("<tr>") == 6 and "<script>" not in html and "is null" in html


def test_a_body_that_cannot_be_used_is_raised_with_its_response() -> None:
    with pytest.raises(RequestError) as raised:
        check(b'{"data":[', org_id="o1")
    error = raised.value
    assert (error.code, error.msg, error.offset) == (400, "Invalid Argument body", 9)
    assert json.loads(error.response) == {"status": 400, "msg": error.msg, "submsg": error.reason}
    assert str(error) == f"400 Invalid Argument body: {error.reason}"


def test_limits_and_directories_count() -> None:
    body = corpus.compact({"data": ITEMS})
    with pytest.raises(RequestError, match="413"):
        check(body, org_id="o1", limits=Limits(body_bytes=len(body) - 1))
    assert len(check(body, org_id="o1", limits=Limits(body_bytes=len(body)))) == 4
    orgs: dict[str, Any] = {"o1": {"channels": [conversation.CHANNEL], "devices": []}}
    assert [item.code for item in check(ITEMS[:1], org_id="o1", directory=Directory(orgs)).refused] == [1000201]
    device = {"productKey": "p", "deviceKey": "d", "assetId": "a1", "services": {"start": None}}
    orgs["o1"]["devices"].append(device)
    for given in (orgs, json.dumps(orgs), json.dumps(orgs).encode()):
        assert check(ITEMS[:2], org_id="o1", directory=Directory(given)).ok
    with pytest.raises(ValueError, match="directory: "):
        Directory({"o1": 5})


def test_arguments_of_the_wrong_kind_are_type_errors() -> None:
    for arguments in ({"org_id": 5}, {"org_id": "o1", "limits": 5}, {"org_id": "o1", "now": 5}, {}, {"orgid": "o1"}):
        with pytest.raises(TypeError):
            check(ITEMS, **arguments)
    with pytest.raises(ValueError, match='family is "invoke" or "write", not "read"'):
        check(ITEMS, "read", org_id="o1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="family"):
        check(ITEMS, 5, org_id="o1")  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        Limits(items=-1)


def test_the_published_table_is_complete() -> None:
    table = codes()
    assert [info.code for info in table] == sorted({info.code for info in table})
    timeout = code_info(1000203)
    assert timeout is not None and timeout in table
    assert (timeout.certainty, timeout.retry, timeout.planes) == ("unknown", "unsafe", ("channel",))
    assert code_info(5) is None
    assert set(families()) == {"invoke", "write"}
    assert families()["write"]["channel_prefix"] == "DATASVC.SET."
