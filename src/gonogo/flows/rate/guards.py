"""What the command line asks of gonogo ratelimit, and the guards that refuse it before anything is sent."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from gonogo.config.addresses import is_loopback
from gonogo.config.environment import load_environment
from gonogo.flows.rate.sender import SIDE
from gonogo.judges.rate.plan import AT_MOST
from gonogo.model.environment import Auth, Environment, Guards, Side
from gonogo.model.errors import ConfigError, SafetyRefusal
from gonogo.probes.http.transport import allowed_hosts

HEAVY = ("aggressive", "heavy", "stress")  # a live system takes this command only where it takes one of these
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
READING = METHODS[:3]  # what a live system is asked with
LONGEST = 86_400.0  # seconds of patience
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)\Z")
_OWN = frozenset({"host", "content-length", "transfer-encoding", "connection"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks for."""

    url: str
    root: Path
    environment: str | None = None
    headers: tuple[str, ...] = field(default=(), repr=False)
    policy: Path | None = None
    at_most: int = 200
    patience: float = 900.0
    method: str = "GET"
    body: str | None = None
    other_header: str | None = field(default=None, repr=False)
    other_path: str | None = None
    exempt: tuple[str, ...] = ()


def body_of(asked: Asked, environment: Environment, parts: SplitResult) -> bytes | None:
    """The body as bytes; refused with a method that the environment does not take."""
    if asked.method not in METHODS:
        raise ConfigError(f"--method cannot be {asked.method!r} (allowed: {', '.join(METHODS)})")
    if environment.guards.live and asked.method not in READING and not is_loopback((parts.hostname or "").lower()):
        allowed = ", ".join(READING)
        raise SafetyRefusal(
            f"{environment.name} is a live environment: it is asked with {allowed} only, not with {asked.method}",
            environment.origin,
        )
    if asked.body is None:
        return None
    if asked.method in READING:
        raise ConfigError(f"--body has no meaning with {asked.method}; add --method POST")
    try:
        json.loads(asked.body)
    except ValueError as error:
        raise ConfigError(f"--body is not JSON: {error}") from None
    return asked.body.encode("utf-8")


def check_path(path: str | None) -> None:
    """ConfigError for a path that could lead off the host, or is none."""
    if path is None:
        return
    good = path.startswith("/") and not path.startswith("//") and path.isascii() and path.isprintable()
    if not good or " " in path or "#" in path:
        raise ConfigError(f"a path starts with one /, without blanks and #, not {path!r}")


def address(url: str) -> SplitResult:
    """The parts of the URL that is asked for."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ConfigError(f"{url!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"wants a URL like https://host/path, not {url!r}")
    if parts.username is not None or parts.password is not None:
        raise SafetyRefusal("the URL holds user information (before the @); give it with --header instead")
    if not url.isascii() or not url.isprintable() or " " in url or parts.fragment:
        raise ConfigError("the URL holds white space, a fragment or characters that are not ASCII")
    return parts


def environment_of(asked: Asked, parts: SplitResult) -> Environment:
    """The environment that allows the host; a loopback host needs none."""
    host = (parts.hostname or "").lower()
    if asked.environment is None:
        if not is_loopback(host):
            raise SafetyRefusal(f"{host} is not this machine: name the environment that lists it with --env")
        return Environment(
            name="loopback",
            system="loopback",
            describe="this machine",
            sides={SIDE: Side(url=f"{parts.scheme}://{parts.netloc}")},
            guards=Guards(live=False, max_requests=AT_MOST),
        )
    environment = load_environment(asked.environment, asked.root / "environments", root=asked.root)
    guards = environment.guards
    if host not in allowed_hosts(environment) and not is_loopback(host):
        raise SafetyRefusal(f"{host} is not a host of {environment.name}", environment.origin)
    if guards.live and parts.scheme != "https" and not is_loopback(host):
        raise SafetyRefusal(f"{asked.url} is http, and {environment.name} is a live environment: use https")
    if not is_loopback(host) and not set(HEAVY) & set(guards.profiles):
        allowed = ", ".join(guards.profiles) or "none"
        raise SafetyRefusal(
            f"{environment.name} allows no profile that exhausts a limit: {', '.join(HEAVY)} "
            f"(guards.profiles: {allowed})",
            environment.origin,
        )
    if asked.at_most > guards.max_requests and not is_loopback(host):
        raise SafetyRefusal(
            f"{environment.name} takes {guards.max_requests} requests at most (guards.max_requests), "
            f"--max-requests is {asked.at_most}",
            environment.origin,
        )
    if host not in allowed_hosts(environment):  # loopback beside the hosts of the file
        environment = replace(environment, guards=replace(guards, hosts=(*guards.hosts, host)))
    return environment


def side_of(environment: Environment, parts: SplitResult) -> Side:
    """The side whose origin the URL has: its credentials and CA go with the requests, to nowhere else."""
    for side in environment.sides.values():
        own = urlsplit(side.url)
        if (own.scheme, own.netloc.lower()) == (parts.scheme, parts.netloc.lower()):
            return side
    return Side(url=f"{parts.scheme}://{parts.netloc}", auth=Auth())


def headers_of(lines: tuple[str, ...], option: str = "--header") -> dict[str, str]:
    """`Name: value` lines. They may hold a secret: no message repeats a value."""
    headers: dict[str, str] = {}
    for line in lines:
        match = _HEADER.match(line)
        if match is None:
            raise ConfigError(f"{option} wants 'Name: value' in printable ASCII (the value is not repeated here)")
        if match[1].lower() in _OWN:
            raise ConfigError(f"{option} cannot set {match[1]}: the connection does")
        headers[match[1]] = match[2]
    return headers
