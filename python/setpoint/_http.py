"""Calls to the service, and what is known when one of them fails."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from ._extras import need
from .errors import SettingError

need("httpx", "client", "setpoint.Client")

import anyio  # noqa: E402
import httpx  # noqa: E402

_JSON = "application/json"
# Shorter than services and proxies keep idle connections: a request on one that they have closed gets no response.
_KEEP_ALIVE_S = 4.0
# A stream without a byte for this long, comments included, counts as dead.
STREAM_IDLE_S = 45.0


@dataclass(frozen=True)
class Response:
    """A response, complete."""

    status: int
    body: bytes


@dataclass(frozen=True)
class NotSent:
    """No connection: certainly nothing was sent."""

    reason: str


@dataclass(frozen=True)
class Lost:
    """Something was sent, or may have been, and no response came back."""

    reason: str


Attempt = Response | NotSent | Lost

# Raised only before the first byte of a request is written: there was no connection, or no place in the pool. Any other
# error, including those that httpx does not wrap, may come after the service has read the whole request.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class Http:
    """The service, as one org sees it. Belongs to one event loop.

    `most` is the largest response, in bytes. Raises `SettingError` for a URL that cannot be used.
    """

    def __init__(self, base: str, org_id: str, connect_timeout_s: float, most: int, tls: ssl.SSLContext | None) -> None:
        parts = _parse_base(base)
        self._base = parts._replace(path=parts.path.rstrip("/")).geturl()
        self.org_id = org_id
        self._connect_timeout_s = connect_timeout_s
        self._most = most
        self._client = httpx.AsyncClient(
            # A redirected PUT might be sent twice, or as a GET.
            follow_redirects=False,
            # A proxy cannot reach this machine's loopback.
            trust_env=not _is_loopback(parts.hostname or ""),
            verify=tls if tls is not None else ssl.create_default_context(),
            # `call` bounds the whole call. The number of requests is bounded before they come here.
            timeout=httpx.Timeout(None, connect=connect_timeout_s),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=_KEEP_ALIVE_S),
            # Compressed answers would be bounded only after decompression.
            headers={"User-Agent": "setpoint-python", "Accept-Encoding": "identity"},
        )

    def url(self, path: str, segments: Sequence[str] = (), query: Mapping[str, str] | None = None) -> str:
        """The URL of a call: the base's path, then `segments` (escaped), then the org and `query`."""
        escaped = "".join(f"/{quote(segment, safe='')}" for segment in segments)
        return f"{self._base}{path}{escaped}?{urlencode({'orgId': self.org_id, **(query or {})})}"

    async def call(self, method: str, url: str, body: bytes | None, timeout_s: float | None) -> Attempt:
        """Makes one call, once. A call that is cancelled leaves no connection behind on which its answer could come."""
        headers = {"Accept": _JSON}
        if body is not None:
            headers["Content-Type"] = _JSON
        try:
            with anyio.fail_after(timeout_s):
                async with self._client.stream(method, url, content=body, headers=headers) as response:
                    return await read(response, self._most)
        except _NOT_SENT as error:
            return NotSent(describe(error))
        # Including errors that httpx does not wrap, such as one of TLS in the middle of a read.
        except Exception as error:
            return Lost(describe(error))

    async def open_stream(self, url: str, headers: Mapping[str, str], answer_s: float) -> httpx.Response:
        """A response whose body is still to come; it has to be closed. Raises what httpx raises, or `TimeoutError`."""
        timeout = httpx.Timeout(None, connect=self._connect_timeout_s, read=STREAM_IDLE_S)
        request = self._client.build_request("GET", url, headers=dict(headers), timeout=timeout)
        with anyio.fail_after(answer_s):
            return await self._client.send(request, stream=True)

    async def close(self) -> None:
        """Closes every connection."""
        await self._client.aclose()


async def read(response: httpx.Response, most: int) -> Response | Lost:
    """The body, unless it has more than `most` bytes."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        if len(body) + len(chunk) > most:
            return Lost(f"the response has more than {most} bytes")
        body += chunk
    return Response(response.status_code, bytes(body))


def describe(error: BaseException) -> str:
    """Describes an error with its causes: the outermost text of an HTTP error says next to nothing."""
    if isinstance(error, TimeoutError | httpx.ReadTimeout | httpx.WriteTimeout):
        return "no response in time"
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection in time"
    texts: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(texts) < 4:
        text = str(cause) or type(cause).__name__
        if not any(text in said for said in texts):
            texts.append(text)
        cause = cause.__cause__ or cause.__context__
    return ": ".join(texts)


def tls_context(ca_file: str | None, context: ssl.SSLContext | None) -> ssl.SSLContext | None:
    """The certificates to trust: those of the system, of a file, or of a context of the caller's.

    Raises `SettingError` for a context that does not verify, or a file without certificates.
    """
    if context is not None:
        if ca_file is not None:
            raise SettingError("ca_file", "give it or ssl_context; a context has certificates of its own")
        if context.verify_mode != ssl.CERT_REQUIRED:
            raise SettingError(
                "ssl_context", "it verifies no certificates, so anyone could answer in the service's place"
            )
        return context
    if ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise SettingError("ca_file", f"{ca_file}: {error}") from None


def _parse_base(base: str) -> SplitResult:
    try:
        parts = urlsplit(base)
        # Raises for a port that is not a number.
        _ = parts.port
    except ValueError as error:
        raise SettingError("url", f"{base!r} is not a URL ({error})") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError("url", f"{base!r} is not http:// or https:// and a host, such as http://127.0.0.1:8080")
    if parts.query or parts.fragment:
        raise SettingError("url", f"{base!r} has a query or fragment; give the service's address alone")
    return parts


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
