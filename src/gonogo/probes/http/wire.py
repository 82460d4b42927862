"""httpx requests onto the wire: every connect, read and write under the deadline and the caps of its look.

httpx's own timeouts start anew with every read, so a server that drips one byte at a time is never timed out.
Here httpx sits on httpcore's connection pool with a network backend of ours that knows the look's budget.
This module imports httpx; import it when the first request goes out.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from gonogo import __version__
from gonogo.model.evidence import Cause
from gonogo.probes import addresses, tls
from gonogo.probes.failure import Failure
from gonogo.probes.http.budget import BUDGET

_IDLE = 2.0  # seconds a connection is kept: shorter than any server keeps it, so that none is closed under us


class _Stream(httpcore.NetworkStream):
    """A socket that asks the budget of the look in whose thread it is used."""

    def __init__(self, sock: socket.socket, host: str, address: tuple[Any, ...], backend: _Backend) -> None:
        self._sock = sock
        self._host = host
        self._address = address
        self._backend = backend
        self.certificate: Mapping[str, Any] | None = None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the budget knows
        budget = BUDGET.get()
        self._sock.settimeout(budget.left())
        try:
            data = self._sock.recv(max_bytes)
        except TimeoutError:
            raise budget.timed_out() from None
        except OSError as error:
            raise budget.broken(error) from None
        budget.received += len(data)
        if budget.received > budget.wire_bytes:
            raise Failure(Cause.BROKEN, f"{budget.where} sent more than the cap of {budget.wire_bytes} bytes")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        budget = BUDGET.get()
        budget.stage = "sending to"
        try:
            while buffer:
                self._sock.settimeout(budget.left())
                buffer = buffer[self._sock.send(buffer) :]
        except TimeoutError:
            raise budget.timed_out() from None
        except OSError as error:
            # httpcore then still reads what a server said before it hung up.
            raise httpcore.WriteError(str(error)) from None
        finally:
            budget.stage = "waiting for the answer of"

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        budget = BUDGET.get()
        budget.stage = "in the TLS handshake with"
        host = server_hostname or self._host
        try:
            self._sock.settimeout(budget.left())
            wrapped = ssl_context.wrap_socket(self._sock, server_hostname=host)
        except TimeoutError:
            self._sock.close()
            raise budget.timed_out() from None
        except ssl.SSLError as error:
            family = self._sock.family
            self._sock.close()
            words = tls.explain(
                error, address=self._address, family=family, host=host, ca=self._backend.ca, ends=budget.ends
            )
            raise Failure(Cause.UNREACHABLE, f"{budget.where}: {words}") from None
        except OSError as error:
            self._sock.close()
            raise budget.broken(error) from None
        stream = _Stream(wrapped, self._host, self._address, self._backend)
        stream.certificate = tls.certificate(wrapped)
        return stream

    def get_extra_info(self, info: str) -> Any:
        if info == "server_addr":
            return self._address
        if info == "certificate":
            return self.certificate
        if info == "is_readable":
            return _readable(self._sock)
        return None


def _readable(sock: socket.socket) -> bool:
    """True if a read would not wait: on an idle connection that means that the server has closed it."""
    number = sock.fileno()
    if number < 0:
        return True
    if not hasattr(select, "poll"):
        return bool(select.select([number], [], [], 0)[0])
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))


class _Backend(httpcore.NetworkBackend):
    """Dials only what `private` and the address check allow."""

    def __init__(self, ca: str | None, resolver: addresses.Resolver, private: Callable[[str], bool]) -> None:
        self.ca = ca
        self._resolver = resolver
        self._private = private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        budget = BUDGET.get()
        budget.left()
        budget.stage = "connecting to"
        budget.dialled = True
        host = host.strip("[]")
        found = self._resolver.resolve(host, port, budget.ends)
        for _, address in found:
            addresses.check_address(host, str(address[0]), private=self._private(host))
        try:
            sock, said = addresses.connect(found, budget.ends)
        except TimeoutError:
            raise budget.timed_out() from None
        except OSError as error:
            raise Failure(
                Cause.UNREACHABLE, f"{budget.where}: {error.strerror} (errno {error.errno})", lost=True
            ) from None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = sock.getpeername()
        if said and host != "localhost":
            budget.notes.append(f"{host}: {'; '.join(said)}; used {peer[0]}")
        return _Stream(sock, host, peer, self)


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()


class Wire(httpx.BaseTransport):
    """One pool a thread: httpcore's pool looks at all its connections for every request, under one lock."""

    def __init__(
        self,
        ca: str | None,
        resolver: addresses.Resolver,
        private: Callable[[str], bool],
        identity: tls.Identity | None = None,
    ) -> None:
        self._backend = _Backend(ca, resolver, private)
        self._ca = ca
        self._identity = identity
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        self._mine = threading.local()
        self._pools: list[httpcore.ConnectionPool] = []

    def _tls_context(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = tls.context(self._ca, self._identity)
            return self._context

    def _pool(self, scheme: str) -> httpcore.ConnectionPool:
        pool: httpcore.ConnectionPool | None = getattr(self._mine, scheme, None)
        if pool is None:
            pool = httpcore.ConnectionPool(
                ssl_context=self._tls_context() if scheme == "https" else None,
                max_connections=4,
                keepalive_expiry=_IDLE,
                network_backend=self._backend,
            )
            setattr(self._mine, scheme, pool)
            with self._lock:
                self._pools.append(pool)
        return pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer with its body still on the wire."""
        url = request.url
        target = request.extensions.get("target", url.raw_path)
        response = self._pool(url.scheme).handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=target),
                headers=request.headers.raw,
                content=request.stream,
            )
        )
        return httpx.Response(
            response.status, headers=response.headers, stream=_Body(response.stream), extensions=response.extensions
        )

    def close(self) -> None:
        """Close the pools of all threads."""
        with self._lock:
            for pool in self._pools:
                pool.close()
            self._pools.clear()


def client(ca: str | None, private: Callable[[str], bool], identity: tls.Identity | None = None) -> httpx.Client:
    """The client of one environment and identity: no environment proxies, no .netrc, no cookies, no redirects."""
    return httpx.Client(
        transport=Wire(ca, addresses.Resolver(), private, identity),
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # noqa: S113 - the budget of each look is the timeout, and a stricter one
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={
            "User-Agent": f"gonogo/{__version__}",
            "Accept": "application/json, */*;q=0.1",
            "Accept-Encoding": "gzip",
        },
    )
