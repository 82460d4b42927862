"""One connection: bytes of a request out, an answer in, and in a few words why there was none."""

from __future__ import annotations

from httptools import HttpParserError, HttpParserUpgrade

from gonogo.load.opening import CHUNK, CLOSED, OPEN, Opening, Owner, clock, lost
from gonogo.load.tls import Tls, TlsLost
from gonogo.load.waiting import READ, WRITE


class Connection(Opening):
    """Sends one request at a time and knows the answer to the last one."""

    __slots__ = ("endpoint", "intended", "sent")

    def __init__(self, owner: Owner) -> None:
        super().__init__(owner)
        self.endpoint = self.intended = self.sent = 0

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

    def ready(self, mask: int) -> None:
        """The poller says that there is something to do."""
        if self.state != OPEN:
            super().ready(mask)
            return
        if mask != READ:
            if mask & WRITE and self._out:
                self._flush()
            if self.state != OPEN or not mask & ~WRITE:
                return
        try:
            data = self._socket.recv(CHUNK)  # type: ignore[union-attr]
        except BlockingIOError:
            return
        except OSError as error:
            self.lose(lost(error))
            return
        now = clock()
        if not data:
            self._end_of_stream(now)
        elif self._tls is None:
            self._take(data, now)
        else:
            self._decrypt(self._tls, data, now)

    def lose(self, reason: str, now: int | None = None) -> None:
        """Close it; a request that is under way ends without an answer."""
        self.close()
        if self.busy:
            self.busy = False
            self.status = 0
            self._owner.ended(self, now or clock(), reason)

    def _opened(self) -> None:
        self.state = OPEN
        if self._socket is not None and self._tls is None:
            self._watch(READ)
        if self.busy:
            self.sent = clock()
            self._write(self._owner.encoded[self.endpoint])

    def _write(self, request: bytes) -> None:
        if self._tls is not None:
            try:
                request = self._tls.encrypt(request)
            except TlsLost as error:
                self.lose(str(error))
                return
        if self._out:  # the end of a handshake still waits
            self._out += request
            return
        try:
            count = self._socket.send(request)  # type: ignore[union-attr]
        except BlockingIOError:
            count = 0
        except OSError as error:
            self.lose(lost(error))
            return
        if count != len(request):
            self._out = request[count:]
            self._watch(READ | WRITE)

    def _decrypt(self, tls: Tls, data: bytes, now: int) -> None:
        try:
            plain = tls.decrypt(data)
        except TlsLost as error:
            self.lose(str(error), now)
            return
        if plain:
            self._take(plain, now)
        if self._tls is not tls:
            return
        if tls.ended:
            self._end_of_stream(now)
        elif more := tls.outgoing:
            self._flush(more)

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
