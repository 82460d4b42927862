"""Plan and evidence into outcomes: every check judged once, those that sum up last. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from gonogo.gate.waivers import valid_waiver
from gonogo.judges import JUDGES
from gonogo.judges.verdict import judge_check
from gonogo.model.check import Check
from gonogo.model.evidence import Cause, Evidence, Seen, Unseen
from gonogo.model.run import Plan
from gonogo.model.verdict import Case, Outcome, Waiver
from gonogo.probes import PROBES

_HERE = ("metrics_csv", "tools", "postman", "row_counts")  # files and programs of this machine


def reached_sides(evidence: Iterable[Evidence]) -> frozenset[str]:
    """Sides that answered anything at all, so that the observer and its network are known to work."""
    return frozenset(e.side for e in evidence if e.side is not None and _answered(e))


def reached_beside(evidence: Iterable[Evidence]) -> frozenset[str]:
    """Back ends somewhere else, and no sides, that answered anything at all."""
    asked = (PROBES[e.kind].back_ends[:1] for e in evidence if e.side is None and e.kind in PROBES and _answered(e))
    return frozenset(name for names in asked for name in names if name not in _HERE)


def _answered(evidence: Evidence) -> bool:
    match evidence.outcome:
        case Seen():
            return True
        case Unseen(cause=cause):
            return cause in {Cause.BROKEN, Cause.DENIED, Cause.LIMITED, Cause.FULL, Cause.PARTIAL}


def sums_up(check: Check) -> bool:
    """True for a check that is judged from the other verdicts."""
    return any(JUDGES[rule.kind].sums_up for rule in check.rules)


def judge_all(
    plan: Plan,
    evidence: Mapping[str, Evidence],
    now: datetime,
    *,
    only: Sequence[Check] | None = None,
    reached: frozenset[str] | None = None,
) -> tuple[Outcome, ...]:
    """Outcomes in the order of the manifest (of `only`, where given)."""
    checks = plan.checks if only is None else only
    seen = reached_sides(evidence.values()) if reached is None else reached
    beside = reached_beside(evidence.values())
    waived = frozenset(check.id for check in plan.checks if plan.waivers and waiver_of(plan, check.id, now))
    outcomes: dict[str, Outcome] = {}

    def judge(check: Check, others: tuple[Outcome, ...] = ()) -> None:
        uses = plan.uses.get(check.id, {})
        case = Case(
            check=check,
            environment=plan.environment,
            release=plan.release,
            now=now,
            t0=plan.t0,
            evidence={name: evidence[key] for name, key in uses.items() if key in evidence},
            reached=seen,
            beside=beside,
            others=others,
            waived=waived,
        )
        outcomes[check.id] = judge_check(case)

    last = [check for check in checks if sums_up(check)]
    late = {check.id for check in last}
    for check in checks:
        if check.id not in late:
            judge(check)
    first = tuple(outcomes.values())
    for check in last:
        judge(check, tuple(o for o in first if o.check.phase == check.phase))
    return tuple(outcomes[check.id] for check in checks)


def waiver_of(plan: Plan, check_id: str, now: datetime) -> Waiver | None:
    """The waiver that covers a failure of this check at `now`, if there is one."""
    version = plan.release.version if plan.release is not None else ""
    waiver, expired = valid_waiver(plan.waivers, check_id, plan.environment.name, version, now)
    return None if expired else waiver
