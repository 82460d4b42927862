"""An HTTP server that answers every request after the same delay: one thread, no framework, hundreds of connections."""

from __future__ import annotations

import asyncio
import sys

_BODY = b'{"status": "healthy", "version": "1.2.3"}'
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
    + str(len(_BODY)).encode()
    + b"\r\n\r\n"
    + _BODY
)


class Answering(asyncio.Protocol):
    """Counts the ends of request heads; requests have no body. Answers keep their order: the delay is the same."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.tail = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = transport  # type: ignore[assignment] # a stream server's transport can write

    def data_received(self, data: bytes) -> None:
        """Every complete head is answered later."""
        *heads, self.tail = (self.tail + data).split(b"\r\n\r\n")
        for _ in heads:
            asyncio.get_running_loop().call_later(self.delay_s, self.answer)

    def answer(self) -> None:
        """The one answer there is, if somebody still waits for it."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(_ANSWER)


async def serve(delay_s: float) -> None:
    """Print the port, then answer until killed."""
    server = await asyncio.get_running_loop().create_server(lambda: Answering(delay_s), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) / 1000))
