"""A planned change, and what came of it, into the document that is printed and kept."""

from __future__ import annotations

from typing import Any

from gonogo.flows.rollout.plan import Planned
from gonogo.flows.rollout.record import SCHEMA
from gonogo.judges.plans.rollout import Verb
from gonogo.model.environment import Environment

COMMAND_LINE = "the command line"


def plan_document(planned: Planned, by: str = COMMAND_LINE) -> dict[str, Any]:
    """The plan alone: nothing was changed. `said` is one line of it."""
    order, change, platform = planned.order, planned.change, planned.platform
    return {
        "schema": SCHEMA,
        "environment": order.environment.name,
        "verb": order.wish.verb.value,
        "service": platform.name(planned.state),
        "who": who(order.environment, by),
        "before": platform.state_document(planned.state),
        "why": planned.why,
        **platform.change_document(planned.state, change, order.environment),
        "previous": None if change is None else platform.previous(change),
        "notes": list(planned.notes),
        "refusals": list(planned.refusals),
        "tries": [],
        "after": None,
        "done": False,
        "said": _said(planned),
        "exit_status": int(planned.status),
    }


def who(environment: Environment, by: str) -> dict[str, str | None]:
    """What made the change, and who answers for it as the environment says; no other name."""
    return {"by": by, "owner": environment.contacts.watch_owner}


def _said(planned: Planned) -> str:
    change, order = planned.change, planned.order
    if change is None:
        return f"NO-GO  {planned.why}; nothing was changed"
    split = planned.platform.goal(change)
    if planned.lacking:
        return f"NO-GO  it stands already: {split}, but {'; '.join(planned.lacking)}; nothing was changed"
    if planned.stands:
        return f"GO  it stands already: {split}; nothing was changed"
    name, verb = order.environment.name, order.wish.verb
    to = f" --to {order.asked.to}" if order.asked.to else ""
    if verb is Verb.APPLY and not to:
        to = f" --to {order.wish.percent}"
    make = "" if planned.refusals else f"; `gonogo rollout {verb} --env {name}{to} --yes {name}` makes the change"
    return f"GO  possible: {split}; nothing was changed{make}"
