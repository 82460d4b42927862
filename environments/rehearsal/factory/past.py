"""What AI Factory's services counted before the rehearsal began, and go on counting: its users' flows.

Paces are those of the ledger where the database holds a row for each, so that both tell the same. A fault that
changes what was counted does so in `behaviour.changed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from factory import ledger
from factory.ledger import Pace
from factory.world import PRODUCTION, World

SINCE_DAYS = 32  # counters are that old
REQUESTS, LATENCY = "http_requests_total", "http_request_duration_seconds"
LLM_CALLS, LLM_COST, LLM_UNREADABLE = "llm_calls_total", "llm_cost_usd_total", "llm_parsing_failures_total"
LLM_LATENCY = "llm_call_duration_seconds"
MCP_TIMEOUTS, BREAKERS = "mcp_call_timeouts_total", "circuit_breaker_state"
HITS, MISSES = "judgment_cache_hits_total", "judgment_cache_misses_total"
ANSWERS = "judgment_answers_total"
POOL_USED, POOL_SIZE = "db_pool_connections_in_use", "db_pool_connections_max"
KINDS: Mapping[str, tuple[str, str]] = {
    REQUESTS: ("counter", "HTTP requests answered"),
    LATENCY: ("histogram", "Seconds from an HTTP request to its answer"),
    LLM_CALLS: ("counter", "Calls of the LLM provider by outcome: ok or error"),
    LLM_LATENCY: ("histogram", "Seconds of a call of the LLM provider"),
    LLM_COST: ("counter", "US dollars that calls of the LLM provider cost"),
    LLM_UNREADABLE: ("counter", "Answers of the LLM that could not be parsed"),
    MCP_TIMEOUTS: ("counter", "Tool calls that timed out"),
    BREAKERS: ("gauge", "1 for the state that a circuit breaker is in"),
    HITS: ("counter", "Judgments answered from the cache"),
    MISSES: ("counter", "Judgments that had to be made"),
    ANSWERS: ("counter", "HTTP answers of judgment by status and by the version that its pod runs"),
    POOL_USED: ("gauge", "Connections to PostgreSQL in use"),
    POOL_SIZE: ("gauge", "Connections to PostgreSQL that may be open"),
}
EXPLANATION_S = 0.2  # explanations of judgments, each by a call of the LLM: 5 a second
EXPLANATION_USD = 0.0001  # 43 dollars a day
JUDGMENT_USD = 0.004
# Of a thousand requests, or calls of the LLM, how many took at most so many seconds.
BOUNDS = ("0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "+Inf")
QUICK = (300, 600, 850, 960, 990, 998, 1000, 1000, 1000, 1000, 1000)
LLM = (0, 20, 300, 700, 930, 995, 999, 1000, 1000, 1000, 1000)
MEAN_S: Mapping[tuple[int, ...], float] = {QUICK: 0.16, LLM: 0.48}
BREAKER_NAMES = ("llm", "mcp", "database")
POOL_OF = 8
STATES = ("CLOSED", "OPEN", "HALF_OPEN")
# Of 1000 requests: (status, the first, how many).
_GOOD = (("200", 0, 988), ("404", 988, 10), ("503", 998, 2))
_PATHS = (
    ("judgment", "POST", "/api/v1/judgment/execute", ledger.JUDGMENT_S, (("200", 0, 1000),)),
    ("judgment", "GET", "/api/v1/judgment/executions/{id}/explanation", EXPLANATION_S, _GOOD),
    ("judgment", "POST", "/api/v1/feedback", ledger.FEEDBACK_S, (("201", 0, 1000),)),
    ("workflow", "POST", "/api/v1/workflow/run", ledger.WORKFLOW_S, (("202", 0, 1000),)),
    ("workflow", "GET", "/api/v1/workflow/instances/{id}", 0.5, _GOOD),
    ("bi", "POST", "/api/v1/bi/query", 2.0, _GOOD),
    ("mcp-hub", "POST", "/api/v1/mcp/call", 0.5, _GOOD),
    ("chat", "POST", "/slack/events", ledger.INTENT_S, (("200", 0, 1000),)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A sample that grows by `amount` with each event of a pace in (since, until], epoch seconds."""

    name: str  # of the sample: a histogram's ends with _bucket, _count or _sum
    labels: Mapping[str, str]
    pace: Pace
    since: float
    until: float | None = None
    amount: float = 1.0

    def at(self, moment: float) -> float | None:
        """The count at this moment; None before there was any."""
        if moment < self.since:
            return None
        return self.amount * self.pace.total(self.since, moment if self.until is None else min(moment, self.until))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A share of judgment's requests during a time, by the label `track`."""

    track: str
    share: float
    since: float
    until: float | None = None


