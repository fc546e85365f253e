"""Errors that calls raise. Every one is a `SetpointError` with its details in attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._core import RefusedItem


class SetpointError(Exception):
    """The base of everything that this package raises on purpose."""

    code: int | None = None
    """The protocol's code, or the status where the whole request is refused; `None` if there is neither."""

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.args


class RequestError(SetpointError):
    """The whole request is refused: nothing in it was accepted."""

    def __init__(self, code: int, msg: str, reason: str, offset: int | None, response: bytes) -> None:
        super().__init__(code, msg, reason, offset, response)
        self.code = code
        """400, 401, 403, 404, 413, 415, 429, 500 or 503."""
        self.msg = msg
        """The message, such as `Invalid Argument orgId`."""
        self.reason = reason
        """What exactly is wrong: the answer's `submsg`."""
        self.offset = offset
        """The byte of the body that is at fault; `None` where the body is not."""
        self.response = response
        """The response body that says so."""

    def __str__(self) -> str:
        return f"{self.code} {self.msg}: {self.reason}"


class RefusedError(SetpointError):
    """Some items of a batch would be refused."""

    def __init__(self, text: str, refused: tuple[RefusedItem, ...]) -> None:
        super().__init__(text, refused)
        self.code = refused[0].code if refused else None
        """The code of the first of them."""
        self.refused = refused
        """The refused items, each with everything that is wrong with it."""

    def __str__(self) -> str:
        return str(self.args[0])


class EncodeError(SetpointError, ValueError):
    """An item holds a value that JSON cannot represent. Nothing was sent and nothing is kept."""

    def __init__(self, reason: str, index: int | None, field: str) -> None:
        super().__init__(reason, index, field)
        self.reason = reason
        """What is wrong, and what to do."""
        self.index = index
        """Which item, from 0; `None` if it is not a list of items."""
        self.field = field
        """Where in the item, such as `inputData.speeds[2]`; empty for the item itself."""

    def __str__(self) -> str:
        item = "" if self.index is None else f"item {self.index}"
        place = ", ".join(part for part in (item, self.field) if part)
        return f"{place}: {self.reason}" if place else self.reason


class InUseError(SetpointError):
    """A request id of the batch is still open, or was used a short while ago, under the same family."""

    def __init__(self, text: str, index: int, request_id: str) -> None:
        super().__init__(text, index, request_id)
        self.index = index
        """Which item, from 0."""
        self.request_id = request_id
        """The id."""

    def __str__(self) -> str:
        return str(self.args[0])


class FullError(SetpointError):
    """Too many items are open: wait for outcomes first."""

    def __init__(self, text: str, open: int, more: int, bound: int) -> None:
        super().__init__(text, open, more, bound)
        self.open = open
        """Items that are open."""
        self.more = more
        """Items that the batch has."""
        self.bound = bound
        """How many may be open."""

    def __str__(self) -> str:
        return str(self.args[0])


class MessageError(SetpointError):
    """A response or a channel message that cannot be used at all."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason, offset)
        self.reason = reason
        """What is wrong."""
        self.offset = offset
        """The byte where reading stopped."""

    def __str__(self) -> str:
        return f"{self.reason} at byte {self.offset}"


class JsonError(MessageError):
    """A text that is not strict JSON."""


class AnswerError(SetpointError, ValueError):
    """A device's answer whose id cannot be read."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        """What is wrong."""


class ForkedError(SetpointError):
    """A requester is used in another process than the one that made it: both would generate the same request ids."""

    def __init__(self, made_in: int, used_in: int) -> None:
        super().__init__(made_in, used_in)
        self.made_in = made_in
        """The process that made it."""
        self.used_in = used_in
        """The process that used it."""

    def __str__(self) -> str:
        return f"this requester belongs to process {self.made_in}; make a new one after a fork"


class PoisonedError(SetpointError):
    """An earlier call panicked, which is a bug of this package: the state of the items is unknown."""

    def __str__(self) -> str:
        return "an earlier call failed inside, which is a bug; make a new requester"


