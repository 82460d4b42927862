"""The address of a back end into host, port, file and the question whether it must be encrypted."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

from gonogo.model.environment import BackEnd
from gonogo.model.errors import ConfigError, Origin
from gonogo.probes.addresses import check_address
from gonogo.probes.base import Vantage


def host_and_port(back_end: BackEnd, name: str, *, default_port: int) -> tuple[str, int]:
    """`db.internal:5432`, `[::1]:5432` or a bare host; ConfigError for anything else."""
    address = back_end.address
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        host, port = address, str(default_port)
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not host or "/" in host or "@" in host or (":" in host and not bracketed) or not port.isdecimal():
        raise ConfigError(f"back end {name}: the address is host:port, not {address!r}", back_end.origin)
    return host, int(port)


def needs_no_tls(back_end: BackEnd, host: str) -> bool:
    """True on this machine, unless a CA of its own asks for encryption there too."""
    return back_end.ca is None and is_loopback(host)


def is_loopback(host: str) -> bool:
    """True for an address of this machine, and for the name `localhost`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


def ca_file(back_end: BackEnd, vantage: Vantage) -> str | None:
    """The CA bundle of a back end; ConfigError if it is named and not there."""
    if back_end.ca is None:
        return None
    path = environment_file(back_end.ca, vantage)
    if not path.is_file():
        raise ConfigError(f"the CA bundle {back_end.ca} is not there", back_end.origin)
    return str(path)


def check_place(host: str, port: int) -> None:
    """Failure(REFUSED) if the name leads to a link-local or metadata address. A name that does not resolve passes:
    the client says that better. Back ends such as databases are at home on private addresses.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return
    for row in found:
        check_address(host, str(row[4][0]), private=True)


def project_file(path: str, vantage: Vantage) -> Path:
    """A file that a checklist names, or a record of the project: relative names start from the project's folder."""
    return inside(_project(vantage), path, _project(vantage), vantage.environment.origin)


def environment_file(path: str, vantage: Vantage) -> Path:
    """A file that an environment names: relative names start from the folder of the environment files."""
    return inside(Path(vantage.base), path, _project(vantage), vantage.environment.origin)


def _project(vantage: Vantage) -> Path:
    return Path(vantage.base).absolute().parent


def inside(start: Path, path: str, project: Path, origin: Origin | None = None) -> Path:
    """The file; ConfigError if a relative name, or a link that it leads through, leaves the project."""
    if not path or "\0" in path:
        raise ConfigError(f"{path!r} is no file name", origin)
    found = start / path
    if not Path(path).is_absolute() and not found.resolve().is_relative_to(project.resolve()):
        raise ConfigError(f"{path!r} leads out of the project", origin)
    return found
