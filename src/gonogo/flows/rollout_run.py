"""A planned change made: sent for exactly the state that was planned on, and read back until it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from gonogo.flows.clock import Clock
from gonogo.flows.rollout_order import SIDE
from gonogo.flows.rollout_plan import Planned, planned_on
from gonogo.flows.standing import Standing
from gonogo.judges.rollout_plan import Verb, stands, unready
from gonogo.judges.traffic_split import change_to, split_text
from gonogo.model.errors import ExitStatus
from gonogo.model.evidence import Cause
from gonogo.model.rollout import Change, ServiceTraffic
from gonogo.model.units import show_duration
from gonogo.probes.cloud_run_traffic import Stale, read, set_traffic
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.google import Rejected

ATTEMPTS = 5
_ONE_TRY = timedelta(seconds=15)  # of a rollback: what hangs is asked again
_FIRST_PAUSE_S = 0.5
_LOOKS_EVERY_S = 0.5
_TRANSIENT = frozenset(
    ("ABORTED", "UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL", "CANCELLED", "UNKNOWN")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What came of a change. `after` is what was read last, None where nothing could be."""

    status: ExitStatus
    said: str
    after: ServiceTraffic | None
    tries: tuple[dict[str, str], ...] = ()


@dataclass(slots=True, kw_only=True)
class Maker:
    """Makes one planned change. A rollback is tried again within its bounds; anything else is not sent twice."""

    planned: Planned
    change: Change
    where: Standing
    clock: Clock
    tell: Callable[[str], None] | None = None
    tries: list[dict[str, str]] = field(default_factory=list)
    _ends: float = 0.0
    _seen: ServiceTraffic | None = None

    def make(self) -> Made:
        """Send it, wait, read back. Never raises for what Cloud Run answers."""
        self._ends = self.clock.monotonic() + self.planned.order.asked.within.total_seconds()
        failed = self._send()
        return self._read_back() if failed is None else failed

    @property
    def _left(self) -> float:
        return max(0.0, self._ends - self.clock.monotonic())

    def _send(self) -> Made | None:
        """None once the change was taken, or stands whatever was answered."""
        again = self.planned.order.wish.verb is Verb.ROLLBACK
        state = self.planned.state
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._note(f"UpdateService for etag {state.etag}")
                self._update(state, again)
            except Failure as failure:
                self._note(self._scrub(failure.detail))
                fresh = self._look()
                if fresh is not None and stands(fresh, self.change):
                    return None
                pause = _FIRST_PAUSE_S * 2 ** (attempt - 1)
                if not again or not _transient(failure) or pause >= self._left or attempt == ATTEMPTS:
                    return self._failed(failure, fresh)
                state = fresh or state
                lacking = unready(state, self.change)
                if lacking:
                    return self._made(ExitStatus.NO_GO, f"not changed: {'; '.join(lacking)}")
                self.clock.sleep(pause)
            else:
                return None
        return None

    def _update(self, state: ServiceTraffic, again: bool) -> None:
        """The planned split on a state that may be newer: the same revisions, the tags as they are there."""
        allowed = timedelta(seconds=self._left)
        deadline = Deadline(min(allowed, _ONE_TRY) if again else allowed)
        set_traffic(self.where.vantage, state, change_to(state, self.change.split).shares, deadline)

    def _failed(self, failure: Failure, fresh: ServiceTraffic | None) -> Made:
        if fresh is None:
            return self._made(ExitStatus.HOLD, f"nobody knows whether it was changed: {self._scrub(failure.detail)}")
        now = f"traffic is {split_text(fresh.split)}"
        if not isinstance(failure, Stale):
            return self._made(ExitStatus.NO_GO, f"not changed: {self._scrub(failure.detail)}; {now}")
        anew = planned_on(self.planned.order, fresh)
        possible = anew.why if anew.change is None else f"{split_text(anew.change.split)} would be possible"
        return self._made(
            ExitStatus.NO_GO,
            f"not changed: the service was changed since it was read; {now}; planned again: {possible}",
        )

    def _read_back(self) -> Made:
        while True:
            state = self._look()
            if state is not None and stands(state, self.change):
                lacking = unready(state, self.change)
                if lacking:
                    return self._made(ExitStatus.NO_GO, f"in force, but {'; '.join(lacking)}")
                return self._made(ExitStatus.GO, f"in force: {split_text(state.split)}")
            if not self._left:
                break
            self.clock.sleep(min(_LOOKS_EVERY_S, self._left))
        within = show_duration(self.planned.order.asked.within)
        if state is None:
            return self._made(ExitStatus.HOLD, f"asked for, and not seen within {within} whether it is in force")
        now = split_text(state.split)
        return self._made(ExitStatus.NO_GO, f"asked for, and not in force within {within}: traffic is {now}")

    def _look(self) -> ServiceTraffic | None:
        try:
            state = read(self.where.vantage, SIDE)
        except Failure as failure:
            self._note(f"not read: {self._scrub(failure.detail)}")
            return None
        self._seen = state
        way = "" if state.settled else ", a change is under way"
        self._note(f"read: {split_text(state.split)}{way}")
        return state

    def _note(self, what: str) -> None:
        if self.tries and self.tries[-1]["what"] == what:
            return
        self.tries.append({"at": self.clock.now().isoformat(timespec="milliseconds"), "what": what})
        if self.tell is not None:
            self.tell(what)

    def _scrub(self, text: str) -> str:
        return self.where.redactor.scrub(text)

    def _made(self, status: ExitStatus, said: str) -> Made:
        return Made(status=status, said=said, after=self._seen, tries=tuple(self.tries))


def _transient(failure: Failure) -> bool:
    if isinstance(failure, Rejected):
        return failure.code in _TRANSIENT
    return isinstance(failure, Stale) or failure.cause in (Cause.TIMEOUT, Cause.UNREACHABLE)
