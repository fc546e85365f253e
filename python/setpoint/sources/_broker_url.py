"""URLs of message brokers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from ..errors import SettingError


@dataclass(frozen=True)
class BrokerUrl:
    """`scheme://[user:password@]host[:port][/path]`. Its `repr` leaves the password out."""

    scheme: str
    host: str
    port: int
    path: str
    user: str | None
    password: str | None = field(repr=False)

    @classmethod
    def parse(cls, setting: str, url: str, ports: Mapping[str, int]) -> BrokerUrl:
        """Reads a URL with one of these schemes. Raises `SettingError`."""
        example = f"{next(iter(ports))}://127.0.0.1:{next(iter(ports.values()))}"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise SettingError(setting, f"it is not a URL ({error}); it looks like {example}") from None
        if parts.scheme not in ports:
            schemes = " or ".join(f"{scheme}://" for scheme in ports)
            raise SettingError(setting, f"it does not start with {schemes}; it looks like {example}")
        if not parts.hostname:
            raise SettingError(setting, f"it names no host; it looks like {example}")
        if parts.query or parts.fragment:
            raise SettingError(setting, f"it has a query or fragment; it looks like {example}")
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password or "") if user is not None else None
        return cls(parts.scheme, parts.hostname, port or ports[parts.scheme], parts.path, user, password)

    @property
    def name(self) -> str:
        """For people: without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"
