# Made by scripts/python-stubs.
"""The native half of `setpoint`. Import from `setpoint` and `setpoint.wire`; this module may change at any time."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, SupportsIndex, final

from ._families import FamilyName, FamilyTable
from .events import Event
from .items import Item

__all__ = [
    "Accepted",
    "AcceptedItem",
    "Answer",
    "AnswerTopic",
    "BadReply",
    "BatchDone",
    "Cancelled",
    "CodeInfo",
    "Directory",
    "Duplicate",
    "Fault",
    "Finished",
    "Late",
    "Limits",
    "Now",
    "Outcome",
    "Refusal",
    "Refused",
    "RefusedItem",
    "Reply",
    "Report",
    "Requester",
    "Submission",
    "Summary",
    "TimedOut",
    "Unknown",
    "Unreadable",
    "_restore_outcome",
    "_restore_reply",
    "_restore_report",
    "_restore_submission",
    "answer_topic",
    "check",
    "check_json",
    "code_info",
    "codes",
    "command_payload",
    "command_topic",
    "families",
    "read_answer",
    "read_message",
    "read_response",
    "write_message",
    "write_response",
]

@final
class Accepted:
    """
    The service took the item; its outcome is to come. An outcome that comes before the response says so itself.
    """

    kind: Final = "accepted"
    """
    What kind of event this is.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, batch: SupportsIndex, index: SupportsIndex, request_id: str | None) -> Accepted: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def batch(self, /) -> int:
        """
        The batch's number.
        """
    @property
    def index(self, /) -> int:
        """
        The item's place in its batch, from 0.
        """
    @property
    def request_id(self, /) -> str | None:
        """
        The item's request id; `None` if it was sent without a usable one, and so can only be refused.
        """

@final
class AcceptedItem:
    """
    An item that would be accepted.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, index: SupportsIndex, request_id: str) -> AcceptedItem: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def index(self, /) -> int:
        """
        Which item, from 0.
        """
    @property
    def request_id(self, /) -> str:
        """
        Its request id.
        """

@final
class Answer:
    """
    What a device answered.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(
        cls, /, id: str, code: SupportsIndex | None, data: str | None, message: str | None, bad: str | None = None
    ) -> Answer: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def bad(self, /) -> str | None:
        """
        Why the answer cannot be used, though its message id could be read; `None` if it can.
        """
    @property
    def code(self, /) -> int | None:
        """
        200 is success, anything else is the device's failure; `None` if the answer cannot be used.
        """
    @property
    def data(self, /) -> str | None:
        """
        The output as JSON text; `None` if it is absent or null.
        """
    @property
    def id(self, /) -> str:
        """
        The message id that it answers.
        """
    @property
    def message(self, /) -> str | None:
        """
        The device's own words.
        """

@final
class AnswerTopic:
    """
    Where a device's answer came from.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, product_key: str, device_key: str, service_id: str | None) -> AnswerTopic: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def device_key(self, /) -> str:
        """
        Key of the device.
        """
    @property
    def product_key(self, /) -> str:
        """
        Key of the product.
        """
    @property
    def service_id(self, /) -> str | None:
        """
        The service that answers; `None` for a write.
        """

@final
class BadReply:
    """
    A reply that cannot be used.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, index: SupportsIndex, offset: SupportsIndex, reason: str) -> BadReply: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def index(self, /) -> int:
        """
        Which reply, from 0.
        """
    @property
    def offset(self, /) -> int:
        """
        Where it starts, in bytes.
        """
    @property
    def reason(self, /) -> str:
        """
        What is wrong with it.
        """

