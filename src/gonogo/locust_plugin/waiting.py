"""Where the fleet waits in a process that belongs to gevent."""

from __future__ import annotations

from time import monotonic

import gevent

from gonogo.load.waiting import Poller, wait

_LONG = 0.05  # s; the hub costs some 0.03 ms of an answer's latency, so that it is asked for long waits only
_FINE = 0.004  # s; gevent wakes to about a millisecond
_YIELD_EVERY_S = 0.02


class Waiting:
    """The fleet's waiting: other greenlets run while there is time, and the last milliseconds are kept exactly."""

    def __init__(self) -> None:
        self._yielded = 0.0

    def __call__(self, poller: Poller, timeout: float) -> list[tuple[int, int]]:
        """What is ready after at most `timeout` seconds."""
        now = monotonic()
        if timeout > _LONG and (fd := poller.fileno()) >= 0:
            ready = poller.poll(0)
            if not ready:
                _wait_read(fd, timeout - _FINE / 2)
                ready = poller.poll(0)
            self._yielded = now
        else:
            ready = wait(poller, min(timeout, _FINE))
        if now - self._yielded > _YIELD_EVERY_S:
            self._yielded = now
            gevent.sleep(0)
        return ready


def _wait_read(fd: int, timeout: float) -> None:
    hub = gevent.get_hub()
    watcher = hub.loop.io(fd, 1)
    try:
        with gevent.Timeout(timeout, exception=False):
            hub.wait(watcher)
    finally:
        watcher.close()
