"""msgspec with structs both ways, and payloads as `msgspec.Raw`: neither parsed nor written again."""

from __future__ import annotations

from typing import Any

import msgspec

from .corpora import Facts
from .rules import DEFAULT_TIMEOUT_MS, MESSAGES, REPEATED, fault, repeated

EMPTY = msgspec.Raw(b"{}")
NULL = msgspec.Raw(b"null")


class Command(msgspec.Struct, rename="camel", gc=False):
    """An item as it comes in.

    A wrong type in `input_data` or `timeout` is a fault of the item, in any other field one of the whole batch.
    """

    request_id: str | None = None
    org_id: str | None = None
    control_channel_id: str | None = None
    product_key: str | None = None
    device_key: str | None = None
    asset_id: str | None = None
    service_id: str | None = None
    callback_url: str | None = None
    input_data: msgspec.Raw = NULL
    timeout: Any = None
    gmt_service_request: int | None = None


class Batch(msgspec.Struct, gc=False):
    """A body."""

    data: list[Command]


class Reply(msgspec.Struct, rename="camel", gc=False):
    """An item as it comes back, with all 20 fields."""

    request_id: str | None
    message_id: None
    request_method: str | None
    call_type: str
    control_channel_id: str | None
    product_key: str | None
    device_key: str | None
    asset_id: str | None
    service_name: None
    service_id: str | None
    callback_url: str | None
    input_data: msgspec.Raw
    output_data: msgspec.Raw
    status: int
    msg: str
    submsg: str | None
    timeout: int | None
    gmt_service_request: int
    gmt_service_reply: int
    gmt_device_reply: int


class Response(msgspec.Struct, gc=False):
    """The answer to a batch."""

    status: int
    msg: str
    submsg: None
    data: list[Reply]


decode = msgspec.json.Decoder(Batch).decode
encode = msgspec.json.Encoder().encode


def respond(body: bytes, facts: Facts) -> bytes:
    """A body in, the response out."""
    commands = decode(body).data
    seen = {command.request_id for command in commands if command.request_id}
    twice = repeated(command.request_id for command in commands) if len(seen) < len(commands) else ()
    org, epoch_ms = facts.org_id, facts.epoch_ms
    replies = []
    for command in commands:
        given = command.input_data
        first = memoryview(given)[0]
        is_object = first == 0x7B
        wrong = fault(
            org,
            command.request_id,
            command.org_id,
            command.control_channel_id,
            command.product_key,
            command.device_key,
            command.asset_id,
            command.service_id,
            command.callback_url,
            command.timeout,
            is_object or first == 0x6E,
        )
        if command.request_id in twice:
            wrong = REPEATED
        code, submsg = wrong or (0, None)
        service_id, timeout, gmt = command.service_id, command.timeout, command.gmt_service_request
        if timeout is None:
            timeout = DEFAULT_TIMEOUT_MS
        replies.append(
            Reply(
                command.request_id,
                None,
                None if service_id is None else "thing.service." + service_id,
                "ASYNC",
                command.control_channel_id,
                command.product_key or None,
                command.device_key or None,
                command.asset_id or None,
                None,
                service_id,
                command.callback_url,
                given if is_object else NULL,
                EMPTY,
                code,
                MESSAGES[code],
                submsg,
                timeout if type(timeout) is int else None,
                gmt if gmt and gmt > 0 else epoch_ms,
                epoch_ms,
                -1,
            )
        )
    return encode(Response(0, "Success", None, replies))