@final
class BatchDone:
    """
    Every item of the batch has ended.
    """

    kind: Final = "batchDone"
    """
    What kind of event this is.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, batch: SupportsIndex, summary: Summary) -> BatchDone: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def batch(self, /) -> int:
        """
        The batch's number.
        """
    @property
    def summary(self, /) -> Summary:
        """
        How its items ended.
        """

@final
class Cancelled:
    """
    The caller cancelled the batch while the item was open; the device may act all the same. Ends the item.
    """

    kind: Final = "cancelled"
    """
    What kind of event this is.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, batch: SupportsIndex, index: SupportsIndex, request_id: str | None) -> Cancelled: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def batch(self, /) -> int:
        """
        The batch's number.
        """
    @property
    def code(self, /) -> int | None:
        """
        Always `None`: there is no reply.
        """
    @property
    def index(self, /) -> int:
        """
        The item's place in its batch, from 0.
        """
    @property
    def msg(self, /) -> str | None:
        """
        Always `None`: there is no reply.
        """
    @property
    def ok(self, /) -> bool:
        """
        Whether the command is known to have succeeded: always `False`.
        """
    @property
    def output(self, /) -> Any | None:
        """
        Always `None`: there is no output.
        """
    @property
    def request_id(self, /) -> str | None:
        """
        The item's request id; `None` if it was sent without a usable one, and so can only be refused.
        """
    @property
    def submsg(self, /) -> str | None:
        """
        Always `None`: there is no reply.
        """

@final
class CodeInfo:
    """
    What the published table says of one code.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def certainty(self, /) -> Literal["known", "unknown"]:
        """
        Whether the command's effect is known with this code: `"known"` or `"unknown"`.
        """
    @property
    def code(self, /) -> int:
        """
        The code.
        """
    @property
    def msg(self, /) -> str:
        """
        The exact published message.
        """
    @property
    def planes(self, /) -> tuple[Literal["request", "response", "channel", "channels"], ...]:
        """
        Where it surfaces: `"request"` (the whole request), `"response"` (one item, at once), `"channel"` (one item,
        later), `"channels"` (the calls that create, get, list, update and delete channels).
        """
    @property
    def retry(self, /) -> Literal["needless", "afterfix", "later", "decide", "unsafe"]:
        """
        Whether sending the command again is safe: `"needless"`, `"afterfix"`, `"later"`, `"decide"` or `"unsafe"`.
        """

@final
class Directory:
    """
    The orgs, channels and devices that exist, as data: for checks without a service.

    `{org_id: {"channels": [id, …], "devices": [{"productKey": …, "deviceKey": …, "assetId": …, "services": {id: name or
    None}, "measurepoints": [id, …]}, …]}}`, as a dict or as JSON text. Without `services` or `measurepoints`, every target of
    that family exists.
    """
    def __new__(cls, /, orgs: Mapping[str, Any] | bytes | bytearray | memoryview | str) -> Directory: ...

@final
class Duplicate:
    """
    A reply that repeats an outcome. Ends nothing.
    """

    kind: Final = "duplicate"
    """
    What kind of event this is.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(
        cls, /, batch: SupportsIndex, index: SupportsIndex, request_id: str | None, outcome: Outcome, conflict: bool
    ) -> Duplicate: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def batch(self, /) -> int:
        """
        The batch's number.
        """
    @property
    def conflict(self, /) -> bool:
        """
        Whether it says something else than the outcome that ended the item.
        """
    @property
    def index(self, /) -> int:
        """
        The item's place in its batch, from 0.
        """
    @property
    def outcome(self, /) -> Outcome:
        """
        What came again.
        """
    @property
    def request_id(self, /) -> str | None:
        """
        The item's request id; `None` if it was sent without a usable one, and so can only be refused.
        """

@final
class Fault:
    """
    One thing that is wrong with an item.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, code: SupportsIndex, field: str, reason: str) -> Fault: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def code(self, /) -> int:
        """
        The code that an item with this fault alone is answered with.
        """
    @property
    def field(self, /) -> str:
        """
        The JSON field at fault, as it is spelt in the request; empty when it is the item as a whole.
        """
    @property
    def reason(self, /) -> str:
        """
        What is wrong and what would be right.
        """

@final
class Finished:
    """
    The outcome: success, or a known failure. Ends the item.
    """

    kind: Final = "finished"
    """
    What kind of event this is.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(
        cls, /, batch: SupportsIndex, index: SupportsIndex, request_id: str | None, outcome: Outcome
    ) -> Finished: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def batch(self, /) -> int:
        """
        The batch's number.
        """
    @property
    def code(self, /) -> int:
        """
        The code of the outcome; 0 is success.
        """
    @property
    def index(self, /) -> int:
        """
        The item's place in its batch, from 0.
        """
    @property
    def msg(self, /) -> str | None:
        """
        The code's message.
        """
    @property
    def ok(self, /) -> bool:
        """
        Whether the command succeeded.
        """
    @property
    def outcome(self, /) -> Outcome:
        """
        The outcome.
        """
    @property
    def output(self, /) -> Any:
        """
        The outcome's `output`, parsed when it is first asked for.
        """
    @property
    def request_id(self, /) -> str | None:
        """
        The item's request id; `None` if it was sent without a usable one, and so can only be refused.
        """
    @property
    def submsg(self, /) -> str | None:
        """
        The further message.
        """

