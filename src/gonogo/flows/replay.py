"""A recorded run into a run judged again: same evidence, same moment, nothing sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from gonogo.config.checklist import check_from_raw
from gonogo.flows.judging import judge_all
from gonogo.gate.decide import decide
from gonogo.judges import JUDGES
from gonogo.model.check import Check
from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError
from gonogo.model.run import Plan, Run
from gonogo.reporting.codec import Json, Unreadable, plan_from_json
from gonogo.reporting.files import PLAN, VERDICT, Recorded, read_evidence, read_json
from gonogo.reporting.verify import digest_problems


def rejudge(folder: Path, environment: Environment | None = None) -> Run:
    """The run of this folder judged again, with the limits of `environment` where one is given.

    What makes the record doubtful (evidence changed, verdict missing) is a problem of the run: HOLD.
    ConfigError when there is no readable plan.
    """
    plan = _plan(folder)
    if environment is not None:
        if environment.system != plan.system:
            raise ConfigError(
                f"the run is of system {plan.system!r}, {environment.name} of {environment.system!r}",
                environment.origin,
            )
        plan = replace(plan, environment=environment)
    recorded = read_evidence(folder, plan.run_id)
    verdict = _verdict(folder)
    problems = (*recorded.problems, *_doubts(folder, verdict))
    now = _now(verdict, recorded, plan)
    narrowed = tuple(verdict.get("narrowed", ()))
    outcomes = judge_all(plan, recorded.evidence, now)
    gated = decide(
        outcomes,
        manifest_ids=plan.ids,
        executed_ids=set(plan.ids) - set(narrowed),
        not_due=plan.not_due,
        narrowed=bool(narrowed),
        waivers=plan.waivers,
        environment_name=plan.environment.name,
        release=plan.release,
        now=now,
        problems=problems,
    )
    return Run(
        plan=plan,
        evidence=recorded.evidence,
        outcomes=outcomes,
        gated=gated,
        started=plan.created,
        ended=_time(verdict, "ended") or now,
        now=now,
        folder=folder,
        narrowed=narrowed,
        problems=problems,
        notes=recorded.notes,
    )


def _plan(folder: Path) -> Plan:
    path = folder / PLAN
    document = read_json(path)
    try:
        return plan_from_json(document, _check)
    except Unreadable as error:
        raise ConfigError(f"{path}: {error}") from None


def _check(document: Json) -> Check:
    if "raw" not in document:
        raise Unreadable(f"{document['id']} was made in Python and cannot be judged again")
    return check_from_raw(document["raw"], _ANY_PROBE, JUDGES)


@dataclass(frozen=True, slots=True)
class _Kind:
    options: type = dict


class _AnyProbe(dict[str, _Kind]):
    """Knows every kind: judging again reads what was seen, and sends nothing. It loads no probe."""

    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, _: str) -> _Kind:
        return _Kind()


_ANY_PROBE = _AnyProbe()


def _verdict(folder: Path) -> Json:
    if not (folder / VERDICT).exists():
        return {}
    document = read_json(folder / VERDICT)
    return document if isinstance(document, dict) else {}


def _doubts(folder: Path, verdict: Json) -> tuple[str, ...]:
    if not verdict:
        return (f"{VERDICT} is not there: the run did not end",)
    changed = digest_problems(folder, verdict)
    return (*(str(problem) for problem in verdict.get("problems", ())), *changed)


def _now(verdict: Json, recorded: Recorded, plan: Plan) -> datetime:
    """The moment it was judged for; of a run that did not end, its last observation."""
    ends = [one.ended for one in recorded.evidence.values()]
    return _time(verdict, "now") or max(ends, default=plan.created)


def _time(verdict: Json, key: str) -> datetime | None:
    value: Any = verdict.get(key)
    try:
        return datetime.fromisoformat(value) if value is not None else None
    except (TypeError, ValueError):
        raise ConfigError(f"{VERDICT}: {key} is not a time") from None
