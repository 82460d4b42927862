"""How long a look may take in all, however many requests it makes."""

from __future__ import annotations

import time
from datetime import timedelta


class Deadline:
    """The one total deadline of a look, however many requests it takes."""

    def __init__(self, allowed: timedelta) -> None:
        self.allowed = allowed.total_seconds()
        self.ends = time.monotonic() + self.allowed

    @property
    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.ends - time.monotonic())
