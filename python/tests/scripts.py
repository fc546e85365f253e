"""`vectors/engine`: inputs of one requester at given times, and the events that follow."""

from __future__ import annotations

from typing import Any

import corpus
from corpus import Case

from setpoint import Event, Now, Outcome, Requester, SetpointError

PLACES: dict[str, dict[str, Any]] = {
    "invoke": {"controlChannelId": "DATASVC.CONTROL.c", "assetId": "a1", "serviceId": "s"},
    "write": {
        "setMeasurepointChannelId": "DATASVC.SET.c",
        "assetId": "a1",
        "measurepointId": "m",
        "inputData": {"arg": 1},
    },
}
REPLIES: dict[str, dict[str, Any]] = {
    "invoke": {"controlChannelId": "DATASVC.CONTROL.c", "serviceId": "s", "outputData": {}},
    "write": {"setMeasurepointChannelId": "DATASVC.SET.c", "measurepointId": "m"},
}


def run(case: Case) -> None:
    """Takes every step of a case, and compares what each leads to."""
    config = {corpus.snake(name): value for name, value in case.get("config", {}).items()}
    requester = Requester("o1", **config)
    at = 0
    for index, step in enumerate(case["steps"]):
        at = step.get("at", at)
        found: dict[str, Any]
        try:
            found = _perform(requester, step, Now(at, 1_700_000_000_000 + at))
        except SetpointError as error:
            assert "error" in step["expect"], f"step {index}: {error}"
            found = {"error": str(error)}
        found["events"] = [shown(event) for event in requester.poll_events()]
        found["openItems"] = requester.open_items
        corpus.compare({"events": []} | step["expect"], found, f"step {index}")


def _perform(requester: Requester, step: dict[str, Any], now: Now) -> dict[str, Any]:
    if "submit" in step:
        submit = step["submit"]
        family = submit.get("family", "invoke")
        if "items" in submit:
            body = corpus.compact({"data": _completed(submit["items"], PLACES[family])})
        else:
            body = corpus.body(submit)
        submission = requester.submit(body, family, now=now)
        assert submission.body == body and submission.family == family
        return {"batch": submission.batch, "items": submission.items}
    if "response" in step:
        response = step["response"]
        return {"verdict": requester.handle_response(_batch(response), _message(response, True), now)}
    if "message" in step:
        return {"replies": requester.handle_message(_message(step["message"], False))}
    if "notSent" in step:
        return {"verdict": requester.handle_not_sent(_batch(step["notSent"]), step["notSent"]["reason"])}
    if "resend" in step:
        requester.resend(_batch(step["resend"]), now)
    elif "cancel" in step:
        requester.cancel(_batch(step["cancel"]))
    else:
        assert "tick" in step, f"what is step {step}?"
        requester.handle_timeout(now)
    return {}


def _batch(step: dict[str, Any]) -> int:
    return int(step.get("batch", 1))


def _message(given: dict[str, Any], is_response: bool) -> bytes:
    """A response or a channel message: replies completed with the fields that place them, or bytes as they are."""
    if "replies" not in given:
        return corpus.body(given)
    place = REPLIES[given.get("family", "invoke")]
    submsg = None if is_response else "SUCCESS"
    data = _completed(given["replies"], place | {"status": 0, "msg": "SUCCESS", "submsg": submsg})
    head: dict[str, Any] = {"status": 0, "msg": "Success", "submsg": None} if is_response else {}
    return corpus.compact(head | {"data": data})


def _completed(items: list[Any], defaults: dict[str, Any]) -> list[Any]:
    return [defaults | item if isinstance(item, dict) else item for item in items]


def shown(event: Event) -> dict[str, Any]:
    """An event as the vectors spell it: every attribute that its class has, in camelCase."""
    fields: dict[str, Any] = {"event": event.kind}
    for name in ("batch", "index", "requestId", "knownUnsent", "conflict", "reason", "outcome", "refusal", "summary"):
        if hasattr(event, corpus.snake(name)):
            value = getattr(event, corpus.snake(name))
            fields[name] = value if value is None or isinstance(value, int | str) else _attributes(value)
    return fields


def _attributes(value: Any) -> dict[str, Any]:
    names = [name for name in dir(value) if not name.startswith("_")]
    fields = {_camel(name): getattr(value, name) for name in names}
    if isinstance(value, Outcome):
        fields["outputData"] = value.output_text
    return fields


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
