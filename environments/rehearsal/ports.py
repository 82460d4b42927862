"""A loopback TCP port that is kept for good, and listens, refuses or hands connections to a function."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

OnConnection = Callable[[socket.socket], None]


class Port:
    """One port. Each connection is given to `on_connection` on a thread of its own and closed afterwards."""

    def __init__(self, on_connection: OnConnection, host: str = "127.0.0.1") -> None:
        self._on_connection = on_connection
        self.host = host
        # This socket is bound and never listens: it keeps the port while connections are refused.
        self._reservation = _bound(host, 0)
        self.number: int = self._reservation.getsockname()[1]
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def listening(self) -> bool:
        return self._listener is not None

    def listen(self) -> None:
        """Accept connections from now on."""
        if self._listener is None:
            self._listener = listener = _bound(self.host, self.number)
            listener.listen(512)
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def refuse(self) -> None:
        """Refuse connections from now on, and drop those that are there."""
        if self._listener is not None:
            listener, self._listener = self._listener, None
            end(listener)
            self.drop()

    def drop(self) -> None:
        """End the connections that are there."""
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.refuse()
        self._reservation.close()

    def _accept(self, listener: socket.socket) -> None:
        while self._listener is listener:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):
                self._on_connection(connection)
        finally:
            with self._lock:
                self._open.discard(connection)
            end(connection)


def reserved(host: str) -> socket.socket:
    """A socket that keeps a free port, so that a server of another process can listen there; it never listens."""
    return _bound(host, 0)


def end(connection: socket.socket) -> None:
    """Shut down and close, whatever the other side did before."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        connection.close()


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if hasattr(socket, "SO_REUSEPORT"):
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound
