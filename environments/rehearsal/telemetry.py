"""A world's requests and resource use into log lines and minutes of metrics, indexed for quick answers."""

from __future__ import annotations

import math
import random
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from weakref import WeakKeyDictionary, ref

import history
from flow_faults import PATH
from telemetry_faults import LINES, RESOURCES, SystemLine, Use
from world import BACKGROUND, HOUR, PERSONAS, SERVICE_OF_SIDE, Request, World

SEVERITIES = {
    "DEFAULT": 0, "DEBUG": 100, "INFO": 200, "NOTICE": 300, "WARNING": 400,
    "ERROR": 500, "CRITICAL": 600, "ALERT": 700, "EMERGENCY": 800,
}  # fmt: skip
MINUTE = 60
MANY = 500  # requests: so many new ones are sorted in when all are there, fewer one by one
GROWTH, FINITE_BUCKETS = 1.4, 66  # of request latencies in ms: bucket i is [1.4^(i-1), 1.4^i)
_LOG_GROWTH = math.log(GROWTH)


@dataclass(slots=True, kw_only=True)
class Line:
    """One log entry: a JSON payload of the application, or a text of the platform."""

    at: float
    insert_id: str
    severity: int
    service: str
    revision: str
    payload: dict[str, str | int | float] | None = None
    text: str | None = None

    @property
    def key(self) -> tuple[float, str]:
        return (self.at, self.insert_id)


@dataclass(slots=True)
class Cell:
    """The values of one series in one minute."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    buckets: dict[int, int] = field(default_factory=dict)

    def add(self, value: float, bucket: int) -> None:
        self.count += 1
        self.total += value
        self.squares += value * value
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def merge(self, other: Cell) -> None:
        self.count += other.count
        self.total += other.total
        self.squares += other.squares
        for bucket, number in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + number


SeriesKey = tuple[str, str, int]  # service, revision, status


class Telemetry:
    """The index of one world. refresh() takes in what came since; all reading is under world.lock."""

    def __init__(self, world: World) -> None:
        self._world = ref(world)  # weakly, or the index would keep every world that ever was
        self.taken = 0
        self.lines: dict[str, list[Line]] = {}  # by service, oldest first
        self.minutes: dict[SeriesKey, dict[int, Cell]] = {}  # by the minute's end in epoch minutes
        self._numbers = 0
        for line in _other_lines(world):
            self._keep(line, in_order=True)

    @property
    def world(self) -> World:
        """The world of this index; whoever asks the index holds it."""
        world = self._world()
        if world is None:
            raise ReferenceError("the world of this index is gone")
        return world

    def refresh(self, now: float) -> None:
        """Let traffic go on until now, and index every request not yet indexed."""
        history.advance(self.world, now)
        requests = self.world.requests
        many = len(requests) - self.taken > MANY
        for n in range(self.taken, len(requests)):
            self._take(requests[n], in_order=not many)
        self.taken = len(requests)
        if many:
            for lines in self.lines.values():
                lines.sort(key=lambda one: one.key)

    def between(self, service: str | None, first: float, last: float) -> list[Line]:
        """Lines with first <= at <= last, oldest first; of all services if none is named."""
        if self.world.fault("logs-stopped"):
            last = min(last, self.world.now - 3 * HOUR)
        found: list[Line] = []
        for name, lines in self.lines.items():
            if service is None or name == service:
                low = bisect_left(lines, first, key=lambda line: line.at)
                high = bisect_right(lines, last, key=lambda line: line.at)
                found += lines[low:high]
        return found if service is not None else sorted(found, key=lambda line: line.key)

    def _take(self, request: Request, *, in_order: bool) -> None:
        if self.world.fault("persona-silent") and request.persona == PERSONAS[-1]:
            request = replace(request, persona=PERSONAS[0])
        cells = self.minutes.setdefault((request.service, request.revision, request.status), {})
        minute = int(request.at // MINUTE) + 1
        cell = cells.get(minute)
        if cell is None:
            cell = cells[minute] = Cell()
        cell.add(request.process_time_ms, latency_bucket(request.process_time_ms))
        for severity, payload in _payloads(request):
            self._keep(
                Line(
                    at=request.at,
                    insert_id="",
                    severity=SEVERITIES[severity],
                    service=request.service,
                    revision=self._told_revision(request.revision),
                    payload=payload,
                ),
                in_order=in_order,
            )

    def _told_revision(self, revision: str) -> str:
        if self.world.fault("logs-of-old-revision") and revision == self.world.new_revision:
            return self.world.previous_revision
        return revision

    def _keep(self, line: Line, *, in_order: bool) -> None:
        self._numbers += 1
        line.insert_id = f"{self._numbers:010x}"
        lines = self.lines.setdefault(line.service, [])
        if not in_order or not lines or lines[-1].at <= line.at:
            lines.append(line)
        else:
            insort(lines, line, key=lambda one: one.key)


_known: WeakKeyDictionary[World, Telemetry] = WeakKeyDictionary()


def of(world: World, now: float) -> Telemetry:
    """The world's telemetry up to now. Call it, and read what it gives, under world.lock."""
    found = _known.get(world)
    if found is None:
        found = _known[world] = Telemetry(world)
    found.refresh(now)
    return found


