"""A loopback HTTP server on threads whose handler is a function, and whose transport can misbehave on demand."""

from __future__ import annotations

import hmac
import json
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ports import Port

BODY_LIMIT = 1 << 20


@dataclass(kw_only=True)
class Call:
    """One request as a handler sees it. `query` holds the first value of each name."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # lower-case names
    body: bytes
    connection: socket.socket
    names: frozenset[str] = frozenset()  # of the headers, as they were sent
    target: str = ""  # path and query, as they were sent

    def json(self) -> Any:
        """The body as JSON; ValueError if it is none."""
        return json.loads(self.body.decode("utf-8"))

    def form(self) -> dict[str, str]:
        """The query, and over it the body when that is a form."""
        values = dict(self.query)
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            values |= {name: found[0] for name, found in parse_qs(self.body.decode("utf-8")).items()}
        return values

    def bearer(self, secret: str) -> bool:
        """True if the call carries this bearer token."""
        return hmac.compare_digest(self.headers.get("authorization", "").encode(), f"Bearer {secret}".encode())


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
        self._port = Port(lambda connection: _Connection.serve(connection, self), host)
        self._port.listen()

    @property
    def url(self) -> str:
        return f"http://{self._port.host}:{self._port.number}"

    def open(self, wanted: bool) -> None:
        """Listen, or refuse connections."""
        if wanted:
            self._port.listen()
        else:
            self._port.refuse()

    def close(self) -> None:
        self._port.close()

    def answer(self, call: Call) -> Reply:
        return self._handler(call)


class _Connection(BaseHTTPRequestHandler):
    """Requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    server_version = "rehearsal"
    sys_version = ""
    timeout = 60
    wbufsize = -1  # one packet a response
    owner: HttpServer

    @classmethod
    def serve(cls, connection: socket.socket, owner: HttpServer) -> None:
        """Answer until the other side is done."""
        handler = cls.__new__(cls)
        handler.owner = owner
        cls.__init__(handler, connection, connection.getpeername(), None)  # type: ignore[arg-type]  # no socketserver

    def _any(self) -> None:
        parts = urlsplit(self.path)
        length = min(int(self.headers.get("content-length") or 0), BODY_LIMIT)
        call = Call(
            method=self.command,
            path=parts.path,
            query={name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
            connection=self.connection,
            names=frozenset(self.headers),
            target=self.path,
        )
        reply = self.owner.answer(call)
        if reply.raw is None:
            self._write(call, reply)
            return
        self.close_connection = True
        for chunk in reply.raw:
            self.wfile.write(chunk)
            self.wfile.flush()
            time.sleep(reply.pause_s)

    def _write(self, call: Call, reply: Reply) -> None:
        headers = {name.lower(): value for name, value in reply.headers.items()}
        body = reply.body
        if not isinstance(body, bytes):
            body = b"" if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8")
            headers.setdefault("content-type", "application/json; charset=utf-8")
        headers.setdefault("content-length", str(len(body)))
        self.send_response_only(reply.status)
        headers.setdefault("date", self.date_time_string())
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if call.method != "HEAD":
            self.wfile.write(body)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Every method of HTTP goes one way: do_GET, do_POST ..."""
        if name.startswith("do_"):
            return self._any
        raise AttributeError(name)

    def log_message(self, *arguments: object) -> None:
        """Say nothing: standard error is for what goes wrong."""
