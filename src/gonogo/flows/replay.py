"""A recorded run judged again: the same evidence, no I/O but reading its folder."""

from __future__ import annotations

from dataclasses import replace
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
from gonogo.probes import PROBES
from gonogo.reporting.codec import Unreadable, plan_from_json
from gonogo.reporting.files import PLAN, VERDICT, read_evidence, read_json
from gonogo.reporting.verify import verify


def rejudge(folder: Path, environment: Environment | None = None) -> Run:
    """The run of a folder, judged again for the same moment: the same verdict.

    With `environment`, its objectives, lists and thresholds are used instead of the recorded ones.
    ConfigError when the folder holds no readable plan. A run that never came to a verdict, or whose files
    were changed, has a problem and so is no GO.
    """
    plan = read_plan(folder)
    if environment is not None:
        if environment.name != plan.environment.name and environment.system != plan.system:
            raise ConfigError(f"{folder} is a run of system {plan.system}, {environment.name} is of {environment.system}")
        plan = _with(plan, environment)
    recorded = read_evidence(folder, plan.run_id)
    problems = list(dict.fromkeys([*recorded.problems, *_integrity(folder)]))
    verdict: Any = read_json(folder / VERDICT) if (folder / VERDICT).is_file() else None
    started = plan.created
    ended = now = max((e.ended for e in recorded.evidence.values()), default=started)
    narrowed: tuple[str, ...] = ()
    if isinstance(verdict, dict):
        problems = list(dict.fromkeys([*verdict.get("problems", []), *problems]))
        narrowed = tuple(verdict.get("narrowed", []))
        now = datetime.fromisoformat(verdict["now"])
        ended = datetime.fromisoformat(verdict["ended"])
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
        problems=tuple(problems),
    )
    return Run(
        plan=plan,
        evidence=recorded.evidence,
        outcomes=outcomes,
        gated=gated,
        started=started,
        ended=ended,
        now=now,
        folder=folder,
        narrowed=narrowed,
        problems=tuple(problems),
        notes=recorded.notes,
    )


def read_plan(folder: Path) -> Plan:
    """plan.json with its checks rebuilt from what the checklist said then. ConfigError if it cannot be."""

    def check(document: dict[str, Any]) -> Check:
        return check_from_raw(document["raw"], PROBES, JUDGES)

    try:
        return plan_from_json(read_json(folder / PLAN), check)
    except Unreadable as error:
        raise ConfigError(f"{folder / PLAN}: {error}") from None


def _with(plan: Plan, environment: Environment) -> Plan:
    recorded = plan.environment
    return replace(
        plan,
        environment=replace(
            recorded, objectives=environment.objectives, names=environment.names, rollout=environment.rollout
        ),
    )


def _integrity(folder: Path) -> list[str]:
    if not (folder / VERDICT).is_file():
        return [f"{folder / VERDICT} is not there: the run never came to a verdict"]
    return verify(folder)
