"""A recorded timeline sorted for one path and side: who was admitted, who rejected, what was said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gonogo.judges.rate.bounds import breaches
from gonogo.judges.rate.headers import Said, read_headers
from gonogo.judges.rate.queue import queue_of
from gonogo.judges.rate.windows import Span
from gonogo.model.load import Event, OutcomeClass
from gonogo.model.rate_scenes import variant_of
from gonogo.model.ratelimit import Algorithm, Policy, PropertyResult, Shown

_MOST = 3000  # requests of one counter that are judged: the work grows with their square


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One request with what its answer said."""

    event: Event
    said: Said
    span: Span

    @property
    def plain(self) -> bool:
        """Whether it is counted where the policy says; of a variant that is not known."""
        return not variant_of(self.event)

    @property
    def own(self) -> float:
        """Seconds from sending to the answer."""
        return self.event.received - self.event.sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The requests of one counter by time, and the side of it that is judged.

    Before `since` others may have used it.
    """

    side: str
    policy: Policy
    shots: tuple[Shot, ...]
    since: float

    @property
    def idle(self) -> bool:
        """Whether nobody used the counter before."""
        return not self.shots or self.since <= self.shots[0].span.low

    @property
    def mine(self) -> list[Shot]:
        """The plain requests of the side that is judged."""
        return [shot for shot in self.shots if shot.event.side == self.side and shot.plain]

    @property
    def rejects(self) -> list[Shot]:
        """Those of this side that the limiter rejected."""
        return [shot for shot in self.mine if shot.span.rejected]

    def pairs(self) -> list[tuple[Shot, Shot]]:
        """Neighbours of this side with nothing between them and neither overlapping another request."""
        found: list[tuple[Shot, Shot]] = []
        busy = float("-inf")
        for place, (one, two) in enumerate(zip(self.shots, self.shots[1:], strict=False)):
            after = self.shots[place + 2].span.low if place + 2 < len(self.shots) else float("inf")
            alone = (
                one.plain
                and two.plain
                and busy < one.span.low
                and one.span.high < two.span.low
                and two.span.high < after
            )
            if alone and one.event.side == two.event.side == self.side:
                found.append((one, two))
            busy = max(busy, one.span.high)
        return found

    def shown(self, id_: str, verdict: Shown, reason: str, would_fail: str = "") -> PropertyResult:
        """A result of this side and path."""
        return PropertyResult(
            id=id_, side=self.side, path=self.policy.path, verdict=verdict, reason=reason, would_fail=would_fail
        )

    def unlimited_would_show(self) -> bool:
        """Whether a limiter that rejects nothing would be a definite breach: else a missing 429 means nothing."""
        spans = [replace(shot.span, admitted=True, rejected=False, held=False) for shot in self.shots if shot.plain]
        return breaches(self.policy, spans, since=self.since).over is not None


def timeline(events: Iterable[Event], policy: Policy, side: str, *, idle: bool, now: float | None) -> Timeline:
    """The timeline of one side's counter; `now` is the start of the run in seconds since 1970."""
    chosen = [
        event
        for event in events
        if event.endpoint.rpartition(" ")[2] == policy.path and (policy.shared or event.side == side)
    ]
    chosen.sort(key=lambda event: (event.sent, event.received))
    del chosen[_MOST:]
    said = [read_headers(event.headers, now=now + event.received if now else None) for event in chosen]
    if idle:  # an idle limiter's first word is that only this one request was counted
        first = next((word.remaining for word in said if word.remaining is not None), None)
        idle = first is None or first >= policy.at_once - 1
    since = float("-inf") if idle or not chosen else _forgotten(policy, chosen)
    late = policy.window.total_seconds()  # what was given up may still arrive
    shots: list[Shot] = []
    waits = policy.algorithm is Algorithm.LEAKY_BUCKET and queue_of(chosen, policy.reject_status) is not None
    reached = max((_took(event) for event in chosen if event.status in {429, policy.reject_status}), default=late)
    for event, word in zip(chosen, said, strict=True):
        rejected = event.status in {429, policy.reject_status}
        plain = not variant_of(event)
        span = Span(
            low=event.sent,
            # Who waited in the limiter's queue reached it as soon as those that it rejected at once.
            high=max(event.sent, min(event.received, event.sent + reached) if waits else event.received)
            + (0.0 if event.status else late),
            admitted=plain and not rejected and (event.outcome is OutcomeClass.ACCEPTED or 200 <= event.status < 400),
            rejected=rejected,
            held=plain and rejected and event.sent >= since,
        )
        shots.append(Shot(event=event, said=word, span=span))
    return Timeline(side=side, policy=policy, shots=tuple(shots), since=since)


def _took(event: Event) -> float:
    return event.received - event.sent


def _forgotten(policy: Policy, events: Sequence[Event]) -> float:
    """When what came before the run no longer counts: a bucket has to rest until it is full."""
    if not policy.algorithm.bucket:
        return events[0].sent + policy.window.total_seconds() * 2
    full = policy.at_once * policy.window.total_seconds() / policy.limit * (1 + policy.tolerance) + 0.1
    busy = events[0].received
    for event in events:
        if event.sent > busy + full:
            return event.sent
        busy = max(busy, event.received)
    return float("inf")


def spans(shots: Sequence[Shot]) -> list[Span]:
    """The bare times of requests."""
    return [shot.span for shot in shots]
