"""A load run into load.json, into the JSON of standard output, and into lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from gonogo.model.evidence import plain
from gonogo.model.load import LatencySummary, LoadRecord, OutcomeClass, SideRecord
from gonogo.model.load_verdict import Judged, Slo
from gonogo.model.ratelimit import Inferred, Policy, PropertyResult, Shown
from gonogo.model.units import show_duration
from gonogo.reporting.escape import visible
from gonogo.reporting.load.capacity import capacity_document, found_line
from gonogo.reporting.load.series import limiter_document, series_document

Json = dict[str, Any]
SCHEMA = "gonogo/load/1"


def load_document(
    record: LoadRecord,
    judged: Judged,
    endpoints: Mapping[str, str],
    limiters: Mapping[str, Policy | Inferred | None] = MappingProxyType({}),
) -> Json:
    """load.json: all that was measured, a side each, and what it comes to.

    `endpoints`: side -> method and path; `limiters`: side -> the limiter that is declared or else inferred.
    """
    profile = record.profile
    return {
        "schema": SCHEMA,
        "run_id": record.run_id,
        "environment": record.environment,
        "release": _release(record),
        "policies": {side: plain(policy) for side, policy in record.policies.items()},
        "profile": {
            "name": profile.name,
            "workload": profile.workload.value,
            "requests": profile.requests,
            "rate": profile.rate,
            "duration_s": None if profile.duration is None else profile.duration.total_seconds(),
            "delay_s": profile.delay.total_seconds(),
            "connections": profile.connections,
            "proves": list(profile.proves),
        },
        "started": record.started.isoformat(),
        "ended": record.ended.isoformat(),
        "decision": judged.decision.value,
        "exit_status": int(judged.decision.exit_status),
        "reasons": list(judged.reasons),
        "workers": {"expected": record.workers_expected, "seen": record.workers_seen},
        "aborted": record.aborted,
        "sides": {
            side.side: _side(side, endpoints.get(side.side, ""), judged)
            | {"limiter": limiter_document(limiters.get(side.side)), "series": series_document(side.series)}
            for side in record.sides
        },
        "between": _between(record, judged),
        "timeline": [plain(event) for event in record.events],
    }


def probe_document(record: LoadRecord, judged: Judged) -> Json:
    """What the runbook's probe says: average, min, max, success rate and errors a side, in ms and 0-1."""
    return {
        "environment": record.environment,
        "profile": record.profile.name,
        "decision": judged.decision.value,
        "exit_status": int(judged.decision.exit_status),
        "reasons": list(judged.reasons),
        "sides": {side.side: _brief(side) for side in record.sides},
    }


def load_lines(record: LoadRecord, judged: Judged) -> list[str]:
    """A summary a side, the reasons, and the decision last."""
    lines: list[str] = []
    for side in record.sides:
        summary = _of(side, OutcomeClass.ACCEPTED)
        counts = ", ".join(f"{_of(side, each).count} {each.value}" for each in OutcomeClass)
        rate = "all steps together" if judged.capacities else f"{side.achieved_rate:.1f}/s"
        lines.append(f"{side.side:<7} {side.requests} requests: {counts}; {rate}")
        if summary.count:
            lines.append(
                f"        mean {summary.mean:.1f}  min {summary.min:.1f}  p50 {summary.p50:.1f}"
                f"  p95 {summary.p95:.1f}  p99 {summary.p99:.1f}  max {summary.max:.1f} ms (accepted)"
            )
        lines.extend(f"        {n} x {visible(reason)}" for reason, n in sorted(side.errors.items()))
    lines.extend(found_line(one) for one in judged.capacities)
    lines.extend(_between_lines(record, judged))
    lines.extend(f"why:    {visible(reason)}" for reason in judged.reasons)
    took = show_duration(record.ended - record.started)
    lines.append(f"{judged.decision.value}  {visible(record.environment)}, {record.profile.name}, {took}")
    return lines


def _side(side: SideRecord, endpoint: str, judged: Judged) -> Json:
    return {
        "endpoint": endpoint,
        "requested_rate": side.requested_rate,
        "achieved_rate": side.achieved_rate,
        "requests": side.requests,
        "outcomes": {each.value: plain(_of(side, each)) for each in OutcomeClass},
        "statuses": {str(status): n for status, n in sorted(side.statuses.items())},
        "errors": dict(side.errors),
        "histograms": [plain(histogram) for histogram in side.histograms],
        "rate_limit": [
            _finding(one) | {"decides": decides}
            for decides, found in ((True, judged.findings), (False, judged.beside))
            for one in found
            if one.side == side.side
        ],
        "slos": [_slo(slo) for slo in judged.slos if slo.side == side.side],
        "capacity": next((capacity_document(one) for one in judged.capacities if one.side == side.side), None),
    }


def _between(record: LoadRecord, judged: Judged) -> list[Json]:
    """Findings of no single side, such as the parity of both."""
    sides = {side.side for side in record.sides}
    found = [(one, decides) for decides, those in ((True, judged.findings), (False, judged.beside)) for one in those]
    return [_finding(one) | {"side": one.side, "decides": decides} for one, decides in found if one.side not in sides]


def _between_lines(record: LoadRecord, judged: Judged) -> list[str]:
    """What holds one side against the other."""
    lines = [f"sides   {slo.verdict.value}: {slo.reason}" for slo in judged.slos if slo.against]
    told = (one for one in _between(record, judged) if one["decides"] or one["verdict"] != Shown.NOT_VISIBLE)
    return lines + [f"sides   {one['id']} {one['verdict']}: {visible(one['reason'])}" for one in told]


def _release(record: LoadRecord) -> Json | None:
    release = record.release
    return None if release is None else {"version": release.version, "commit": release.commit, "image": release.image}


def _finding(one: PropertyResult) -> Json:
    return {"id": one.id, "path": one.path, "verdict": one.verdict.value, "reason": one.reason} | (
        {"would_fail": one.would_fail} if one.would_fail else {}
    )


def _slo(slo: Slo) -> Json:
    made: Json = plain(slo)
    del made["side"]
    return made


def _brief(side: SideRecord) -> Json:
    accepted = _of(side, OutcomeClass.ACCEPTED)
    return {
        "requests": side.requests,
        "average_ms": accepted.mean if accepted.count else None,
        "min_ms": accepted.min if accepted.count else None,
        "max_ms": accepted.max if accepted.count else None,
        "success_rate": accepted.count / side.requests if side.requests else None,
        "limited": _of(side, OutcomeClass.LIMITED).count,
        "errors": _of(side, OutcomeClass.ERROR).count,
        "statuses": {str(status): n for status, n in sorted(side.statuses.items())},
    }


def _of(side: SideRecord, outcome: OutcomeClass) -> LatencySummary:
    return side.outcomes.get(outcome) or LatencySummary()
