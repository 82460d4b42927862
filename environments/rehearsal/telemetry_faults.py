"""What each telemetry fault does to requests, resource use, and the text of the system log."""

from __future__ import annotations

from dataclasses import dataclass

from world import HOUR, Request

EVER = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How requests of one side and an age differ from the healthy ones. `share` is that of all it could be."""

    side: str = "stable"
    kind: str = "chat"  # chat | health | any
    oldest: float = EVER  # seconds before the world's now; traffic after it has a negative age
    newest: float = -EVER
    share: float = 1.0
    persona: str = ""  # only this one's
    factor: float = 1.0
    least_ms: float = 0.0
    status: int = 0
    error_type: str = ""
    message: str = ""
    user_id: str = ""
    retries: int = -1
    copies: int = 1
    drop: bool = False

    def applies(self, request: Request, age: float, lot: float) -> bool:
        """Whether this request is one of those; `lot` is its own number between 0 and 1."""
        if request.side != self.side or not self.newest <= age <= self.oldest:
            return False
        if (self.kind == "chat" and not request.persona) or (self.kind == "health" and request.persona):
            return False
        if self.persona and request.persona != self.persona:
            return False
        # Revisions are drawn from the low end of the lots, so faults take the high end.
        return lot >= 1 - self.share

    def apply(self, request: Request) -> None:
        """Make it so."""
        request.process_time_ms = max(round(request.process_time_ms * self.factor, 1), self.least_ms)
        request.status = self.status or request.status
        request.error_type = self.error_type or request.error_type
        request.message = self.message or request.message
        request.user_id = self.user_id or request.user_id
        if self.retries >= 0:
            request.retries = self.retries


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How the resource use of one service differs; utilisations are 0-1 of the limit."""

    side: str = "stable"
    memory: float | None = None
    memory_rise_a_day: float = 0.0
    cpu: float | None = None
    active: int | None = None
    oldest: float = EVER


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemLine:
    """A line that the platform wrote, `age` seconds before the world's now."""

    age: float
    text: str
    severity: str = "ERROR"
    side: str = "stable"


REQUESTS: dict[str, tuple[Change, ...]] = {}
RESOURCES: dict[str, tuple[Use, ...]] = {}
LINES: dict[str, tuple[SystemLine, ...]] = {}
