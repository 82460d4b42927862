"""A load record into what it shows of a profile's properties, and into GO, NO-GO or HOLD with reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from gonogo.judges.loads.reasons import kept_silent, said, unseen
from gonogo.judges.loads.slos import (
    ACHIEVED,
    CAPACITY,
    LATENCIES,
    MINUS,
    OVER,
    RATIOS,
    Standard,
    between_slos,
    side_slos,
    summary,
)
from gonogo.model.load import REJECTS_WITH, LoadRecord, OutcomeClass, SideRecord, Workload
from gonogo.model.load_verdict import Judged, Slo
from gonogo.model.ratelimit import Algorithm, PropertyResult, Shown
from gonogo.model.verdict import Decision

LATENCY, ERRORS, RATE = "latency", "errors", "rate"
KEPT_RATE = 0.9  # of the requested rate; below it the generator was the bottleneck
DECIDES = {LATENCY: LATENCIES, ERRORS: RATIOS, RATE: (ACHIEVED,)}
ACCEPTING = ("success", "accepted_ratio")
PARITY = "P26"
ENFORCES = ("P1", "P2", "P3", "P4", "P5")  # what a limiter that was reached shows of its policy
# What the rate-limit judge sees without one request more than the profile's.
COSTLESS = (*(f"P{n}" for n in range(1, 15)), "P22", "P23", "P24", "P25", "P26")
PROPERTIES = (*COSTLESS, LATENCY, ERRORS, RATE, CAPACITY)
_REFUSED = frozenset({401, 403})


def judge_load(record: LoadRecord, standards: Mapping[str, Standard], others: Iterable[PropertyResult] = ()) -> Judged:
    """`standards` by side, one for each that was to be loaded; `others` are findings of the rate-limit judge on
    the timeline, which take the place of those made here. Only the profile's own properties decide: what it proves
    has to pass, what it watches must not fail.
    """
    sides = {side.side: side for side in record.sides}
    slos = tuple(_slos(record, sides, standards))
    seen = tuple(others)
    given = {(one.id, one.side): one for one in seen if one.id != "P22"}  # here a lost answer counts, too
    proves, watches = record.profile.proves, record.profile.watches
    own = {*proves, *watches}
    parity = [one for one in seen if one.id == PARITY]
    beside = tuple(
        one
        for one in seen
        if (one.side in sides or one.id == PARITY) and one.id not in own and (one in parity or _tells(one))
    )
    proven = tuple(
        kept_silent(given.get((wanted, name)), standard, sides[name])
        or _finding(wanted, sides[name], standard, record, slos)
        for name, standard in standards.items()
        if name in sides
        for wanted in proves
        if wanted != PARITY
    )
    both = (_parity(record, standards, parity),) if PARITY in proves else ()
    findings = (*proven, *both, *(one for one in seen if one.id in watches))
    failed = [one for one in findings if one.verdict is Shown.FAIL]
    hold = [*_missing(record, standards), *unseen(proven, standards)]
    hold += [said(one) for one in both if one.verdict is Shown.NOT_VISIBLE]
    harm = [said(one) for one in failed]
    refused = [side for side in record.sides if _is_refused(side)]
    if harm and len(standards) > 1 and {one.side for one in failed} >= set(standards):
        harm.insert(0, "every side fails: this is the environment's or the observer's, no side's own")
        return Judged(decision=Decision.HOLD, reasons=(*harm, *hold), findings=findings, slos=slos, beside=beside)
    if harm and not refused:
        return Judged(decision=Decision.NO_GO, reasons=(*harm, *hold), findings=findings, slos=slos, beside=beside)
    reasons = (*hold, *harm)
    decision = Decision.HOLD if reasons else Decision.GO
    return Judged(decision=decision, reasons=reasons, findings=findings, slos=slos, beside=beside)


def _tells(one: PropertyResult) -> bool:
    """Not "the profile sends nothing that shows it", but what any run of a limited path is asked for."""
    return one.id in ENFORCES or one.verdict is not Shown.NOT_VISIBLE


def _missing(record: LoadRecord, standards: Mapping[str, Standard]) -> list[str]:
    """Why this record is no proof, whatever stands in it."""
    reasons: list[str] = []
    if record.aborted is not None:
        reasons.append(f"the run ended early: {record.aborted}")
    if record.workers_seen < record.workers_expected:
        lost = record.workers_expected - record.workers_seen
        reasons.append(f"{lost} of {record.workers_expected} workers are missing from the record")
    sides = {side.side: side for side in record.sides}
    if not standards:
        reasons.append("no side was to be loaded")
    for name in standards:
        side = sides.get(name)
        if side is None or side.requests == 0:
            reasons.append(f"{name}: nothing {'was sent' if record.workers_seen else 'is known'}")
            continue
        if _is_refused(side):
            status = next(iter(side.statuses))
            reasons.append(f"{name}: {status} to every request; nothing is known of the service behind it")
        reasons.extend(_short(record, side))
    return reasons


def _short(record: LoadRecord, side: SideRecord) -> list[str]:
    profile = record.profile
    asked = side.requested_rate
    if asked and side.achieved_rate < KEPT_RATE * asked:
        kept = f"{side.achieved_rate:.1f} of {asked:.1f} requests a second were sent"
        return [f"{side.side}: {kept}; the generator kept less than {KEPT_RATE:.0%}"]
    wanted = profile.requests if profile.workload is Workload.CLOSED and profile.duration is None else None
    if wanted is not None and side.requests != wanted and record.aborted is None:
        return [f"{side.side}: {side.requests} of {wanted} requests were sent"]
    answered = sum(side.outcomes[one].count for one in OutcomeClass if one in side.outcomes)
    if answered != side.requests and record.aborted is None:
        return [f"{side.side}: {side.requests} requests were sent, and {answered} outcomes are known"]
    return []


def _is_refused(side: SideRecord) -> bool:
    return side.requests > 0 and bool(side.statuses) and set(side.statuses) <= _REFUSED


def _finding(
    wanted: str, side: SideRecord, standard: Standard, record: LoadRecord, slos: Iterable[Slo]
) -> PropertyResult:
    if wanted == ERRORS and _burned(side, record):
        verdict, reason = Shown.FAIL, f"{_no_errors(side, standard)[1]}; abort_error_ratio ended the run"
    elif wanted in DECIDES:
        verdict, reason = _by_objectives(wanted, [slo for slo in slos if slo.side == side.side], standard)
    elif side.requests == 0:
        verdict, reason = Shown.NOT_VISIBLE, "nothing was sent"
    elif wanted == "P22":
        verdict, reason = _no_errors(side, standard)
    elif standard.policy is None and wanted in ("P1", "P3"):
        verdict = Shown.NOT_VISIBLE
        reason = f"the environment declares no policy for {standard.path} (algorithm: none where it rejects nobody)"
    elif standard.policy is not None and standard.policy.algorithm is not Algorithm.NONE:
        verdict, reason = Shown.NOT_VISIBLE, "the policy was not held against the timeline of this run"
    elif wanted == "P5":
        verdict, reason = _retry_after(side, record)
    else:
        verdict, reason = _never_rejected(side, standard)
    return PropertyResult(id=wanted, side=side.side, path=standard.path, verdict=verdict, reason=reason)


def _burned(side: SideRecord, record: LoadRecord) -> bool:
    """Its errors ended the run, or another's did before its own could: a side that is as bad is not the better one."""
    errors, ratio = summary(side, OutcomeClass.ERROR).count, record.profile.abort_error_ratio
    return side.side in record.burned or bool(record.burned and ratio and errors > ratio * side.requests)


