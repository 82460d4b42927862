"""An order and the service as it stands into a planned change; nothing is sent but reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gonogo.flows.rollout.order import Order
from gonogo.flows.rollout.platform import Platform
from gonogo.flows.standing import Standing
from gonogo.model.errors import ExitStatus, GonogoError
from gonogo.model.evidence import Cause
from gonogo.probes.failure import Failure


class NotSeen(GonogoError):
    """The service could not be seen, so that nothing can be said of it (exit 6)."""

    exit_status = ExitStatus.HOLD

    def __init__(self, message: str, *, lost: bool = False) -> None:
        """`lost`: it did not answer, so that asking again may help."""
        super().__init__(message)
        self.lost = lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A change on paper. `change` is None where it is not possible, and `why` says why. `refusals` are the guards that
    would stop it as it was asked for.
    """

    order: Order
    state: Any
    change: Any
    why: str | None = None
    notes: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()

    @property
    def stands(self) -> bool:
        """Whether there is nothing to do."""
        return self.change is not None and self.platform.stands(self.state, self.change)

    @property
    def platform(self) -> Platform[Any, Any]:
        """Where the service runs."""
        return self.order.platform

    @property
    def lacking(self) -> tuple[str, ...]:
        """What cannot serve though there is nothing to do, in words."""
        return self.platform.lacking(self.state, self.change) if self.stands else ()

    @property
    def status(self) -> ExitStatus:
        """GO where it is possible, or stands already and serves."""
        return ExitStatus.NO_GO if self.change is None or self.lacking else ExitStatus.GO


def plan_here(order: Order, where: Standing) -> Planned:
    """The plan from where one stands already."""
    try:
        state = order.platform.read(where.vantage, changes=order.sends)
    except Failure as failure:
        lost = failure.lost or failure.cause is Cause.TIMEOUT
        raise NotSeen(where.redactor.scrub(failure.detail), lost=lost) from None
    return planned_on(order, state)


def planned_on(order: Order, state: Any) -> Planned:
    """The plan for a state that was read."""
    paper = order.platform.plan(state, order.wish, order.environment, order.asked.reports)
    return Planned(
        order=order, state=state, change=paper.change, why=paper.why, notes=paper.notes, refusals=order.refusals
    )
