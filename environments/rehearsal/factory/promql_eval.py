"""A PromQL tree and samples into numbers, as Prometheus 2 computes them: lookback, extrapolation, resets, buckets."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from factory.promql import AGGREGATIONS, COMPARISONS, Aggregation, Binary, Function, Node, Number, Selector

LOOKBACK_S = 300.0
Labels = dict[str, str]
Points = tuple[list[float], list[float]]  # times, values; oldest first
Wanted = Callable[[Labels], bool]
# Samples of every series of a name from a time to another, both included; those that are not wanted may be left out.
Read = Callable[[str, float, float, Wanted], Iterable[tuple[Labels, list[tuple[float, float]]]]]
Key = tuple[tuple[str, str], ...]
_NAME = "__name__"


class NoVector(ValueError):
    """Two series where one is needed, or a range where a number is."""


@dataclass(slots=True)
class Evaluation:
    """One query over [start, end]: what it needs is read once, then computed at any time between."""

    read: Read
    start: float
    end: float
    _held: dict[Selector, list[tuple[Labels, Points]]] = field(default_factory=dict)

    def at(self, node: Node, at: float) -> dict[Key, float] | float:
        """A number, or numbers by their labels."""
        match node:
            case Number():
                return node.value
            case Selector():
                return self._instant(node, at)
            case Function():
                return self._function(node, at)
            case Aggregation():
                return _aggregate(node, _vector(self.at(node.inside, at)))
            case Binary():
                return _binary(node.sign, self.at(node.left, at), self.at(node.right, at))

    def samples(self, selector: Selector, at: float) -> list[tuple[Labels, Points]]:
        """The samples of a range, series with none left out."""
        found = []
        for labels, (times, values) in self._read(selector):
            low = bisect_left(times, at - (selector.over or 0.0) - 1e-9)
            high = bisect_right(times, at + 1e-9)
            if low < high:
                found.append((labels, (times[low:high], values[low:high])))
        return found

    def _read(self, selector: Selector) -> list[tuple[Labels, Points]]:
        if selector not in self._held:
            back = LOOKBACK_S if selector.over is None else selector.over
            rows = []

            def fits(labels: Labels) -> bool:
                return all(matcher.fits(labels) for matcher in selector.matchers)

            for labels, points in self.read(selector.name, self.start - back, self.end, fits):
                if points and fits(labels):
                    rows.append((dict(labels), ([t for t, _ in points], [v for _, v in points])))
            self._held[selector] = rows
        return self._held[selector]

    def _instant(self, selector: Selector, at: float) -> dict[Key, float]:
        found = {}
        for labels, (times, values) in self._read(selector):
            place = bisect_right(times, at + 1e-9) - 1
            if place >= 0 and at - times[place] <= LOOKBACK_S:
                found[_key({_NAME: selector.name, **labels})] = values[place]
        return found

    def _function(self, node: Function, at: float) -> dict[Key, float]:
        if node.name == "vector":
            return {(): node.inside.value} if isinstance(node.inside, Number) else {}
        if node.name == "histogram_quantile":
            return _histogram(node.quantile, _vector(self.at(node.inside, at)))
        selector = node.inside
        assert isinstance(selector, Selector)  # noqa: S101 - the parser holds it
        found: dict[Key, float] = {}
        for labels, (times, values) in self.samples(selector, at):
            value = _ranged(node.name, times, values, at, selector.over or 0.0)
            if value is not None:
                kept = {_NAME: selector.name, **labels} if node.name == "last_over_time" else labels
                found[_key(kept)] = value
        return found


def _ranged(name: str, times: list[float], values: list[float], at: float, over: float) -> float | None:
    match name:
        case "rate":
            grown = _increase(times, values, at, over)
            return None if grown is None else grown / over
        case "increase":
            return _increase(times, values, at, over)
        case "avg_over_time":
            return math.fsum(values) / len(values)
        case "max_over_time":
            return max(values)
        case "min_over_time":
            return min(values)
        case "sum_over_time":
            return math.fsum(values)
        case "count_over_time":
            return float(len(values))
        case _:
            return values[-1]


def _increase(times: list[float], values: list[float], at: float, over: float) -> float | None:
    """Growth of a counter with its resets, extrapolated to the edges of the range unless it began or ended inside."""
    if len(times) < 2:
        return None
    grown = values[-1] - values[0]
    grown += math.fsum(before for before, value in pairwise(values) if value < before)
    sampled = times[-1] - times[0]
    mean = sampled / (len(times) - 1)
    to_start, to_end = times[0] - (at - over), at - times[-1]
    if grown > 0 and values[0] >= 0:
        to_start = min(to_start, sampled * (values[0] / grown))
    reach = sampled
    for each in (to_start, to_end):
        reach += each if each < mean * 1.1 else mean / 2
    return grown * reach / sampled


def _histogram(quantile: float, buckets: Mapping[Key, float]) -> dict[Key, float]:
    groups: dict[Key, list[tuple[float, float]]] = {}
    for key, count in buckets.items():
        labels = dict(key)
        edge = labels.pop("le", None)
        labels.pop(_NAME, None)
        try:
            groups.setdefault(_key(labels), []).append((float(edge or ""), count))
        except ValueError:
            continue
    return {key: _quantile(quantile, sorted(found)) for key, found in groups.items()}


def _quantile(quantile: float, buckets: list[tuple[float, float]]) -> float:
    """Linear inside the bucket in which the rank lies; the last finite edge for what lies above it."""
    if not 0 <= quantile <= 1:
        return math.copysign(math.inf, quantile)
    if len(buckets) < 2 or not math.isinf(buckets[-1][0]):
        return math.nan
    most = 0.0
    for place, (edge, count) in enumerate(buckets):
        most = max(most, count)
        buckets[place] = (edge, most)
    if buckets[-1][1] == 0 or math.isnan(buckets[-1][1]):
        return math.nan
    rank = quantile * buckets[-1][1]
    place = next((n for n, (_, count) in enumerate(buckets[:-1]) if count >= rank), len(buckets) - 1)
    if place == len(buckets) - 1:
        return buckets[-2][0]
    edge, count = buckets[place]
    if place == 0:
        return edge if edge <= 0 else edge * (rank / count)
    low, before = buckets[place - 1]
    return low + (edge - low) * ((rank - before) / (count - before))


def _aggregate(node: Aggregation, vector: Mapping[Key, float]) -> dict[Key, float]:
    groups: dict[Key, list[float]] = {}
    for key, value in vector.items():
        labels = dict(key)
        groups.setdefault(_key({name: labels[name] for name in node.by if name in labels}), []).append(value)
    return {key: _AGGREGATE[node.name](values) for key, values in groups.items()}


_AGGREGATE: dict[str, Callable[[list[float]], float]] = dict(
    zip(
        AGGREGATIONS,
        (math.fsum, lambda values: math.fsum(values) / len(values), min, max, lambda values: float(len(values))),
        strict=True,
    )
)


def _binary(sign: str, left: dict[Key, float] | float, right: dict[Key, float] | float) -> dict[Key, float] | float:
    if sign in ("and", "or"):
        return _either(sign, _vector(left), _vector(right))
    if isinstance(left, float) and isinstance(right, float):
        if sign in COMPARISONS:
            raise NoVector("comparisons between scalars must use BOOL modifier")
        return _compute(sign, left, right)
    found: dict[Key, float] = {}
    if isinstance(right, float):
        pairs = [(key, value, right) for key, value in _vector(left).items()]
    elif isinstance(left, float):
        pairs = [(key, left, value) for key, value in right.items()]
    else:
        pairs = _matched(left, right)
    for key, one, two in pairs:
        if sign not in COMPARISONS:
            found[_nameless(key)] = _compute(sign, one, two)
        elif _holds(sign, one, two):
            found[key] = two if isinstance(left, float) else one
    return found


def _matched(left: dict[Key, float], right: dict[Key, float]) -> list[tuple[Key, float, float]]:
    """Pairs of series with the same labels, one to one; those without a partner are left out."""
    others = {_nameless(key): value for key, value in right.items()}
    mine = [key for key in left if _nameless(key) in others]
    if len(others) < len(right) or len({_nameless(key) for key in mine}) < len(mine):
        raise NoVector("found duplicate series for a match group: many-to-many matching not allowed")
    return [(key, left[key], others[_nameless(key)]) for key in mine]


def _either(sign: str, left: dict[Key, float], right: dict[Key, float]) -> dict[Key, float]:
    mine, others = {_nameless(key) for key in left}, {_nameless(key) for key in right}
    if sign == "and":
        return {key: value for key, value in left.items() if _nameless(key) in others}
    return left | {key: value for key, value in right.items() if _nameless(key) not in mine}


def _compute(sign: str, one: float, two: float) -> float:
    match sign:
        case "+":
            return one + two
        case "-":
            return one - two
        case "*":
            return one * two
        case _:
            if two != 0:
                return one / two
            return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one)


def _holds(sign: str, one: float, two: float) -> bool:
    return {
        "==": one == two,
        "!=": one != two,
        "<=": one <= two,
        ">=": one >= two,
        "<": one < two,
        ">": one > two,
    }[sign]


def _vector(found: dict[Key, float] | float) -> dict[Key, float]:
    if isinstance(found, float):
        raise NoVector("expected type instant vector, got scalar")
    return found


def _key(labels: Mapping[str, str]) -> Key:
    return tuple(sorted(labels.items()))


def _nameless(key: Key) -> Key:
    return tuple(one for one in key if one[0] != _NAME)
