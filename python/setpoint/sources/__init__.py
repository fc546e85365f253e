"""Where channel messages come from.

The client makes those of the service's event streams, of MQTT topics and of STOMP destinations by itself; whatever has
the methods of `ChannelSource`, or is an async iterable of bytes, can be plugged in with `source=`.
"""

from ._events import ChannelSource, Connected, Disconnected, Gap, SourceEvent, Unreadable

__all__ = ["ChannelSource", "Connected", "Disconnected", "Gap", "SourceEvent", "Unreadable"]
