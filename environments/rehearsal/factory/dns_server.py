"""The names of AI Factory as a resolver tells them, over UDP and TCP at one port."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Any

from ports import Port

from factory.rehearsal import Stage
from factory.world import WorldRef

PUBLIC = "api.factory-ai.com."
SITES = {  # the load balancer of a site: its addresses
    "production.factory-ai.com.": {"A": ["198.51.100.10", "198.51.100.11"]},
    "production-dr.factory-ai.com.": {"A": ["203.0.113.20", "203.0.113.21"]},
}
TTL_S = 60


class Names:
    """One resolver. The public name is an alias of the site that serves."""

    def __init__(self, ref: WorldRef, host: str) -> None:
        self._ref = ref
        self._tcp = Port(self._stream, host)
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((host, self._tcp.number))
        self._tcp.listen()
        self.address = f"{host}:{self._tcp.number}"
        threading.Thread(target=self._datagrams, daemon=True).start()

    def _datagrams(self) -> None:
        while True:
            try:
                asked, sender = self._udp.recvfrom(4096)
            except OSError:
                return
            answer = self._answer(asked, datagram=True)
            if answer:
                with contextlib.suppress(OSError):
                    self._udp.sendto(answer, sender)

    def _stream(self, connection: socket.socket) -> None:
        while head := connection.recv(2, socket.MSG_WAITALL):
            asked = connection.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
            answer = self._answer(asked, datagram=False)
            connection.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, asked: bytes, *, datagram: bool) -> bytes:
        import dns.exception  # noqa: PLC0415 - slow, and asked in one scene alone
        import dns.flags  # noqa: PLC0415
        import dns.message  # noqa: PLC0415
        import dns.rcode  # noqa: PLC0415
        import dns.rdatatype  # noqa: PLC0415
        import dns.rrset  # noqa: PLC0415

        world = self._ref.world
        try:
            query = dns.message.from_wire(asked)
            name, kind = query.question[0].name.to_text().casefold(), dns.rdatatype.to_text(query.question[0].rdtype)
        except (dns.exception.DNSException, IndexError):
            return b""
        answer: Any = dns.message.make_response(query, recursion_available=True)
        if world.fault("dns-servfail"):
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name not in {PUBLIC, *SITES}:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif datagram:
            answer.flags |= dns.flags.TC  # as a resolver does whose answer is large: the client asks over TCP
        else:
            site = name
            if name == PUBLIC:
                recovered = world.scene == "recovered" and not world.fault("dns-old-site")
                site = "production-dr.factory-ai.com." if recovered else "production.factory-ai.com."
                answer.answer.append(dns.rrset.from_text(PUBLIC, TTL_S, "IN", "CNAME", site))
            if kind in SITES[site]:
                answer.answer.append(dns.rrset.from_text(site, TTL_S, "IN", kind, *SITES[site][kind]))
        return bytes(answer.to_wire())


def start(stage: Stage) -> None:
    """Answer at address dns."""
    stage.ref.addresses["dns"] = Names(stage.ref, stage.host).address
