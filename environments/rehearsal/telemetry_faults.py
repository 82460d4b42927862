"""What each telemetry fault does to requests, resource use, and the text of the system log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from world import BACKGROUND, HOUR, PERSONAS, USERS, Request

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
    factor: float = 1.0  # the duration becomes factor times itself plus added_ms
    added_ms: float = 0.0
    slower_an_hour_ms: float = 0.0  # counted from `oldest` on
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

    def apply(self, request: Request, age: float) -> None:
        """Make it so."""
        slower = self.slower_an_hour_ms * (self.oldest - age) / HOUR if self.slower_an_hour_ms else 0.0
        request.process_time_ms = round(request.process_time_ms * self.factor + self.added_ms + slower, 1)
        request.status = self.status or request.status
        request.error_type = self.error_type or request.error_type
        request.message = self.message or request.message
        request.user_id = self.user_id or request.user_id
        request.retries = self.retries if self.retries >= 0 else request.retries


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How the resource use of one service differs; utilisations are 0-1 of the limit."""

    side: str = "stable"
    memory: float | None = None
    memory_rise: float = 0.0  # in the last twelve hours
    cpu: float | None = None
    active: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemLine:
    """A log line that belongs to no request, `age` seconds before the world's now: a text of the platform,
    or the application's message where it has an error_type.
    """

    age: float
    text: str
    severity: str = "ERROR"
    side: str = "stable"
    error_type: str = ""


def _last_hour(*, share: float, kind: str = "chat", **how: Any) -> Change:
    return Change(oldest=HOUR, share=share, kind=kind, **how)


_INTERNAL: dict[str, Any] = {"status": 500, "error_type": "internal", "message": "Unhandled exception in the handler"}
_ONE_HEALTH_CHECK = 60.0  # seconds: one check a minute, at an even age
_ONE_CHAT = 20.0  # seconds: 180 an hour

REQUESTS: dict[str, tuple[Change, ...]] = {
    "latency-p95-3s": (_last_hour(share=1 / 8, factor=0.1, added_ms=3100),),
    "latency-p99-7s": (Change(oldest=24 * HOUR, share=0.03, factor=0.1, added_ms=7000),),
    "latency-mean-12h": (Change(oldest=11 * HOUR, newest=2 * HOUR, factor=7.8),),
    "latency-p95-12s": (_last_hour(share=1 / 8, factor=0.1, added_ms=12600),),
    "latency-doubling": (Change(oldest=12 * HOUR, slower_an_hour_ms=400),),
    "errors-2pct": (_last_hour(share=0.03, **_INTERNAL),),
    "errors-12h": (Change(oldest=11 * HOUR, newest=2 * HOUR, share=0.03, **_INTERNAL),),
    "errors-60pct": (_last_hour(share=0.6, kind="any", **_INTERNAL),),
    "error-since-deploy": (
        Change(oldest=BACKGROUND - 20 * 60, newest=BACKGROUND - 20 * 60 - _ONE_CHAT + 1e-3, **_INTERNAL),
    ),
    "health-check-failures": tuple(
        Change(
            kind="health",
            oldest=hours * HOUR,
            newest=hours * HOUR - _ONE_HEALTH_CHECK + 1e-3,
            status=503,
            error_type="health_check",
            message="GET /health answered 503",
        )
        for hours in (4, 9, 14, 20)
    ),
    "client-burst": (Change(oldest=54 * 60, newest=52 * 60, user_id=USERS[6], copies=100),),
    "status-takeover": (
        Change(
            oldest=2 * HOUR, share=0.5, status=404, error_type="not_found", message="No such page", user_id="scanner-1"
        ),
    ),
    "persona-silent": (Change(persona=PERSONAS[-1], drop=True),),
    "persona-slow": (Change(persona=PERSONAS[-1], factor=0.4, added_ms=1100),),
    "vertex-timeouts": (
        _last_hour(
            share=0.04,
            status=504,
            error_type="vertex_timeout",
            message="API call timeout: 504 Gateway Timeout from Vertex AI, gave up after 3 attempts",
            retries=2,
        ),
    ),
    "canary-errors-2pct": (Change(side="canary", kind="any", share=0.02, **_INTERNAL),),
    "canary-errors-8pct": (Change(side="canary", kind="any", share=0.08, **_INTERNAL),),
    "canary-errors-yesterday": (
        Change(side="canary", kind="any", oldest=21 * HOUR, newest=19 * HOUR, share=0.5, **_INTERNAL),
    ),
    "canary-slow": (
        Change(side="canary", share=1 / 8, factor=4, added_ms=16000),
        Change(side="canary", kind="health", share=1 / 8, factor=100, added_ms=16000),
    ),
}
RESOURCES: dict[str, tuple[Use, ...]] = {
    "canary-memory-90": (Use(side="canary", memory=0.9),),
    "canary-cpu-90": (Use(side="canary", cpu=0.9),),
    "memory-600mb": (Use(memory=0.586),),
    "memory-rising": (Use(memory_rise=0.165),),
    "memory-full": (Use(memory=1.0),),
    "cpu-85pct": (Use(cpu=0.85),),
    "cpu-95pct": (Use(cpu=0.95),),
    "instances-40": (Use(active=40),),
    "instances-0": (Use(active=0),),
}
_NO_CONNECTION = "Cannot acquire connection from pool: too many connections"
LINES: dict[str, tuple[SystemLine, ...]] = {
    "oom-killed": (
        SystemLine(
            age=12 * 60, error_type="oom", text="OOMKilled: memory limit of 1024 MiB exceeded with 1047 MiB used."
        ),
        SystemLine(age=12 * 60 - 2, text="Starting new instance. Reason: MIN_INSTANCES", severity="INFO"),
    ),
    "error-log-noise": tuple(
        SystemLine(age=150.0 * n, error_type="telemetry", text=f"Could not export {40 + n} spans: queue is full")
        for n in range(1, 21)
    ),
    "db-pool-exhausted": tuple(
        SystemLine(age=600.0 * n, error_type="db_pool", text=_NO_CONNECTION) for n in range(1, 6)
    ),
}
