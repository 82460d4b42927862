"""Rows of the fault matrix on transport: what every fault on the wire comes to. The number in an id is the row."""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.model.environment import Auth, AuthKind, Side
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.addresses import check_address
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.http.body import read_body
from gonogo.probes.http.probe import HttpOptions, look
from gonogo.probes.http.transport import Ask, fetch
from gonogo.probes.http.urls import next_hop

SHORT = timedelta(seconds=1)


def unseen(vantage: Any, **options: Any) -> Unseen:
    outcome = look(HttpOptions(side="canary", path="/health", **options), vantage).outcome
    assert isinstance(outcome, Unseen), outcome
    return outcome


def seen(vantage: Any, **options: Any) -> Seen:
    outcome = look(HttpOptions(side="canary", path="/health", **options), vantage).outcome
    assert isinstance(outcome, Seen), outcome
    return outcome


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def test_row01_refused_names_host_port_and_errno(stand: Any) -> None:
    """Row 1: a refused connection is unreachable, with its errno."""
    port = free_port()
    failed = unseen(stand(canary=f"http://127.0.0.1:{port}"))
    assert failed.cause is Cause.UNREACHABLE
    assert f"127.0.0.1:{port}" in failed.detail
    assert "errno 111" in failed.detail or "refused" in failed.detail.lower()


def test_row02_both_sides_refused_are_told_apart_by_side(stand: Any) -> None:
    """Row 2: each side's sight carries its name, which is what the control rule needs."""
    vantage = stand(canary=f"http://127.0.0.1:{free_port()}", stable=f"http://127.0.0.1:{free_port()}")
    sights = [look(HttpOptions(side=side), vantage) for side in ("canary", "stable")]
    assert [sight.side for sight in sights] == ["canary", "stable"]
    assert all(isinstance(sight.outcome, Unseen) for sight in sights)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-", id="row03-rst-mid-headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", id="row03-rst-mid-body"),
    ],
)
def test_reset_names_bytes_and_is_retried_only_as_declared(serve: Any, stand: Any, tools: Any, sent: bytes) -> None:
    """Row 3: a reset is a lost connection; each declared retry is sent and shown, and no other."""

    def fault(conn: socket.socket) -> None:
        conn.sendall(sent)
        time.sleep(0.02)
        tools.reset(conn)

    server = serve(fault)
    failed = unseen(stand(canary=server.url))
    assert failed.cause is Cause.UNREACHABLE
    assert f"{len(sent)} bytes received" in failed.detail
    assert len(server.heard) == 1

    again = serve(fault, tools.answer(b'{"status":"healthy"}'))
    sight = look(HttpOptions(side="canary", path="/health", retries=1), stand(canary=again.url))
    assert isinstance(sight.outcome, Seen)
    assert [ended for _, ended in sight.tries][1] == "200"
    assert "bytes received" in sight.tries[0][1]


