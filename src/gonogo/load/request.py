"""A target into the bytes of its request, and where they go."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from gonogo.model.errors import ConfigError, ExitStatus, GonogoError, SafetyRefusal
from gonogo.model.load import Target

AGENT = "gonogo-load"
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class NoAddressError(GonogoError):
    """The host has no address, or its name server is silent: nothing was sent, so HOLD."""

    exit_status = ExitStatus.HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a side answers. `addresses` are getaddrinfo's, tried in turn until one takes a connection."""

    host: str
    port: int
    addresses: tuple[tuple[int, Any], ...]  # family and socket address
    tls: ssl.SSLContext | None = field(default=None, repr=False)


def encode(target: Target) -> bytes:
    """The whole request. ConfigError for what would break out of its line."""
    parts = urlsplit(target.url)
    given = {name.lower() for name, _ in target.headers}
    headers = [("Host", parts.netloc.rpartition("@")[2]), ("User-Agent", AGENT), ("Accept", "*/*")]
    headers = [(name, value) for name, value in headers if name.lower() not in given]
    headers += target.headers
    if target.body is not None or target.method in {"POST", "PUT", "PATCH"}:
        headers += [("Content-Length", str(len(target.body or b"")))] if "content-length" not in given else []
        if target.body and "content-type" not in given:
            headers.append(("Content-Type", "application/json"))
    path = parts.path.rstrip("/") + target.path
    if not target.method or not set(target.method) <= _TOKEN:
        raise ConfigError(f"{target.method!r} is no method of HTTP")
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
        raise ConfigError(f"the path {path!r} must start with / and hold no space, control or non-ASCII character")
    for name, value in headers:
        if not name or not set(name) <= _TOKEN or not value.isascii() or not value.isprintable():
            raise ConfigError(f"the header {name!r} has characters that no header may hold")
    lines = [f"{target.method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + (target.body or b"")


def locate(target: Target) -> Place:
    """Resolves the host once a run. NoAddressError when it has no address, SafetyRefusal for a link-local one."""
    parts = urlsplit(target.url)
    try:
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (KeyError, ValueError):
        raise ConfigError(f"{target.url!r} is no http or https address") from None
    host = parts.hostname or ""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise NoAddressError(f"{host or target.url}: no address ({why}); nothing was sent") from None
    for each in found:
        if ipaddress.ip_address(str(each[4][0]).partition("%")[0]).is_link_local:
            raise SafetyRefusal(f"{host} is a link-local address: nothing is sent there")
    addresses = tuple(dict.fromkeys((int(family), address) for family, _, _, _, address in found))
    return Place(
        host=host, port=port, addresses=addresses, tls=_context(target.ca) if parts.scheme == "https" else None
    )


def _context(ca: str | None) -> ssl.SSLContext:
    import certifi  # noqa: PLC0415 - only where an https address exists

    try:
        made = ssl.create_default_context(cafile=ca or certifi.where())
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{ca}: no CA bundle to verify with: {error.strerror or error}") from None
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    return made