def parts(world: World) -> list[Part]:
    """All requests are the stable pods'; a canary has a tenth of them since T0."""
    born = world.now - SINCE_DAYS * ledger.DAY
    if world.scene not in ("canary", "watch"):
        return [Part(track="stable", share=1, since=born)]
    return [
        Part(track="stable", share=1, since=born, until=world.t0),
        Part(track="stable", share=0.9, since=world.t0),
        Part(track="canary", share=0.1, since=world.t0),
    ]


def flows(world: World) -> list[Flow]:
    """Everything that is counted of production, without what faults change."""
    born = world.now - SINCE_DAYS * ledger.DAY
    whole = [Part(track="stable", share=1, since=born)]
    found: list[Flow] = []
    for service, method, path, every, statuses in _PATHS:
        for part in parts(world) if service == "judgment" else whole:
            labels = {"service": service, "namespace": PRODUCTION, "track": part.track, "path": path}
            found += _of(part, REQUESTS, labels | {"method": method}, every, {"status": statuses})
            found += _histogram(part, LATENCY, labels, every, LLM if every == EXPLANATION_S else QUICK)
    for part in parts(world):
        labels = {"service": "judgment", "namespace": PRODUCTION, "track": part.track}
        found += _of(part, LLM_CALLS, labels, EXPLANATION_S, {"outcome": (("ok", 0, 997), ("error", 997, 3))})
        found += _of(part, LLM_UNREADABLE, labels, EXPLANATION_S, {"": (("", 500, 1),)})
        found += _of(part, LLM_COST, labels, EXPLANATION_S, {"": (("", 0, 1000),)}, amount=EXPLANATION_USD)
        found += _histogram(part, LLM_LATENCY, labels, EXPLANATION_S, LLM)
    return found + list(_of_rows(born))


def _of_rows(born: float) -> Iterator[Flow]:
    """What stands in the database, too: judgments by the LLM, and those from the cache."""
    labels = {"service": "judgment", "namespace": PRODUCTION, "track": "stable"}
    of, hits = ledger.CACHE_HITS
    asked = Pace(every_s=ledger.JUDGMENT_S, of=of, first=10 + ledger.BY_RULE, count=10 - ledger.BY_RULE)
    yield Flow(name=LLM_CALLS, labels=labels | {"outcome": "ok"}, pace=asked, since=born)
    yield Flow(name=LLM_COST, labels=labels, pace=asked, since=born, amount=JUDGMENT_USD)
    yield Flow(name=HITS, labels=labels, pace=Pace(every_s=ledger.JUDGMENT_S, of=of, count=hits), since=born)
    missed = Pace(every_s=ledger.JUDGMENT_S, of=of, first=hits, count=of - hits)
    yield Flow(name=MISSES, labels=labels, pace=missed, since=born)
    hub = {"service": "mcp-hub", "namespace": PRODUCTION, "track": "stable"}
    yield Flow(name=MCP_TIMEOUTS, labels=hub | {"tool": "erp.lookup"}, pace=Pace(every_s=7200), since=born)


def _of(
    part: Part,
    name: str,
    labels: Mapping[str, str],
    every_s: float,
    shares: Mapping[str, tuple[tuple[str, int, int], ...]],
    *,
    amount: float = 1.0,
) -> Iterator[Flow]:
    """A flow for each value of a label: {label: ((value, first, count of 1000), ...)}; no label by an empty name."""
    for label, values in shares.items():
        for value, first, count in values:
            yield Flow(
                name=name,
                labels={**labels, label: value} if label else labels,
                pace=Pace(every_s=every_s / part.share, of=1000, first=first, count=count),
                since=part.since,
                until=part.until,
                amount=amount,
            )


def _histogram(
    part: Part, name: str, labels: Mapping[str, str], every_s: float, within: tuple[int, ...]
) -> Iterator[Flow]:
    bounds = tuple((bound, 0, n) for bound, n in zip(BOUNDS, within, strict=True))
    yield from _of(part, f"{name}_bucket", labels, every_s, {"le": bounds})
    yield from _of(part, f"{name}_count", labels, every_s, {"": (("", 0, 1000),)})
    yield from _of(part, f"{name}_sum", labels, every_s, {"": (("", 0, 1000),)}, amount=MEAN_S[within])


def gauges() -> list[tuple[str, dict[str, str], float]]:
    """(name, labels, value) of what is a state, without what faults change."""
    found = [
        (BREAKERS, {"service": "mcp-hub", "namespace": PRODUCTION, "breaker": name, "state": state}, float(not n))
        for name in BREAKER_NAMES
        for n, state in enumerate(STATES)
    ]
    judgment = {"service": "judgment", "namespace": PRODUCTION}
    return [*found, (POOL_USED, judgment, 2.0), (POOL_SIZE, judgment, float(POOL_OF))]