@pytest.mark.parametrize("raw", [b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n{}", b"SSH-2.0-x\r\n\r\n"])
def test_row03_a_malformed_answer_is_not_retried(serve: Any, stand: Any, raw: bytes) -> None:
    """Row 3: retries are for lost connections; a broken answer is an answer."""
    server = serve(lambda conn: conn.sendall(raw))
    assert unseen(stand(canary=server.url), retries=3).cause is Cause.BROKEN
    assert len(server.heard) == 1


def test_row04_early_end_names_eleven_of_hundred_bytes(serve: Any, stand: Any) -> None:
    """Row 4: a body that ends early is never used in part."""
    raw = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n" + b'{"status":1'
    failed = unseen(stand(canary=serve(lambda conn: conn.sendall(raw)).url))
    assert failed.cause is Cause.BROKEN
    assert "11 of 100 bytes" in failed.detail


def _fill(listener: socket.socket, stack: ExitStack) -> None:
    """Fill the backlog of a socket that never accepts: the kernel then drops further SYNs, as a black hole does."""
    for _ in range(3):
        sock = stack.enter_context(socket.socket(listener.family, socket.SOCK_STREAM))
        sock.setblocking(False)
        with suppress(BlockingIOError):
            sock.connect(listener.getsockname())


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels refuse where Linux drops")
def test_row05_black_hole_ends_at_the_connect_deadline(stand: Any) -> None:
    """Row 5: a SYN that nobody answers ends at the deadline, while connecting."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        _fill(listener, stack)
        started = time.monotonic()
        failed = unseen(stand(canary=f"http://127.0.0.1:{listener.getsockname()[1]}"), deadline=SHORT)
        assert time.monotonic() - started < 20  # the kernel tries for minutes
    assert failed.cause is Cause.TIMEOUT
    assert "deadline of 1 s ran out connecting to" in failed.detail


def test_row05_never_answers(serve: Any, stand: Any) -> None:
    """Row 5: a server that takes the request and says nothing ends at the deadline."""
    over = threading.Event()
    failed = unseen(stand(canary=serve(lambda _: over.wait(60)).url), deadline=SHORT)
    over.set()
    assert failed.cause is Cause.TIMEOUT
    assert "waiting for the answer" in failed.detail


@pytest.mark.parametrize(
    ("head", "stage"),
    [
        pytest.param(b"", "waiting for the answer of", id="row06-slow-loris-headers"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", "reading the body", id="row06-slow-loris-body"
        ),
    ],
)
def test_dripped_bytes_do_not_extend_the_deadline(serve: Any, stand: Any, head: bytes, stage: str) -> None:
    """Row 6: one byte at a time for a minute, the total deadline still holds."""
    over = threading.Event()

    def drip(conn: socket.socket) -> None:
        conn.sendall(head)
        for byte in b"HTTP/1.1 200 OK and so on, for " + b"ever and " * 130:
            conn.sendall(bytes([byte]))
            if over.wait(0.05):
                return

    started = time.monotonic()
    failed = unseen(stand(canary=serve(drip).url), deadline=SHORT)
    assert time.monotonic() - started < 20
    over.set()
    assert failed.cause is Cause.TIMEOUT
    assert stage in failed.detail
    assert "bytes received" in failed.detail


def test_row07_endless_chunks_stop_at_the_cap(serve: Any, stand: Any) -> None:
    """Row 7: an endless body is cut at the cap."""

    def endless(conn: socket.socket) -> None:
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            conn.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    failed = unseen(stand(canary=serve(endless).url))
    assert failed.cause is Cause.BROKEN
    assert "cap of" in failed.detail


def test_row07_a_promise_over_the_cap_is_not_read(serve: Any, stand: Any) -> None:
    """Row 7: a Content-Length over the cap is enough."""
    server = serve(lambda conn: conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"))
    assert "promised 99999999 bytes" in unseen(stand(canary=server.url)).detail


def test_row07_endless_interim_answers_stop_at_the_cap(serve: Any, stand: Any) -> None:
    """Row 7: what is no body counts on the wire too."""

    def endless(conn: socket.socket) -> None:
        while True:
            conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)

    vantage = stand(canary=serve(endless).url)
    with pytest.raises(Failure, match="sent more than the cap of 131072 bytes"):
        fetch(vantage, Ask(url=vantage.side("canary").url, body_cap=0), Deadline(timedelta(seconds=5)))


def bomb() -> bytes:
    """64 MiB of zeros in some 65 kB of gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1024 * 1024)
    return b"".join([packer.compress(zeros) for _ in range(64)]) + packer.flush()


def test_row08_gzip_bomb_stops_at_the_decoded_cap(serve: Any, stand: Any, tools: Any) -> None:
    """Row 8: 64 MiB in 65 kB stop at 1 MiB, and the ratio is named."""
    failed = unseen(stand(canary=serve(tools.answer(bomb(), Content_Encoding="gzip")).url))
    assert failed.cause is Cause.BROKEN
    assert "cap of 1048576 bytes, decoded from" in failed.detail
    assert "(1:" in failed.detail


def test_row08_a_bomb_is_not_unpacked_before_it_is_counted() -> None:
    """Row 8: what is over the cap is never in memory."""
    packed = bomb()
    tracemalloc.start()
    with pytest.raises(Failure, match="over the cap"):
        read_body([packed], {"content-encoding": "gzip"}, "here", 1024 * 1024, "GET")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "gzip, deflate"])