def _by_objectives(wanted: str, slos: list[Slo], standard: Standard) -> tuple[Shown, str]:
    mine = [slo for slo in slos if slo.decides and any(_measures(slo, standard, each) for each in DECIDES[wanted])]
    if not mine:
        names = " or ".join(f"{standard.names}_{each}" for each in DECIDES[wanted])
        return Shown.NOT_VISIBLE, f"the environment has no objective {names}"
    for verdict in (Shown.FAIL, Shown.NOT_VISIBLE):
        said = [slo.reason for slo in mine if slo.verdict is verdict]
        if said:
            return verdict, "; ".join(said)
    return Shown.PASS, "; ".join(slo.reason for slo in mine)


def _measures(slo: Slo, standard: Standard, measure: str) -> bool:
    name = f"{standard.names}_{measure}"
    return slo.name == name or slo.name.startswith((f"{name}_{OVER}_", f"{name}_{MINUS}_"))


def _no_errors(side: SideRecord, standard: Standard) -> tuple[Shown, str]:
    count = summary(side, OutcomeClass.ERROR).count
    if not count:
        return Shown.PASS, f"no error in {side.requests} requests"
    rejects = {REJECTS_WITH, standard.policy.reject_status if standard.policy is not None else REJECTS_WITH}
    kinds = [f"{n} x {code}" for code, n in sorted(side.statuses.items()) if code >= 400 and code not in rejects]
    kinds += [f"{n} x {reason}" for reason, n in sorted(side.errors.items())]
    said = ", ".join(kinds) or "no reason known"
    return Shown.FAIL, f"{count} of {side.requests} requests ended in an error ({said})"


