"""Both sides of a conversation: what a service would answer to a batch."""

from __future__ import annotations

from typing import Any

import corpus

from setpoint import families

CHANNEL = "DATASVC.CONTROL.ops"


def items(count: int, start: int = 0, **more: Any) -> list[dict[str, Any]]:
    """Invokes with the request ids `r{start}` and so on."""
    channel = families()["invoke"]["channel_field"]
    return [
        {"requestId": f"r{index}", channel: CHANNEL, "assetId": "a1", "serviceId": "start"} | more
        for index in range(start, start + count)
    ]


def reply(request_id: str, **more: Any) -> dict[str, Any]:
    """A reply of success."""
    return {
        "requestId": request_id,
        "controlChannelId": CHANNEL,
        "assetId": "a1",
        "serviceId": "start",
        "outputData": {"rpm": 12},
        "status": 0,
        "msg": "SUCCESS",
        "submsg": None,
    } | more


def response(*replies: dict[str, Any]) -> bytes:
    """The response to a batch."""
    return corpus.compact({"status": 0, "msg": "Success", "submsg": None, "data": list(replies)})


def message(*replies: dict[str, Any]) -> bytes:
    """A channel message."""
    return corpus.compact({"data": list(replies)})
