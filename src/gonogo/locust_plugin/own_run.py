"""One run of own users in one process: what may still be sent, what came back, when it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic, monotonic_ns

import gevent
from locust.exception import StopUser

from gonogo.load.fleet import Found
from gonogo.locust_plugin.own_ration import Ration
from gonogo.locust_plugin.own_record import Listener, OwnSide
from gonogo.model.load import Profile, Target

_PATIENCE_S = 60  # without a single request, or for one answer
_LAST_ANSWERS_S = 10  # for those that are under way when the run ends
_BACK_OFF_S = 0.05  # a task that catches everything must not spin


class Closed:
    """The gate of a run that never began: nothing passes."""

    delay = 0.0

    def enter(self, side: str) -> OwnSide:
        """Nothing may be sent."""
        raise self.refuse(side)

    def refuse(self, _: str) -> StopUser:
        """Nothing may be sent."""
        gevent.sleep(_BACK_OFF_S)
        return StopUser()


class OwnRun:
    """The gate that every seat of this process passes."""

    def __init__(
        self,
        profile: Profile,
        targets: Sequence[Target],
        ration: Ration,
        *,
        rejects: Mapping[str, int],
        events: bool,
        listener: Listener,
    ) -> None:
        origin = monotonic_ns()
        self.started = datetime.now(UTC)
        self.delay = profile.delay.total_seconds()
        self.reason: str | None = None  # why it ended early
        self.sides = {
            target.side: OwnSide(
                target.side,
                origin=origin,
                ratio=profile.abort_error_ratio,
                rejects=rejects,
                events=events,
                listener=listener,
            )
            for target in targets
        }
        self._began = monotonic()
        self.ration = ration
        self._halted = 0.0

    def enter(self, side: str) -> OwnSide:
        """One more request to that side; StopUser when the profile or a reason to stop forbids it."""
        record = self.sides[side]
        if record.stopped:
            self.halt(record.stopped)
        if self._halted or not self.ration.take(side) or self._halted:
            gevent.sleep(_BACK_OFF_S)
            raise StopUser
        return record

    def refuse(self, reason: str) -> StopUser:
        """A request that is forbidden ends the run."""
        self.halt(reason)
        gevent.sleep(_BACK_OFF_S)
        return StopUser()

    def halt(self, reason: str | None = None) -> None:
        """Let nothing more through; without a reason the run is complete."""
        if not self._halted:
            self._halted = monotonic()
            self.reason = reason

    def look(self, users: int, *, spawned: bool) -> bool:
        """Ten times a second: whether the run is over. `users` are those of this process that still live."""
        for side in self.sides.values():
            if reason := side.tick():
                self.halt(reason)
        waited = max(side.oldest() for side in self.sides.values())
        if waited > _PATIENCE_S:
            self.halt(f"a request has had no answer for {_PATIENCE_S} s")
            return True
        if self._halted and monotonic() - self._halted > _LAST_ANSWERS_S:
            return True
        if users and not any(side.sent for side in self.sides.values()) and self._lasts > _PATIENCE_S:
            self.halt(f"no task has sent a request within {_PATIENCE_S} s")
        under_way = any(side.under_way for side in self.sides.values())
        spent = all(self.ration.spent(side) for side in self.sides)
        return not under_way and (bool(self._halted) or spent or (spawned and not users))

    def drain(self, seconds: float) -> None:
        """Wait for the answers that are under way."""
        end = monotonic() + seconds
        while any(side.under_way for side in self.sides.values()) and monotonic() < end:
            gevent.sleep(0.02)

    def found(self) -> Found:
        """All that this process saw; what is still under way counts as lost."""
        self._halted = self._halted or monotonic()
        for side in self.sides.values():
            side.settle("no answer when the run ended")
        return Found(
            started=self.started,
            ended=datetime.now(UTC),
            sides=tuple(side.record() for side in self.sides.values()),
            events=tuple(
                sorted((event for side in self.sides.values() for event in side.events), key=lambda one: one.sent)
            ),
            aborted=self.reason,
        )

    @property
    def _lasts(self) -> float:
        return monotonic() - self._began
