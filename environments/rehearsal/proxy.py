"""A TCP port in front of a real server's Unix socket, which can also refuse or hang."""

from __future__ import annotations

import contextlib
import socket
import threading
from enum import Enum, auto
from pathlib import Path

from ports import Port, end

_PIECE = 65536


class Mode(Enum):
    """What happens to connections."""

    OPEN = auto()
    REFUSE = auto()
    HANG = auto()


class Proxy:
    """host:port in `address`. Each connection gets one to `target`, a Unix socket, and both end together."""

    def __init__(self, target: Path, host: str = "127.0.0.1") -> None:
        self._target = str(target)
        self._port = Port(self._forward, host)
        self._mode = Mode.REFUSE
        self.address = f"{host}:{self._port.number}"

    def set(self, mode: Mode) -> None:
        """Change what happens; connections that are there end when it is another mode."""
        if mode is self._mode:
            return
        self._mode = mode
        self._port.drop()
        if mode is Mode.REFUSE:
            self._port.refuse()
        else:
            self._port.listen()

    def close(self) -> None:
        self._port.close()

    def _forward(self, client: socket.socket) -> None:
        if self._mode is Mode.HANG:
            while client.recv(_PIECE):
                pass
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            server.connect(self._target)
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy until either side ends, then end both."""
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            sink.sendall(piece)
    with contextlib.suppress(OSError):
        source.shutdown(socket.SHUT_RDWR)
    end(sink)
