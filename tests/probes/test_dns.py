"""dns: one declared resolver's answers, and which of them are not the recovery site's; no answer is no evidence."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from gonogo.model.environment import BackEnd
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Vantage
from gonogo.probes.dns import Dns, look

PUBLIC, SITE, CDN = "api.factory.example.", "dr.factory.example.", "x.cdn.example."


@dataclass
class ResolverFake:
    """`records` are (owner, type, values); `rcode` answers everything, `silent` nothing, `truncates` over UDP only."""

    port: int = 0
    records: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    rcode: str = ""
    silent: bool = False
    truncates: bool = False
    garbage: bytes = b""
    asked: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, wire: bytes, how: str) -> bytes:
        if self.silent:
            return b""
        if self.garbage:
            return wire[:2] + self.garbage
        query = dns.message.from_wire(wire)
        name, kind = query.question[0].name.to_text(), dns.rdatatype.to_text(query.question[0].rdtype)
        self.asked.append((how, kind))
        reply: Any = dns.message.make_response(query, recursion_available=True)
        if self.rcode:
            reply.set_rcode(dns.rcode.from_text(self.rcode))
        elif self.truncates and how == "udp":
            reply.flags |= dns.flags.TC
        else:
            self._fill(reply, name, kind)
        return bytes(reply.to_wire())

    def _fill(self, reply: Any, name: str, kind: str) -> None:
        for owner, type_, values in self.records:
            if owner == name and type_ in (kind, "CNAME"):
                reply.answer.append(dns.rrset.from_text(owner, 60, "IN", type_, *values))
                if type_ == "CNAME" != kind:
                    self._fill(reply, values[0], kind)


@pytest.fixture
def resolver() -> Iterator[ResolverFake]:
    fake = ResolverFake()
    tcp = socket.create_server(("127.0.0.1", 0))
    fake.port = tcp.getsockname()[1]
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", fake.port))

    def datagrams() -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, sender = udp.recvfrom(4096)
                if not wire:
                    return
                if found := fake.answer(wire, "udp"):
                    udp.sendto(found, sender)

    def streams() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = tcp.accept()
                with connection:
                    (length,) = struct.unpack("!H", connection.recv(2))
                    found = fake.answer(connection.recv(length), "tcp")
                    connection.sendall(struct.pack("!H", len(found)) + found)

    for run in (datagrams, streams):
        threading.Thread(target=run, daemon=True).start()
    yield fake
    for one in (tcp, udp):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


@pytest.fixture
def ask(resolver: ResolverFake, vantage_of: Callable[..., Vantage]) -> Callable[..., Any]:
    def asking(*, timeout: float = 30, site: str = SITE, address: str = "", **options: Any) -> Seen | Unseen:
        names = {"public": PUBLIC, "recovery": site}
        place = address or f"127.0.0.1:{resolver.port}"
        back_end = BackEnd(address=place, names=names, timeout=timedelta(seconds=timeout))
        return look(Dns(**{"site": "recovery", **options}), vantage_of({"dns": back_end})).outcome

    return asking


@pytest.mark.parametrize(
    ("records", "strays"),
    [
        ([(PUBLIC, "CNAME", (SITE,)), (SITE, "A", ("203.0.113.20",))], []),
        ([(PUBLIC, "A", ("203.0.113.20",)), (SITE, "A", ("203.0.113.20", "203.0.113.21"))], []),
        ([(PUBLIC, "CNAME", (CDN,)), (CDN, "A", ("203.0.113.20",)), (SITE, "A", ("203.0.113.20",))], []),
        ([(PUBLIC, "A", ("198.51.100.1",)), (SITE, "A", ("203.0.113.20",))], ["198.51.100.1"]),
        ([(PUBLIC, "A", ("203.0.113.20", "198.51.100.1")), (SITE, "A", ("203.0.113.20",))], ["198.51.100.1"]),
        (
            [(PUBLIC, "A", ("203.0.113.20",)), (PUBLIC, "AAAA", ("2001:db8::1",)), (SITE, "A", ("203.0.113.20",))],
            ["2001:db8::1"],
        ),
    ],
    ids=["alias", "one of two addresses", "alias of another", "old site", "half", "old site over IPv6 alone"],
)
def test_where_the_public_name_leads(
    ask: Callable[..., Any], resolver: ResolverFake, records: list[Any], strays: list[str]
) -> None:
    """Every address has to be the site's; an alias of the site's own name is the site, whichever addresses it has."""
    resolver.records = records
    outcome = ask()
    assert isinstance(outcome, Seen), outcome
    assert outcome.data["strays"] == strays
    assert outcome.data["ttl_s"] == 60


def test_a_site_may_be_a_list_of_addresses(ask: Callable[..., Any], resolver: ResolverFake) -> None:
    """Literal addresses need no second name, however they are written."""
    resolver.records = [(PUBLIC, "A", ("203.0.113.20",)), (PUBLIC, "AAAA", ("2001:db8::1",))]
    assert ask(site="203.0.113.20, 2001:DB8:0::1").data["strays"] == []


def test_a_truncated_answer_is_asked_for_over_tcp(ask: Callable[..., Any], resolver: ResolverFake) -> None:
    """The first UDP answer with TC is not the whole."""
    resolver.records = [(PUBLIC, "A", ("203.0.113.20",))]
    resolver.truncates = True
    outcome = ask(type="A", site="203.0.113.20")
    assert outcome.data["values"] == ["203.0.113.20"]
    assert resolver.asked == [("udp", "A"), ("tcp", "A")]


def test_an_alias_may_be_asked_for_itself(ask: Callable[..., Any], resolver: ResolverFake) -> None:
    """CNAME against the site's name, in whatever case it was written."""
    resolver.records = [(PUBLIC, "CNAME", ("DR.factory.example.",))]
    assert ask(type="CNAME").data["strays"] == []
    assert ask(type="CNAME", site="other.example").data["strays"] == ["dr.factory.example"]


@pytest.mark.parametrize(
    ("change", "cause", "text"),
    [
        ({"rcode": "NXDOMAIN"}, Cause.NO_DATA, "api.factory.example A: NXDOMAIN"),
        ({"rcode": "SERVFAIL"}, Cause.BROKEN, "SERVFAIL"),
        ({"rcode": "REFUSED"}, Cause.DENIED, "REFUSED"),
        ({"records": [(PUBLIC, "TXT", ("x",))]}, Cause.NO_DATA, "no record of A or AAAA"),
        ({"garbage": b"\x81\x80\x00\x01"}, Cause.BROKEN, "api.factory.example A"),
        ({"silent": True}, Cause.TIMEOUT, "no answer within 0.3 s"),
    ],
)
def test_row14_what_does_not_resolve_is_no_evidence(
    ask: Callable[..., Any], resolver: ResolverFake, change: dict[str, Any], cause: Cause, text: str
) -> None:
    """A name that is gone, a resolver that fails, refuses, lies or is silent: the name and the reason are said."""
    for name, value in change.items():
        setattr(resolver, name, value)
    outcome = ask(timeout=0.3 if "silent" in change else 30)
    assert isinstance(outcome, Unseen)
    assert (outcome.cause, text in outcome.detail) == (cause, True), outcome.detail


def test_what_is_not_declared_is_a_configuration_error(ask: Callable[..., Any]) -> None:
    """Names come from the environment alone; a metadata address is never asked."""
    with pytest.raises(ConfigError, match=r"names\.other is missing"):
        ask(name="other")
    assert ask(address="169.254.169.254:53").cause is Cause.REFUSED
