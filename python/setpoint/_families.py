"""The types of what `setpoint.families` gives."""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict

FamilyName: TypeAlias = Literal["invoke", "write"]
"""Which of the two families."""


class FamilyTable(TypedDict):
    """Everything in which one family differs from the other."""

    name: str
    """`"invoke"` or `"write"`."""
    path: str
    """Path of the batch call."""
    action: str
    """The `action` of the later alias `/edge-service/v1/commands`."""
    channels_path: str
    """Path of the channel calls."""
    channel_field: str
    """The field that names the channel."""
    channel_prefix: str
    """What channel ids start with."""
    target_field: str
    """The field that names the target: a service or a measure point."""
    channel_exists: int
    """The code that says that a channel exists already."""
    channel_missing: int
    """The code that says that there is no such channel."""
