"""A connection until it stands: addresses in turn, TLS, bytes that the system did not take at once."""

from __future__ import annotations

import errno
import os
import socket
import time
from typing import Any, Protocol

from gonogo.load.answer import Answer
from gonogo.load.request import Place
from gonogo.load.tls import Tls, TlsLost
from gonogo.load.waiting import READ, WRITE, Poller

CLOSED, CONNECTING, HANDSHAKING, OPEN = range(4)
CHUNK = 65_536
clock = time.perf_counter_ns


class Owner(Protocol):
    """Who sends over a connection and is told how each request ended."""

    place: Place
    poller: Poller
    sockets: type[socket.socket]
    by_fd: dict[int, Any]  # Connections
    encoded: list[bytes]
    keep_headers: bool  # those of rate limits
    headless: bool  # the requests are HEAD

    def ended(self, connection: Any, now: int, reason: str) -> None:
        """The request of `connection` has an answer, or none because of `reason`."""
        ...


class Opening(Answer):
    """Knows its socket. What comes of it is told to `_opened` and `lose`."""

    __slots__ = ("_address", "_out", "_owner", "_socket", "_tls", "busy", "expires", "state")

    def __init__(self, owner: Owner) -> None:
        super().__init__(keep_headers=owner.keep_headers, headless=owner.headless)
        self._owner = owner
        self._socket: socket.socket | None = None
        self._tls: Tls | None = None
        self._address = 0
        self._out = b""
        self.state = CLOSED
        self.busy = False
        self.expires = 0

    def connect(self, expires: int) -> None:
        """Open the connection without waiting; a request given meanwhile is sent when it stands."""
        self.expires = expires
        self._address = 0
        self._dial()

    def ready(self, mask: int) -> None:
        """The poller says that there is something to do."""
        if self.state == CONNECTING:
            self._connected()
        elif self.state == HANDSHAKING:
            self._handshake(mask)

    def close(self) -> None:
        """Close it; a request that is under way is forgotten."""
        sock = self._socket
        if sock is not None:
            fd = sock.fileno()
            if self._owner.by_fd.pop(fd, None) is not None:
                self._owner.poller.unregister(fd)
            sock.close()
        self._socket = self._tls = None
        self._out = b""
        self.state = CLOSED

    def lose(self, reason: str, now: int | None = None) -> None:
        """Close it; a request that is under way ends without an answer."""
        raise NotImplementedError

    def _opened(self) -> None:
        raise NotImplementedError

    def _dial(self) -> None:
        owner = self._owner
        family, address = owner.place.addresses[self._address]
        try:
            sock = owner.sockets(family, socket.SOCK_STREAM)
        except OSError as error:
            self.lose(f"no socket: {words(error.errno)}")
            return
        self._socket = sock
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._fresh()
        code = sock.connect_ex(address)
        if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
            self._refused(code)
            return
        self.state = CONNECTING
        fd = sock.fileno()
        owner.poller.register(fd, READ | WRITE)
        owner.by_fd[fd] = self

    def _refused(self, code: int) -> None:
        self.close()
        self._address += 1
        if self._address < len(self._owner.place.addresses):  # nothing was sent yet: another address of the same host
            self._dial()
        else:
            self.lose(f"no connection: {words(code)}")

    def _connected(self) -> None:
        sock = self._socket
        if sock is None:
            return
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._refused(code)
            return
        place = self._owner.place
        if place.tls is None:
            self._opened()
            return
        self._tls = Tls(place.tls, place.host)
        self.state = HANDSHAKING
        self._owner.poller.modify(sock.fileno(), READ)
        self._handshake(0)

    def _handshake(self, mask: int) -> None:
        sock, tls = self._socket, self._tls
        if sock is None or tls is None:
            return
        if mask & WRITE:
            self._flush()
        try:
            stands = tls.handshake(sock.recv(CHUNK) if mask & ~WRITE else None)
        except TlsLost as error:
            self.lose(str(error))
        except BlockingIOError:
            return
        except OSError as error:
            self.lose(f"TLS: {words(error.errno)}")
        else:
            self._flush(tls.outgoing)
            if stands and self.state == HANDSHAKING:
                self._opened()

    def _flush(self, more: bytes = b"") -> None:
        self._out += more
        if not self._out or self._socket is None:
            return
        try:
            count = self._socket.send(self._out)
        except BlockingIOError:
            count = 0
        except OSError as error:
            self.lose(lost(error))
            return
        self._out = self._out[count:]
        self._watch(READ | WRITE if self._out else READ)

    def _watch(self, mask: int) -> None:
        if self._socket is not None:
            self._owner.poller.modify(self._socket.fileno(), mask)


def words(code: int | None) -> str:
    """What the system calls this error."""
    return os.strerror(code).lower() if code else "failed"


def lost(error: OSError) -> str:
    """Why a connection that stood is gone."""
    return f"connection lost: {words(error.errno)}"
