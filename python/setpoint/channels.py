"""The channel calls: create, get, list, update, delete."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from ._core import families
from ._envelope import Envelope, open_envelope
from ._http import Http, NotSent, Response
from .errors import CallRefusedError, SettingError, UnreachableError, UnreadableError

FamilyName = Literal["invoke", "write"]

_FAMILIES = families()
_NOT_FOUND = 404


@dataclass(frozen=True)
class Channel:
    """A channel, as the service describes it."""

    id: str
    """Its id, which is also the name of its topic."""
    desc: str
    """Its description."""
    family: FamilyName


@dataclass(frozen=True)
class ChannelList:
    """Part of the list of channels."""

    total: int
    """How many there are in all."""
    channels: tuple[Channel, ...]
    """Those of this page."""


def family_of(channel_id: str) -> FamilyName:
    """The family whose channel ids start like this one. Raises `SettingError` if neither does."""
    names: tuple[FamilyName, ...] = ("invoke", "write")
    for name in names:
        if channel_id.startswith(_FAMILIES[name]["channel_prefix"]):
            return name
    prefixes = " or ".join(family["channel_prefix"] for family in _FAMILIES.values())
    raise SettingError("channel", f"{channel_id!r} belongs to neither family; ids start with {prefixes}")


class Channels:
    """The channel calls of the service. A channel's family follows from the prefix of its id.

    Each call raises `SettingError` for an id that is not well formed, `CallRefusedError` if the service refused,
    `UnreachableError` if it did not answer, and `UnreadableError` if something else answered.
    """

    def __init__(self, http: Http, timeout_s: float) -> None:
        self._http = http
        self._timeout_s = timeout_s

    async def create(self, channel_id: str, desc: str = "") -> Channel:
        """Creates a channel."""
        family = family_of(channel_id)
        data = await self._call("POST", self._url(family), _body(family, channel_id, desc))
        return _channel(family, data)

    async def ensure(self, channel_id: str) -> bool:
        """Creates a channel unless it exists. Whether it was created."""
        try:
            await self.create(channel_id)
        except CallRefusedError as error:
            if error.code != _FAMILIES[family_of(channel_id)]["channel_exists"]:
                raise
            return False
        return True

    async def get(self, channel_id: str) -> Channel | None:
        """One channel; `None` if the org has no such channel."""
        family = family_of(channel_id)
        try:
            return _channel(family, await self._call("GET", self._url(family, channel_id)))
        except CallRefusedError as error:
            if error.code not in (_FAMILIES[family]["channel_missing"], _NOT_FOUND):
                raise
            return None

    async def list(self, family: FamilyName, *, page_size: int = 0, page: int = 1) -> ChannelList:
        """The org's channels of a family; `page_size` 0 is all of them, pages count from 1."""
        url = self._url(family, query={"pageSize": str(page_size), "pageToken": str(page)})
        envelope = await self._exchange("GET", url)
        try:
            # The answer's data holds the total beside the channels.
            total, entries = envelope.data["totalSize"], envelope.data["data"]
            return ChannelList(int(total), tuple(_channel(family, entry) for entry in entries))
        except (KeyError, TypeError, ValueError) as error:
            raise UnreadableError(url, 200, f"it has no list: {error!r}", None) from None

    async def update(self, channel_id: str, desc: str) -> None:
        """Changes a channel's description."""
        family = family_of(channel_id)
        await self._exchange("PUT", self._url(family, channel_id), _body(family, channel_id, desc))

    async def delete(self, channel_id: str, *, force: bool = False) -> None:
        """Deletes a channel. While items are in flight on it the service refuses, unless `force` is set: their outcomes
        are then never published."""
        query = {"force": "true"} if force else {}
        await self._exchange("DELETE", self._url(family_of(channel_id), channel_id, query=query))

    def _url(self, family: FamilyName, *segments: str, query: dict[str, str] | None = None) -> str:
        return self._http.url(_FAMILIES[family]["channels_path"], segments, query)

    async def _call(self, method: str, url: str, body: bytes | None = None) -> dict[str, Any]:
        data = (await self._exchange(method, url, body)).data
        if not isinstance(data, dict):
            raise UnreadableError(url, 200, "it has no data", None)
        return data

    async def _exchange(self, method: str, url: str, body: bytes | None = None) -> Envelope:
        attempt = await self._http.call(method, url, body, self._timeout_s)
        if not isinstance(attempt, Response):
            raise UnreachableError(url, attempt.reason, isinstance(attempt, NotSent))
        try:
            envelope = open_envelope(attempt.body)
        except ValueError as error:
            raise UnreadableError(url, attempt.status, str(error), getattr(error, "pos", None)) from None
        if envelope.status != 0:
            raise CallRefusedError(url, envelope.status, envelope.msg, envelope.submsg)
        return envelope


def _body(family: FamilyName, channel_id: str, desc: str) -> bytes:
    return json.dumps({_FAMILIES[family]["channel_field"]: channel_id, "desc": desc}).encode()


def _channel(family: FamilyName, data: dict[str, Any]) -> Channel:
    channel_id = data.get(_FAMILIES[family]["channel_field"], data.get("channelId"))
    if not isinstance(channel_id, str):
        raise ValueError("a channel without an id")
    return Channel(channel_id, data.get("desc") or "", family)
