"""A planned change made: sent for exactly the state that was planned on, and read back until it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from gonogo.flows.clock import Clock
from gonogo.flows.rollout.plan import Planned, planned_on
from gonogo.flows.rollout.platform import Platform
from gonogo.flows.standing import Standing
from gonogo.judges.plans.rollout import Verb
from gonogo.model.errors import ExitStatus
from gonogo.model.units import show_duration
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure, Stale

ATTEMPTS = 5
_ONE_TRY = timedelta(seconds=15)  # of a rollback: what hangs is asked again
_FIRST_PAUSE_S = 0.5
_LOOKS_EVERY_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What came of a change. `after` is what was read last, None where nothing could be."""

    status: ExitStatus
    said: str
    after: Any
    tries: tuple[dict[str, str], ...] = ()


@dataclass(slots=True, kw_only=True)
class Maker:
    """Makes one planned change. A rollback is tried again within its bounds; anything else is not sent twice."""

    planned: Planned
    change: Any
    where: Standing
    clock: Clock
    tell: Callable[[str], None] | None = None
    tries: list[dict[str, str]] = field(default_factory=list)
    _ends: float = 0.0
    _seen: Any = None
    _sent: Any = None

    def make(self) -> Made:
        """Send it, wait, read back. Never raises for what the platform answers."""
        self._ends = self.clock.monotonic() + self.planned.order.within.total_seconds()
        failed = self._send()
        return self._ended(self._read_back()) if failed is None else failed

    @property
    def _platform(self) -> Platform[Any, Any]:
        return self.planned.platform

    @property
    def _left(self) -> float:
        return max(0.0, self._ends - self.clock.monotonic())

    def _send(self) -> Made | None:
        """None once the change was taken, or stands whatever was answered."""
        again = self.planned.order.wish.verb is Verb.ROLLBACK
        state, change = self.planned.state, self.change
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._note(self._platform.sends(state, change))
                self._update(state, change, again)
            except Failure as failure:
                self._note(self._scrub(failure.detail))
                fresh = self._look()
                if fresh is not None and self._platform.stands(fresh, change):
                    return None
                pause = _FIRST_PAUSE_S * 2 ** (attempt - 1)
                if not again or not self._platform.transient(failure) or pause >= self._left or attempt == ATTEMPTS:
                    return self._failed(failure, fresh)
                state = fresh or state
                anew = self._platform.again(state, change)
                lacking = (anew,) if isinstance(anew, str) else self._platform.lacking(state, anew)
                if lacking:
                    return self._made(ExitStatus.NO_GO, f"not changed: {'; '.join(lacking)}")
                self.change = change = anew
                self.clock.sleep(pause)
            else:
                return None
        return None

    def _update(self, state: Any, change: Any, again: bool) -> None:
        allowed = timedelta(seconds=self._left)
        deadline = Deadline(min(allowed, _ONE_TRY) if again else allowed)
        self._sent = self._platform.send(self.where.vantage, state, change, deadline)

    def _failed(self, failure: Failure, fresh: Any) -> Made:
        if fresh is None:
            return self._made(ExitStatus.HOLD, f"nobody knows whether it was changed: {self._scrub(failure.detail)}")
        now = f"traffic is {self._platform.now(fresh)}"
        if not isinstance(failure, Stale):
            return self._made(ExitStatus.NO_GO, f"not changed: {self._scrub(failure.detail)}; {now}")
        anew = planned_on(self.planned.order, fresh)
        possible = anew.why if anew.change is None else f"{self._platform.goal(anew.change)} would be possible"
        return self._made(
            ExitStatus.NO_GO,
            f"not changed: the service was changed since it was read; {now}; planned again: {possible}",
        )

    def _read_back(self) -> Made:
        while True:
            state = self._look()
            if state is not None and self._platform.stands(state, self.change):
                lacking = self._platform.lacking(state, self.change)
                if lacking:
                    return self._made(ExitStatus.NO_GO, f"in force, but {'; '.join(lacking)}")
                return self._made(ExitStatus.GO, f"in force: {self._platform.now(state)}")
            if not self._left:
                break
            self.clock.sleep(min(_LOOKS_EVERY_S, self._left))
        within = show_duration(self.planned.order.within)
        if state is None:
            return self._made(ExitStatus.HOLD, f"asked for, and not seen within {within} whether it is in force")
        now = self._platform.now(state)
        return self._made(ExitStatus.NO_GO, f"asked for, and not in force within {within}: traffic is {now}")

    def _ended(self, made: Made) -> Made:
        """The platform's own books are closed; what they lack is told, and is no GO."""
        good = made.status is ExitStatus.GO
        lacks = self._platform.end(self.where.vantage, self._sent, None if good else made.said)
        if lacks is None:
            if self._sent is not None:
                self._look()  # so that what is kept is how the platform's own books tell it
            return Made(status=made.status, said=made.said, after=self._seen, tries=tuple(self.tries))
        self._note(self._scrub(lacks))
        status = ExitStatus.HOLD if good else made.status
        return Made(status=status, said=f"{made.said}; {self._scrub(lacks)}", after=made.after, tries=tuple(self.tries))

    def _look(self) -> Any:
        try:
            state = self._platform.read(self.where.vantage, changes=True)
        except Failure as failure:
            self._note(f"not read: {self._scrub(failure.detail)}")
            return None
        self._seen = state
        way = ", a change is under way" if self._platform.under_way(state) else ""
        self._note(f"read: {self._platform.now(state)}{way}")
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