class ClientError(SetpointError):
    """A call of the client failed."""


class SettingError(ClientError, ValueError):
    """A setting of the client cannot be used."""

    def __init__(self, setting: str, reason: str) -> None:
        super().__init__(setting, reason)
        self.setting = setting
        """Which one."""
        self.reason = reason
        """What is wrong with it and what would be right."""

    def __str__(self) -> str:
        return f"{self.setting}: {self.reason}"


class NoChannelError(ClientError):
    """An item names no channel, and the client has none of its family."""

    def __init__(self, index: int, family: str, prefix: str) -> None:
        super().__init__(index, family, prefix)
        self.index = index
        """Which item, from 0."""
        self.family = family
        """Its family."""
        self.prefix = prefix
        """What the channel ids of its family start with."""

    def __str__(self) -> str:
        return (
            f"item {self.index} names no channel and this client has none for the {self.family} family; "
            f'give one to the client: channel="{self.prefix}…"'
        )


class NotListeningError(ClientError):
    """An item names a channel on which this client does not listen: its outcome would never be seen."""

    def __init__(self, index: int, channel_id: str) -> None:
        super().__init__(index, channel_id)
        self.index = index
        """Which item, from 0."""
        self.channel_id = channel_id
        """The channel that it names."""

    def __str__(self) -> str:
        return (
            f"item {self.index}: this client does not listen on channel {self.channel_id!r}, so the outcome would "
            "never be seen; add it to the client's channel=[…]"
        )


class SourceError(ClientError):
    """A channel cannot be listened on."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        """The source, for instance its URL."""
        self.reason = reason
        """What went wrong, and what to check."""

    def __str__(self) -> str:
        return f"cannot listen on {self.name}: {self.reason}"


class SourceEndedError(ClientError):
    """A source ended for good, so outcomes can no longer be heard: nothing more is sent."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        """Which source."""
        self.reason = reason
        """Why."""

    def __str__(self) -> str:
        return f"{self.name} has ended ({self.reason}), so outcomes can no longer be heard; make a new client"


class UnreachableError(ClientError):
    """No answer from the service."""

    def __init__(self, url: str, reason: str, not_sent: bool) -> None:
        super().__init__(url, reason, not_sent)
        self.url = url
        """What was called."""
        self.reason = reason
        """What went wrong."""
        self.not_sent = not_sent
        """Whether it is certain that nothing was sent."""

    def __str__(self) -> str:
        return f"no answer from {self.url}: {self.reason}; check the URL and that the service runs (`setpoint serve`)"


class CallRefusedError(ClientError):
    """The service refused a call that is not a batch."""

    def __init__(self, url: str, code: int, msg: str, submsg: str | None) -> None:
        super().__init__(url, code, msg, submsg)
        self.url = url
        """What was called."""
        self.code = code
        """The code, or the status where the whole request was refused."""
        self.msg = msg
        """The code's message."""
        self.submsg = submsg
        """What exactly is wrong."""

    def __str__(self) -> str:
        return f"{self.url} answered {self.code} {self.msg}" + (f": {self.submsg}" if self.submsg else "")


class UnreadableError(ClientError):
    """An answer is not one of this protocol."""

    def __init__(self, url: str, http_status: int, reason: str, offset: int | None) -> None:
        super().__init__(url, http_status, reason, offset)
        self.url = url
        """What was called."""
        self.http_status = http_status
        """The HTTP status."""
        self.reason = reason
        """What is wrong with it."""
        self.offset = offset
        """Where reading stopped, if it is known."""

    def __str__(self) -> str:
        return (
            f"{self.url} answered HTTP {self.http_status} with something that is not a Setpoint answer "
            f"({self.reason}); check the URL"
        )


class ClosedError(ClientError):
    """The client is closed, or was never opened."""

    def __init__(self, reason: str = "the client is closed") -> None:
        super().__init__(reason)


class WrongLoopError(ClientError, RuntimeError):
    """The client was called from another event loop, thread or process than the one that opened it."""
