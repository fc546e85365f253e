"""The settings of a client."""

from __future__ import annotations

import inspect
import ssl
from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._backoff import Backoff
from ._core import Limits, families
from ._http import Http
from .channels import FamilyName, family_of
from .errors import NoChannelError, NotListeningError, SettingError
from .items import Item
from .sources import ChannelSource
from .sources._events import IterableSource
from .sources.event_stream import EventStream

_FAMILIES = families()

SourceLike = ChannelSource | AsyncIterable[bytes]
"""What `source=` takes: an object with the methods of `ChannelSource`, or any async iterable of bytes."""


@dataclass(frozen=True)
class Listening:
    """The channels on which a client listens; the first of each family is for the items that name none."""

    channels: Mapping[str, Sequence[str]]
    # A source of the caller's may carry any channel, so none can be ruled out.
    anything: bool

    def check(self, family: FamilyName, items: Sequence[Item]) -> None:
        """Raises `NoChannelError` or `NotListeningError` for the first item whose outcome would never be seen."""
        field = _FAMILIES[family]["channel_field"]
        ours = self.channels[family]
        for index, item in enumerate(items):
            channel_id = item.get(field) if isinstance(item, Mapping) else item.channel_id
            if not channel_id:
                if not ours:
                    raise NoChannelError(index, family, _FAMILIES[family]["channel_prefix"])
            elif not self.anything and isinstance(channel_id, str) and channel_id not in ours:
                raise NotListeningError(index, channel_id)

    def default(self, family: FamilyName) -> dict[str, object]:
        """The fields for items that name no channel."""
        ours = self.channels[family]
        return {_FAMILIES[family]["channel_field"]: ours[0]} if ours else {}


@dataclass(frozen=True)
class Settings:
    """The settings of a client, as `Client` documents them."""

    url: str
    org_id: str
    channels: Sequence[str]
    create_channels: bool
    mqtt: str | None
    mqtt_client_id: str | None
    stomp: str | None
    sources: Sequence[SourceLike]
    on_late: Callable[[Any], object] | None
    tls: ssl.SSLContext | None
    limits: Limits | None
    connect_timeout_ms: float
    response_timeout_ms: float
    connect_attempts: int
    backoff_ms: tuple[float, float]
    requests_under_way: int

    def check(self) -> None:
        """Raises `SettingError` for what cannot be used, before anything is opened."""
        if not self.org_id:
            raise SettingError("org_id", "it is empty; every call is made in the name of an org")
        if sum(way is not None for way in (self.mqtt, self.stomp)) + bool(self.sources) > 1:
            raise SettingError("mqtt", "give one of mqtt, stomp and source")
        if self.mqtt_client_id is not None and self.mqtt is None:
            raise SettingError("mqtt_client_id", "it is of use only with mqtt")
        if not self.channels and not self.sources:
            prefixes = " or ".join(f'channel="{family["channel_prefix"]}…"' for family in _FAMILIES.values())
            raise SettingError(
                "channel", f"none was given, so no outcome could be heard; give at least one: {prefixes}"
            )
        if inspect.iscoroutinefunction(self.on_late):
            raise SettingError("on_late", "it is called, not awaited: give a plain function, or read late_events()")
        for setting in ("connect_attempts", "requests_under_way"):
            if getattr(self, setting) < 1:
                raise SettingError(setting, f"it is at least 1, not {getattr(self, setting)}")

    def backoff(self) -> Backoff:
        """The pauses between attempts."""
        return Backoff(*self.backoff_ms)

    def listening(self) -> Listening:
        """Raises `SettingError` for a channel of neither family."""
        found: dict[str, list[str]] = {name: [] for name in _FAMILIES}
        for channel_id in self.channels:
            found[family_of(channel_id)].append(channel_id)
        return Listening(found, bool(self.sources))

    def open_sources(self, http: Http) -> list[ChannelSource]:
        """The sources of outcomes, not opened yet."""
        if self.sources:
            return [source if isinstance(source, ChannelSource) else IterableSource(source) for source in self.sources]
        most = (self.limits or Limits()).reply_bytes
        ids = sorted(set(self.channels))
        if self.mqtt is not None:
            # Imported here because it needs an optional library.
            from .sources.mqtt import MqttTopics

            return [MqttTopics(self.mqtt, self.mqtt_client_id, ids, most, self.backoff(), self.tls)]
        if self.stomp is not None:
            from .sources.stomp import StompDestinations

            return [StompDestinations(self.stomp, ids, most, self.backoff())]
        answer_s = self.response_timeout_ms / 1_000
        return [EventStream(http, channel_id, most, answer_s, self.backoff()) for channel_id in ids]
