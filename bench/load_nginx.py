"""nginx with one worker: small keep-alive answers, plain and over TLS, a limiter, and its own count of requests."""

from __future__ import annotations

import ipaddress
import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from load_gear import Gear

_BODY = json.dumps(
    {"status": "healthy", "version": "2.0.0", "components": {"database": "ok", "cache": "ok", "llm_gateway": "ok"}}
)
_CONFIG = """\
daemon off;
worker_processes 1;
worker_rlimit_nofile 16000;
pid {folder}/pid;
error_log {folder}/error.log error;
events {{ worker_connections 12000; }}
http {{
  access_log off;
  default_type application/json;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  {temporary}
  limit_req_zone $server_port zone=sixty:1m rate=60r/s;
  limit_req_status 429;
  ssl_certificate {folder}/certificate.pem;
  ssl_certificate_key {folder}/key.pem;
  server {{
    listen 127.0.0.1:{plain} backlog=8192;
    location / {{ return 200 '{body}'; }}
  }}
  server {{
    listen 127.0.0.1:{tls} ssl backlog=8192;
    location / {{ return 200 '{body}'; }}
  }}
  server {{
    listen 127.0.0.1:{limited};
    root {folder};
    location / {{ limit_req zone=sixty burst=5 nodelay; try_files /answer.json =404; }}
  }}
  server {{
    listen 127.0.0.1:{count};
    location / {{ stub_status; }}
  }}
}}
"""
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_UP_WITHIN_S = 10.0


@dataclass(slots=True, kw_only=True)
class Nginx:
    """Addresses of one that runs, and how many requests it has seen."""

    plain: str
    tls: str
    limited: str
    ca: Path
    count_url: str
    _asked: int = 0

    def count(self) -> int:
        """Requests since it started, without those that asked for this number."""
        self._asked += 1
        with urllib.request.urlopen(self.count_url, timeout=5) as answer:  # noqa: S310 - loopback
            text = answer.read().decode("ascii")
        return int(text.splitlines()[2].split()[2]) - self._asked


@contextmanager
def nginx(gear: Gear) -> Iterator[Nginx]:
    """Up on free ports for as long as it is needed."""
    folder = gear.folder / "nginx"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "answer.json").write_text(_BODY, encoding="utf-8")
    _certify(folder)
    names = ("plain", "tls", "limited", "count")
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    temporary = " ".join(f"{each}_temp_path {folder}/{each};" for each in _TEMPORARY)
    text = _CONFIG.format(folder=folder, body=_BODY, temporary=temporary, **ports)
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    words = gear.server("nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"))
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        try:
            for port in ports.values():
                _await(run, port, folder)
            yield Nginx(
                plain=f"http://127.0.0.1:{ports['plain']}",
                tls=f"https://127.0.0.1:{ports['tls']}",
                limited=f"http://127.0.0.1:{ports['limited']}",
                ca=folder / "certificate.pem",
                count_url=f"http://127.0.0.1:{ports['count']}/",
            )
        finally:
            run.terminate()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _await(run: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    end = time.monotonic() + _UP_WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if run.poll() is not None or time.monotonic() > end:
                log = folder / "error.log"
                told = log.read_text(encoding="utf-8", errors="replace") if log.exists() else "no word"
                raise SystemExit(f"bench: nginx did not start: {told.strip()}") from None
            time.sleep(0.05)
        else:
            return


def _certify(folder: Path) -> None:
    """A certificate of its own for localhost and 127.0.0.1, which is its own authority."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
