"""The rules of one item as a service in Python would write them by hand, over texts whose type is already known.

The numbers and patterns are those of the protocol; `test_peers.py` holds every verdict against the engine's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

Fault = tuple[int, str]
"""A code, and what is wrong."""

FORM = 1000
CHANNEL_MISSING = 1000103
MESSAGES = {0: "SUCCESS", FORM: "para error", CHANNEL_MISSING: "control group does not exist"}

ID_BYTES = 128
CALLBACK_URL_BYTES = 2048
DEFAULT_TIMEOUT_MS = 30_000
MAX_TIMEOUT_MS = 300_000

is_channel = re.compile(r"DATASVC\.CONTROL\.[A-Za-z0-9_.\-]{1,48}").fullmatch
# Matches nearly every id: one that matches needs no other check.
is_plain_id = re.compile(r"[ -~]{1,128}").fullmatch
is_plain_part = re.compile(r"[ !\"%-*,\-.0-~][ !\"$-*,\-.0-~]{0,127}").fullmatch
has_control = re.compile(r"[\x00-\x1f\x7f-\x9f]").search
has_topic_sign = re.compile(r"^\$|[+#/]").search

REPEATED: Fault = (FORM, "requestId: is used by several items of this batch")


def is_unusable(text: str) -> bool:
    """Whether an id is too long or holds a control character."""
    return len(text.encode()) > ID_BYTES or has_control(text) is not None


def is_unusable_part(text: str) -> bool:
    """The same, for an id that becomes part of a topic."""
    return is_unusable(text) or has_topic_sign(text) is not None


def fault(
    org: str,
    request_id: str | None,
    org_id: str | None,
    channel_id: str | None,
    product_key: str | None,
    device_key: str | None,
    asset_id: str | None,
    service_id: str | None,
    callback_url: str | None,
    timeout: object,
    input_is_usable: bool,
) -> Fault | None:
    """What is wrong first, if anything is: faults of form come before the channel's."""
    if not request_id:
        return FORM, "requestId: is missing or empty"
    if not is_plain_id(request_id) and is_unusable(request_id):
        return FORM, "requestId: is too long or holds a control character"
    if org_id and org_id != org:
        return FORM, "orgId: differs from the orgId of the query"
    if not channel_id:
        return FORM, "controlChannelId: is missing or empty"
    if asset_id and not is_plain_id(asset_id) and is_unusable(asset_id):
        return FORM, "assetId: is too long or holds a control character"
    if product_key and not is_plain_part(product_key) and is_unusable_part(product_key):
        return FORM, "productKey: is too long or holds what no part of a topic may"
    if device_key and not is_plain_part(device_key) and is_unusable_part(device_key):
        return FORM, "deviceKey: is too long or holds what no part of a topic may"
    if not asset_id and not (product_key and device_key):
        return FORM, "assetId: is missing: no device is named"
    if not service_id:
        return FORM, "serviceId: is missing or empty"
    if not is_plain_part(service_id) and is_unusable_part(service_id):
        return FORM, "serviceId: is too long or holds what no part of a topic may"
    if callback_url and len(callback_url.encode()) > CALLBACK_URL_BYTES:
        return FORM, "callbackUrl: is too long"
    if not input_is_usable:
        return FORM, "inputData: must be an object"
    if timeout is not None and not (type(timeout) is int and 1 <= timeout <= MAX_TIMEOUT_MS):
        return FORM, "timeout: must be an integer from 1 to 300000, in milliseconds"
    if not is_channel(channel_id):
        return CHANNEL_MISSING, "controlChannelId: is no channel of this family"
    return None


def repeated(request_ids: Iterable[object]) -> set[str]:
    """The request ids that several items have."""
    uses = Counter(request_id for request_id in request_ids if type(request_id) is str and request_id)
    return {request_id for request_id, count in uses.items() if count > 1}