def test_row08_nested_and_unasked_encodings_are_refused(serve: Any, stand: Any, tools: Any, encoding: str) -> None:
    """Row 8: only what was asked for is decoded."""
    server = serve(tools.answer(gzip.compress(gzip.compress(b"{}")), Content_Encoding=encoding))
    failed = unseen(stand(canary=server.url))
    assert failed.cause is Cause.BROKEN
    assert repr(encoding) in failed.detail


@pytest.mark.parametrize("cut", [slice(None, -9), slice(5, None)], ids=["ends-early", "no-gzip"])
def test_row08_broken_gzip(serve: Any, stand: Any, tools: Any, cut: slice) -> None:
    """Row 8: gzip that ends early or never was one is broken."""
    body = gzip.compress(b'{"status": "healthy"}')[cut]
    assert unseen(stand(canary=serve(tools.answer(body, Content_Encoding="gzip")).url)).cause is Cause.BROKEN


def test_row08_honest_gzip_is_read(serve: Any, stand: Any, tools: Any) -> None:
    """Gzip within the cap is simply decoded."""
    server = serve(tools.answer(gzip.compress(b'{"status":"healthy"}'), Content_Encoding="gzip"))
    assert seen(stand(canary=server.url)).data["json"] == {"status": "healthy"}


def test_row09_the_body_of_a_redirect_is_not_decoded(serve: Any, stand: Any, tools: Any) -> None:
    """Row 9: a bomb inside a 302 is never unpacked; the 302 is what was seen."""
    server = serve(tools.answer(bomb(), "302 Found", Content_Encoding="gzip", Location="/next"))
    document = seen(stand(canary=server.url)).data
    assert (document["status"], document["bytes"], document["headers"]["location"]) == (302, 0, "/next")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param("expired", "certificate has expired: notAfter 20", id="row10-expired"),
        pytest.param("wrong-host", "it is for other.example", id="row11-wrong-host"),
        pytest.param("self-signed", "certificate chain: self-signed certificate", id="row12-unknown-ca"),
    ],
)
def test_bad_certificates_are_unreachable_with_the_reason(  # noqa: PLR0917
    serve: Any, stand: Any, tools: Any, certificates: Any, fault: str, words: str
) -> None:
    """Rows 10 to 12: the reason is named, and no request goes out."""
    server = serve(tools.answer(), tls=certificates.contexts[fault])
    side = Side(url=server.url, ca=certificates.ca.name)
    failed = unseen(stand(canary=side, base=certificates.ca.parent))
    assert failed.cause is Cause.UNREACHABLE
    assert server.where in failed.detail
    assert words in failed.detail
    assert server.heard == []


def test_row13_how_long_the_certificate_lasts_is_seen(serve: Any, stand: Any, tools: Any, certificates: Any) -> None:
    """Row 13: the end of the certificate is part of the document, so that a rule can judge it."""
    server = serve(tools.answer(), tls=certificates.contexts["soon"])
    found = seen(stand(canary=Side(url=server.url, ca=str(certificates.ca)))).data["certificate"]
    assert 2 <= found["days_left"] <= 3
    assert found["names"] == ["127.0.0.1"]


def test_tls_connections_are_kept(serve: Any, stand: Any, tools: Any, certificates: Any) -> None:
    """Two requests, one handshake."""
    handshakes = []
    context = certificates.contexts["good"]
    server = serve(
        lambda conn: (handshakes.append(conn.fileno()), tools.answer(Connection="")(conn)), tls=context, keep=True
    )
    document = seen(stand(canary=Side(url=server.url, ca=str(certificates.ca))), times=3).data
    assert document["count"] == 3
    assert len(set(handshakes)) == 1


def test_a_ca_bundle_that_is_none_is_a_configuration_error(stand: Any, tmp_path: Path) -> None:
    """A missing bundle is never replaced by another one."""
    vantage = stand(canary=Side(url="https://127.0.0.1:1", ca="none.pem"), base=tmp_path)
    with pytest.raises(ConfigError, match=r"none\.pem"):
        look(HttpOptions(side="canary"), vantage)


