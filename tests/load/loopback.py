"""A small loopback server of asyncio in a thread of its own, with the manners that a fleet has to live with."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import struct
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from gonogo.model.load import Profile, Target, Workload

Answer = Callable[["Server", asyncio.StreamWriter, bytes], Awaitable[None]]


def head(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()


def plain(status: str, *headers: str, body: bytes = b"ok") -> bytes:
    return head(status, f"Content-Length: {len(body)}", *headers) + body


async def ok(_: Server, writer: asyncio.StreamWriter, __: bytes) -> None:
    writer.write(plain("200 OK"))


async def chunked(_: Server, writer: asyncio.StreamWriter, __: bytes) -> None:
    writer.write(head("200 OK", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n")
    await writer.drain()
    await asyncio.sleep(0.002)
    writer.write(b"6\r\n world\r\n0\r\n\r\n")


async def zipped(_: Server, writer: asyncio.StreamWriter, __: bytes) -> None:
    writer.write(plain("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"x" * 200_000, 0)))


async def close_after(_: Server, writer: asyncio.StreamWriter, __: bytes) -> None:
    writer.write(plain("200 OK", "Connection: close"))
    writer.close()


async def until_close(_: Server, writer: asyncio.StreamWriter, __: bytes) -> None:
    writer.write(head("200 OK") + b"as long as it takes")
    writer.close()


async def truncated(_: Server, writer: asyncio.StreamWriter, __: bytes) -> None:
    writer.write(head("200 OK", "Content-Length: 100") + b"too short")
    writer.close()


async def informed_then_truncated(_: Server, writer: asyncio.StreamWriter, __: bytes) -> None:
    writer.write(head("103 Early Hints", "Link: </a>") + head("200 OK", "Content-Length: 100") + b"too short")
    writer.close()


async def reset(_: Server, writer: asyncio.StreamWriter, __: bytes) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER 0: a RST
    writer.transport.abort()


async def silent(_: Server, __: asyncio.StreamWriter, ___: bytes) -> None:
    return


async def garbage(_: Server, writer: asyncio.StreamWriter, __: bytes) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.9\r\n")


async def informed(_: Server, writer: asyncio.StreamWriter, __: bytes) -> None:
    writer.write(head("103 Early Hints", "Link: </a>") + plain("200 OK"))


async def unauthorized(_: Server, writer: asyncio.StreamWriter, __: bytes) -> None:
    writer.write(plain("401 Unauthorized"))


async def broken(_: Server, writer: asyncio.StreamWriter, __: bytes) -> None:
    writer.write(plain("503 Service Unavailable"))


async def header_only(_: Server, writer: asyncio.StreamWriter, __: bytes) -> None:
    writer.write(head("200 OK", "Content-Length: 5000"))


async def every_third_limited(server: Server, writer: asyncio.StreamWriter, _: bytes) -> None:
    if len(server.seen) % 3 == 0:
        writer.write(plain("429 Too Many Requests", "Retry-After: 2", "X-RateLimit-Remaining: 0", "X-Other: 1"))
    else:
        await asyncio.sleep(0.02)
        writer.write(plain("200 OK", "RateLimit: limit=5"))


def stalling(service: float, every: float, lasts: float) -> Answer:
    async def answer(server: Server, writer: asyncio.StreamWriter, _: bytes) -> None:
        arrived = time.perf_counter()
        into = (arrived - server.started) % every
        stalled = every - lasts
        ready = arrived - into + every if into >= stalled else arrived  # the end of the stall
        await asyncio.sleep(max(0.0, ready + service - time.perf_counter()))
        server.answered.append((arrived, time.perf_counter()))
        writer.write(plain("200 OK"))

    return answer


@dataclass
class Server:
    """Counts requests at its own end: when each arrived, what it said, and both ends of those that a stall holds."""

    answer: Answer
    tls: ssl.SSLContext | None = None
    seen: list[float] = field(default_factory=list)
    answered: list[tuple[float, float]] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0
    started: float = 0.0
    port: int = 0

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(30)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}"

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(lambda _, __: None)
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=self.tls)
        self.port = server.sockets[0].getsockname()[1]
        self.started = time.perf_counter()
        ready.set()
        await self._end.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not writer.is_closing():
                request = await reader.readuntil(b"\r\n\r\n")
                lengths = [each for each in request.lower().split(b"\r\n") if each.startswith(b"content-length:")]
                if lengths:
                    request += await reader.readexactly(int(lengths[0].partition(b":")[2]))
                self.seen.append(time.perf_counter())
                self.heads.append(request)
                await self.answer(self, writer, request)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def closed(**given: Any) -> Profile:
    return Profile(**{"name": "closed", "use": "a test", "workload": Workload.CLOSED, **given})


def arrivals(rate: float, **given: Any) -> Profile:
    return Profile(**{"name": "open", "use": "a test", "workload": Workload.OPEN, "rate": rate, **given})


def target(url: str, side: str = "canary", **given: Any) -> Target:
    return Target(side=side, url=url, **given)


SECOND = timedelta(seconds=1)
