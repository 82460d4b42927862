"""A server that keeps its own time to microseconds: every answer after SERVICE_MS, none during a stall.

`python load_server.py SERVICE_MS STALL_EVERY_S STALL_S` prints its port. When standard input ends it prints one JSON
list: for each request in order of arrival when it came and when its answer was sent, in ns of time().
"""

from __future__ import annotations

import heapq
import json
import select
import socket
import sys
import time

_ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n{"status": "healthy"}'
_SPIN_NS = 1_500_000  # before an answer is due the server does not sleep: epoll counts whole milliseconds
_BOTH = time.time_ns() - time.monotonic_ns()


def clock() -> int:
    """Ns of time() that never go back."""
    return time.monotonic_ns() + _BOTH


class Server:
    """One thread; requests have no body and come one at a time over each connection."""

    def __init__(self, service: int, every: int, lasts: int) -> None:
        self.service, self.every, self.lasts = service, every, lasts
        self.started = clock()
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.open: dict[int, socket.socket] = {}
        self.log: list[list[int]] = []
        self.due: list[tuple[int, int, int]] = []  # when, index into the log, file descriptor

    def ready_at(self, arrived: int) -> int:
        """When a request is answered: after its service, and if it met a stall, after that has ended."""
        into = (arrived - self.started) % self.every if self.every else 0
        stalled = self.every and into >= self.every - self.lasts
        return (arrived - into + self.every if stalled else arrived) + self.service

    def run(self) -> None:
        """Until standard input ends."""
        poller = select.epoll()
        poller.register(self.listening, select.EPOLLIN)
        poller.register(sys.stdin, select.EPOLLIN | select.EPOLLHUP)
        while True:
            left = self.due[0][0] - clock() if self.due else None
            wait = None if left is None else max(0, left - _SPIN_NS) / 1e9
            for fd, _ in poller.poll(wait):
                if fd == sys.stdin.fileno():
                    return
                if fd == self.listening.fileno():
                    accepted, _ = self.listening.accept()
                    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.open[accepted.fileno()] = accepted
                    poller.register(accepted, select.EPOLLIN)
                else:
                    self.read(fd)
            while self.due and self.due[0][0] <= clock():
                self.answer()

    def read(self, fd: int) -> None:
        """A request, or the end of its connection."""
        arrived = clock()
        try:
            data = self.open[fd].recv(65_536)
        except OSError:
            data = b""
        if not data:
            self.open.pop(fd).close()
            return
        heapq.heappush(self.due, (self.ready_at(arrived), len(self.log), fd))
        self.log.append([arrived, 0])

    def answer(self) -> None:
        """The one that is due."""
        _, number, fd = heapq.heappop(self.due)
        if fd in self.open:
            self.open[fd].send(_ANSWER)
            self.log[number][1] = clock()


if __name__ == "__main__":
    milliseconds, every_s, stall_s = map(float, sys.argv[1:4])
    server = Server(int(milliseconds * 1e6), int(every_s * 1e9), int(stall_s * 1e9))
    print(server.listening.getsockname()[1], flush=True)
    server.run()
    print(json.dumps(server.log))
