"""Items of a batch as objects, for completion and type checking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ._core import families

_INVOKE, _WRITE = families()["invoke"], families()["write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeItem:
    """Calls a service of a device.

    The device is named by its `asset_id`, or by `product_key` and `device_key`. A request id is generated if there is
    none. `input` is a mapping of arguments, `timeout_ms` runs from receipt to the deadline (1 to 300,000; the service's
    default is 30,000). `callback_url` is echoed, never fetched. Nothing is checked here: that is what `check` does.
    """

    service_id: str
    channel_id: str | None = None
    asset_id: str | None = None
    product_key: str | None = None
    device_key: str | None = None
    input: Mapping[str, Any] | None = None
    timeout_ms: int | None = None
    request_id: str | None = None
    callback_url: str | None = None

    def __setpoint_item__(self) -> dict[str, Any]:
        item = _common(self, _INVOKE["channel_field"])
        item[_INVOKE["target_field"]] = self.service_id
        if self.input is not None:
            item["inputData"] = dict(self.input)
        return item


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteItem:
    """Writes a value to a measure point of a device.

    The device is named by its `asset_id`, or by `product_key` and `device_key`. A request id is generated if there is
    none. `value` is anything that JSON can represent, `timeout_ms` runs from receipt to the deadline (1 to 300,000; the
    service's default is 30,000). `callback_url` is echoed, never fetched. Nothing is checked here: that is what `check`
    does.
    """

    measurepoint_id: str
    value: Any = field()
    channel_id: str | None = None
    asset_id: str | None = None
    product_key: str | None = None
    device_key: str | None = None
    timeout_ms: int | None = None
    request_id: str | None = None
    callback_url: str | None = None

    def __setpoint_item__(self) -> dict[str, Any]:
        item = _common(self, _WRITE["channel_field"])
        item[_WRITE["target_field"]] = self.measurepoint_id
        # Any single key will do; the published samples use this one.
        item["inputData"] = {"arg": self.value}
        return item


Item: TypeAlias = Mapping[str, Any] | InvokeItem | WriteItem
"""An item of a batch: a dict with the protocol's field names, or an object."""


def _common(item: InvokeItem | WriteItem, channel_field: str) -> dict[str, Any]:
    fields = {
        "requestId": item.request_id,
        channel_field: item.channel_id,
        "assetId": item.asset_id,
        "productKey": item.product_key,
        "deviceKey": item.device_key,
        "timeout": item.timeout_ms,
        "callbackUrl": item.callback_url,
    }
    return {name: value for name, value in fields.items() if value is not None}
