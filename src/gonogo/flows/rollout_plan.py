"""An order and the service as it stands into a planned change; nothing is sent but reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gonogo.flows.rollout_order import SIDE, Order
from gonogo.flows.rollout_record import newest_kept
from gonogo.flows.standing import Standing
from gonogo.judges.rollout_plan import plan_change, stage_notes, stands
from gonogo.judges.traffic_split import gcloud_line
from gonogo.model.errors import ExitStatus, GonogoError
from gonogo.model.evidence import Cause
from gonogo.model.rollout import Change, ServiceTraffic
from gonogo.probes.cloud_run_traffic import METHOD, read, request
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
    state: ServiceTraffic
    change: Change | None
    why: str | None = None
    notes: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()

    @property
    def stands(self) -> bool:
        """Whether there is nothing to do."""
        return self.change is not None and stands(self.state, self.change)

    @property
    def status(self) -> ExitStatus:
        """GO where it is possible."""
        return ExitStatus.GO if self.change is not None else ExitStatus.NO_GO

    @property
    def gcloud(self) -> str | None:
        """The command line that would do the same."""
        if self.change is None:
            return None
        back_end = self.order.environment.back_ends["cloud_run"]
        return gcloud_line(self.state.service, self.change.split, back_end.names)

    @property
    def call(self) -> dict[str, Any] | None:
        """The one request that would be sent."""
        if self.change is None:
            return None
        return {"method": METHOD, "request": request(self.state, self.change.shares)}


def plan_here(order: Order, where: Standing) -> Planned:
    """The plan from where one stands already."""
    try:
        state = read(where.vantage, SIDE)
    except Failure as failure:
        lost = failure.lost or failure.cause is Cause.TIMEOUT
        raise NotSeen(where.redactor.scrub(failure.detail), lost=lost) from None
    return planned_on(order, state)


def planned_on(order: Order, state: ServiceTraffic) -> Planned:
    """The plan for a state that was read."""
    environment = order.environment
    # A rehearsed environment begins anew each time: no earlier rollout tells anything of it.
    rehearsed = environment.start is not None
    kept, doubts = (None, ()) if rehearsed else newest_kept(order.asked.reports, environment.name, state.name)
    change = plan_change(state, order.wish, kept)
    why = change if isinstance(change, str) else None
    found = None if isinstance(change, str) else change
    notes = (*doubts, *stage_notes(state, order.wish, environment.rollout.stages), *(found.notes if found else ()))
    return Planned(order=order, state=state, change=found, why=why, notes=notes, refusals=order.refusals)
