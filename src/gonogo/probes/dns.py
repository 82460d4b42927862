"""A name asked of one declared resolver into its addresses, and into those that are not the recovery site's."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.bounded import OutOfTime, within
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import observe
from gonogo.probes.named import named
from gonogo.probes.places import check_place, host_and_port

_CAUSES = {"NXDOMAIN": Cause.NO_DATA, "REFUSED": Cause.DENIED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns:
    """`name` is a name of the back end's `names`, which gives the domain name. `addresses` are A and AAAA together.

    `site` is another one: the domain name of the place it should lead to, or that place's addresses with commas
    between them.
    """

    name: str = "public"
    type: Literal["addresses", "A", "AAAA", "CNAME"] = "addresses"
    site: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Values of one name, what it is an alias of, and how many seconds others may keep that."""

    values: tuple[str, ...]
    aliases: tuple[str, ...]
    ttl: int


def look(options: Dns, vantage: Vantage) -> Sight:
    """{name, type, values, count, aliases, ttl_s, site: {name, values}, strays}. `strays` are values that are none
    of the site's; none is where an alias is the site's own name. Without `site` both are null.

    A name that does not exist, or has no record of the type, is NO_DATA; SERVFAIL is BROKEN. A truncated answer is
    asked for again over TCP.
    """
    back_end = vantage.back_end("dns")
    host, port = host_and_port(back_end, "dns", default_port=53)
    name, site = _names(options, vantage.environment)
    try:
        import dns.message  # noqa: PLC0415, F401 - clients are imported when first needed
    except ImportError:
        raise ConfigError("a dns probe needs dnspython: pip install 'gonogo[dns]'") from None

    def see() -> Seen:
        deadline = Deadline(back_end.timeout)
        try:
            return within(back_end.timeout, lambda: _see(options, name, site, _Resolver(host, port, deadline)))
        except OutOfTime:
            raise Failure(Cause.TIMEOUT, f"{host}:{port}: no answer within {deadline.allowed:g} s") from None

    return observe(f"dns {host}:{port} {name} {options.type}", see)


def refuse(options: Dns, environment: Environment, _: Path) -> None:
    """ConfigError for a name that the environment does not have: before anything is sent."""
    _names(options, environment)


def _names(options: Dns, environment: Environment) -> tuple[str, str | None]:
    name = named(environment, "dns", options.name).rstrip(".")
    return name, None if options.site is None else named(environment, "dns", options.site).rstrip(".")


def _see(options: Dns, name: str, site: str | None, resolver: _Resolver) -> Seen:
    found = resolver.find(name, options.type)
    data: dict[str, Any] = {
        "name": name,
        "type": options.type,
        "values": list(found.values),
        "count": len(found.values),
        "aliases": list(found.aliases),
        "ttl_s": found.ttl,
        "site": None,
        "strays": None,
    }
    if site is not None:
        wanted = _literal(site)
        if wanted is None:
            there = None if options.type == "CNAME" else resolver.find(site, options.type)
            wanted = (site.casefold(),) if there is None else there.values
            own = {site.casefold(), *(() if there is None else there.aliases[-1:])}
            wanted = (*wanted, *found.values) if own & set(found.aliases) else wanted
        data |= {
            "site": {"name": site, "values": sorted(set(wanted))},
            "strays": [value for value in found.values if value not in wanted],
        }
    return Seen(data=data)


def _literal(text: str) -> tuple[str, ...] | None:
    """Addresses with commas between them; None for a domain name."""
    try:
        return tuple(str(ipaddress.ip_address(part.strip())) for part in text.split(","))
    except ValueError:
        return None


class _Resolver:
    """One resolver, and the one deadline of all that is asked of it."""

    def __init__(self, host: str, port: int, deadline: Deadline) -> None:
        self._place = f"{host}:{port}"
        self._deadline = deadline
        check_place(host, port)
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        except OSError as error:
            raise Failure(Cause.UNREACHABLE, f"the resolver {host} does not resolve: {error.strerror}") from None
        self._where, self._port = str(rows[0][4][0]), port

    def find(self, name: str, kind: str) -> _Found:
        """Records of the kind; Failure(NO_DATA) if there are none."""
        kinds = ("A", "AAAA") if kind == "addresses" else (kind,)
        answers = [answer for one in kinds if (answer := self._ask(name, one)) is not None]
        if not answers:
            raise Failure(Cause.NO_DATA, f"{self._place}: {name} has no record of {' or '.join(kinds)}")
        return _Found(
            values=tuple(dict.fromkeys(value for answer in answers for value in answer.values)),
            aliases=tuple(dict.fromkeys(alias for answer in answers for alias in answer.aliases)),
            ttl=min(answer.ttl for answer in answers),
        )

    def _ask(self, name: str, kind: str) -> _Found | None:
        import dns.exception  # noqa: PLC0415
        import dns.message  # noqa: PLC0415
        import dns.query  # noqa: PLC0415
        import dns.rcode  # noqa: PLC0415

        said = f"{self._place}: {name} {kind}"
        try:
            answer, _ = dns.query.udp_with_fallback(
                dns.message.make_query(name, kind),
                self._where,
                timeout=max(0.001, self._deadline.left),
                port=self._port,
                ignore_unexpected=True,
            )
            rcode = dns.rcode.to_text(answer.rcode())
            if rcode != "NOERROR":
                raise Failure(_CAUSES.get(rcode, Cause.BROKEN), f"{said}: {rcode}")
            if not isinstance(answer, dns.message.QueryMessage):
                raise Failure(Cause.BROKEN, f"{said}: the answer is to no query")
            chain = answer.resolve_chaining()
        except dns.exception.Timeout:
            raise Failure(Cause.TIMEOUT, f"{said}: no answer within {self._deadline.allowed:g} s") from None
        except (OSError, EOFError) as error:
            raise Failure(Cause.UNREACHABLE, f"{said}: {error}") from None
        except dns.exception.DNSException as error:
            raise Failure(Cause.BROKEN, f"{said}: {type(error).__name__}: {str(error)[:160]}") from None
        aliases = tuple(_text(record.target) for rrset in chain.cnames for record in rrset)
        if chain.answer is None:
            return None
        return _Found(values=_values(chain.answer, kind), aliases=aliases, ttl=int(chain.minimum_ttl))


def _values(records: Iterable[Any], kind: str) -> tuple[str, ...]:
    return tuple(_text(record.target) if kind == "CNAME" else str(record.address) for record in records)


def _text(name: Any) -> str:
    return str(name.to_text(omit_final_dot=True)).casefold()


PROBE = Probe(
    options=Dns, look=look, back_ends=("dns",), extra="dns", clients=("dns.query", "dns.message"), refuse=refuse
)