def latency_bucket(value_ms: float) -> int:
    """The exponential bucket of a latency: 0 below 1 ms, FINITE_BUCKETS + 1 above the last."""
    if value_ms < 1:
        return 0
    return min(int(math.log(value_ms) / _LOG_GROWTH + 1e-9) + 1, FINITE_BUCKETS + 1)


def _payloads(request: Request) -> Iterator[tuple[str, dict[str, str | int | float]]]:
    """The lines that the application writes for one request: severity and payload.

    A health check that succeeds leaves no line, as in most applications, nor does a request of the flow.
    """
    is_health = request.path.endswith("/health") or request.path == PATH
    is_check, failed = is_health and request.path != PATH, request.status >= 400
    who: dict[str, str | int | float] = {}
    if request.persona:
        who = {"persona_used": request.persona, "user_id": request.user_id, "message_length": request.message_length}
    if not is_health:
        yield (
            "WARNING" if failed else "INFO",
            {
                "type": "response",
                "message": f"{request.method} {request.path} {request.status}",
                "path": request.path,
                "status_code": request.status,
                "process_time_ms": request.process_time_ms,
                "response_time": round(request.process_time_ms / 1000, 4),
                **who,
            },
        )
    if failed:
        yield (
            "ERROR" if request.status >= 500 else "WARNING",
            {
                "type": "health_check" if is_check else "error",
                "error_type": request.error_type or ("health_check" if is_check else f"http_{request.status}"),
                "message": request.message or f"{request.method} {request.path} answered {request.status}",
                "path": request.path,
                "status_code": request.status,
                **_vertex(request),
                **who,
            },
        )
    elif request.retries:
        # A call that was repeated and then answered.
        yield (
            "WARNING",
            {
                "type": "retry",
                "error_type": request.error_type or "vertex_retry",
                "message": request.message,
                "status_code": request.status,
                "outcome": "recovered",
                **_vertex(request),
                **who,
            },
        )


def _vertex(request: Request) -> dict[str, str | int | float]:
    """Service and repeated calls, where Vertex AI was the one that failed."""
    if request.retries or request.error_type.startswith(("vertex", "model_")):
        return {"service": "vertex_ai", "retries": request.retries}
    return {}


def _other_lines(world: World) -> Iterator[Line]:
    """Lines that belong to no request: starts of instances, and what the faults add."""
    seen = [SystemLine(age=BACKGROUND - 1, text="Starting new instance. Reason: DEPLOYMENT_ROLLOUT", severity="INFO")]
    seen += [
        SystemLine(age=hours * HOUR, text="Starting new instance. Reason: AUTOSCALING", severity="INFO")
        for hours in (17, 9, 4)
    ]
    seen += [line for fault in sorted(world.faults) for line in LINES.get(fault, ())]
    for line in sorted(seen, key=lambda one: -one.age):
        at = world.now - line.age
        yield Line(
            at=at,
            insert_id="",
            severity=SEVERITIES[line.severity],
            service=SERVICE_OF_SIDE[line.side],
            revision=history.serving(world, line.side, at),
            payload={"type": "error", "error_type": line.error_type, "message": line.text} if line.error_type else None,
            text=None if line.error_type else line.text,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Resource use of one service in one minute; utilisations are 0-1 of the limit, one instance each."""

    memory: float
    cpu: float
    active: int
    idle: int


@cache
def _noise(name: str) -> tuple[float, ...]:
    rng = random.Random(name)
    return tuple(max(-2.5, min(2.5, rng.gauss(0, 1))) for _ in range(1499))


def usage(world: World, side: str, minute_end: int) -> Usage:
    """Use of a side's service in the minute that ends at this epoch minute: the same at every start."""
    age = world.now - minute_end * MINUTE
    n = round((BACKGROUND - age) / MINUTE)
    noise = _noise(f"memory {side}")[n % 1499], _noise(f"cpu {side}")[n % 1499]
    memory, cpu = 0.29 + 0.004 * noise[0], 0.35 + 0.025 * noise[1]
    active = {"stable": 2 + (n // 37) % 2, "canary": 1, "staging": 1}[side]
    for change in _uses(world, side):
        memory = memory if change.memory is None else change.memory + 0.004 * noise[0]
        memory += change.memory_rise * max(0.0, 1 - age / (12 * HOUR))
        cpu = cpu if change.cpu is None else change.cpu + 0.01 * noise[1]
        active = active if change.active is None else change.active
    memory += world.flowing.leaked(side, minute_end * MINUTE)
    return Usage(memory=min(memory, 1.0), cpu=min(cpu, 1.0), active=active, idle=1 if active else 0)


def _uses(world: World, side: str) -> list[Use]:
    return [use for fault in sorted(world.faults) for use in RESOURCES.get(fault, ()) if use.side == side]
