"""TLS on a connected socket, and in words why a certificate was not accepted."""

from __future__ import annotations

import os
import socket
import ssl
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.model.errors import ConfigError

_NO_CHECK_TIME = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """PEM texts that came with other credentials: a CA to verify with, a certificate and its key to be known by."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = field(default=None, repr=False)


def context(ca: str | None, identity: Identity | None = None) -> ssl.SSLContext:
    """A context that verifies against the bundle `ca` or the identity's CA, or against the roots that httpx brings."""
    import certifi  # noqa: PLC0415 - only where an https address exists

    text = identity.ca if identity and ca is None else None
    try:
        made = ssl.create_default_context(cafile=None if text else ca or certifi.where(), cadata=text)
    except (OSError, ssl.SSLError, ValueError) as error:
        which = ca or "the CA that came with the credentials"
        raise ConfigError(f"{which}: no CA bundle to verify with: {getattr(error, 'strerror', '') or error}") from None
    if identity and identity.certificate and identity.key:
        _known_by(made, identity.certificate, identity.key)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    return made


def _known_by(made: ssl.SSLContext, certificate_text: str, key: str) -> None:
    """Load a client certificate: OpenSSL takes files only, so that one of ours alone exists for a moment."""
    number, name = tempfile.mkstemp(prefix="gonogo-")  # mode 0600
    try:
        with os.fdopen(number, "w", encoding="ascii") as file:
            file.write(f"{certificate_text.strip()}\n{key.strip()}\n")
        # A function in place of a password: OpenSSL would ask for one on the terminal.
        made.load_cert_chain(name, password=lambda: "")
    except (OSError, ValueError):
        raise ConfigError("the client certificate and its key do not load: PEM, unencrypted, of one pair") from None
    finally:
        Path(name).unlink()


def certificate(sock: ssl.SSLSocket) -> Mapping[str, Any]:
    """What the accepted certificate says: until when, and for which names."""
    return _read(sock.getpeercert() or {})


def _read(shown: Mapping[str, Any]) -> dict[str, Any]:
    ends = str(shown.get("notAfter", ""))
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), tz=UTC) if ends else None
    names = [str(value) for kind, value in shown.get("subjectAltName", ()) if kind in ("DNS", "IP Address")]
    return {"not_after": until.isoformat() if until else None, "names": names}


def explain(
    error: ssl.SSLError, *, address: tuple[Any, ...], family: int, host: str, ca: str | None, ends: float
) -> str:
    """Why the handshake failed: notAfter of an expired certificate, the names of a wrong one, the chain."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS handshake failed: {error.reason or error.strerror or type(error).__name__}"
    message = error.verify_message.rstrip(".")
    if error.verify_code in (9, 10):
        shown = _look_again(address, family, host, ca, ends, time_matters=False)
        until = shown.get("not_after") if shown else None
        return f"{message}" + (f": notAfter {until}" if until else "")
    if error.verify_code in (62, 64):
        shown = _look_again(address, family, host, ca, ends, time_matters=True)
        names = ", ".join(shown["names"][:10]) if shown else ""
        return f"{message}" + (f"; it is for {names or 'no name at all'}" if shown is not None else "")
    return f"certificate chain: {message}"


def _look_again(
    address: tuple[Any, ...], family: int, host: str, ca: str | None, ends: float, *, time_matters: bool
) -> Mapping[str, Any] | None:
    """The certificate's own words, by a second handshake that waives the one failed condition and keeps the chain.

    Nothing is ever sent on that connection: it is closed after the handshake.
    """
    lenient = context(ca)
    lenient.check_hostname = False
    if not time_matters:
        lenient.verify_flags |= _NO_CHECK_TIME
    try:
        with socket.socket(family, socket.SOCK_STREAM) as raw:
            raw.settimeout(max(0.001, ends - time.monotonic()))
            raw.connect(address)
            with lenient.wrap_socket(raw, server_hostname=host) as sock:
                return certificate(sock)
    except (OSError, ValueError):
        return None