def _never_rejected(side: SideRecord, standard: Standard) -> tuple[Shown, str]:
    limited = summary(side, OutcomeClass.LIMITED).count
    declared = f"no policy is declared for {standard.path}" if standard.policy is None else "the policy promises none"
    if limited:
        return Shown.FAIL, f"{limited} of {side.requests} requests were answered 429, and {declared}"
    return Shown.PASS, f"none of {side.requests} requests was rejected"


def _retry_after(side: SideRecord, record: LoadRecord) -> tuple[Shown, str]:
    limited = summary(side, OutcomeClass.LIMITED).count
    if not limited:
        return Shown.PASS, f"none of {side.requests} requests was rejected"
    seen = [one for one in record.events if one.side == side.side and one.outcome is OutcomeClass.LIMITED]
    if len(seen) < limited:
        return Shown.NOT_VISIBLE, f"the headers of {limited - len(seen)} rejects were not kept"
    bare = sum("retry-after" not in dict(one.headers) for one in seen)
    if bare:
        return Shown.FAIL, f"{bare} of {limited} rejects have no Retry-After"
    return Shown.PASS, f"all {limited} rejects have a Retry-After"


def _slos(record: LoadRecord, sides: Mapping[str, SideRecord], standards: Mapping[str, Standard]) -> Iterator[Slo]:
    """Objectives of each side, then of one against the other. Where a policy rejects, and P2 judges whether rightly,
    that not all were accepted decides nothing.
    """
    limited = {
        name
        for name, one in standards.items()
        if "P2" in record.profile.proves and one.policy is not None and one.policy.algorithm is not Algorithm.NONE
        if name in sides and summary(sides[name], OutcomeClass.LIMITED).count
    }
    mine = (pair for name, one in standards.items() if name in sides for pair in side_slos(sides[name], one))
    for measure, slo in (*mine, *between_slos(sides, standards)):
        rightly = measure in ACCEPTING and bool(limited & {slo.side, slo.against})
        decides = not rightly and any(measure in DECIDES.get(one, ()) for one in record.profile.proves)
        yield replace(slo, decides=decides)


def _parity(record: LoadRecord, standards: Mapping[str, Standard], given: Iterable[PropertyResult]) -> PropertyResult:
    """P26 of a profile that proves it; it is of both sides."""
    for one in given:
        return one
    paths = " and ".join(dict.fromkeys(one.path for one in standards.values()))
    reason = (
        f"the sides were asked at different paths, {paths}"
        if len({one.path for one in standards.values()}) > 1
        else "the sides were not held against each other"
    )
    return PropertyResult(
        id=PARITY,
        side=", ".join(side.side for side in record.sides),
        path=paths,
        verdict=Shown.NOT_VISIBLE,
        reason=reason,
    )
