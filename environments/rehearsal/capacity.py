"""A service with so many workers and so long a time in service: what it bears is known."""

from __future__ import annotations

import heapq
import threading
import time

WORKERS, SERVICE_S = 3, 0.02  # 150 requests a second
FAULT = "canary-saturates-at-150"


class Saturating:
    """Keeps its callers until a worker would have been done with them, first come, first served.

    Workers are moments in a book, not threads: each request is given to the worker that is free first, and its
    caller sleeps until then. A sleep that is a little late holds up nobody else, so the rate is kept exactly.
    """

    def __init__(self, workers: int = WORKERS, service_s: float = SERVICE_S) -> None:
        self._service_s = service_s
        self._free = [0.0] * workers
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Until this request is served."""
        time.sleep(max(0.0, self.book(time.monotonic()) - time.monotonic()))

    def book(self, now: float) -> float:
        """When a request that comes now is served."""
        with self._lock:
            done = max(now, heapq.heappop(self._free)) + self._service_s
            heapq.heappush(self._free, done)
            return done
