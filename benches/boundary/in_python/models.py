"""pydantic for the rules, orjson for reading and writing.

An item at a time, so that a bad one refuses itself alone.
"""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from .corpora import Facts, Item
from .dicts import reply
from .rules import CALLBACK_URL_BYTES, CHANNEL_MISSING, FORM, ID_BYTES, REPEATED, Fault, is_channel, repeated

RequestId = Annotated[str, StringConstraints(min_length=1, max_length=ID_BYTES, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Name = Annotated[str, StringConstraints(max_length=ID_BYTES, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
TopicPart = Annotated[
    str, StringConstraints(max_length=ID_BYTES, pattern=r"^([^$+#/\x00-\x1f\x7f-\x9f][^+#/\x00-\x1f\x7f-\x9f]*)?$")
]
Target = Annotated[TopicPart, StringConstraints(min_length=1)]


class Command(BaseModel):
    """An item as it comes in. pydantic counts characters where the protocol counts bytes."""

    model_config = ConfigDict(strict=True)

    requestId: RequestId
    orgId: str | None = None
    controlChannelId: Annotated[str, StringConstraints(min_length=1)]
    productKey: TopicPart | None = None
    deviceKey: TopicPart | None = None
    assetId: Name | None = None
    serviceId: Target
    callbackUrl: Annotated[str, StringConstraints(max_length=CALLBACK_URL_BYTES)] | None = None
    inputData: dict[str, Any] | None = None
    timeout: Annotated[int, Field(ge=1, le=300_000)] | None = None
    gmtServiceRequest: int | None = None

    @model_validator(mode="after")
    def names_a_device(self) -> Command:
        """By its asset id, or by product and device key."""
        if not self.assetId and not (self.productKey and self.deviceKey):
            raise ValueError("no device is named")
        return self


validate = Command.model_validate


def respond(body: bytes, facts: Facts) -> bytes:
    """A body in, the response out."""
    items: list[Item] = orjson.loads(body)["data"]
    seen = {request_id for item in items if (request_id := item.get("requestId"))}
    twice = repeated(item.get("requestId") for item in items) if len(seen) < len(items) else ()
    replies = []
    for item in items:
        wrong = REPEATED if item.get("requestId") in twice else check(item, facts.org_id)
        replies.append(reply(item, wrong, facts.epoch_ms))
    return orjson.dumps({"status": 0, "msg": "Success", "submsg": None, "data": replies})


def check(item: Item, org: str) -> Fault | None:
    """What is wrong with an item."""
    try:
        command = validate(item)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return FORM, f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if command.orgId and command.orgId != org:
        return FORM, "orgId: differs from the orgId of the query"
    if not is_channel(command.controlChannelId):
        return CHANNEL_MISSING, "controlChannelId: is no channel of this family"
    return None