def _names(monkeypatch: pytest.MonkeyPatch, **table: Any) -> None:
    def lookup(host: str, port: int, **_: Any) -> list[Any]:
        found = table[host.partition(".")[0]]
        if isinstance(found, Exception):
            raise found
        families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in found]
        return [
            (family, socket.SOCK_STREAM, 6, "", (address, port) if family == socket.AF_INET else (address, port, 0, 0))
            for family, address in zip(families, found, strict=True)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


def test_row14_unknown_names_are_named(stand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 14: NXDOMAIN is unreachable and names the host."""
    _names(monkeypatch, gone=socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    failed = unseen(stand(canary="http://gone.example"))
    assert failed.cause is Cause.UNREACHABLE
    assert "gone.example does not resolve: Name or service not known" in failed.detail


def test_row14_a_silent_name_server_ends_at_the_deadline(stand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 14: a lookup knows no deadline, the look does."""
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(60) and [])
    failed = unseen(stand(canary="http://slow.example"), deadline=timedelta(seconds=0.1))
    release.set()
    assert failed.cause is Cause.TIMEOUT
    assert "resolving slow.example" in failed.detail


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "fd00:ec2::254", "100.100.100.200", "::", "10.0.0.7"],
)
def test_row15_names_that_lead_inside_are_refused(stand: Any, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Row 15: a public name behind which stands a metadata or private address is not contacted."""
    _names(monkeypatch, api=[address])
    failed = unseen(stand(canary="http://api.example"))
    assert failed.cause is Cause.REFUSED
    assert address in failed.detail
    assert "nothing was sent" in failed.detail


def test_row15_one_bad_address_among_good_ones_is_enough(stand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 15: an attacker may mix a good answer with a bad one."""
    _names(monkeypatch, api=["8.8.8.8", "127.0.0.1"])
    assert unseen(stand(canary="http://api.example")).cause is Cause.REFUSED


def test_row15_guards_may_name_a_private_host_but_never_metadata(
    serve: Any, stand: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 15: guards.hosts allows a private address, the link-local range stays closed."""
    server = serve(tools.answer())
    _names(monkeypatch, inner=["127.0.0.1"], meta=["169.254.169.254"])
    hosts = ("inner.example", "meta.example")
    assert seen(stand(canary=f"http://inner.example:{server.port}", hosts=hosts)).data["status"] == 200
    assert unseen(stand(canary="http://meta.example", hosts=hosts)).cause is Cause.REFUSED
    for address in ("169.254.169.254", "::ffff:169.254.169.254", "fe80::1%eth0"):
        with pytest.raises(Failure, match="metadata"):
            check_address(address, address, private=True)


def test_row15_hosts_of_nobody_are_refused(serve: Any, stand: Any, tools: Any) -> None:
    """Only hosts of the environment are contacted, whatever asks."""
    server = serve(tools.answer())
    vantage = stand(canary="http://elsewhere.example")
    with pytest.raises(Failure, match="not a host of here") as caught:
        fetch(vantage, Ask(url=server.url), Deadline(SHORT))
    assert caught.value.cause is Cause.REFUSED
    assert server.heard == []


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels refuse where Linux drops")
def test_row16_a_black_hole_beside_a_good_address_is_survived_and_noted(
    serve: Any, stand: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 16: the second address is tried beside the silent first one; which one answered is noted."""
    server = serve(tools.answer())
    with ExitStack() as stack:
        hole = "127.0.0.2"
        listener = stack.enter_context(socket.create_server((hole, server.port), backlog=0))
        _fill(listener, stack)
        _names(monkeypatch, dual=[hole, "127.0.0.1"])
        found = seen(stand(canary=f"http://dual.example:{server.port}", hosts=("dual.example",)))
    assert found.data["address"] == server.where
    assert found.notes == (f"dual.example: {hole} did not answer; used 127.0.0.1",)


def test_row16_an_unreachable_ipv6_address_is_survived_and_noted(
    serve: Any, stand: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 16: an IPv6 address without a listener falls back to IPv4."""
    server = serve(tools.answer())
    _names(monkeypatch, dual=["::1", "127.0.0.1"])
    found = seen(stand(canary=f"http://dual.example:{server.port}", hosts=("dual.example",)))
    assert found.data["address"] == server.where
    assert "::1" in found.notes[0]
    assert "used 127.0.0.1" in found.notes[0]


def test_row17_proxies_and_netrc_of_the_environment_are_ignored(
    serve: Any, stand: Any, tools: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Row 17: neither HTTP_PROXY nor .netrc changes what is sent where."""
    proxy, server = serve(tools.answer()), serve(tools.answer())
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hidden\n", encoding="utf-8")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.setenv("NETRC", str(netrc))
    assert seen(stand(canary=server.url)).data["status"] == 200
    assert proxy.heard == []
    assert b"authorization" not in server.heard[0].lower()


def test_row18_redirect_loops_list_their_hops(serve: Any, stand: Any, tools: Any) -> None:
    """Row 18: a circle ends at once and its hops are named."""
    server = serve(tools.answer(b"", "302 Found", Location="/health"))
    failed = unseen(stand(canary=server.url), follow=True)
    assert failed.cause is Cause.BROKEN
    assert f"in a circle: {server.url}/health -> {server.url}/health" in failed.detail


def test_row18_too_many_redirects(serve: Any, stand: Any, tools: Any) -> None:
    """Row 18: five hops are the most."""
    server = serve(*(tools.answer(b"", "302 Found", Location=f"/{index}") for index in range(9)))
    assert "more than 5 times" in unseen(stand(canary=server.url), follow=True).detail
    assert len(server.heard) == 6


def test_row18_one_redirect_on_the_host_is_followed_when_asked(serve: Any, stand: Any, tools: Any) -> None:
    """A redirect is followed only with follow, and the document is that of the last hop."""
    server = serve(tools.answer(b"", "302 Found", Location="/new"), tools.answer(b'{"status":"healthy"}'))
    document = seen(stand(canary=server.url), follow=True).data
    assert (document["url"], document["status"]) == (f"{server.url}/new", 200)


def test_row19_off_host_redirects_get_zero_bytes(serve: Any, stand: Any, tools: Any) -> None:
    """Row 19: not a byte, above all no key, goes to another host or port."""
    other = serve(tools.answer())
    server = serve(tools.answer(b"", "302 Found", Location=f"{other.url}/collect"))
    side = Side(url=server.url, auth=Auth(kind=AuthKind.API_KEY, secret="TOKEN"))
    failed = unseen(stand(canary=side, other=other.url), follow=True)
    assert failed.cause is Cause.BROKEN
    assert f"off-host to {other.where}; nothing was sent there" in failed.detail
    assert other.heard == []


@pytest.mark.parametrize(
    ("target", "words"),
    [
        pytest.param("http://a.example/x", "from https to http", id="row20-downgrade"),
        pytest.param("//b.example/x", "off-host to b.example", id="row19-scheme-relative"),
        pytest.param("https://me:pw@a.example/", "off-host", id="row19-userinfo"),
        pytest.param("https://a.example:8443/", "off-host", id="row19-other-port"),
        pytest.param("https://a.example:99999/", "no address", id="row19-no-port"),
        pytest.param("file:///etc/passwd", "https to file", id="row19-file"),
    ],
)
def test_redirects_that_are_not_followed(target: str, words: str) -> None:
    """Rows 19 and 20: where a redirect from https://a.example must not lead."""
    with pytest.raises(Failure, match=words) as caught:
        next_hop("https://a.example/health", target)
    assert caught.value.cause is Cause.BROKEN


def test_row20_an_upgrade_on_the_same_host_may_be_followed() -> None:
    """From http to https on the same host is the one redirect that every site has."""
    assert next_hop("http://a.example/x", "https://a.example/x") == "https://a.example/x"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        pytest.param(b"X-Big: " + b"a" * 1_000_000, "Receive buffer too long", id="row31-header-of-1-MB"),
        pytest.param(b"\r\n".join(b"X-%d: 1" % number for number in range(3000)), "3001 headers", id="row31-many"),
        pytest.param(b"X-Odd: a\rb", "illegal header", id="row31-cr-in-value"),
        pytest.param(b"X-Null: a\0b", "illegal header", id="row31-nul-in-value"),
    ],
)
def test_headers_have_caps(serve: Any, stand: Any, raw: bytes, words: str) -> None:
    """Row 31: headers too large, too many or malformed are a broken answer."""
    head = b"HTTP/1.1 200 OK\r\n" + raw + b"\r\nContent-Length: 0\r\n\r\n"
    failed = unseen(stand(canary=serve(lambda conn: conn.sendall(head)).url))
    assert failed.cause is Cause.BROKEN
    assert words in failed.detail


def test_row31_not_http_at_all(serve: Any, stand: Any) -> None:
    """Another protocol on the port is broken, not a traceback."""
    failed = unseen(stand(canary=serve(lambda conn: conn.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")).url))
    assert failed.cause is Cause.BROKEN
    assert "does not speak HTTP/1.1" in failed.detail


@pytest.mark.parametrize(
    ("auth", "line"),
    [
        (Auth(kind=AuthKind.BEARER, secret="TOKEN"), b"authorization: bearer "),
        (Auth(kind=AuthKind.API_KEY, secret="TOKEN", header="X-Ion-Key"), b"x-ion-key: "),
    ],
)
def test_row119_secrets_are_sent_and_stand_in_no_failure(
    serve: Any, stand: Any, tools: Any, auth: Auth, line: bytes
) -> None:
    """Row 119: the secret goes into the request and into nothing that we say ourselves."""
    server = serve(tools.reset)
    sight = look(HttpOptions(side="canary", path="/health"), stand(canary=Side(url=server.url, auth=auth)))
    assert line + tools.secret.encode() in server.heard[0].lower()
    assert tools.secret not in repr(sight)


def test_row119_a_secret_that_no_header_can_hold_is_named_not_shown(stand: Any) -> None:
    """Row 119: the HTTP library would quote the value in its error; it never gets that far."""
    vantage = stand(canary=Side(url="http://127.0.0.1:1", auth=Auth(kind=AuthKind.BEARER, secret="TOKEN")))
    vantage.reveal = lambda _: "hidden\nvalue"
    with pytest.raises(ConfigError, match="the value of TOKEN") as caught:
        look(HttpOptions(side="canary"), vantage)
    assert "hidden" not in str(caught.value)


def test_cookies_are_not_carried_from_look_to_look(serve: Any, stand: Any, tools: Any) -> None:
    """A look does not depend on the looks before it."""
    server = serve(tools.answer(Set_Cookie="session=1; Path=/", Connection=""), keep=True)
    assert seen(stand(canary=server.url), times=2).data["count"] == 2
    assert b"cookie" not in server.heard[1].lower()


def test_an_idle_connection_that_was_closed_is_no_failure(serve: Any, stand: Any, tools: Any) -> None:
    """A kept connection that the server has closed meanwhile is replaced without a word."""
    server = serve(tools.answer())  # closes after each answer without saying so
    assert seen(stand(canary=server.url), times=3).data["requests"][2]["error"] is None


def test_no_tls_context_is_made_without_an_https_address(
    serve: Any, stand: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading the roots costs tens of milliseconds; plain addresses do not pay for it."""

    def forbidden(*_: Any, **__: Any) -> ssl.SSLContext:
        raise AssertionError("a TLS context was made")

    monkeypatch.setattr(ssl, "create_default_context", forbidden)
    assert seen(stand(canary=serve(tools.answer()).url)).data["status"] == 200


def test_many_threads_share_one_client(serve: Any, stand: Any, tools: Any) -> None:
    """Fifty looks from ten threads over one client, each with the answer to its own question."""

    def echo(conn: socket.socket) -> None:
        tools.answer(b'{"path":"%s"}' % server.heard[-1].split(b" ")[1])(conn)

    server = serve(echo)
    vantage = stand(canary=server.url)
    with ThreadPoolExecutor(10) as pool:
        sights = list(pool.map(lambda n: look(HttpOptions(side="canary", path=f"/{n}"), vantage), range(50)))
    assert all(isinstance(sight.outcome, Seen) for sight in sights)
    assert len(server.heard) == 50


def test_importing_the_probes_imports_no_client() -> None:
    """`gonogo list` must not pay for gRPC and httpx."""
    code = "import sys, gonogo.probes; print(sorted({'httpx', 'httpcore', 'grpc', 'google.auth'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "[]"