@final
class Late:
    """
    An outcome for an item that ended with `TimedOut` or `Cancelled` before. Ends nothing.
    """

    kind: Final = "late"
    """
    What kind of event this is.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(
        cls, /, batch: SupportsIndex, index: SupportsIndex, request_id: str | None, outcome: Outcome
    ) -> Late: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def batch(self, /) -> int:
        """
        The batch's number.
        """
    @property
    def index(self, /) -> int:
        """
        The item's place in its batch, from 0.
        """
    @property
    def outcome(self, /) -> Outcome:
        """
        What came late.
        """
    @property
    def request_id(self, /) -> str | None:
        """
        The item's request id; `None` if it was sent without a usable one, and so can only be refused.
        """

@final
class Limits:
    """
    What one message may cost to read. A bound that is left out has the engine's default, and 0 is a `ValueError`.

    The bounds are bytes, but `items` and `depth`, which are counts. All of them are ours; the published pages name none.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(
        cls,
        /,
        *,
        body_bytes: SupportsIndex | None = None,
        reply_bytes: SupportsIndex | None = None,
        items: SupportsIndex | None = None,
        depth: SupportsIndex | None = None,
        payload_bytes: SupportsIndex | None = None,
        answer_bytes: SupportsIndex | None = None,
    ) -> Limits: ...
    def __reduce__(self, /) -> tuple[Any, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def answer_bytes(self, /) -> int:
        """
        Largest answer of a device, in bytes.
        """
    @property
    def body_bytes(self, /) -> int:
        """
        Largest batch body, in bytes.
        """
    @property
    def depth(self, /) -> int:
        """
        Deepest nesting of objects and arrays, the outermost object counted as 1.
        """
    @property
    def items(self, /) -> int:
        """
        Most items in one batch, or replies in one message.
        """
    @property
    def payload_bytes(self, /) -> int:
        """
        Largest `inputData` or `outputData`, in bytes as written.
        """
    @property
    def reply_bytes(self, /) -> int:
        """
        Largest response or channel message, in bytes.
        """

@final
class Now:
    """
    One reading of both clocks, in milliseconds: the monotonic clock for deadlines, the wall clock (since the Unix epoch) for the values of
    `gmt…` fields.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, monotonic_ms: SupportsIndex, epoch_ms: SupportsIndex) -> Now: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def epoch_ms(self, /) -> int:
        """
        Milliseconds since the Unix epoch.
        """
    @property
    def monotonic_ms(self, /) -> int:
        """
        Milliseconds since an origin that stays the same while the process runs. On Linux the clock goes on while the
        machine is suspended.
        """
    @staticmethod
    def read() -> Now:
        """
        Reads both clocks.
        """

@final
class Outcome:
    """
    A reply as it came on the channel.

    All outcomes of one channel message share one copy of it, and texts are made when they are asked for. An outcome that is kept keeps
    its whole message in memory (about 700 bytes a reply).
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __reduce__(self, /) -> tuple[Any, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def asset_id(self, /) -> str | None:
        """
        The device's asset id, as far as the reply names it.
        """
    @property
    def code(self, /) -> int:
        """
        0 is success.
        """
    @property
    def device_key(self, /) -> str | None:
        """
        The device's key, as far as the reply names it.
        """
    @property
    def family(self, /) -> Literal["invoke", "write"]:
        """
        `"invoke"` or `"write"`.
        """
    @property
    def gmt_device_reply(self, /) -> int | None:
        """
        When the device's answer was received, epoch milliseconds; -1 without one, `None` in the write family.
        """
    @property
    def gmt_service_reply(self, /) -> int | None:
        """
        When the service replied, epoch milliseconds.
        """
    @property
    def msg(self, /) -> str | None:
        """
        The code's message.
        """
    @property
    def ok(self, /) -> bool:
        """
        Whether the device did what it was asked.
        """
    @property
    def output(self, /) -> Any:
        """
        `outputData`, parsed by Python's `json` when it is first asked for: integers of any size are exact.
        """
    @property
    def output_text(self, /) -> str:
        """
        `outputData` as the device wrote it: JSON text of an object; `{}` if there is none.
        """
    @property
    def product_key(self, /) -> str | None:
        """
        The device's product key, as far as the reply names it.
        """
    @property
    def request_id(self, /) -> str:
        """
        The request id; empty if the reply has none.
        """
    @property
    def submsg(self, /) -> str | None:
        """
        What exactly happened.
        """
    @property
    def target(self, /) -> str | None:
        """
        Service id or measure point id.
        """

@final
class Refusal:
    """
    Why an item was refused.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, code: SupportsIndex, msg: str, submsg: str | None, whole_request: bool) -> Refusal: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def code(self, /) -> int:
        """
        The code.
        """
    @property
    def msg(self, /) -> str:
        """
        The code's message.
        """
    @property
    def submsg(self, /) -> str | None:
        """
        What exactly is wrong.
        """
    @property
    def whole_request(self, /) -> bool:
        """
        Whether the whole request was refused; `code` is then the request's status.
        """

@final
class Refused:
    """
    The item was refused and nothing was sent. Ends the item.
    """

    kind: Final = "refused"
    """
    What kind of event this is.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(
        cls, /, batch: SupportsIndex, index: SupportsIndex, request_id: str | None, refusal: Refusal
    ) -> Refused: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def batch(self, /) -> int:
        """
        The batch's number.
        """
    @property
    def code(self, /) -> int:
        """
        The code of the refusal.
        """
    @property
    def index(self, /) -> int:
        """
        The item's place in its batch, from 0.
        """
    @property
    def msg(self, /) -> str | None:
        """
        The code's message.
        """
    @property
    def ok(self, /) -> bool:
        """
        Whether the command succeeded: always `False`.
        """
    @property
    def output(self, /) -> Any | None:
        """
        Always `None`: there is no output.
        """
    @property
    def refusal(self, /) -> Refusal:
        """
        Why.
        """
    @property
    def request_id(self, /) -> str | None:
        """
        The item's request id; `None` if it was sent without a usable one, and so can only be refused.
        """
    @property
    def submsg(self, /) -> str | None:
        """
        The further message: what exactly is wrong.
        """

@final
class RefusedItem:
    """
    An item that would be refused.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(
        cls, /, index: SupportsIndex, request_id: str | None, code: SupportsIndex, msg: str, faults: Sequence[Fault]
    ) -> RefusedItem: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def code(self, /) -> int:
        """
        The code of its reply.
        """
    @property
    def faults(self, /) -> tuple[Fault, ...]:
        """
        Everything that is wrong with it.
        """
    @property
    def index(self, /) -> int:
        """
        Which item, from 0.
        """
    @property
    def msg(self, /) -> str:
        """
        The code's message.
        """
    @property
    def reason(self, /) -> str:
        """
        Every fault as text, `field: reason`, joined by `; `.
        """
    @property
    def request_id(self, /) -> str | None:
        """
        Its request id; `None` if it has none that can be read.
        """

@final
class Reply:
    """
    One reply of a response or of a channel message.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __reduce__(self, /) -> tuple[Any, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def family(self, /) -> Literal["invoke", "write"]:
        """
        `"invoke"` or `"write"`.
        """
    @property
    def fields(self, /) -> Any:
        """
        The fields by name, parsed anew each time by Python's `json`.
        """
    @property
    def text(self, /) -> str:
        """
        The reply as it is written: JSON text of an object with all fields of the family, payloads as they came.
        """

@final
class Report:
    """
    What a check found: which items would be accepted, which refused and why, and the response that says so.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __len__(self, /) -> int: ...
    def __reduce__(self, /) -> tuple[Any, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    def _repr_html_(self, /) -> str:
        """
        The rows as a table, in notebooks.
        """
    @property
    def accepted(self, /) -> list[AcceptedItem]:
        """
        The items that would be accepted, in request order.
        """
    @property
    def family(self, /) -> Literal["invoke", "write"]:
        """
        `"invoke"` or `"write"`.
        """
    @property
    def ok(self, /) -> bool:
        """
        Whether every item would be accepted.
        """
    def raise_for_refused(self, /) -> None:
        """
        Raises `RefusedError`, which has the refused items, unless every item would be accepted.
        """
    @property
    def refused(self, /) -> list[RefusedItem]:
        """
        The items that would be refused, in request order, each with everything that is wrong with it.
        """
    @property
    def response(self, /) -> bytes:
        """
        The response body, JSON in UTF-8: one reply for each item, in request order.
        """
    def to_records(self, /) -> list[dict[str, Any]]:
        """
        One dict for each item, in request order, with `index`, `request_id`, `accepted`, `code`, `msg` and `reason` (every
        fault as text, `None` if accepted): rows for a table.
        """

@final
class Requester:
    """
    Submits batches, reads responses and channel messages, and ends every item exactly once. It does no I/O.

    Four kinds of methods: getters; `handle_*` inputs; commands (`submit`, `resend`, `cancel`); `poll_*` outputs. After a
    call of any other kind, drain `poll_events` and arrange for `handle_timeout` at `poll_timeout`. Draining later only delays events, and
    extra calls are harmless. `submit` registers the items before anything is sent, so no answer can come too early.

    A method that takes `now` reads the clocks if it is left out. Any thread may call any method. A forked child needs its own
    requester: there, every method raises `ForkedError`.

    `limits` bound the cost of reading one message; `open_items` is how many items may be open at once; `grace_ms` how long an outcome is
    awaited after the item's deadline; `remembered` how many ended items are kept, to tell late and duplicate replies from unknown ones.
    The engine's defaults stand for those left out.
    """
    def __new__(
        cls,
        /,
        org_id: str,
        *,
        limits: Limits | None = None,
        open_items: SupportsIndex | None = None,
        grace_ms: SupportsIndex | None = None,
        remembered: SupportsIndex | None = None,
    ) -> Requester: ...
    def __repr__(self, /) -> str: ...
    def cancel(self, /, batch: SupportsIndex) -> None:
        """
        Ends the batch's open items with `Cancelled`. Commands that were sent may still be executed.
        """
    def handle_message(self, /, body: bytes | bytearray | memoryview | str) -> int:
        """
        Takes a message from the channel. Returns the number of replies in it, including those that end no item.

        Raises `MessageError` if it is not a channel message; nothing of it is used then.
        """
    def handle_not_sent(self, /, batch: SupportsIndex, reason: str) -> Literal["settled", "resend"]:
        """
        The attempt failed and certainly nothing was sent, for instance because no connection could be made. Ends the items as refused,
        unless an earlier attempt may have arrived. Returns the same as `handle_response`.
        """
    def handle_response(
        self, /, batch: SupportsIndex, body: bytes | bytearray | memoryview | str, now: Now | None = None
    ) -> Literal["settled", "resend"]:
        """
        Takes the HTTP response to the batch. Returns `"settled"` if there is nothing more to send; `"resend"` if it is not known whether
        the service took the batch: send the same body again later (after `resend`), or leave the items to their deadlines.

        Raises `MessageError` if it is not a response of this protocol, for instance a proxy's: the items stay open, and the body may be
        sent again.
        """
    def handle_timeout(self, /, now: Now | None = None) -> None:
        """
        Ends the items whose deadline and grace period have passed.
        """
    @property
    def open_items(self, /) -> int:
        """
        Items that have not ended.
        """
    @property
    def org_id(self, /) -> str:
        """
        The org that this requester speaks for.
        """
    def poll_events(self, /, most: SupportsIndex | None = None) -> list[Event]:
        """
        The events since the last call, in order; at most `most` of them, if given.
        """
    def poll_timeout(self, /) -> int | None:
        """
        When to call `handle_timeout` next, on the monotonic clock of `Now`, in milliseconds; `None` while no item is open. It may be a
        little earlier than the next deadline, never later.
        """
    def resend(self, /, batch: SupportsIndex, now: Now | None = None) -> None:
        """
        Call it when the batch's body is sent again: the service may receive it only now, so the items' deadlines here start again.
        """
    def submit(
        self,
        /,
        body: bytes | bytearray | memoryview | str | Sequence[Item],
        family: FamilyName = ...,
        *,
        defaults: Mapping[str, Any] | None = None,
        now: Now | None = None,
    ) -> Submission:
        """
        Builds a batch from a list of items, or takes a complete body unchanged. Then PUT `submission.body` to the family's path.

        In a list, items without a request id get a UUIDv7, and `defaults` are values for the fields that an item lacks or has as `None`
        or `""`, by field name. The batch may hold items that the service will refuse.

        Raises `RequestError` if the body as a whole cannot be used, `InUseError` if a request id is in use here, `FullError` if too
        many items are open, and `EncodeError` if a list holds a value that JSON cannot represent. Nothing is registered then.
        """

@final
class Submission:
    """
    A batch that is ready to be sent.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __reduce__(self, /) -> tuple[Any, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def batch(self, /) -> int:
        """
        The batch's number.
        """
    @property
    def body(self, /) -> bytes:
        """
        The body to PUT. Send exactly these bytes again if no response arrived.
        """
    @property
    def family(self, /) -> Literal["invoke", "write"]:
        """
        Which call to make: `"invoke"` or `"write"`.
        """
    @property
    def items(self, /) -> int:
        """
        How many items it has.
        """
    @property
    def patience_ms(self, /) -> int:
        """
        The shortest timeout of the items, in milliseconds. Do not send the body again once it has passed: by then nobody expects that
        command to be executed.
        """

@final
class Summary:
    """
    How the items of a batch ended. `submitted` is the sum of all others but `accepted`.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(
        cls,
        /,
        submitted: SupportsIndex,
        accepted: SupportsIndex,
        refused: SupportsIndex,
        succeeded: SupportsIndex,
        failed: SupportsIndex,
        timed_out: SupportsIndex,
        cancelled: SupportsIndex,
    ) -> Summary: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def accepted(self, /) -> int:
        """
        Items that the service is known to have taken.
        """
    @property
    def cancelled(self, /) -> int:
        """
        Items cancelled.
        """
    @property
    def failed(self, /) -> int:
        """
        Items that ended with a known failure.
        """
    @property
    def refused(self, /) -> int:
        """
        Items refused.
        """
    @property
    def submitted(self, /) -> int:
        """
        Items of the batch.
        """
    @property
    def succeeded(self, /) -> int:
        """
        Items that ended with success.
        """
    @property
    def timed_out(self, /) -> int:
        """
        Items without an outcome in time.
        """

@final
class TimedOut:
    """
    No outcome in time: whether the device acted is not known, unless `known_unsent`. Ends the item.
    """

    kind: Final = "timedOut"
    """
    What kind of event this is.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(
        cls,
        /,
        batch: SupportsIndex,
        index: SupportsIndex,
        request_id: str | None,
        known_unsent: bool,
        outcome: Outcome | None,
    ) -> TimedOut: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def batch(self, /) -> int:
        """
        The batch's number.
        """
    @property
    def code(self, /) -> int:
        """
        The code for a timeout.
        """
    @property
    def index(self, /) -> int:
        """
        The item's place in its batch, from 0.
        """
    @property
    def known_unsent(self, /) -> bool:
        """
        Whether it is known that the command was never sent: only then is it safe to send it again.
        """
    @property
    def msg(self, /) -> str | None:
        """
        The code's message.
        """
    @property
    def ok(self, /) -> bool:
        """
        Whether the command is known to have succeeded: always `False`.
        """
    @property
    def outcome(self, /) -> Outcome | None:
        """
        The service's reply, if the service reported the timeout; `None` if nothing came at all.
        """
    @property
    def output(self, /) -> Any | None:
        """
        Always `None`: there is no output.
        """
    @property
    def request_id(self, /) -> str | None:
        """
        The item's request id; `None` if it was sent without a usable one, and so can only be refused.
        """
    @property
    def submsg(self, /) -> str | None:
        """
        The service's further message; `None` if nothing came at all.
        """

@final
class Unknown:
    """
    A reply under a request id that is not, or no longer, known here. Ends nothing.
    """

    kind: Final = "unknown"
    """
    What kind of event this is.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, outcome: Outcome) -> Unknown: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def outcome(self, /) -> Outcome:
        """
        What came.
        """

@final
class Unreadable:
    """
    A reply that could not be read. Ends nothing.
    """

    kind: Final = "unreadable"
    """
    What kind of event this is.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, reason: str) -> Unreadable: ...
    def __reduce__(self, /) -> tuple[type, tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def reason(self, /) -> str:
        """
        Where and why.
        """

def _restore_outcome(message: bytes) -> Outcome:
    """
    Restores a pickled outcome: a channel message with this reply alone.
    """

def _restore_reply(family: FamilyName, text: str) -> Reply:
    """
    Restores a pickled reply.
    """

def _restore_report(
    family: FamilyName, items: SupportsIndex, refused: Sequence[RefusedItem], response: bytes
) -> Report:
    """
    A report, as it was pickled.
    """

def _restore_submission(
    batch: SupportsIndex, family: FamilyName, body: bytes, items: SupportsIndex, patience_ms: SupportsIndex
) -> Submission:
    """
    Restores a pickled submission.
    """

def answer_topic(topic: str) -> AnswerTopic | None:
    """
    Where a device's answer came from; `None` if the topic is not that of an answer.
    """

def check(
    body: bytes | bytearray | memoryview | str | Sequence[Item],
    family: FamilyName = ...,
    *,
    org_id: str,
    directory: Directory | None = None,
    limits: Limits | None = None,
    now: Now | None = None,
) -> Report:
    """
    Checks a batch without sending it: what a service would answer for each item when it receives the batch first.

    `body` is JSON as bytes or text, or a list of dicts, `InvokeItem` or `WriteItem`. Without a `directory` only the form is
    checked, as if every well-formed channel and device existed. `now` is the time written into the response; the wall clock by default.
    Nothing is kept between calls.

    Raises `RequestError` if the whole request would be refused, and `EncodeError` if a list holds a value that JSON cannot represent.
    """

def check_json(text: bytes | bytearray | memoryview | str, depth: SupportsIndex | None = None) -> None:
    """
    Checks that a text is strict JSON, as the engine reads it: exactly one value, in UTF-8, without duplicate keys and lone surrogates,
    nested at most `depth` deep (the engine's default if left out).

    Raises `JsonError` with the byte offset and the reason if it is not.
    """

def code_info(code: SupportsIndex) -> CodeInfo | None:
    """
    What the published table says of a code; `None` for a code that is not in it.
    """

def codes() -> list[CodeInfo]:
    """
    The whole published table, in ascending order of code.
    """

def command_payload(
    family: FamilyName,
    message_id: str,
    target: str,
    input: str | None,
    *,
    timeout_ms: SupportsIndex,
    deadline_epoch_ms: SupportsIndex,
) -> bytes:
    """
    The payload that carries a command to its device. `input` is the JSON text of an object or `None`; `timeout_ms` is what is
    left until the deadline, `deadline_epoch_ms` the deadline itself.

    Raises `JsonError` if `input` is not the strict JSON of an object.
    """

def command_topic(family: FamilyName, product_key: str, device_key: str, target: str) -> str:
    """
    The MQTT topic that carries a command to its device. `target` is a service id or a measure point id.
    """

def families() -> dict[FamilyName, FamilyTable]:
    """
    How the two families differ: names of calls and fields, and codes, by the family's name.
    """

def read_answer(payload: bytes | bytearray | memoryview | str, *, limits: Limits | None = None) -> Answer:
    """
    Reads a device's answer.

    Raises `AnswerError` with the reason if not even its id can be read.
    """

def read_message(body: bytes | bytearray | memoryview | str, *, limits: Limits | None = None) -> list[Reply | BadReply]:
    """
    Reads a channel message: one `Reply` for each that it carries, or a `BadReply` for one that cannot be used.

    Raises `MessageError` if it is not a channel message.
    """

def read_response(
    body: bytes | bytearray | memoryview | str, family: FamilyName = ..., *, limits: Limits | None = None
) -> list[Reply | BadReply]:
    """
    Reads the response to a batch: one `Reply` for each item, or a `BadReply` for one that cannot be used.

    Raises `RequestError` if it says that the whole request was refused, and `MessageError` if it is not a response.
    """

def write_message(replies: Sequence[Reply]) -> bytes:
    """
    The channel message that carries these replies.
    """

def write_response(replies: Sequence[Reply]) -> bytes:
    """
    The response that carries these replies.
    """
