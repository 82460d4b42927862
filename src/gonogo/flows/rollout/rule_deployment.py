"""A rule deployment taken back by the system's own request: planned, recorded, sent once, read back from its table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from gonogo.config.environment import load_environment
from gonogo.flows.clock import Clock, SystemClock
from gonogo.flows.collecting import import_clients
from gonogo.flows.rollout.order import Asked, guard
from gonogo.flows.rollout.plan import NotSeen
from gonogo.flows.rollout.record import new_record
from gonogo.flows.rollout.told import COMMAND_LINE, who
from gonogo.flows.standing import Standing, check_rehearsal, standing
from gonogo.judges.plans.rule_rollback import plan_rule_rollback
from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError, ExitStatus
from gonogo.model.rule_deployment import RuleChange, RuleDeployment
from gonogo.model.units import show_duration
from gonogo.model.verdict import Decision
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.rule_rollback import BACK_END, SIDE, Refused, place, read, request, send
from gonogo.reporting.files import NotKept

ACTION = "learning-rollback"  # in guards.actions
SCHEMA = "gonogo/rule-rollback/1"
KIND = "rule-rollback"
_WITHIN, _LONGEST = timedelta(seconds=60), timedelta(minutes=10)
_LOOKS_EVERY_S = 0.5
_SHOWN = 8
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """`document` is what is printed, and kept where something was sent."""

    status: ExitStatus
    document: dict[str, Any]
    folder: Path | None = None


def take_back(asked: Asked, tell: Tell | None = None, clock: Clock | None = None) -> TakenBack:
    """A dry run without `yes`. SafetyRefusal, ConfigError before anything is sent; NotSeen where the table is not."""
    environment = load_environment(asked.environment, asked.root / "environments", root=asked.root)
    refusals = guard(environment, ACTION, asked.yes)
    check_rehearsal(environment, asked.root, asked.scene, asked.faults)
    _check(environment)
    within = _WITHIN if asked.within is None else asked.within
    if not timedelta(0) < within <= _LONGEST:
        raise ConfigError("--within is longer than 0 and at most 10m")
    import_clients(("postgres",))
    with standing(environment, asked.root, scene=asked.scene, faults=asked.faults) as where:
        try:
            deployments = read(where.vantage)
        except Failure as failure:
            raise NotSeen(where.redactor.scrub(failure.detail)) from None
        change = plan_rule_rollback(deployments, asked.to)
        document = where.redactor.scrub_json(_document(asked, where.vantage.environment, deployments, change, refusals))
        if asked.yes is None or isinstance(change, str) or change.stands:
            return TakenBack(status=ExitStatus(document["exit_status"]), document=document)
        return _Taking(asked, where, change.deployment, within, clock or SystemClock(), tell).take(document)


@dataclass(slots=True)
class _Taking:
    """One deployment taken back: sent once, whatever is answered, and then only looked at."""

    asked: Asked
    where: Standing
    deployment: RuleDeployment
    within: timedelta
    clock: Clock
    tell: Tell | None
    tries: list[dict[str, str]] = field(default_factory=list)

    def take(self, document: dict[str, Any]) -> TakenBack:
        redactor, now = self.where.redactor, self.clock.now()
        record = new_record(self.asked.reports, document["environment"], redactor, now, kind=KIND, schema=SCHEMA)
        said = f"HOLD  under way since {now.isoformat(timespec='seconds')}"
        try:
            record.keep(**{**document, "said": said, "exit_status": int(ExitStatus.HOLD)})
        except NotKept as error:
            raise NotKept(f"{error}; nothing was changed") from None
        status, text, after = self._sent()
        decision = next(one for one in Decision if one.exit_status is status)
        ended = {
            "tries": self.tries,
            "after": None if after is None else asdict(after),
            "ended": self.clock.now().isoformat(),
        }
        try:
            record.keep(
                **ended, done=status is ExitStatus.GO, said=f"{decision.value}  {text}", exit_status=int(status)
            )
        except NotKept as error:
            status = ExitStatus.HOLD if status is ExitStatus.GO else status
            record.document |= {"said": f"HOLD  {text}; {error}", "exit_status": int(status)}
        return TakenBack(status=status, document=redactor.scrub_json(record.document), folder=record.folder)

    def _sent(self) -> tuple[ExitStatus, str, RuleDeployment | None]:
        ends = self.clock.monotonic() + self.within.total_seconds()
        doubt, refused = None, None
        try:
            self._note(f"POST for {self.deployment.id}")
            self._note(send(self.where.vantage, self.deployment, Deadline(self.within)))
        except Refused as failure:
            refused = failure.detail
            self._note(refused)
        except Failure as failure:
            doubt = failure.detail
            self._note(doubt)
        row = None
        while True:
            row = self._look() or row
            if row is not None and row.back:
                return ExitStatus.GO, f"in force: {row.kind} {row.old} instead of {row.new} ({row.id})", row
            left = ends - self.clock.monotonic()
            if left <= 0 or refused is not None:
                break
            self.clock.sleep(min(_LOOKS_EVERY_S, left))
        return *self._not_back(row, doubt, refused), row

    def _not_back(self, row: RuleDeployment | None, doubt: str | None, refused: str | None) -> tuple[ExitStatus, str]:
        within, look = show_duration(self.within), "look before it is sent once more"
        if row is None:
            why = refused or doubt or "asked for"
            return ExitStatus.HOLD, f"{why}, and rule_deployments could not be read since: {look}"
        stands = f"{row.id} is {row.status} with rollback_occurred {str(row.taken_back).lower()}"
        if refused is not None:
            return ExitStatus.NO_GO, f"not taken back: {refused}; {stands}"
        if doubt is not None:
            return ExitStatus.HOLD, f"nobody knows whether it was taken: {doubt}; {stands} after {within}: {look}"
        return ExitStatus.NO_GO, f"asked for, and not taken back within {within}: {stands}"

    def _look(self) -> RuleDeployment | None:
        try:
            found = next((one for one in read(self.where.vantage) if one.id == self.deployment.id), None)
        except Failure as failure:
            self._note(f"not read: {failure.detail}")
            return None
        if found is not None:
            self._note(f"read: {found.id} {found.status}, rollback_occurred {str(found.taken_back).lower()}")
        return found

    def _note(self, what: str) -> None:
        what = self.where.redactor.scrub(what)
        if self.tries and self.tries[-1]["what"] == what:
            return
        self.tries.append({"at": self.clock.now().isoformat(timespec="milliseconds"), "what": what})
        if self.tell is not None:
            self.tell(what)


def _check(environment: Environment) -> None:
    if place(environment) is None or "postgres" not in environment.back_ends:
        raise ConfigError(
            f"{environment.name} has no rule deployments: back end postgres, and side {SIDE} or back end {BACK_END} are"
            " needed",
            environment.origin,
        )


def _document(
    asked: Asked,
    environment: Environment,
    deployments: tuple[RuleDeployment, ...],
    change: RuleChange | str,
    refusals: tuple[str, ...],
) -> dict[str, Any]:
    found = None if isinstance(change, str) else change
    call = None if found is None else request(found.deployment)
    if call is not None:
        call["url"] = (place(environment) or ("",))[0]
    return {
        "schema": SCHEMA,
        "environment": environment.name,
        "verb": KIND,
        "who": who(environment, COMMAND_LINE),
        "before": {"deployments": [asdict(one) for one in deployments[:_SHOWN]]},
        "plan": None if found is None else {"goal": found.goal, "deployment": asdict(found.deployment)},
        "why": change if isinstance(change, str) else None,
        "call": call,
        "notes": [] if found is None else list(found.notes),
        "refusals": list(refusals),
        "tries": [],
        "after": None,
        "done": False,
        "said": _said(asked, environment, change, refusals),
        "exit_status": int(ExitStatus.NO_GO if found is None else ExitStatus.GO),
    }


def _said(asked: Asked, environment: Environment, change: RuleChange | str, refusals: tuple[str, ...]) -> str:
    if isinstance(change, str):
        return f"NO-GO  {change}; nothing was changed"
    if change.stands:
        return f"GO  it stands already: {change.deployment.id} was taken back; nothing was changed"
    name = environment.name
    to = f" --to {asked.to}" if asked.to else ""
    make = "" if refusals else f"; `gonogo rollout rule-deployment --env {name}{to} --yes {name}` takes it back"
    return f"GO  possible: {change.goal}; nothing was changed{make}"
