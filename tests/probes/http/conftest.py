"""A loopback server that misbehaves byte by byte as a test says, certificates of its own, and a vantage point."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gonogo.model.environment import Auth, BackEnd, Environment, Guards, Side
from gonogo.probes.base import Vantage

Handler = Callable[[socket.socket], None]
SECRET = "s3cr3t-planted-value"


@dataclass(slots=True)
class Served:
    """A running server: what it heard, one entry a connection."""

    port: int
    scheme: str = "http"
    heard: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def where(self) -> str:
        return f"127.0.0.1:{self.port}"


def _read_request(conn: Any) -> bytes:
    heard = b""
    while b"\r\n\r\n" not in heard:
        chunk = conn.recv(65536)
        if not chunk:
            return heard
        heard += chunk
    head, _, body = heard.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            while len(body) < int(line.split(b":")[1]):
                body += conn.recv(65536)
    return head + b"\r\n\r\n" + body


def answer(body: bytes = b"{}", status: str = "200 OK", **headers: str) -> Handler:
    """One answer with a right Content-Length, the last of its connection: nobody asks again as it is being closed."""
    lines = {"Content-Type": "application/json", "Connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    raw = f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body
    return lambda conn: conn.sendall(raw)


def reset(conn: socket.socket) -> None:
    """End the connection with RST instead of FIN."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


class Tools:
    """What the tests of this folder share: with importlib mode a test module has no siblings to import."""

    answer = staticmethod(answer)
    reset = staticmethod(reset)
    secret = SECRET


@pytest.fixture
def tools() -> type[Tools]:
    return Tools


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Start a server: each connection gets the next of `handlers`, the last one for ever."""
    listeners: list[socket.socket] = []
    stop = threading.Event()

    def start(*handlers: Handler, tls: ssl.SSLContext | None = None, keep: bool = False) -> Served:
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        listeners.append(listener)
        served = Served(port=listener.getsockname()[1], scheme="https" if tls else "http")

        def one(raw: socket.socket, index: int) -> None:
            with contextlib.suppress(OSError, ValueError), raw:
                raw.settimeout(30)
                conn = tls.wrap_socket(raw, server_side=True) if tls else raw
                with conn:
                    while True:
                        heard = _read_request(conn)
                        if not heard:
                            return
                        served.heard.append(heard)
                        handlers[min(index, len(handlers) - 1)](conn)
                        if not keep:
                            return

        def loop() -> None:
            index = 0
            while not stop.is_set():
                try:
                    conn, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(conn, index), daemon=True).start()
                index += 1

        threading.Thread(target=loop, daemon=True).start()
        return served

    yield start
    stop.set()
    for listener in listeners:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def stand() -> Iterator[Callable[..., Vantage]]:
    """A vantage point on sides given as name=url or name=Side."""
    made: list[Vantage] = []

    def start(*, hosts: tuple[str, ...] = (), base: Path | str = ".", **sides: str | Side) -> Vantage:
        environment = Environment(
            name="here",
            system="ion",
            describe="A fault server",
            sides={name: Side(url=side) if isinstance(side, str) else side for name, side in sides.items()},
            back_ends={"one": BackEnd(address="", auth=Auth())},
            guards=Guards(hosts=hosts),
        )
        made.append(
            Vantage(
                environment=environment,
                release=None,
                now=datetime.now(tz=UTC),
                t0=None,
                reveal=lambda name: SECRET if name == "TOKEN" else "",
                base=str(base),
            )
        )
        return made[-1]

    yield start
    for vantage in made:
        vantage.close()


@dataclass(frozen=True, slots=True)
class Certificates:
    """Server contexts by what is wrong with them, and the CA bundle that signed them."""

    ca: Path
    contexts: dict[str, ssl.SSLContext]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A CA and one server certificate a fault, made anew for each session."""
    folder = tmp_path_factory.mktemp("tls")
    now = datetime.now(tz=UTC)
    ca_key, ca_name = ec.generate_private_key(ec.SECP256R1()), _name("fault CA")
    ca = _sign(ca_name, ca_key, ca_name, ca_key, now + timedelta(days=30), None)
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    contexts: dict[str, ssl.SSLContext] = {}
    for fault, days, names in (
        ("good", 300, ["127.0.0.1"]),
        ("soon", 3, ["127.0.0.1"]),
        ("expired", -1, ["127.0.0.1"]),
        ("wrong-host", 300, ["other.example"]),
        ("self-signed", 300, ["127.0.0.1"]),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        issuer, issuer_key = (_name(fault), key) if fault == "self-signed" else (ca_name, ca_key)
        made = _sign(_name(fault), key, issuer, issuer_key, now + timedelta(days=days), names)
        file = folder / f"{fault}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
        contexts[fault] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[fault].load_cert_chain(file)
    return Certificates(ca=folder / "ca.pem", contexts=contexts)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _sign(  # noqa: PLR0917 - subject, issuer, end and names, each with its key
    subject: x509.Name, key: Any, issuer: x509.Name, issuer_key: Any, until: datetime, names: list[str] | None
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=400))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if names is not None:
        shown = [_general(name) for name in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(shown), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _general(name: str) -> x509.GeneralName:
    if name[0].isdigit():
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)
