"""Sources of channel messages.

The client makes those for the service's event streams, MQTT topics and STOMP destinations itself. With `source=` it
takes any object with the methods of `ChannelSource`, or any async iterable of bytes.
"""

from ._events import ChannelSource, Connected, Disconnected, Gap, SourceEvent, Unreadable

__all__ = ["ChannelSource", "Connected", "Disconnected", "Gap", "SourceEvent", "Unreadable"]
