"""TLS: verified against the given CA, refused otherwise."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from loopback import Answer, Server, arrivals, chunked, close_after, closed, ok, silent, target, until_close, zipped

from gonogo.load.fleet import Fleet
from gonogo.model.errors import ConfigError


@dataclass(frozen=True)
class Made:
    ca: str
    other_ca: str
    server: ssl.SSLContext
    other_name: ssl.SSLContext


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


def _authority(folder: Path, name: str) -> tuple[str, x509.Certificate, ec.EllipticCurvePrivateKey]:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(_name(name), _name(name), key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return str(path), made, key


def _server(
    folder: Path, host: str, authority: tuple[str, x509.Certificate, ec.EllipticCurvePrivateKey]
) -> ssl.SSLContext:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(authority[1].subject, _name(host), key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(authority[2], hashes.SHA256())
    )
    path = folder / f"server-{host}.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("tls")
    authority = _authority(folder, "ours")
    return Made(
        ca=authority[0],
        other_ca=_authority(folder, "theirs")[0],
        server=_server(folder, "localhost", authority),
        other_name=_server(folder, "elsewhere", authority),
    )


@pytest.mark.parametrize(
    ("answer", "connections"), [(ok, 2), (chunked, 2), (zipped, 2), (close_after, 11), (until_close, 11)]
)
def test_tls(made: Made, answer: Answer, connections: int) -> None:
    """The same answers as without TLS, over connections that are kept."""
    with Server(answer, tls=made.server) as server:
        side = Fleet(closed(requests=11, connections=2), [target(server.url, ca=made.ca)]).run().sides[0]
        assert len(server.seen) == 11
        assert server.connections == connections
    assert (side.statuses, side.errors) == ({200: 11}, {})


def test_large_bodies_over_tls(made: Made) -> None:
    """A body larger than the socket's buffer arrives whole."""
    body = b"x" * 8_000_000
    with Server(ok, tls=made.server) as server:
        side = Fleet(closed(requests=2), [target(server.url, ca=made.ca, method="POST", body=body)]).run().sides[0]
        assert [each.endswith(body) for each in server.heads] == [True, True]
    assert side.statuses == {200: 2}


def test_an_open_workload_over_tls(made: Made) -> None:
    """Arrivals find their connections open: no handshake is counted in."""
    with Server(ok, tls=made.server) as server:
        side = Fleet(arrivals(100, requests=50, connections=20), [target(server.url, ca=made.ca)]).run().sides[0]
        assert len(server.seen) == 50
    assert side.statuses == {200: 50}


@pytest.mark.parametrize("which", ["wrong CA", "no CA", "wrong name"])
def test_what_is_not_verified_is_not_asked(made: Made, which: str) -> None:
    """An unknown issuer or another host's certificate: an error that says so, and no request is sent."""
    tls = made.other_name if which == "wrong name" else made.server
    ca = {"wrong CA": made.other_ca, "no CA": None, "wrong name": made.ca}[which]
    with Server(ok, tls=tls) as server:
        side = Fleet(closed(requests=3), [target(server.url, ca=ca)]).run().sides[0]
        assert not server.seen
    assert side.statuses == {0: 3}
    (reason,) = side.errors
    assert ("Hostname mismatch" if which == "wrong name" else "certificate") in reason


def test_a_handshake_has_the_same_deadline() -> None:
    """A server that never shakes hands costs one deadline."""
    with Server(silent) as server:
        url = server.url.replace("http", "https")
        side = Fleet(closed(requests=2), [target(url)], deadline=timedelta(seconds=0.2)).run().sides[0]
    assert side.errors == {"no answer within the deadline of 0.2 s": 2}


def test_a_missing_bundle_is_named() -> None:
    """A CA file that is not there is a configuration error before anything is sent."""
    with pytest.raises(ConfigError, match=r"/nowhere\.pem: no CA bundle"):
        Fleet(closed(requests=1), [target("https://localhost:1", ca="/nowhere.pem")])
