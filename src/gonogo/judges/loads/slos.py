"""Objectives of a side, and of one side against another, held against a load record.

Objectives are named `<side>_<measure>`, `<side>_<measure>_over_<other>` (a quotient, in `times`) and
`<side>_<measure>_minus_<other>` (a difference, in the measure's unit).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gonogo.model.environment import Objective
from gonogo.model.load import LatencySummary, OutcomeClass, SideRecord
from gonogo.model.load_verdict import Slo
from gonogo.model.ratelimit import Policy, Shown
from gonogo.model.units import Unit, convert, show_number

LATENCIES = ("p50", "p95", "p99")  # of accepted requests
RATIOS = ("error_ratio", "success", "accepted_ratio")  # of all that were sent; the last two are the same
ACHIEVED = "achieved_ratio"  # achieved over requested rate
CAPACITY = "capacity"  # of a capacity run: the highest rate that was kept
MEASURED = (*LATENCIES, *RATIOS, ACHIEVED)
OVER, MINUS = "over", "minus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """What one side is held against. `names` says where the side's objectives stand: `canary` for canary_p95."""

    path: str
    names: str
    objectives: Mapping[str, Objective]
    policy: Policy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """What a side measured, on how many samples; None: nothing. In `unit`."""

    value: float | None
    samples: int
    unit: Unit


def side_slos(side: SideRecord, standard: Standard) -> Iterator[tuple[str, Slo]]:
    """Measure and objective of each that this side has."""
    for measure in MEASURED:
        name = f"{standard.names}_{measure}"
        objective = standard.objectives.get(name)
        if objective is not None:
            yield measure, held(name, side.side, objective, measured(measure, side))


def between_slos(sides: Mapping[str, SideRecord], standards: Mapping[str, Standard]) -> Iterator[tuple[str, Slo]]:
    """Measure and objective of each that holds one side against another; both were sent to."""
    for measure in MEASURED:
        values = {name: measured(measure, sides[name]) for name in standards if name in sides}
        yield from ((measure, slo) for slo in compared(measure, values, standards))


def compared(measure: str, values: Mapping[str, Quantity], standards: Mapping[str, Standard]) -> Iterator[Slo]:
    """Objectives of one measure side against side; `values` by side. The fewer samples of both count."""
    for one in values:
        for other in values:
            names, against = standards[one].names, standards[other].names
            for how in (OVER, MINUS):
                name = f"{names}_{measure}_{how}_{against}"
                objective = standards[one].objectives.get(name)
                if objective is not None and one != other:
                    value = _apart(values[one], values[other], how)
                    yield held(name, one, objective, value, against=other)


def held(name: str, side: str, objective: Objective, seen: Quantity, *, against: str = "") -> Slo:
    """One objective and what was seen of it; ValueError when their units do not measure the same thing."""
    value = None if seen.value is None else convert(seen.value, seen.unit, objective.unit)
    shown = "not seen, wanted" if value is None else f"{show_number(value)} {objective.unit}"
    rule = (
        f"{name} {shown} {objective.comparator.symbol} {show_number(objective.limit)} {objective.unit} "
        f"(n={seen.samples})"
    )
    if value is None or seen.samples < objective.min_samples:
        both = " on both sides" if against else ""
        verdict, reason = Shown.NOT_VISIBLE, f"{rule}: {objective.min_samples} samples are needed{both}"
    elif objective.comparator.holds(value, objective.limit):
        verdict, reason = Shown.PASS, rule
    else:
        verdict, reason = Shown.FAIL, f"not {rule}"
    return Slo(
        name=name,
        side=side,
        value=value,
        comparator=objective.comparator.symbol,
        limit=objective.limit,
        unit=objective.unit,
        samples=seen.samples,
        verdict=verdict,
        reason=reason,
        against=against,
    )


def measured(measure: str, side: SideRecord) -> Quantity:
    """Latencies are those of accepted requests: fast rejections never flatter them."""
    accepted, sent = summary(side, OutcomeClass.ACCEPTED), side.requests
    if measure in LATENCIES:
        milliseconds: float = getattr(accepted, measure)
        return Quantity(value=milliseconds if accepted.count else None, samples=accepted.count, unit=Unit.MS)
    if measure == ACHIEVED:
        asked = side.requested_rate
        return Quantity(value=side.achieved_rate / asked if asked else None, samples=sent, unit=Unit.RATIO)
    count = summary(side, OutcomeClass.ERROR).count if measure == "error_ratio" else accepted.count
    return Quantity(value=count / sent if sent else None, samples=sent, unit=Unit.RATIO)


def summary(side: SideRecord, outcome: OutcomeClass) -> LatencySummary:
    """Latencies of one outcome class; empty where there was none."""
    return side.outcomes.get(outcome) or LatencySummary()


def misfit(names: Iterable[str], objectives: Mapping[str, Objective]) -> tuple[str, Objective] | None:
    """The first objective of these sides whose unit does not fit what it measures, and why; None if all do."""
    sides = tuple(names)
    for name, wanted in _units(sides):
        objective = objectives.get(name)
        if objective is None:
            continue
        try:
            convert(0.0, wanted, objective.unit)
        except ValueError as error:
            return f"objectives.{name}: {error}", objective
    return None


def _units(sides: tuple[str, ...]) -> Iterator[tuple[str, Unit]]:
    for side in sides:
        for measure in (*MEASURED, CAPACITY):
            unit = Unit.PER_SECOND if measure == CAPACITY else Unit.MS if measure in LATENCIES else Unit.RATIO
            yield f"{side}_{measure}", unit
            yield f"{side}_{CAPACITY}_{measure}", unit
            for other in sides:
                yield f"{side}_{measure}_{OVER}_{other}", Unit.TIMES
                yield f"{side}_{measure}_{MINUS}_{other}", unit


def _apart(one: Quantity, other: Quantity, how: str) -> Quantity:
    unit = Unit.TIMES if how == OVER else one.unit
    value: float | None = None
    if one.value is not None and other.value is not None:
        if how == MINUS:
            value = one.value - other.value
        elif other.value:
            value = one.value / other.value
        elif not one.value:
            value = 1.0  # nothing on either side: alike
    return Quantity(value=value, samples=min(one.samples, other.samples), unit=unit)
