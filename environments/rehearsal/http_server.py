"""A loopback HTTP server on threads whose handler is a function, and whose transport can misbehave on demand."""

from __future__ import annotations

import contextlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(kw_only=True)
class Call:
    """One request as a handler sees it. `query` holds the first value of each name."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # lower-case names
    body: bytes
    connection: socket.socket

    def json(self) -> Any:
        """The body as JSON; ValueError if it is none."""
        return json.loads(self.body.decode("utf-8"))

    def bearer(self, secret: str) -> bool:
        """True if the call carries this bearer token."""
        return hmac.compare_digest(self.headers.get("authorization", ""), f"Bearer {secret}")


@dataclass(kw_only=True)
class Reply:
    """An answer. `body` is JSON unless it is bytes; `raw` replaces the whole response, chunk by chunk."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: Iterable[bytes] | None = None
    pause_s: float = 0.0  # between chunks of `raw`


Handler = Callable[[Call], Reply]


class HttpServer:
    """Serves `handler` at `url` until close(). open(False) refuses connections and keeps the port."""

    def __init__(self, handler: Handler, host: str = "127.0.0.1") -> None:
        self._handler = handler
        self._host = host
        # A second socket that is bound and never listens keeps the port while connections are refused.
        self._reservation = _bound(host, 0)
        self.port: int = self._reservation.getsockname()[1]
        self._listener: socket.socket | None = None
        self.open(True)

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}"

    def open(self, wanted: bool) -> None:
        """Listen, or refuse connections."""
        if wanted and self._listener is None:
            listener = _bound(self._host, self.port)
            listener.listen(512)
            self._listener = listener
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        elif not wanted and self._listener is not None:
            listener, self._listener = self._listener, None
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def close(self) -> None:
        self.open(False)
        self._reservation.close()

    def _accept(self, listener: socket.socket) -> None:
        while self._listener is listener:
            try:
                connection, address = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, address), daemon=True).start()

    def _serve(self, connection: socket.socket, address: object) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            _Connection(connection, address, self)  # type: ignore[arg-type]  # this class stands in for the server
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def answer(self, call: Call) -> Reply:
        """The handler's reply; 503 to calls on connections kept alive past a close."""
        return self._handler(call) if self._listener is not None else Reply(status=503, body={"error": "down"})


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if hasattr(socket, "SO_REUSEPORT"):
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "rehearsal"
    sys_version = ""
    timeout = 60

    def __init__(self, connection: socket.socket, address: object, server: BaseServer) -> None:
        self._owner: HttpServer = server  # type: ignore[assignment]
        super().__init__(connection, address, server)

    def _any(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        call = Call(
            method=self.command,
            path=parts.path,
            query={name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
            connection=self.connection,
        )
        reply = self._owner.answer(call)
        if reply.raw is not None:
            self.close_connection = True
            for chunk in reply.raw:
                self.wfile.write(chunk)
                self.wfile.flush()
                time.sleep(reply.pause_s)
            return
        self._write(call, reply)

    def _write(self, call: Call, reply: Reply) -> None:
        headers = {name.lower(): value for name, value in reply.headers.items()}
        body = reply.body
        if not isinstance(body, bytes):
            body = b"" if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8")
            headers.setdefault("content-type", "application/json; charset=utf-8")
        headers.setdefault("content-length", str(len(body)))
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if call.method != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _any

    def log_message(self, *arguments: object) -> None:
        """Say nothing: standard error is for what goes wrong."""
