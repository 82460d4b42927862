"""One connection: bytes of a request out, an answer in, and in a few words why there was none."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import time
from collections.abc import Callable
from typing import Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gonogo.load.request import Place
from gonogo.load.waiting import READ, WRITE, Poller

CLOSED, CONNECTING, HANDSHAKING, OPEN = range(4)
CHUNK = 65_536
_FRAMED = (b"\r\ncontent-length:", b"\r\ntransfer-encoding:")
_LIMIT_HEADERS = (b"ratelimit", b"rate-limit", b"x-rate")
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


class Connection:
    """Sends one request at a time. What it holds of an answer: its status and, on demand, its rate-limit headers."""

    __slots__ = (
        "_address", "_complete", "_head", "_keep", "_out", "_owner", "_parser", "_socket", "_tls",
        "_tls_in", "_tls_out", "busy", "endpoint", "expires", "headers", "intended", "on_header", "on_headers_complete",
        "sent", "state", "status",
    )  # fmt: skip

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._socket: socket.socket | None = None
        self._tls: ssl.SSLObject | None = None
        self._address = 0
        self._out = b""
        self.state = CLOSED
        self.busy = False
        self.endpoint = self.status = self.intended = self.sent = self.expires = 0
        self.headers: list[tuple[str, str]] = []
        if owner.keep_headers:
            self.on_header: Callable[[bytes, bytes], None] = self._on_header
        if owner.headless:  # the answer of HEAD ends with its headers
            self.on_headers_complete: Callable[[], None] = self.on_message_complete
        self._reset()

    def send(self, endpoint: int, intended: int, now: int, expires: int) -> None:
        """Send the request of that number, over a new connection where there is none."""
        self.endpoint = endpoint
        self.intended = intended
        self.sent = now
        self.expires = expires
        self.busy = True
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

    # What httptools calls.

    def on_message_complete(self) -> None:
        """Note how the answer ended; `should_keep_alive` knows it only here."""
        parser = self._parser
        status = parser.get_status_code()
        if status >= 200:  # an informational answer is followed by the true one
            self.status = status
            self._keep = not self._owner.headless and parser.should_keep_alive()
            self._complete += 1

    def _on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        if lower in {b"retry-after", b"date", b"age"} or any(each in lower for each in _LIMIT_HEADERS):
            self.headers.append((lower.decode("latin-1"), value.decode("latin-1")))

    # From here on: the socket.

    def _reset(self) -> None:
        self._parser = HttpResponseParser(self)
        self._complete = 0
        self._keep = False
        self._head: bytes | None = None

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
        self._reset()
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
        self._complete = 0
        self._head = None
        if self.headers:
            self.headers = []
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
            if not (self._owner.headless and self._complete):
                self.lose(f"malformed answer: {type(error).__name__}", now)
                return
        if not self._complete:
            self._remember(data)
            return
        if not self._keep or self._complete > 1 or self._out:
            self.close()
        self.busy = False
        self._owner.ended(self, now, "")

    def _remember(self, data: bytes) -> None:
        """Keep the head of an unfinished answer: whether its end is the end of the stream can be seen only there."""
        if self._head is None:
            self._head = data
        elif _final(self._head) is None:
            self._head += data

    def _end_of_stream(self, now: int) -> None:
        head = _final(self._head or b"")
        if self.busy and head is not None and not any(each in head for each in _FRAMED):
            self.status = self._parser.get_status_code()
            self.close()
            self.busy = False
            self._owner.ended(self, now, "")
        else:
            self.lose("connection closed before the answer was complete" if self._head else "connection closed", now)


def _final(data: bytes) -> bytes | None:
    """The head of the answer in lower case, without informational ones before it; None if it is not complete."""
    head, end, rest = data.partition(b"\r\n\r\n")
    while end and head[9:10] == b"1":
        head, end, rest = rest.partition(b"\r\n\r\n")
    return head.lower() if end else None


def _words(code: int | None) -> str:
    return os.strerror(code).lower() if code else "failed"


def _lost(error: OSError) -> str:
    return f"connection lost: {_words(error.errno)}"
