"""HOW MUCH: a load profile, what it is aimed at, and the record of what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from gonogo.model.capacity import Steps
from gonogo.model.environment import Auth, Release
from gonogo.model.errors import Origin
from gonogo.model.ratelimit import Policy

REJECTS_WITH = 429  # unless a policy declares another status


class Workload(StrEnum):
    """Who decides when a request is due: a schedule (open), or the answer before it (closed)."""

    OPEN = "open"
    CLOSED = "closed"


class OutcomeClass(StrEnum):
    """How a request ended. `limited` is 429 or the status that a policy declares for rejections; `error` is any other
    status from 400 on and every lost answer.
    """

    ACCEPTED = "accepted"
    LIMITED = "limited"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One way to load: how it sends, when it ends and which properties it must prove.

    An open profile needs `rate` and either `duration` or `requests`; a closed one `requests` or `duration`. One with
    `steps` needs both as bounds of its whole search, and begins at the steps' first rate.
    """

    name: str
    use: str  # for people: what it is good for
    workload: Workload
    requests: int | None = None  # a side; never exceeded
    duration: timedelta | None = None
    delay: timedelta = timedelta(0)  # closed: between an answer and the next request of one user
    rate: float | None = None  # open: arrivals a second, a side
    connections: int = 1  # a side; closed: its users
    ramp: timedelta = timedelta(0)  # open: time until the full rate; closed: until every user has started
    sides_together: bool = True  # False where the sides share a counter
    proves: tuple[str, ...] = ()  # ids of properties
    watches: tuple[str, ...] = ()  # ids of properties that fail a run which shows them broken, and need not be shown
    abort_error_ratio: float | None = None  # 0-1; more errors than this stop the run, or the step
    steps: Steps | None = None  # open: the search of a capacity run
    origin: Origin = field(default=Origin(file="?"), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One endpoint of one side. `headers` are sent as they stand and never printed: they may hold `auth`'s secret."""

    side: str
    url: str  # scheme://host:port of the side
    method: str = "GET"
    path: str = "/"
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    ca: str | None = None
    auth: Auth = field(default_factory=Auth)
    reject_status: int = REJECTS_WITH

    @property
    def endpoint(self) -> str:
        """What the record calls it: method and path without the query."""
        return f"{self.method} {self.path.partition('?')[0]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One request of a rate-limit run. Times are seconds since the start of the run; status 0 is no answer."""

    side: str
    endpoint: str
    intended: float
    sent: float
    received: float
    status: int
    outcome: OutcomeClass
    headers: tuple[tuple[str, str], ...] = ()  # those of rate limits, names in lower case
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySummary:
    """Latencies of one outcome class in ms, from the intended time in an open workload; zeros when count is 0."""

    count: int = 0
    min: float = 0.0
    mean: float = 0.0
    p50: float = 0.0
    p90: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    max: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Latencies of one endpoint and outcome class, as an encoded HDR histogram in microseconds."""

    endpoint: str
    outcome: OutcomeClass
    encoded: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Answers of one outcome class that came within one interval; latencies in ms, at most 0.8 % above the truth."""

    index: int  # of the interval; the run starts with 0
    outcome: OutcomeClass
    count: int
    p50: float
    p95: float
    p99: float
    max: float  # exact to the us
    buckets: tuple[tuple[int, int], ...] = ()  # place -> how many: what is merged


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One side over time, in intervals of equal width. Intervals in which nothing happened are left out."""

    interval_ms: int
    begins: float  # s since the start of the run: when the side was in use
    ends: float
    moments: tuple[Moment, ...]  # by outcome class, then by time
    sent: Mapping[int, int]  # interval -> requests
    requested: Mapping[int, int] | None  # interval -> requests that were due; None: no schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class SideRecord:
    """What one side answered. Rates are requests a second over the time in which the side was sent to."""

    side: str
    requested_rate: float | None  # None: closed, or as fast as it goes
    achieved_rate: float
    requests: int  # sent
    outcomes: Mapping[OutcomeClass, LatencySummary]
    histograms: tuple[Histogram, ...] = ()
    statuses: Mapping[int, int] = field(default_factory=dict)  # 0: no answer
    errors: Mapping[str, int] = field(default_factory=dict)  # lost answers by reason
    series: Series | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRecord:
    """One load run, merged from its workers. `aborted` says why it ended early, `burned` whose errors did that."""

    run_id: str
    profile: Profile
    environment: str
    started: datetime
    ended: datetime
    sides: tuple[SideRecord, ...]
    events: tuple[Event, ...] = ()  # only of rate-limit runs
    workers_expected: int = 1
    workers_seen: int = 1
    aborted: str | None = None
    burned: tuple[str, ...] = ()
    release: Release | None = None  # what the environment says goes out
    policies: Mapping[str, Policy] = field(default_factory=dict)  # side -> what is declared of its path
