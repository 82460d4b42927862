"""What an examination may still send, what it has sent, and the moves that its scenes are made of."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from gonogo.judges.rate.catalogue import RESTED, Expect, Scene, Trial
from gonogo.judges.rate.headers import Interval, read_headers
from gonogo.judges.rate.steps import Send, accepted
from gonogo.model.load import Event
from gonogo.model.rate_scenes import Scenario, Skipped, Variant
from gonogo.model.ratelimit import Algorithm, Policy

ENOUGH = 3  # rejects in a row that say: it is used up
SPARE_S = 1.0  # after a moment that is told, for clocks that count whole seconds
AHEAD = 16  # requests under way before the answers are looked at
_FIRST, _LAST = 3, 6  # requests of a burst that wait for each other
_SMALL = 0.1  # of a window: a burst that takes no longer is sent one after the other, which leaves no doubt of order
_LOST = 3  # controls that nothing rejects, then the scene is given up

T = TypeVar("T")
Move = Generator["float | Send", Sequence[Event], T]  # a float is a moment to wait for


@dataclass(slots=True, kw_only=True)
class Stage:
    """The state of one examination: `left` requests may be sent, none of them after `patience`."""

    policy: Policy
    scenario: Scenario
    left: int
    patience: float
    last: Event | None = None  # the latest answer to a plain request
    denied: Event | None = None  # the latest that was rejected
    ended: float = 0.0  # when the latest answer of all came
    rejects: list[float] = field(default_factory=list)  # when plain requests were rejected
    polled: int = 0  # the most that were rejected within a window before an admission
    refused: set[tuple[str, str]] = field(default_factory=set)  # scenes and variants that were rejected
    dear: int = 0  # requests that were needed for what was skipped
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def spare(self) -> int:
        """Requests by which the limiter may miss its limit."""
        return int(self.policy.limit * self.policy.tolerance)

    @property
    def rest(self) -> float:
        """Seconds without a request after which all is forgotten."""
        window = self.policy.window.total_seconds()
        if self.policy.algorithm.bucket:
            return self.policy.at_once * window / self.policy.limit
        return 2 * window if self.policy.algorithm is Algorithm.SLIDING_COUNTER else window

    @property
    def longest(self) -> float:
        """Seconds after which one more request fits, at the latest."""
        window = self.policy.window.total_seconds()
        if self.policy.algorithm.bucket:
            return window / self.policy.limit / (1 - self.policy.tolerance)
        # The window before fades with the next one: after so long no edge explains a rejection.
        return 1.3 * window if self.policy.algorithm is Algorithm.SLIDING_COUNTER else window

    def rejected(self, event: Event) -> bool:
        """Whether the limiter rejected it."""
        return event.status in {429, self.policy.reject_status}

    def ask(
        self,
        n: int,
        scene: str,
        *,
        variant: Variant | None = None,
        fresh: bool = False,
        serial: bool = False,
        spacing: float = 0.0,
    ) -> Generator[Send, Sequence[Event], Sequence[Event]]:
        """Send, and remember what came."""
        self.left -= n
        events = yield Send(n=n, scene=scene, variant=variant, fresh=fresh, serial=serial, spacing=spacing)
        self.ended = max(event.received for event in events)
        if variant is None:
            self.last = max(events, key=lambda event: event.received)
            for event in events:
                if self.rejected(event):
                    self.rejects.append(event.sent)
                    self.denied = event
                elif accepted(event):
                    recent = event.sent - 0.98 * self.policy.window.total_seconds()
                    self.polled = max(self.polled, sum(recent < at < event.sent for at in self.rejects))
        elif self.rejected(events[-1]):
            self.refused.add((scene, variant.name))
        return events

    def until(self, moment: float) -> Generator[float, Sequence[Event], bool]:
        """Wait for a moment; False if patience does not allow it."""
        if moment > self.patience:
            return False
        yield moment
        return True

    def skip(self, id_: str, reason: str, more: int = 0) -> None:
        """Nothing was sent for this property."""
        self.skipped.append(Skipped(id=id_, reason=reason, more=more))

    def affords(self, id_: str, cost: int, reserve: int = 0) -> bool:
        """Whether so many requests are left beside a reserve; if not, the property is skipped."""
        lacking = cost + reserve - self.left
        if lacking > 0:
            self.dear += cost
            self.skip(id_, f"needs {cost} more requests, --max-requests leaves {max(0, self.left - reserve)}", lacking)
        return lacking <= 0


def told(event: Event) -> Interval | None:
    """Seconds until the quota comes back, as the answer's headers say."""
    said = read_headers(event.headers)
    if said.retry_after is not None:  # an instant that has passed means now
        return max(0.0, said.retry_after[0]), max(0.0, said.retry_after[1])
    return None if said.reset is None or said.reset[1] < 0 else said.reset


