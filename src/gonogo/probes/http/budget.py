"""What a look may still spend on the wire: its time, its bytes, and how far it came."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from gonogo.model.evidence import Cause
from gonogo.probes.failure import Failure

SPARE = 128 * 1024  # wire bytes beyond the cap of the body: status line, headers, chunk marks


@dataclass(slots=True, kw_only=True)
class Budget:
    """What one look may still spend, and how far it came; consulted and kept by the stream it runs on."""

    where: str  # host:port
    ends: float  # time.monotonic()
    allowed: float  # seconds, for the message
    wire_bytes: int
    stage: str = "connecting to"
    received: int = 0
    dialled: bool = False
    address: str = ""
    notes: list[str] = field(default_factory=list)
    certificate: Mapping[str, Any] | None = None

    def left(self) -> float:
        """Seconds left; Failure(TIMEOUT) when there are none."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise self.timed_out()
        return left

    def timed_out(self) -> Failure:
        """The deadline as a failure, with the stage it fell into."""
        got = f" ({self.received} bytes received)" if self.dialled or self.received else ""
        return Failure(Cause.TIMEOUT, f"the deadline of {self.allowed:g} s ran out {self.stage} {self.where}{got}")

    def broken(self, error: OSError) -> Failure:
        """A lost connection as a failure, with errno and the bytes that had come."""
        words = f"{error.strerror} (errno {error.errno})" if error.errno else type(error).__name__
        return Failure(
            Cause.UNREACHABLE, f"{self.where}: {words} {self.stage} it, {self.received} bytes received", lost=True
        )


BUDGET: ContextVar[Budget] = ContextVar("budget")
