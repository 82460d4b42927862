"""What a rate limiter is declared to do, what a timeline shows of it, and what is inferred without a declaration."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Algorithm(StrEnum):
    """How a limiter counts."""

    NONE = "none"
    FIXED_WINDOW = "fixed_window"
    SLIDING_LOG = "sliding_log"
    SLIDING_COUNTER = "sliding_counter"
    TOKEN_BUCKET = "token_bucket"  # noqa: S105 - a way of counting
    LEAKY_BUCKET = "leaky_bucket"
    GCRA = "gcra"

    @property
    def bucket(self) -> bool:
        """Whether it refills steadily: at most `burst` at once and `limit` a `window` for ever."""
        return self in {Algorithm.TOKEN_BUCKET, Algorithm.LEAKY_BUCKET, Algorithm.GCRA}


class Dialect(StrEnum):
    """How the limiter speaks of itself in headers."""

    ANY = "any"
    NONE = "none"
    DRAFT = "draft"  # RateLimit-Policy and RateLimit, drafts 07 to 11
    DRAFT_OLD = "draft_old"  # RateLimit-Limit, -Remaining, -Reset, drafts 00 to 06
    LEGACY_EPOCH = "legacy_epoch"  # X-RateLimit-*, reset in seconds since 1970
    LEGACY_EPOCH_MS = "legacy_epoch_ms"
    LEGACY_DELTA = "legacy_delta"  # X-RateLimit-*, reset in seconds from now
    LEGACY_DATE = "legacy_date"  # X-RateLimit-*, reset as an HTTP date


class Scope(StrEnum):
    """What a counter is of."""

    ADDRESS = "address"
    KEY = "key"
    ROUTE = "route"
    SERVICE = "service"  # one counter for everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is declared of one path. `none` promises that nothing is ever rejected.

    `burst` is the most a bucket admits at once, `limit` where it is None. `aligned` says where a fixed window opens:
    at the clock (True), at its first request (False), not known (None). `shared`: both sides feed one counter.
    `tolerance` is a share of the limit by which a limiter may miss it. `counts_rejected`: rejected requests count too.
    `per` says what each has a counter of its own; empty: not declared.
    """

    path: str
    algorithm: Algorithm
    limit: int = 0
    window: timedelta = timedelta(0)
    burst: int | None = None
    reject_status: int = 429
    retry_after: bool = False
    headers: Dialect = Dialect.ANY
    shared: bool = False
    tolerance: float = 0.0
    aligned: bool | None = None
    counts_rejected: bool = False
    per: tuple[Scope, ...] = ()

    def __post_init__(self) -> None:
        if self.algorithm is not Algorithm.NONE and (self.limit < 1 or self.window <= timedelta(0)):
            raise ValueError(f"a policy of {self.algorithm} needs limit >= 1 and window > 0")
        if self.burst is not None and self.burst < 1:
            raise ValueError("a policy needs burst >= 1")
        if not 0 <= self.tolerance < 1:
            raise ValueError("a policy needs 0 <= tolerance < 1")

    @property
    def at_once(self) -> int:
        """The most that an idle limiter admits at once."""
        return self.burst if self.burst is not None and self.algorithm.bucket else self.limit


class Shown(StrEnum):
    """What a timeline shows of a property."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    NOT_VISIBLE = "not_visible"


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyResult:
    """One property of one side; `reason` says what was seen, `would_fail` what would have made it fail.

    `spent` counts the requests that were sent for it; one may be sent for several.
    """

    id: str
    side: str
    path: str
    verdict: Shown
    reason: str
    would_fail: str = ""
    spent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inferred:
    """A limiter that nobody declared, as its answers show it."""

    algorithm: Algorithm
    limit: int
    window: timedelta
    burst: int | None = None
    refill: float | None = None  # a second
    reject_status: int | None = None
    headers: Dialect = Dialect.NONE
    confidence: float = 0.0
    requests: int = 0
    notes: tuple[str, ...] = field(default=())
