"""The one place where the fleet waits: the system's own sockets and poller, also in a process that gevent patched."""

from __future__ import annotations

import select
import selectors
import socket
import sys
from types import ModuleType
from typing import Any, Protocol

READ, WRITE = 1, 4  # the bits of epoll
FINE = 0.002  # seconds; epoll counts whole milliseconds, so shorter waits are made by select
SPIN = 0.0002  # seconds; shorter than what a timer of the kernel may be late


class Poller(Protocol):
    """What `select.epoll` offers. `fileno` may be waited on by an outer loop."""

    def register(self, fd: int, eventmask: int, /) -> None:
        """Start to watch `fd`."""
        ...

    def modify(self, fd: int, eventmask: int, /) -> None:
        """Watch `fd` for something else."""
        ...

    def unregister(self, fd: int, /) -> None:
        """Watch `fd` no longer."""
        ...

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
        """Pairs of file descriptor and mask."""
        ...

    def fileno(self) -> int:
        """Its own descriptor, or -1."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


class Wait(Protocol):
    """Returns what is ready, after at most `timeout` seconds. Called once in every turn of the loop."""

    def __call__(self, poller: Poller, timeout: float) -> list[tuple[int, int]]:
        """Pairs of file descriptor and mask."""
        ...


class Portable:
    """A selector of the standard library in the shape of epoll, for systems without it."""

    def __init__(self) -> None:
        self._selector: selectors.BaseSelector = original(selectors, "DefaultSelector")()

    def register(self, fd: int, eventmask: int, /) -> None:
        """Start to watch `fd`."""
        self._selector.register(fd, self._bits(eventmask))

    def modify(self, fd: int, eventmask: int, /) -> None:
        """Watch `fd` for something else."""
        self._selector.modify(fd, self._bits(eventmask))

    def unregister(self, fd: int, /) -> None:
        """Watch `fd` no longer."""
        self._selector.unregister(fd)

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:  # noqa: ARG002
        """Pairs of file descriptor and mask."""
        ready = self._selector.select(timeout)
        return [
            (key.fd, (READ if bits & selectors.EVENT_READ else 0) | (WRITE if bits & selectors.EVENT_WRITE else 0))
            for key, bits in ready
        ]

    def fileno(self) -> int:
        """The selector's own descriptor, or -1 where it has none."""
        fileno = getattr(self._selector, "fileno", None)
        return int(fileno()) if fileno else -1

    def close(self) -> None:
        """Give the selector back."""
        self._selector.close()

    @staticmethod
    def _bits(mask: int) -> int:
        return (selectors.EVENT_READ if mask & READ else 0) | (selectors.EVENT_WRITE if mask & WRITE else 0)


def original(module: ModuleType, name: str) -> Any:
    """`module.name` as it was before gevent's patches; AttributeError where the system has none."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey.get_original(module.__name__, name) if monkey else getattr(module, name)


def poller() -> Poller:
    """Epoll where there is one."""
    try:
        made: Poller = original(select, "epoll")()
    except AttributeError:
        return Portable()
    return made


def socket_class() -> type[socket.socket]:
    """The socket of the standard library, never gevent's."""
    found: type[socket.socket] = original(socket, "socket")
    return found


_select = original(select, "select")


def wait(poller: Poller, timeout: float) -> list[tuple[int, int]]:
    """Wait to about 0.1 ms: whole milliseconds by the poller, the rest by select, the last bit not at all."""
    if timeout <= SPIN:
        return poller.poll(0)
    if timeout > FINE:
        return poller.poll(timeout - FINE / 2) if timeout < 1 else poller.poll(timeout)
    fd = poller.fileno()
    if 0 <= fd < 1024:
        _select([fd], [], [], timeout - SPIN)
    return poller.poll(0)
