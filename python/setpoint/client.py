"""Sends batches of device commands and ends every item exactly once."""

from __future__ import annotations

import asyncio
import os
import ssl
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType

from ._core import Limits, Requester, families
from ._driver import Driver, Ticket, Work
from ._feeds import ChannelEvent, Feed, Feeds, Stats
from ._http import Http, tls_context
from ._send import Sending
from ._settings import Settings, SourceLike
from ._slots import Slots
from .channels import Channels, FamilyName
from .errors import ClosedError, WrongLoopError
from .events import LateEvent
from .items import Item
from .outcomes import Outcomes, Progress, Results, collect
from .sources import ChannelSource, _pump

# How long sources may take to close.
_CLOSING_S = 3.0


@dataclass(frozen=True)
class _Running:
    """What a client has while it is open."""

    loop: asyncio.AbstractEventLoop
    pid: int
    http: Http
    channels: Channels
    slots: Slots
    feeds: Feeds
    driver: Driver
    sources: Sequence[ChannelSource]
    pumps: Sequence[asyncio.Task[None]]


class Client:
    """Sends batches to the service at `url` and hears their outcomes, on one event loop.

    ```python
    async with setpoint.Client("http://127.0.0.1:8080", org_id="o1", channel="DATASVC.CONTROL.ops") as client:
        async for outcome in client.invoke([{"assetId": "turbine-7", "serviceId": "start"}]):
            print(outcome.request_id, outcome.ok, outcome.output)
    ```

    - It listens before it sends, so the fastest outcome is not missed.
    - If a response is lost, it sends the same body again; the service executes no command twice.
    - Items that were certainly never sent end as refused; those that may have been sent stay open until their
      deadlines.
    - A lost channel is connected again and resumed; where outcomes may have been missed, `channel_events` tells of a
      gap.
    - Every wait can be cancelled: the batch is then cancelled as well, and no other call receives its answer.

    Settings, none of which is a rule of the protocol:

    - `channel`: one id or several to listen on. The first one of each family is the channel of items that name none.
    - `create_channels`: creates those that do not exist yet.
    - `mqtt`: listens on the MQTT topics named by the channels, at the broker `mqtt[s]://[user:password@]host[:port]`,
      instead of the service's event streams. `mqtt_client_id` names the session at the broker, which then outlives this
      client; without it, the name is generated and the session removed when the client closes.
    - `stomp`: listens on the queues named by the channels, at an ActiveMQ `stomp://[user:password@]host[:port]`; with
      `/topic` at the end of the URL, on topics.
    - `source`: listens on a source of your own, or several: a `ChannelSource`, or any async iterable of bytes. With
      one, nothing else is listened on, and `channel` only says what goes into items that name none.
    - `timeout_ms`: the timeout of items that name none; without it, the service's own default is theirs.
    - `on_late`: called with each reply that ends nothing. If it fails, that is logged.
    - `ca_file`: certificates to trust, PEM, instead of the system's; or `ssl_context`, one that verifies. For
      `https://` and `mqtts://`.
    - `limits`, `open_items`, `grace_ms`, `remembered`: as of `Requester`.
    - `connect_timeout_ms`: how long a connection may take.
    - `response_timeout_ms`: how long one attempt waits for its response before the same body is sent again.
    - `connect_attempts`: how often a connection is tried before a batch of which nothing was sent is given up.
    - `backoff_ms`: the first and the longest pause between attempts, of requests and of connections; they double, with
      jitter.
    - `requests_under_way`: how many requests may be under way at once; further calls wait. The order in which the
      service receives batches that are under way at once is open: with 1 it is the order of the calls.
    - `late_buffer`: how many events each feed may leave unread. More are counted, not kept.

    Raises `SettingError` for a setting that cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        org_id: str,
        channel: str | Sequence[str] = (),
        create_channels: bool = False,
        mqtt: str | None = None,
        mqtt_client_id: str | None = None,
        stomp: str | None = None,
        source: SourceLike | Sequence[SourceLike] = (),
        timeout_ms: int | None = None,
        on_late: Callable[[LateEvent], object] | None = None,
        ca_file: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        limits: Limits | None = None,
        open_items: int | None = None,
        grace_ms: int | None = None,
        remembered: int | None = None,
        connect_timeout_ms: float = 3_000,
        response_timeout_ms: float = 10_000,
        connect_attempts: int = 4,
        backoff_ms: tuple[float, float] = (100, 5_000),
        requests_under_way: int = 32,
        late_buffer: int = 1_024,
    ) -> None:
        # Before anything can fail: `__del__` looks at it.
        self._running: _Running | None = None
        self._closing: asyncio.Task[None] | None = None
        self._opened = False
        self._settings = Settings(
            url=url,
            org_id=org_id,
            channels=(channel,) if isinstance(channel, str) else tuple(channel),
            create_channels=create_channels,
            mqtt=mqtt,
            mqtt_client_id=mqtt_client_id,
            stomp=stomp,
            sources=tuple(source) if isinstance(source, Sequence) else (source,),
            on_late=on_late,
            tls=tls_context(ca_file, ssl_context),
            limits=limits,
            connect_timeout_ms=connect_timeout_ms,
            response_timeout_ms=response_timeout_ms,
            connect_attempts=connect_attempts,
            backoff_ms=backoff_ms,
            requests_under_way=requests_under_way,
        )
        self._settings.check()
        self._listening = self._settings.listening()
        self._timeout_ms = timeout_ms
        self._late_buffer = late_buffer
        self._requester = Requester(
            org_id, limits=limits, open_items=open_items, grace_ms=grace_ms, remembered=remembered
        )

    async def open(self) -> None:
        """Connects and subscribes, so that from here on no outcome can be missed. `async with` does it.

        Raises `SettingError` for a URL that cannot be used, `SourceError` if a channel cannot be listened on, and with
        `create_channels` what `Channels.create` raises.
        """
        if self._opened:
            raise ClosedError("a client is opened once; make a new one")
        self._opened = True
        settings = self._settings
        limits = settings.limits or Limits()
        http = Http(
            settings.url, settings.org_id, settings.connect_timeout_ms / 1_000, limits.reply_bytes, settings.tls
        )
        channels = Channels(http, settings.response_timeout_ms / 1_000)
        opened: list[ChannelSource] = []
        try:
            if settings.create_channels:
                for channel_id in settings.channels:
                    await channels.ensure(channel_id)
            for source in settings.open_sources(http):
                await source.open()
                opened.append(source)
        except BaseException:
            # If one cannot be opened, the others are closed.
            await asyncio.shield(_close_all(opened, http))
            raise
        self._start(http, channels, opened)

    def _start(self, http: Http, channels: Channels, sources: Sequence[ChannelSource]) -> None:
        settings = self._settings
        loop = asyncio.get_running_loop()
        slots = Slots(settings.requests_under_way)
        feeds = Feeds(self._late_buffer, settings.on_late)
        sending = Sending(
            http=http,
            urls={name: http.url(family["path"]) for name, family in families().items()},
            slots=slots,
            response_timeout_s=settings.response_timeout_ms / 1_000,
            connect_attempts=settings.connect_attempts,
            backoff=settings.backoff(),
        )
        driver = Driver(self._requester, sending, feeds)
        pumps = [loop.create_task(_pump.run(source, driver), name=f"setpoint-{source.name}") for source in sources]
        self._running = _Running(loop, os.getpid(), http, channels, slots, feeds, driver, sources, pumps)

    def invoke(
        self, items: Iterable[Item], *, timeout_ms: int | None = None, progress: Progress | None = None
    ) -> Outcomes:
        """The outcomes of a batch of invokes, as they come. The batch is sent when the iteration starts; while as many
        requests are under way as the client may have, it waits. `progress` gets an `update(1)` for each item that
        ended.
        """
        return self._items("invoke", items, timeout_ms, progress)

    def write(
        self, items: Iterable[Item], *, timeout_ms: int | None = None, progress: Progress | None = None
    ) -> Outcomes:
        """The outcomes of a batch of writes; otherwise as `invoke`."""
        return self._items("write", items, timeout_ms, progress)

    def send_body(
        self,
        body: bytes | bytearray | memoryview | str,
        family: FamilyName = "invoke",
        *,
        progress: Progress | None = None,
    ) -> Outcomes:
        """The outcomes of a complete body, which is sent byte for byte.

        It may hold items that the service will refuse, and no channel is filled in or checked: the outcomes of a
        channel on which this client does not listen are never seen here, and their items time out.
        """
        content = body.encode() if isinstance(body, str) else bytes(body)
        return self._outcomes(Work(family, content, None), progress)

    async def invoke_all(
        self, items: Iterable[Item], *, timeout_ms: int | None = None, progress: Progress | None = None
    ) -> Results:
        """Sends a batch of invokes and waits until every item has ended. Raises what the iteration of `invoke`
        raises."""
        return await collect(self.invoke(items, timeout_ms=timeout_ms, progress=progress))

    async def write_all(
        self, items: Iterable[Item], *, timeout_ms: int | None = None, progress: Progress | None = None
    ) -> Results:
        """The same for a batch of writes."""
        return await collect(self.write(items, timeout_ms=timeout_ms, progress=progress))

    def late_events(self) -> Feed[LateEvent]:
        """Replies that end nothing: late, duplicate, unknown and unreadable ones, from now on."""
        return self._open().feeds.late_events()

    def channel_events(self) -> Feed[ChannelEvent]:
        """Changes of the connection on which outcomes come (lost, back, possible gaps), from now on."""
        return self._open().feeds.channel_events()

    @property
    def stats(self) -> Stats:
        """Counters of events that belong to no batch, since the client was opened."""
        return Stats() if self._running is None else self._running.feeds.stats()

    @property
    def channels(self) -> Channels:
        """The channel calls, over the same connections."""
        return self._open().channels

    @property
    def open_items(self) -> int:
        """How many items have not ended."""
        return int(self._requester.open_items)

    async def close(self) -> None:
        """Cancels open batches, stops listening, and waits until everything is closed. Iterations of outcomes end with
        `Cancelled` for the open items; wait for them first if they matter. `async with` does it."""
        running = self._running
        if self._closing is None:
            if running is None:
                return
            self._check(running)
            self._closing = running.loop.create_task(_shut_down(running), name="setpoint-close")
        # Cancelling this wait does not cancel the closing.
        await asyncio.shield(self._closing)

    async def __aenter__(self) -> Client:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        running = getattr(self, "_running", None)
        if running is None or self._closing is not None or running.pid != os.getpid() or running.loop.is_closed():
            return
        warnings.warn(f"{self!r} was not closed; use `async with`", ResourceWarning, source=self, stacklevel=1)

    def __repr__(self) -> str:
        state = "closed" if self._closing is not None else "not open" if self._running is None else "open"
        return f"<Client of {self._settings.url}, org {self._settings.org_id!r}, {state}, {self.open_items} open items>"

    def _items(
        self, family: FamilyName, items: Iterable[Item], timeout_ms: int | None, progress: Progress | None
    ) -> Outcomes:
        content = items if isinstance(items, list | tuple) else list(items)
        defaults = self._listening.default(family)
        timeout = self._timeout_ms if timeout_ms is None else timeout_ms
        if timeout is not None:
            defaults["timeout"] = timeout
        return self._outcomes(Work(family, content, defaults), progress)

    def _outcomes(self, work: Work, progress: Progress | None) -> Outcomes:
        running = self._open()

        async def start() -> Ticket:
            self._check(running)
            if not isinstance(work.content, bytes):
                self._listening.check(work.family, work.content)
            # Before the submission: deadlines run from there, and a batch that waits here was never sent.
            permit = await running.slots.acquire()
            try:
                return running.driver.submit(work, permit)
            except BaseException:
                permit.release()
                raise

        return Outcomes(start, running.driver, running.loop, progress)

    def _open(self) -> _Running:
        if self._running is None:
            raise ClosedError("the client is not open; use `async with`")
        if self._closing is not None:
            raise ClosedError
        self._check(self._running)
        return self._running

    def _check(self, running: _Running) -> None:
        if running.pid != os.getpid():
            raise WrongLoopError(f"this client belongs to process {running.pid}; make a new one after a fork")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if loop is not running.loop:
            raise WrongLoopError(
                "this client belongs to the event loop that opened it; make one for each loop, or use "
                "setpoint.sync.Client, which works in every thread"
            )


async def _shut_down(running: _Running) -> None:
    running.slots.close()
    ending = running.driver.shut_down()
    for pump in running.pumps:
        pump.cancel()
    # Plug-ins may be slow to end, or refuse to.
    await asyncio.wait([*ending, *running.pumps], timeout=_CLOSING_S)
    await _close_all(running.sources, running.http)


async def _close_all(sources: Sequence[ChannelSource], http: Http) -> None:
    if sources:
        closing = [asyncio.ensure_future(source.close()) for source in sources]
        _, late = await asyncio.wait(closing, timeout=_CLOSING_S)
        for task in late:
            task.cancel()
        # What one of them failed with is no reason not to close the others, and nobody's to handle.
        await asyncio.gather(*closing, return_exceptions=True)
    await http.close()