def exhaust(stage: Stage, scene: str, *, fresh: bool = False, careful: bool = False) -> Move[list[Event]]:
    """As fast as it goes until several in a row are rejected, or more were sent than any reading of it admits.

    `careful`: one after the other at first and where the limit is, to hold what answers say remains to the truth.
    """
    most = stage.policy.at_once
    left = 2 * most + math.ceil(2 * stage.policy.tolerance * most) + ENOUGH + 2
    events: list[Event] = []
    first = most + ENOUGH
    slow = False
    if stage.policy.algorithm is Algorithm.LEAKY_BUCKET:  # it may make them wait: only a row that is longer fills it
        events += yield from stage.ask(left, scene, fresh=fresh)
        return events
    while left > 0:
        n = min(AHEAD, first - len(events) if len(events) < first else AHEAD, left)
        serial = careful and (not events or n <= _LAST or slow)
        if careful and not serial and len(events) < first:
            n = min(n, max(1, first - _LAST - len(events)))
        n = min(n, _FIRST if serial and not events else n)
        events += yield from stage.ask(n, scene, fresh=fresh, serial=serial)
        left -= n
        if len(events) == n:
            trip = (events[-1].received - events[0].sent) / n
            slow = careful and trip * most < _SMALL * stage.policy.window.total_seconds()
        tail = sorted(events, key=lambda event: event.received)[-ENOUGH:]
        if len(tail) == ENOUGH and not any(accepted(event) for event in tail):
            break
    return events


def play(stage: Stage, scenes: Sequence[Scene], reserve: int) -> Move[None]:
    """Each variant between two plain requests that are rejected, as far as requests are left beside the reserve."""
    lost = 0
    for scene in scenes:
        if scene.absent or not stage.affords(scene.id, scene.cost, reserve):
            continue
        for trial in (trial for trial in scene.trials if trial.sent):
            if lost >= _LOST or stage.left <= reserve + ENOUGH:
                break
            good = yield from _between(stage, scene.tag, trial, reserve)
            lost = 0 if good else lost + 1


def _between(stage: Stage, scene: str, trial: Trial, reserve: int) -> Move[bool]:
    """One variant, again if it was admitted, for that may be a refill. False: the controls were not rejected."""
    admitted = good = 0
    for _ in range(trial.times + 1):
        if stage.left <= reserve + ENOUGH or not (yield from _closed(stage, scene)):
            break
        (event,) = yield from stage.ask(1, scene, variant=trial.variant)
        (control,) = yield from stage.ask(1, scene)
        if not stage.rejected(control):
            continue
        good += 1
        if not 200 <= event.status < 300 or trial.expect is Expect.EXEMPT:
            break
        admitted += 1
        if admitted >= trial.times:
            break
    return good > 0


def _closed(stage: Stage, scene: str) -> Move[bool]:
    """A plain request is rejected: the one before, or one of the next few."""
    for _ in range(4):
        if stage.last is not None and stage.rejected(stage.last):
            return True
        yield from stage.ask(1, scene)
    return stage.last is not None and stage.rejected(stage.last)


def doubted(stage: Stage, scenes: Sequence[Scene]) -> list[tuple[str, Variant]]:
    """Variants that were rejected although they have a quota of their own: they are asked once more after a rest."""
    return [
        (scene.tag, replace(trial.variant, name=trial.variant.name + RESTED))
        for scene in scenes
        for trial in scene.trials
        if trial.expect is Expect.OWN and (scene.tag, trial.variant.name) in stage.refused
    ]
