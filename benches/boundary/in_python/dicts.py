"""`json` or `orjson` with checks by hand: dicts in, dicts out. What most people write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .corpora import Facts, Item
from .rules import DEFAULT_TIMEOUT_MS, FORM, MESSAGES, REPEATED, Fault, fault, repeated

Reply = dict[str, Any]

TEXTS = (
    "requestId",
    "orgId",
    "controlChannelId",
    "productKey",
    "deviceKey",
    "assetId",
    "serviceId",
    "callbackUrl",
)


def respond(body: bytes, facts: Facts, loads: Callable[[bytes], Any], dumps: Callable[[Any], bytes]) -> bytes:
    """A body in, the response out."""
    items: list[Item] = loads(body)["data"]
    seen = {request_id for item in items if (request_id := item.get("requestId"))}
    twice = repeated(item.get("requestId") for item in items) if len(seen) < len(items) else ()
    replies = []
    for item in items:
        wrong = REPEATED if item.get("requestId") in twice else check(item, facts.org_id)
        replies.append(reply(item, wrong, facts.epoch_ms))
    return dumps({"status": 0, "msg": "Success", "submsg": None, "data": replies})


def check(item: Item, org: str) -> Fault | None:
    """What is wrong with an item whose fields may have any type."""
    get = item.get
    texts = request_id, org_id, channel_id, product_key, device_key, asset_id, service_id, callback_url = (
        get("requestId"),
        get("orgId"),
        get("controlChannelId"),
        get("productKey"),
        get("deviceKey"),
        get("assetId"),
        get("serviceId"),
        get("callbackUrl"),
    )
    for text in texts:
        if type(text) is not str and text is not None:
            return FORM, f"{TEXTS[texts.index(text)]}: must be a string"
    gmt = get("gmtServiceRequest")
    if gmt is not None and type(gmt) is not int:
        return FORM, "gmtServiceRequest: must be an integer, in epoch milliseconds"
    given = get("inputData")
    return fault(
        org,
        request_id,
        org_id,
        channel_id,
        product_key,
        device_key,
        asset_id,
        service_id,
        callback_url,
        get("timeout"),
        given is None or type(given) is dict,
    )


def reply(item: Item, wrong: Fault | None, epoch_ms: int) -> Reply:
    """The item as it comes back, with all 20 fields."""
    if wrong is None:
        echo, code, submsg = item, 0, None
    else:
        echo, (code, submsg) = echoes(item), wrong
    get = echo.get
    service_id, gmt, timeout = get("serviceId"), get("gmtServiceRequest"), item.get("timeout")
    if timeout is None:
        timeout = DEFAULT_TIMEOUT_MS
    return {
        "requestId": get("requestId"),
        "messageId": None,
        "requestMethod": None if service_id is None else "thing.service." + service_id,
        "callType": "ASYNC",
        "controlChannelId": get("controlChannelId"),
        "productKey": get("productKey") or None,
        "deviceKey": get("deviceKey") or None,
        "assetId": get("assetId") or None,
        "serviceName": None,
        "serviceId": service_id,
        "callbackUrl": get("callbackUrl"),
        "inputData": get("inputData"),
        "outputData": {},
        "status": code,
        "msg": MESSAGES[code],
        "submsg": submsg,
        "timeout": timeout if type(timeout) is int else None,
        "gmtServiceRequest": gmt if gmt and gmt > 0 else epoch_ms,
        "gmtServiceReply": epoch_ms,
        "gmtDeviceReply": -1,
    }


def echoes(item: Item) -> Item:
    """The fields of a refused item that are echoed: those of the right type."""
    echo = {field: item[field] for field in TEXTS if type(item.get(field)) is str}
    if type(item.get("inputData")) is dict:
        echo["inputData"] = item["inputData"]
    if type(item.get("gmtServiceRequest")) is int:
        echo["gmtServiceRequest"] = item["gmtServiceRequest"]
    return echo
