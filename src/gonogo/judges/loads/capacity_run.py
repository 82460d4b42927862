"""What the sides of a capacity run bear, into GO, NO-GO or HOLD with reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from gonogo.judges.loads.slos import CAPACITY, Quantity, Standard, compared, held
from gonogo.model.capacity import Capacity, StepVerdict
from gonogo.model.load import LoadRecord
from gonogo.model.load_verdict import Judged, Slo
from gonogo.model.ratelimit import PropertyResult, Shown
from gonogo.model.units import Unit, convert
from gonogo.model.verdict import Decision


def judge_capacity(record: LoadRecord, standards: Mapping[str, Standard], found: Sequence[Capacity]) -> Judged:
    """`<side>_capacity` decides where the environment declares it, and so does one side's capacity over the other's;
    without an objective GO means that the search of each side came to its own end.
    """
    capacities = {one.side: one for one in found}
    slos = tuple(replace(slo, decides=True) for slo in _slos(capacities, standards))
    findings = tuple(
        _finding(one, standards[one.side], [slo for slo in slos if slo.side == one.side])
        for one in found
        if one.side in standards
    )
    failed = [one for one in findings if one.verdict is Shown.FAIL]
    hold = [*_missing(record, standards, capacities), *(_said(one) for one in findings if _unseen(one))]
    harm = [_said(one) for one in failed]
    made = Judged(decision=Decision.GO, reasons=(), findings=findings, slos=slos, capacities=tuple(found))
    if harm and len(standards) > 1 and {one.side for one in failed} == set(standards):
        harm.insert(0, "every side fails: this is the environment's or the observer's, no side's own")
        return replace(made, decision=Decision.HOLD, reasons=(*harm, *hold))
    if harm:
        return replace(made, decision=Decision.NO_GO, reasons=(*harm, *hold))
    return replace(made, decision=Decision.HOLD, reasons=tuple(hold)) if hold else made


def _slos(capacities: Mapping[str, Capacity], standards: Mapping[str, Standard]) -> Iterator[Slo]:
    values = {side: _quantity(one) for side, one in capacities.items() if side in standards}
    for side, value in values.items():
        name = f"{standards[side].names}_{CAPACITY}"
        objective = standards[side].objectives.get(name)
        if objective is not None:
            yield _settled(held(name, side, objective, value), capacities[side])
    for slo in compared(CAPACITY, values, standards):
        known = all(capacities[side].proven for side in (slo.side, slo.against))
        reason = f"{slo.reason}: not both sides were followed to the end"
        yield slo if known else replace(slo, verdict=Shown.NOT_VISIBLE, reason=reason)


def _quantity(one: Capacity) -> Quantity:
    kept = sum(step.rate == one.rate and step.verdict is StepVerdict.KEPT for step in one.steps)
    return Quantity(value=one.rate, samples=kept, unit=Unit.PER_SECOND)


def _settled(slo: Slo, one: Capacity) -> Slo:
    """A rate that is too low fails only if what was broken is no higher than the limit: the truth lies below."""
    if slo.verdict is Shown.PASS and not one.proven:
        return replace(slo, verdict=Shown.NOT_VISIBLE, reason=f"{slo.reason}: seen, but not in steps enough to show it")
    limit = convert(slo.limit, slo.unit, Unit.PER_SECOND)
    below = one.high is not None and one.high <= limit and one.complete
    if slo.verdict is not Shown.PASS and slo.comparator in (">", ">=") and below:
        return replace(slo, verdict=Shown.FAIL, reason=f"{slo.reason}: {one.high:g}/s is broken")
    if slo.verdict is Shown.FAIL and not below:
        return replace(slo, verdict=Shown.NOT_VISIBLE, reason=f"{slo.reason}: the truth may lie above it")
    return slo


def _finding(one: Capacity, standard: Standard, slos: Sequence[Slo]) -> PropertyResult:
    said = f"{one.said} ({one.confidence:.0%} confidence)"
    for verdict in (Shown.FAIL, Shown.NOT_VISIBLE):
        worst = [slo.reason for slo in slos if slo.verdict is verdict]
        if worst:
            return _result(one, standard, verdict, f"{'; '.join(worst)}; {said}")
    if slos and any(not slo.against for slo in slos):
        return _result(one, standard, Shown.PASS, said)
    return _result(one, standard, Shown.PASS if one.complete and one.rate is not None else Shown.NOT_VISIBLE, said)


def _result(one: Capacity, standard: Standard, verdict: Shown, reason: str) -> PropertyResult:
    return PropertyResult(id=CAPACITY, side=one.side, path=standard.path, verdict=verdict, reason=reason)


def _missing(
    record: LoadRecord, standards: Mapping[str, Standard], capacities: Mapping[str, Capacity]
) -> Iterator[str]:
    """Why this is no proof, whatever was found."""
    if record.aborted is not None:
        yield f"the run ended early: {record.aborted}"
    if record.workers_seen < record.workers_expected:
        lost = record.workers_expected - record.workers_seen
        yield f"{lost} of {record.workers_expected} workers are missing from the record"
    if not standards:
        yield "no side was to be loaded"
    for side in standards:
        if side not in capacities or not capacities[side].steps:
            yield f"{side}: nothing was sent"
        elif any(step.refused for step in capacities[side].steps):
            yield f"{side}: 401 or 403 to every request; nothing is known of the service behind it"


def _unseen(one: PropertyResult) -> bool:
    return one.verdict is Shown.NOT_VISIBLE


def _said(one: PropertyResult) -> str:
    return f"{one.side} {one.path}: {one.id}: {one.reason}"
