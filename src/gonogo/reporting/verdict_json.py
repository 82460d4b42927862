"""A judged run into verdict.json."""

from __future__ import annotations

from gonogo.model.evidence import Unseen, plain
from gonogo.model.run import SCHEMA, Run
from gonogo.model.verdict import Verdict
from gonogo.reporting.codec import Json
from gonogo.reporting.view import Row, show_offset, view


def verdict_json(run: Run) -> Json:
    """The document without its digests, which are added when it is written. Durations are spelled like T+60m."""
    plan, gated = run.plan, run.gated
    seen = view(run)
    return {
        "schema": SCHEMA,
        "run_id": plan.run_id,
        "environment": plan.environment.name,
        "system": plan.system,
        "release": plain(plan.release),
        "phase": " ".join(plan.phases),
        "t0": plan.t0.isoformat() if plan.t0 else None,
        "at": show_offset(plan.at) if plan.at is not None else None,
        "started": run.started.isoformat(),
        "ended": run.ended.isoformat(),
        "now": run.now.isoformat(),
        "decision": gated.decision.value,
        "exit_status": int(gated.decision.exit_status),
        "reasons": list(gated.reasons),
        "counts": {
            **gated.counts,
            **{verdict.value: sum(row.verdict is verdict for row in seen.rows) for verdict in Verdict},
            "due": len(plan.checks),
            "not_due": len(gated.not_due),
            "waived": len(gated.waived),
            "requests": len(run.evidence),
        },
        "readiness": {area.area.value: area.percent for area in seen.areas},
        "not_due": [{"id": one, "at": at} for one, at in seen.not_due],
        "not_asked": [{"id": one, "action": action} for one, action in plan.not_asked.items()],
        "narrowed": list(run.narrowed),
        "faults": list(plan.faults),
        "problems": list(run.problems),
        "notes": list(run.notes),
        "checks": [_check(row, run) for row in seen.rows],
    }


def _check(row: Row, run: Run) -> Json:
    return {
        "id": row.id,
        "title": row.title,
        "system": row.system,
        "phase": row.phase,
        "at": row.at,
        "owner": row.owner,
        "area": row.area.value,
        "severity": "advisory" if row.advisory else "blocking",
        "mode": "signoff" if row.signoff_item else "auto",
        "verdict": row.verdict.value,
        "reason": row.reason,
        "remedy": row.remedy,
        "rule": row.rule,
        "observed": row.observed,
        "samples": row.samples,
        "details": list(row.details),
        "decidable": row.decidable,
        "cause": plain(row.blame),
        "attempts": row.attempts,
        "evidence": [_evidence(key, run) for key in row.looks if key in run.evidence],
        "waiver": plain(row.waiver),
        "signoff": plain(row.signoff),
    }


def _evidence(key: str, run: Run) -> Json:
    one = run.evidence[key]
    unseen = one.outcome if isinstance(one.outcome, Unseen) else None
    return {
        "look": key,
        "kind": one.kind,
        "source": one.source,
        "ended": one.ended.isoformat(),
        "cause": unseen.cause.value if unseen else None,
    }
