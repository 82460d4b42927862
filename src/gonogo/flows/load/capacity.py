"""A capacity profile into steps at rates that the judge asks for, side after side, and into what each side bears."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic, sleep

from gonogo.flows.load.wire import merge_found
from gonogo.judges.loads.capacity import Ended, Plan, estimate, next_step
from gonogo.judges.loads.capacity_step import Bar, judge_step
from gonogo.load.fleet import Found
from gonogo.load.shares import count_beyond
from gonogo.model.capacity import Capacity, CapacityStep
from gonogo.model.load import OutcomeClass, Profile, SideRecord, Target
from gonogo.reporting.load.capacity import step_line

_LOOK_EVERY_S = 0.1  # for a wish to stop, while the service drains


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One step as it was sent. `late`: s in which the generator itself was more than 10 ms late."""

    found: Found
    late: float = 0.0


class Sender:
    """Sends one profile to the targets of one side; `stop` ends it early and may come from another greenlet."""

    def send(self, profile: Profile, targets: Sequence[Target]) -> Sent:
        """Send it all, and return when everything was answered."""
        raise NotImplementedError

    def stop(self, reason: str) -> None:
        """Send nothing more."""
        raise NotImplementedError


class Search:
    """Raises the rate of each side in turn until its objectives break; `bars` by side. It runs once.

    Each step is one run of the fleet at one rate. No step is begun that could break a bound of the profile, so that
    it never sends more than the profile's requests a side.
    """

    def __init__(
        self,
        profile: Profile,
        targets: Sequence[Target],
        bars: Mapping[str, Sequence[Bar]],
        sender: Sender,
        *,
        say: Callable[[str], None] = lambda _line: None,
        sleep: Callable[[float], None] = sleep,
    ) -> None:
        if profile.steps is None:
            raise ValueError(f"profile {profile.name!r} has no steps")
        self._profile = profile
        self._plan = Plan(
            steps=profile.steps,
            requests=profile.requests,
            seconds=None if profile.duration is None else profile.duration.total_seconds(),
        )
        self._targets = {target.side: [one for one in targets if one.side == target.side] for target in targets}
        self._bars = bars
        self._sender = sender
        self._say = say
        self._sleep = sleep
        self._stop: str | None = None
        self.capacities: tuple[Capacity, ...] = ()

    def stop(self, reason: str) -> None:
        """Send nothing more; what was found so far stands."""
        self._stop = self._stop or reason
        self._sender.stop(reason)

    def run(self) -> Found:
        """All steps as one run. `capacities` is there afterwards, also when it was stopped."""
        started, parts = datetime.now(UTC), []
        spans: dict[str, float] = {}
        for side, targets in self._targets.items():
            found, steps = self._side(side, targets)
            parts += found
            spans[side] = sum(step.sent / step.achieved for step in steps if step.achieved)
            if self._stop:
                break
        whole = merge_found(parts) or Found(started=started, ended=started, sides=(), events=(), aborted=None)
        sides = tuple(
            replace(one, requested_rate=None, achieved_rate=one.requests / spans[one.side] if spans[one.side] else 0.0)
            for one in whole.sides
        )
        return replace(whole, sides=sides, events=(), ended=datetime.now(UTC), aborted=self._stop)

    def _side(self, side: str, targets: Sequence[Target]) -> tuple[list[Found], list[CapacityStep]]:
        found: list[Found] = []
        steps: list[CapacityStep] = []
        bars = self._bars[side]
        while True:
            wanted: float | Ended = Ended(reason=self._stop) if self._stop else next_step(self._plan, steps, bars)
            if isinstance(wanted, Ended):
                break
            if found:
                self._drain()
            if not self._stop:
                sent, step = self._step(side, wanted, targets)
                found.append(sent)
                if self._stop is None:
                    steps.append(step)
                    self._say(step_line(side, step))
        self.capacities += (estimate(self._plan, side, steps, bars, wanted),)
        return found, steps

    def _step(self, side: str, rate: float, targets: Sequence[Target]) -> tuple[Found, CapacityStep]:
        each = self._plan.steps.each
        profile = replace(
            self._profile, rate=rate, duration=each, requests=self._plan.planned(rate), steps=None, sides_together=True
        )
        sent = self._sender.send(profile, targets)
        found, bars = sent.found, self._bars[side]
        record = next((one for one in found.sides if one.side == side), None) or SideRecord(
            side=side, requested_rate=rate, achieved_rate=0.0, requests=0, outcomes={}
        )
        step = judge_step(
            rate,
            record,
            {bar.name: _beyond(record, bar) for bar in bars if bar.limit_ms is not None},
            bars,
            connections=profile.connections,
            late_ratio=min(1.0, sent.late / each.total_seconds()),
            took=(found.ended - found.started).total_seconds(),
            stopped=found.aborted,
        )
        return found, step

    def _drain(self) -> None:
        until = monotonic() + self._plan.steps.pause.total_seconds()
        while not self._stop and (left := until - monotonic()) > 0:
            self._sleep(min(left, _LOOK_EVERY_S))


def _beyond(record: SideRecord, bar: Bar) -> int:
    def holds(milliseconds: float) -> bool:
        return bar.limit_ms is not None and bar.objective.comparator.holds(milliseconds, bar.limit_ms)

    return count_beyond(record.histograms, OutcomeClass.ACCEPTED, holds)
