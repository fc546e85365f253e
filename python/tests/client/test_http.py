"""URLs, proxies, and which failures are certain not to have sent anything."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from service import service
from support import client, reserve, soon

from setpoint._http import Http, Lost, NotSent, Response, _is_loopback

pytestmark = pytest.mark.asyncio


def http(base: str, most: int = 1_000) -> Http:
    return Http(base, "o 1&x", 1.0, most, None)


async def test_urls_keep_the_base_path_and_escape_what_is_not_theirs() -> None:
    for base in ("http://gw:8080/setpoint", "http://gw:8080/setpoint/"):
        one = http(base)
        assert one.url("/a/b") == "http://gw:8080/setpoint/a/b?orgId=o+1%26x"
        await one.close()
    one = http("http://gw")
    assert one.url("/channels", ["a/b", "events"], {"x": "y"}) == "http://gw/channels/a%2Fb/events?orgId=o+1%26x&x=y"
    # What is escaped stays so on the wire.
    assert httpx.URL(one.url("/channels", ["a/b"])).raw_path == b"/channels/a%2Fb?orgId=o+1%26x"
    await one.close()


async def test_loopback_is_known_in_every_spelling() -> None:
    for host, loopback in [
        ("localhost", True),
        ("LOCALHOST", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("example.org", False),
        ("10.0.0.1", False),
    ]:
        assert _is_loopback(host) == loopback, host


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (httpx.ConnectError("x"), False),
        (httpx.ConnectTimeout("x"), False),
        (httpx.PoolTimeout("x"), False),
        (httpx.ProxyError("x"), False),
        (httpx.UnsupportedProtocol("x"), False),
        (httpx.ReadTimeout("x"), True),
        (httpx.WriteTimeout("x"), True),
        (httpx.ReadError("x"), True),
        (httpx.WriteError("x"), True),
        (httpx.CloseError("x"), True),
        (httpx.RemoteProtocolError("x"), True),
        (httpx.LocalProtocolError("x"), True),
        (httpx.DecodingError("x"), True),
        (OSError("what httpx does not wrap"), True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_only_what_fails_before_the_first_byte_is_not_sent(
    error: Exception, sent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = http("http://127.0.0.1:1")

    async def fail(*_: object, **__: object) -> httpx.Response:
        raise error

    monkeypatch.setattr(one._client, "send", fail)
    attempt = await one.call("PUT", "http://127.0.0.1:1", b"{}", 5.0)
    assert isinstance(attempt, Lost if sent else NotSent)
    assert str(error) in attempt.reason or isinstance(error, httpx.TimeoutException)
    await one.close()


async def test_every_exception_of_the_library_is_one_of_those() -> None:
    kinds = {kind for kind in vars(httpx).values() if isinstance(kind, type) and issubclass(kind, httpx.RequestError)}
    abstract = {
        httpx.RequestError,
        httpx.TransportError,
        httpx.TimeoutException,
        httpx.NetworkError,
        httpx.ProtocolError,
        # Redirects are not followed.
        httpx.TooManyRedirects,
    }
    known = {
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
        httpx.ReadTimeout,
        httpx.WriteTimeout,
        httpx.ReadError,
        httpx.WriteError,
        httpx.CloseError,
        httpx.RemoteProtocolError,
        httpx.LocalProtocolError,
        httpx.DecodingError,
    }
    assert kinds == abstract | known, "a new kind of failure has to be judged"


async def test_a_refused_connection_is_not_sent_and_a_large_answer_is_lost() -> None:
    held, port = reserve()
    one = http(f"http://127.0.0.1:{port}")
    assert isinstance(await one.call("PUT", one.url("/"), b"{}", 5.0), NotSent)
    await one.close()
    held.close()
    with service() as it:
        one = http(it.url, most=10)
        assert await one.call("PUT", one.url("/"), b"{}", 5.0) == Lost("the response has more than 10 bytes")
        await one.close()
        one = http(it.url)
        assert isinstance(await one.call("PUT", one.url("/"), b"{}", 5.0), Response)
        await one.close()


async def test_a_proxy_of_the_environment_is_not_asked_for_what_is_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held, port = reserve()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    with service() as it:
        async with client(it.url) as one:
            waiting = asyncio.ensure_future(one.invoke_all([{"assetId": "a", "serviceId": "s"}]))
            await it.received(1)
            waiting.cancel()
            await asyncio.wait([waiting])
        elsewhere = Http("http://setpoint.invalid", "o1", 1.0, 10, None)
        attempt = await soon(elsewhere.call("GET", elsewhere.url("/"), None, 5.0))
        assert isinstance(attempt, NotSent)
        assert "refused" in attempt.reason or "connection" in attempt.reason
        await elsewhere.close()
    held.close()
