"""Host names into addresses that may be contacted, and into a connected socket, all before one deadline."""

from __future__ import annotations

import ipaddress
import os
import selectors
import socket
import threading
import time
from concurrent.futures import Future
from typing import Any

from gonogo.model.evidence import Cause
from gonogo.probes.failure import Failure

Address = tuple[int, tuple[Any, ...]]  # family, socket address
HEAD_START = 0.25  # seconds until the next address is tried beside the first (RFC 8305, connection attempt delay)
_KEPT = 30.0  # seconds that a resolved name stays: within a run a name cannot be rebound under our feet
_METADATA = {"fd00:ec2::254", "100.100.100.200"}  # besides the link-local one of all clouds
_LINK_LOCAL = (ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fe80::/10"))


def is_literal(host: str) -> bool:
    """True if the host is written as an address or as localhost: what is meant is then no secret of the DNS."""
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def check_address(host: str, address: str, *, private: bool) -> None:
    """Failure(REFUSED) for an address that a name must not lead to; `private` allows loopback and RFC 1918."""
    ip: Any = ipaddress.ip_address(address.partition("%")[0])
    if ip.version == 6:
        ip = ip.ipv4_mapped or ip.sixtofour or ip
    where = address if host == address else f"{host} ({address})"
    if str(ip) in _METADATA or any(ip in net for net in _LINK_LOCAL if net.version == ip.version):
        raise Failure(Cause.REFUSED, f"{where} is a link-local or metadata address; nothing was sent")
    if ip.is_unspecified or ip.is_multicast:
        raise Failure(Cause.REFUSED, f"{where} is no address of a server; nothing was sent")
    if not ip.is_global and not private:
        raise Failure(
            Cause.REFUSED,
            f"{where} is a private address behind a public name; nothing was sent (guards.hosts may name {host})",
        )


class Resolver:
    """Names to addresses: one lookup a name for all threads, in a thread of its own since it knows no deadline."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int], tuple[float, Future[list[Address]]]] = {}

    def resolve(self, host: str, port: int, ends: float) -> list[Address]:
        """Addresses in the system's order, families taking turns; Failure if there is none by then."""
        key = (host, port)
        with self._lock:
            since, future = self._known.get(key, (0.0, None))
            failed = future is not None and future.done() and future.exception() is not None
            if future is None or failed or time.monotonic() - since > _KEPT:
                future = Future()
                self._known[key] = (time.monotonic(), future)
                threading.Thread(target=self._look_up, args=(future, host, port), daemon=True).start()
        try:
            return future.result(timeout=max(0.0, ends - time.monotonic()))
        except TimeoutError:
            raise Failure(Cause.TIMEOUT, f"the deadline ran out resolving {host}") from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise Failure(Cause.UNREACHABLE, f"{host} does not resolve: {reason}", lost=True) from None

    def _look_up(self, future: Future[list[Address]], host: str, port: int) -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys((int(row[0]), tuple(row[4])) for row in rows))
            if not found:
                raise OSError(0, "no address")  # noqa: TRY301 - one way out for both kinds of nothing
            future.set_result(_take_turns(found))
        except (OSError, UnicodeError) as error:
            future.set_exception(error if isinstance(error, OSError) else OSError(0, "not a host name"))


def _take_turns(found: list[Address]) -> list[Address]:
    first = [item for item in found if item[0] == found[0][0]]
    second = [item for item in found if item[0] != found[0][0]]
    turns: list[Address] = []
    for index in range(max(len(first), len(second))):
        turns += first[index : index + 1] + second[index : index + 1]
    return turns


def connect(addresses: list[Address], ends: float) -> tuple[socket.socket, list[str]]:
    """A connected socket and what went wrong with the addresses tried before it.

    The next address is tried when one fails, or beside it when it stays silent. OSError of the last one,
    or TimeoutError when the deadline ends it.
    """
    waiting = list(addresses)
    trying: dict[socket.socket, str] = {}
    said: list[str] = []
    last: OSError = OSError(0, "no address")
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or trying:
                if waiting:
                    family, address = waiting.pop(0)
                    begun = _begin(family, address)
                    if isinstance(begun, OSError):
                        last = begun
                        said.append(f"{address[0]}: {begun.strerror}")
                        continue
                    trying[begun] = str(address[0])
                    selector.register(begun, selectors.EVENT_WRITE)
                ready = _wait(selector, ends, more=bool(waiting))
                for sock in ready:
                    selector.unregister(sock)
                    name = trying.pop(sock)
                    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if number == 0:
                        said += [f"{other} did not answer" for other in trying.values()]
                        return sock, said
                    sock.close()
                    last = _os_error(number)
                    said.append(f"{name}: {last.strerror}")
            raise last
        finally:
            for sock in trying:
                sock.close()


def _wait(selector: selectors.BaseSelector, ends: float, *, more: bool) -> list[socket.socket]:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    found = selector.select(min(left, HEAD_START) if more else left)
    return [key.fileobj for key, _ in found if isinstance(key.fileobj, socket.socket)]


def _begin(family: int, address: tuple[Any, ...]) -> socket.socket | OSError:
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        return error
    sock.setblocking(False)
    try:
        sock.connect(address)
    except BlockingIOError:
        pass
    except OSError as error:
        sock.close()
        return error
    return sock


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
