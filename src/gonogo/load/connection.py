"""One connection: bytes of a request out, an answer in, and in a few words why there was none."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import time
from typing import Protocol

from httptools import HttpParserError, HttpParserUpgrade

from gonogo.load.answer import Answer
from gonogo.load.request import Place
from gonogo.load.waiting import READ, WRITE, Poller

CLOSED, CONNECTING, HANDSHAKING, OPEN = range(4)
CHUNK = 65_536
clock = time.perf_counter_ns


class Owner(Protocol):
    """Who sends over a connection and is told how each request ended."""

    place: Place
    poller: Poller
    sockets: type[socket.socket]
    by_fd: dict[int, Connection]
    encoded: list[bytes]
    keep_headers: bool  # those of rate limits
    headless: bool  # the requests are HEAD

    def ended(self, connection: Connection, now: int, reason: str) -> None:
        """The request of `connection` has an answer, or none because of `reason`."""
        ...


class Connection(Answer):
    """Sends one request at a time and knows the answer to the last one."""

    __slots__ = (
        "_address", "_out", "_owner", "_socket", "_tls", "_tls_in", "_tls_out",
        "busy", "endpoint", "expires", "intended", "sent", "state",
    )  # fmt: skip

    def __init__(self, owner: Owner) -> None:
        super().__init__(keep_headers=owner.keep_headers, headless=owner.headless)
        self._owner = owner
        self._socket: socket.socket | None = None
        self._tls: ssl.SSLObject | None = None
        self._address = 0
        self._out = b""
        self.state = CLOSED
        self.busy = False
        self.endpoint = self.intended = self.sent = self.expires = 0

    def send(self, endpoint: int, intended: int, now: int, expires: int) -> None:
        """Send the request of that number, over a new connection where there is none."""
        self.endpoint = endpoint
        self.intended = intended
        self.sent = now
        self.expires = expires
        self.busy = True
        self._complete = 0
        self._head = None
        if self.headers:
            self.headers = []
        if self.state == OPEN:
            self._write(self._owner.encoded[endpoint])
        elif self.state == CLOSED:
            self.connect(expires)

    def connect(self, expires: int) -> None:
        """Open the connection without waiting; a request given meanwhile is sent when it stands."""
        self.expires = expires
        self._address = 0
        self._dial()

    def ready(self, mask: int) -> None:
        """The poller says that there is something to do."""
        if self.state == OPEN:
            if mask & WRITE and self._out:
                self._flush()
            if mask & ~WRITE and self.state == OPEN:
                self._read()
        elif self.state == CONNECTING:
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
        self.close()
        if self.busy:
            self.busy = False
            self.status = 0
            self._owner.ended(self, now or clock(), reason)

    def _dial(self) -> None:
        owner = self._owner
        family, address = owner.place.addresses[self._address]
        try:
            sock = owner.sockets(family, socket.SOCK_STREAM)
        except OSError as error:
            self.lose(f"no socket: {_words(error.errno)}")
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
            self.lose(f"no connection: {_words(code)}")

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
        self._tls_in, self._tls_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = place.tls.wrap_bio(self._tls_in, self._tls_out, server_hostname=place.host)
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
            if mask & ~WRITE:
                data = sock.recv(CHUNK)
                if data:
                    self._tls_in.write(data)
                else:
                    self._tls_in.write_eof()
            tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush(self._tls_out.read())
        except ssl.SSLCertVerificationError as error:
            self.lose(f"TLS: {error.verify_message.rstrip('.')}")
        except ssl.SSLError as error:
            self.lose(f"TLS: {error.reason or error.strerror or type(error).__name__}")
        except BlockingIOError:
            return
        except OSError as error:
            self.lose(f"TLS: {_words(error.errno)}")
        else:
            self._flush(self._tls_out.read())
            if self.state == HANDSHAKING:
                self._opened()

    def _opened(self) -> None:
        self.state = OPEN
        if self._socket is not None and self._tls is None:
            self._owner.poller.modify(self._socket.fileno(), READ)
        if self.busy:
            self.sent = clock()
            self._write(self._owner.encoded[self.endpoint])

    def _write(self, request: bytes) -> None:
        if self._tls is not None:
            try:
                self._tls.write(request)
            except ssl.SSLError as error:
                self.lose(f"TLS: {error.reason or type(error).__name__}")
                return
            request = self._tls_out.read()
        if self._out:  # the end of a handshake still waits
            self._out += request
            return
        try:
            count = self._socket.send(request)  # type: ignore[union-attr]
        except BlockingIOError:
            count = 0
        except OSError as error:
            self.lose(_lost(error))
            return
        if count != len(request):
            self._out = request[count:]
            self._watch(READ | WRITE)

    def _flush(self, more: bytes = b"") -> None:
        self._out += more
        if not self._out or self._socket is None:
            return
        try:
            count = self._socket.send(self._out)
        except BlockingIOError:
            count = 0
        except OSError as error:
            self.lose(_lost(error))
            return
        self._out = self._out[count:]
        self._watch(READ | WRITE if self._out else READ)

    def _watch(self, mask: int) -> None:
        if self._socket is not None:
            self._owner.poller.modify(self._socket.fileno(), mask)

    def _read(self) -> None:
        try:
            data = self._socket.recv(CHUNK)  # type: ignore[union-attr]
        except BlockingIOError:
            return
        except OSError as error:
            self.lose(_lost(error))
            return
        now = clock()
        if not data:
            self._end_of_stream(now)
        elif self._tls is None:
            self._take(data, now)
        else:
            self._tls_in.write(data)
            self._decrypt(self._tls, now)

    def _decrypt(self, tls: ssl.SSLObject, now: int) -> None:
        while self._tls is tls:
            try:
                data = tls.read(CHUNK)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as error:
                self.lose(f"TLS: {error.reason or type(error).__name__}", now)
                return
            if not data:  # close_notify
                self._end_of_stream(now)
                return
            self._take(data, now)
            if not self._tls_in.pending and not tls.pending():
                break
        if self._tls is tls and self._tls_out.pending:  # a key update asks for an answer
            self._flush(self._tls_out.read())

    def _take(self, data: bytes, now: int) -> None:
        if not self.busy:  # nobody asked
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not (self._headless and self._complete):
                self.lose(f"malformed answer: {type(error).__name__}", now)
                return
        if not self._complete:
            self._remember(data)
            return
        if not self._keep or self._complete > 1 or self._out:
            self.close()
        self.busy = False
        self._owner.ended(self, now, "")

    def _end_of_stream(self, now: int) -> None:
        if self.busy and self._ends_with_stream():
            self.close()
            self.busy = False
            self._owner.ended(self, now, "")
        else:
            self.lose("connection closed before the answer was complete" if self._head else "connection closed", now)


def _words(code: int | None) -> str:
    return os.strerror(code).lower() if code else "failed"


def _lost(error: OSError) -> str:
    return f"connection lost: {_words(error.errno)}"
