"""A rollout from order to record: planned, kept, made, read back, kept again; and the rollback of a watch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from gonogo.flows.clock import Clock, SystemClock
from gonogo.flows.collecting import import_clients
from gonogo.flows.rollout.maker import Made, Maker
from gonogo.flows.rollout.order import ROLLBACK, Asked, Order
from gonogo.flows.rollout.plan import NotSeen, Planned, plan_here
from gonogo.flows.rollout.platforms import platform_of
from gonogo.flows.rollout.record import Record, new_record
from gonogo.flows.rollout.told import COMMAND_LINE, plan_document
from gonogo.flows.standing import Standing, standing
from gonogo.judges.plans.rollout import Verb, Wish
from gonogo.model.environment import Environment
from gonogo.model.errors import ExitStatus, GonogoError, SafetyRefusal
from gonogo.model.verdict import Decision
from gonogo.reporting.files import NotKept

Tell = Callable[[str], None]
WATCH = "the watch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A rollout that was planned or made. `document` is what is printed, and kept where something was sent."""

    status: ExitStatus
    document: dict[str, Any]
    folder: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolled:
    """What a rollback without anybody at the keyboard came to. `text` is one line, `did` the record."""

    done: bool
    text: str
    did: dict[str, Any] | None = None


def roll(order: Order, tell: Tell | None = None, clock: Clock | None = None) -> Ended:
    """Plan, and make the change if the order sends. NotSeen (exit 6) where the service cannot be read."""
    import_clients(order.platform.kinds)
    asked = order.asked
    with standing(order.environment, asked.root, scene=asked.scene, faults=asked.faults) as where:
        clock = clock or SystemClock()
        hurries = order.sends and order.wish.verb is Verb.ROLLBACK
        planned = _planned(order, where, clock) if hurries else plan_here(order, where)
        return _settle(planned, where, COMMAND_LINE, clock, tell)


def check_roll_back(environment: Environment) -> None:
    """SafetyRefusal where an environment does not allow to be rolled back by itself; ConfigError where it cannot be."""
    if ROLLBACK not in environment.guards.actions:
        allowed = ", ".join(environment.guards.actions) or "none"
        raise SafetyRefusal(
            f"{environment.name} does not allow the action {ROLLBACK!r} (guards.actions: {allowed})", environment.origin
        )
    platform_of(environment).check(environment)


def roll_back(
    where: Standing,
    *,
    root: Path,
    reports: Path,
    page: Tell | None = None,
    within: timedelta | None = None,
    clock: Clock | None = None,
) -> Rolled:
    """All traffic back to the previous revision, at once and without --yes: the environment's `rollback` among
    guards.actions is the leave for it. Tried again within its bounds; `page` is told where it fails at last.

    Never raises: what goes wrong is in the text.
    """
    environment, clock = where.vantage.environment, clock or SystemClock()
    try:
        check_roll_back(environment)
        platform = platform_of(environment)
        import_clients(platform.kinds)
        order = Order(
            asked=Asked(root=root, environment=environment.name, out=reports),
            environment=environment,
            wish=Wish(verb=Verb.ROLLBACK, automatic=True),
            within=platform.within_by_itself if within is None else within,
            sends=True,
            platform=platform,
        )
        ended = _settle(_planned(order, where, clock), where, WATCH, clock, None)
    except Exception as error:  # noqa: BLE001 - nobody is at the keyboard: whatever went wrong is paged
        kind = "" if isinstance(error, GonogoError) else f"{type(error).__name__}: "
        rolled = Rolled(done=False, text=where.redactor.scrub(f"rollback: {kind}{error}"))
    else:
        done = ended.status is ExitStatus.GO
        rolled = Rolled(done=done, text=f"rollback: {ended.document['said']}", did=ended.document)
    if not rolled.done and page is not None:
        page(rolled.text)
    return rolled


def _planned(order: Order, where: Standing, clock: Clock) -> Planned:
    """The plan, with what is left of the time; a service that does not answer is asked again for half of it."""
    began, within = clock.monotonic(), order.within
    while True:
        spent = timedelta(seconds=clock.monotonic() - began)
        try:
            return plan_here(replace(order, within=max(within - spent, within / 4)), where)
        except NotSeen as error:
            if spent >= within / 2 or not error.lost:
                raise
            clock.sleep(1.0)


def _settle(planned: Planned, where: Standing, by: str, clock: Clock, tell: Tell | None) -> Ended:
    document = where.redactor.scrub_json(plan_document(planned, by))
    order = planned.order
    if not order.sends or planned.change is None or planned.stands:
        return Ended(status=planned.status, document=document)
    record = new_record(order.asked.reports, order.environment.name, where.redactor, clock.now())
    said = f"under way since {clock.now().isoformat(timespec='seconds')}"
    kept = _keep(record, order, {**document, "said": said, "exit_status": int(ExitStatus.HOLD)})
    made = Maker(planned=planned, change=planned.change, where=where, clock=clock, tell=tell).make()
    document = {**record.document, **_outcome(planned, made), "ended": clock.now().isoformat()}
    if kept is not None:
        document["notes"] = [*document["notes"], kept]
    kept = _keep(record, order, document, sent=True)
    status = made.status
    if kept is not None:
        document["notes"] = [*document["notes"], kept]
        if status is ExitStatus.GO and order.wish.verb is not Verb.ROLLBACK:
            status = ExitStatus.HOLD
            document |= {"said": f"HOLD  {made.said}, and the record of it was not kept", "exit_status": int(status)}
    return Ended(status=status, document=where.redactor.scrub_json(document), folder=record.folder)


def _keep(record: Record, order: Order, document: dict[str, Any], *, sent: bool = False) -> str | None:
    """Write the record. A rollback is not held up by a full disk; anything else is not begun."""
    try:
        record.keep(**document)
    except NotKept as error:
        if not sent and order.wish.verb is not Verb.ROLLBACK:
            raise NotKept(f"{error}; nothing was changed") from None
        return str(error)
    return None


def _outcome(planned: Planned, made: Made) -> dict[str, Any]:
    decision = next(one for one in Decision if one.exit_status is made.status)
    platform, back = planned.platform, ""
    moved = made.after is None or platform.moved(planned.state, made.after)
    if made.status is not ExitStatus.GO and planned.order.wish.verb is Verb.APPLY and moved:
        way = platform.back(planned.change, planned.order.environment.name)
        back = "" if way is None else f"; {way}"
    notes = [*planned.notes]
    if made.status is not ExitStatus.GO and planned.order.wish.verb is Verb.ROLLBACK:
        contacts = planned.order.environment.contacts
        notes += [f"call {one.name}, {one.reach}, {one.hours}" for one in (contacts.first, contacts.second) if one]
    return {
        "notes": notes,
        "tries": list(made.tries),
        "after": None if made.after is None else platform.state_document(made.after),
        "done": made.status is ExitStatus.GO,
        "said": f"{decision.value}  {made.said}{back}",
        "exit_status": int(made.status),
    }
