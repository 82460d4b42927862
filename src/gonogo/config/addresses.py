"""Addresses of an environment: how they are written, which are safe, and what a start command fills in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from gonogo.config.complain import nearest
from gonogo.model.environment import BackEnd, Environment
from gonogo.model.errors import ConfigError, Origin, SafetyRefusal

FILLED_IN = "address:"  # address:NAME is replaced from the start command's ready line
Locate = Callable[..., Origin]  # keys from the root of the environment file, to where the last of them stands

_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}\Z")
_PORTS = {"http": 80, "https": 443}


def guard_addresses(environment: Environment, locate: Locate) -> None:
    """What no environment may do, looked at before anything else: SafetyRefusal."""
    for name, side in environment.sides.items():
        _guard(environment, side.url, f"sides.{name}.url", locate("sides", name, "url"))
    for name, back_end in environment.back_ends.items():
        place = locate("back_ends", name, "address")
        _guard(environment, back_end.address, f"back_ends.{name}.address", place)
        host = host_of(back_end)
        if back_end.plaintext and not back_end.address.startswith(FILLED_IN) and not is_loopback(host or ""):
            raise SafetyRefusal(
                f"back_ends.{name}: plaintext is for loopback addresses only, not {host or 'the default address'}",
                locate("back_ends", name, "plaintext"),
            )


def _guard(environment: Environment, address: str, name: str, place: Origin) -> None:
    authority = re.split(r"[/?#]", address.partition("://")[2] if "://" in address else address, maxsplit=1)[0]
    if "@" in authority:
        raise SafetyRefusal(f"{name} holds user information (before the @); name a secret under auth instead", place)
    if environment.guards.live and address[:7].lower() == "http://" and not is_loopback(_split(address, name, place)):
        raise SafetyRefusal(
            f"{name} is http, and {environment.name} is a live environment (guards.live): use https", place
        )


def check_addresses(environment: Environment, locate: Locate) -> None:
    """How addresses have to be written: ConfigError."""
    for name, side in environment.sides.items():
        place = locate("sides", name, "url")
        if not _is_filled_in(environment, side.url, f"sides.{name}.url", place):
            _check_url(side.url, f"sides.{name}.url", place)
        if not side.health.startswith("/"):
            raise ConfigError(f"sides.{name}.health is a path that starts with /", locate("sides", name, "health"))
    for name, back_end in environment.back_ends.items():
        place = locate("back_ends", name, "address")
        if _is_filled_in(environment, back_end.address, f"back_ends.{name}.address", place):
            continue
        if "://" in back_end.address:
            _check_url(back_end.address, f"back_ends.{name}.address", place)
        elif any(character.isspace() for character in back_end.address.strip("\n")) and ":" in back_end.address:
            raise ConfigError(f"back_ends.{name}.address holds white space", place)
    for key in ("signoffs", "waivers", "incident", "drill"):
        value = getattr(environment, key)
        if value is not None:
            _is_filled_in(environment, value, key, locate(key))
    _check_canary(environment, locate)


def resolve_addresses(environment: Environment, addresses: Mapping[str, str]) -> Environment:
    """The environment with every `address:NAME` replaced; guards and rules hold for what came in, too."""

    def filled(value: str, name: str) -> str:
        if not value.startswith(FILLED_IN):
            return value
        wanted = value.removeprefix(FILLED_IN)
        if wanted not in addresses:
            raise ConfigError(
                f"{name} wants the address {wanted!r}, and the start command gave none of that name"
                f"{nearest(wanted, addresses)} (given: {', '.join(sorted(addresses)) or 'none'})",
                environment.origin,
            )
        return addresses[wanted]

    resolved = replace(
        environment,
        sides={
            name: replace(side, url=filled(side.url, f"sides.{name}.url")) for name, side in environment.sides.items()
        },
        back_ends={
            name: replace(back_end, address=filled(back_end.address, f"back_ends.{name}.address"))
            for name, back_end in environment.back_ends.items()
        },
        signoffs=filled(environment.signoffs, "signoffs"),
        waivers=filled(environment.waivers, "waivers") if environment.waivers is not None else None,
        incident=filled(environment.incident, "incident"),
        drill=filled(environment.drill, "drill"),
    )

    def locate(*_: str) -> Origin:
        return environment.origin

    guard_addresses(resolved, locate)
    check_addresses(resolved, locate)
    return resolved


def host_of(back_end: BackEnd) -> str | None:
    """The host of a back end's address; None for a file path or the client's own default address."""
    address = back_end.address
    if "://" in address:
        try:
            return urlsplit(address).hostname
        except ValueError:
            return None
    return address.rpartition(":")[0].strip("[]") if _HOST_PORT.match(address) else None


def is_loopback(host: str | SplitResult) -> bool:
    """True for localhost, 127.0.0.0/8 and ::1."""
    name = host if isinstance(host, str) else host.hostname or ""
    if name.lower() == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _is_filled_in(environment: Environment, value: str, name: str, place: Origin) -> bool:
    if not value.startswith(FILLED_IN):
        return False
    if environment.start is None:
        raise ConfigError(f"{name} is {value!r}, and there is no `start` that could give the address", place)
    if not value.removeprefix(FILLED_IN):
        raise ConfigError(f"{name} names no address after {FILLED_IN}", place)
    return True


def _split(url: str, name: str, place: Origin) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ConfigError(f"{name} is not a URL: {error}", place) from None
    return parts


def _check_url(url: str, name: str, place: Origin) -> None:
    parts = _split(url, name, place)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ConfigError(f"{name} wants a URL like https://host or address:NAME, not {url!r}", place)
    if parts.query or parts.fragment or not url.isprintable() or " " in url:
        raise ConfigError(f"{name} is a base URL: it holds no query, fragment or white space", place)


def _check_canary(environment: Environment, locate: Locate) -> None:
    """Comparing a side with itself proves nothing."""
    canary = environment.sides.get("canary")
    if canary is None:
        return
    for name, side in environment.sides.items():
        if name != "canary" and _same(side.url) == _same(canary.url):
            place = locate("sides", "canary", "url")
            raise ConfigError(
                f"sides canary and {name} have the same url {canary.url!r}; one would be compared to itself", place
            )


def _same(url: str) -> tuple[str, str | None, int | None, str]:
    if url.startswith(FILLED_IN):
        return (url, None, None, "")
    parts = urlsplit(url)
    return (parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme), parts.path.rstrip("/"))
