"""Samples into sequential evidence against the canary, and into the certificate that GO needs.

The false-alarm budget of the rulebook is split: 0.4 errors, 0.4 latency, 0.2 leak. A bound of the certificate is
wrong with a chance of at most canary_trend.GO_ALPHA. evidence.py, certificate.py and leak.py say how the parts work.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np

from gonogo.judges.canary.bounds import Proof
from gonogo.judges.canary.evidence import Array, Dispersion, Race
from gonogo.judges.canary.trend import Trend
from gonogo.model.rulebook import Rulebook
from gonogo.model.units import show_number
from gonogo.model.watch import CANARY, STABLE, Bound, Sample, SideSample, Strength

RESTART = timedelta(minutes=30)
SPLIT = {"error_ratio": 0.4, "latency": 0.4, "memory": 0.2}  # of the false-alarm budget
QUANTILES = (0.5, 0.9, 0.95, 0.99)  # of the stable side, whose exceedance is raced
QUANTILE_WEIGHTS = (0.1, 0.2, 0.4, 0.3)
_SETTLES = 200  # requests of the stable side from which its quantiles are taken


class Sequential:
    """All of the evidence of one watch. The same samples give the same evidence."""

    def __init__(self, rulebook: Rulebook) -> None:
        """Nothing was seen."""
        restarts = max(1, math.ceil(rulebook.for_ / RESTART) - 1)
        alphas = {name: rulebook.false_alarms * share for name, share in SPLIT.items()}
        self._errors = _Raced("error_ratio", (1.0,), rulebook, restarts, alphas["error_ratio"])
        self._latency = _Raced("latency", QUANTILE_WEIGHTS, rulebook, restarts, alphas["latency"])
        self._leak = Trend(rulebook, alphas["memory"])
        self._bounds = [Proof(rule) for rule in rulebook.go if rule.measure != "requests"]
        self._edges: Array | None = None  # latencies that are raced, in ms
        self._settling: dict[float, int] = {}
        self._since: datetime | None = None
        self._restarts = 0

    def feed(self, sample: Sample) -> tuple[tuple[Strength, ...], tuple[Bound, ...]]:
        """Evidence and bounds after this sample."""
        self.add(sample)
        spread = {"error": float(self._errors.dispersion[0]), "latency": float(self._latency.dispersion.max())}
        return (
            (self._errors.strength(), self._latency.strength(), self._leak.strength()),
            tuple(proof.bound(spread, self._leak) for proof in self._bounds),
        )

    def add(self, sample: Sample) -> None:
        """One sample more, and nothing said of it; an alarm is kept."""
        self._since = self._since or sample.since
        due = (sample.since - self._since) // RESTART
        if due > self._restarts:
            self._restarts = due
            self._errors.restart(sample.since)
            self._latency.restart(sample.since)
        canary, stable = (sample.sides.get(name, SideSample()) for name in (CANARY, STABLE))
        if None not in (canary.requests, canary.errors, stable.requests, stable.errors):
            self._errors.add(_array(canary.errors), _array(stable.errors), _both(canary, stable), sample)
        self._race_latency(canary, stable, sample)
        self._leak.add(canary, stable, sample)
        for proof in self._bounds:
            proof.add(canary)

    def _race_latency(self, canary: SideSample, stable: SideSample, sample: Sample) -> None:
        if canary.latency is None or stable.latency is None:
            return
        if self._edges is None:  # settled on samples that are not raced
            for bucket in stable.latency:
                edge = bucket.low if bucket.high is None else bucket.high
                self._settling[edge] = self._settling.get(edge, 0) + bucket.count
            if sum(self._settling.values()) >= _SETTLES:
                self._edges = _quantiles(self._settling)
                self._latency.name([f"{show_number(round(edge, 1))} ms" for edge in self._edges])
            return
        counts = _above_both(canary, stable, self._edges)
        totals = tuple(np.array([float(sum(b.count for b in side.latency or ()))]) for side in (canary, stable))
        self._latency.add(counts[0], counts[1], (totals[0], totals[1]), sample)


class _Raced:
    """One race with its dispersion, and what was seen since each restart."""

    def __init__(
        self, measure: str, weights: tuple[float, ...], rulebook: Rulebook, restarts: int, alpha: float
    ) -> None:
        self.measure = measure
        self._race = Race(weights, margin=rulebook.margin, restarts=restarts)
        self._spread = Dispersion(len(weights))
        self._threshold = -math.log(alpha)
        self._totals = np.zeros((4, len(weights)))  # events and requests of the canary, of the stable side
        self._begun: list[tuple[datetime | None, Array]] = [(None, self._totals.copy())]
        self._names = [""] * len(weights)
        self.alarmed_at: int | None = None

    @property
    def dispersion(self) -> Array:
        return np.asarray(self._spread.ratio()[0])

    def name(self, names: list[str]) -> None:
        self._names = names

    def restart(self, at: datetime) -> None:
        self._race.restart()
        self._begun.append((at, self._totals.copy()))

    def add(self, canary: Array, stable: Array, requests: tuple[Array, Array], sample: Sample) -> None:
        if self._begun[0][0] is None:
            self._begun[0] = (sample.since, self._begun[0][1])
        self._race.add(canary[None, None, :], stable[None, None, :], requests)
        self._spread.add(canary[None, :], stable[None, :], requests)
        if requests[0][0] > 0 and requests[1][0] > 0:
            kinds = len(canary)
            self._totals += np.stack([canary, np.full(kinds, requests[0]), stable, np.full(kinds, requests[1])])
        if self.alarmed_at is None and self._log_e() >= self._threshold:
            self.alarmed_at = sample.seq

    def _log_e(self) -> float:
        return float(self._race.log_e(self._spread.ratio())[0])

    def strength(self) -> Strength:
        parts = self._race.parts(self._spread.ratio())[0]
        start, kind = (int(place) for place in np.unravel_index(int(parts.argmax()), parts.shape))
        since, before = self._begun[start]
        events, asked, others, other_asked = (self._totals - before)[:, kind]
        expected = others * asked / other_asked if other_asked else 0.0
        what = "failed" if self.measure == "error_ratio" else f"took more than {self._names[kind]}"
        if not self._totals[1].any():
            reason = f"{self.measure}: nothing was seen that both sides could be compared by"
        else:
            when = f" since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if since is not None else ""
            said = f"{show_number(float(events))} of {show_number(float(asked))} requests of the canary {what}{when}"
            likely = show_number(round(float(expected), 1))
            reason = f"{self.measure}: {said}, {likely} would be as often as on the stable side"
        return Strength(
            measure=self.measure,
            log_e=self._log_e(),
            threshold=self._threshold,
            seen=float(events),
            expected=float(expected),
            dispersion=float(self.dispersion[kind]),
            alarmed_at=self.alarmed_at,
            since=since,
            reason=reason,
        )


def _array(count: int | None) -> Array:
    return np.array([float(count or 0)])


def _both(canary: SideSample, stable: SideSample) -> tuple[Array, Array]:
    return _array(canary.requests), _array(stable.requests)


def _quantiles(counts: dict[float, int]) -> Array:
    """Upper edges of the buckets in which the quantiles lie."""
    edges = sorted(counts)
    reached = np.cumsum([counts[edge] for edge in edges])
    places = [int(np.searchsorted(reached, quantile * reached[-1])) for quantile in QUANTILES]
    return np.array([edges[min(place, len(edges) - 1)] for place in places])


def _above_both(canary: SideSample, stable: SideSample, edges: Array) -> tuple[Array, Array]:
    """Requests of either side above each edge: of buckets that lie above it as a whole.

    A bucket of the stable side that an edge divides counts as above it where the canary's buckets are finer there:
    what is told of the canary alone must not look like a difference.
    """
    (lows, _, mine), (other_lows, highs, others) = _buckets(canary), _buckets(stable)
    above = np.array([float(mine[lows >= edge].sum()) for edge in edges])
    other = np.array([float(others[other_lows >= edge].sum()) for edge in edges])
    for place, edge in enumerate(edges):
        for at in np.flatnonzero((other_lows < edge) & (highs > edge)):
            if mine[(lows >= edge) & (lows < highs[at])].any():
                other[place] += others[at]
    return above, other


def _buckets(side: SideSample) -> tuple[Array, Array, Array]:
    """Lower edges, upper edges and counts; one latency lies above whatever is below it."""
    found = side.latency or ()
    lows = [bucket.low if bucket.high != bucket.low else np.nextafter(bucket.low, -1) for bucket in found]
    highs = [np.inf if bucket.high is None else bucket.high for bucket in found]
    return np.array(lows), np.array(highs), np.array([float(bucket.count) for bucket in found])
