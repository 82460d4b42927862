"""What an examination may still send, what it has sent, and the moves that its scenes are made of."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from gonogo.judges.rate_catalogue import RESTED, Expect, Scene, Trial
from gonogo.judges.rate_headers import Interval, read_headers
from gonogo.judges.rate_steps import Send, accepted
from gonogo.model.load import Event
from gonogo.model.rate_scenes import Scenario, Skipped, Variant
from gonogo.model.ratelimit import Algorithm, Policy

ENOUGH = 3  # rejects in a row that say: it is used up
SPARE_S = 1.0  # after a moment that is told, for clocks that count whole seconds
AHEAD = 16  # requests under way before the answers are looked at
_TRIES = 3  # of one variant: its first admission may be a refill
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
    ended: float = 0.0  # when the latest answer of all came
    rejects: list[float] = field(default_factory=list)  # when plain requests were rejected
    refused: set[tuple[str, str]] = field(default_factory=set)  # scenes and variants that were rejected
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
            self.rejects += [event.sent for event in events if self.rejected(event)]
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
            self.skip(id_, f"needs {cost} more requests, --max-requests leaves {max(0, self.left - reserve)}", lacking)
        return lacking <= 0


def told(event: Event) -> Interval | None:
    """Seconds until the quota comes back, as the answer's headers say."""
    said = read_headers(event.headers)
    interval = said.retry_after or said.reset
    return None if interval is None or interval[1] < 0 else interval


def exhaust(stage: Stage, scene: str, *, fresh: bool = False) -> Move[list[Event]]:
    """As fast as it goes until several in a row are rejected, or more were sent than any reading of it admits."""
    most = stage.policy.at_once
    left = 2 * most + math.ceil(2 * stage.policy.tolerance * most) + ENOUGH + 2
    events: list[Event] = []
    first = most + ENOUGH
    while left > 0:
        n = min(AHEAD, first - len(events) if len(events) < first else AHEAD, left)
        answers = yield from stage.ask(n, scene, fresh=fresh)
        events += answers
        left -= n
        tail = events[-ENOUGH:]
        if len(tail) == ENOUGH and not any(accepted(event) for event in tail):
            break
    return events


def play(stage: Stage, scenes: Sequence[Scene], reserve: int) -> Move[None]:
    """Each variant between two plain requests that are rejected, as far as requests are left beside the reserve."""
    lost = 0
    for scene in scenes:
        if scene.absent or not stage.affords(scene.id, scene.cost, reserve):
            continue
        for trial in scene.trials:
            if lost >= _LOST or stage.left <= reserve + ENOUGH:
                break
            good = yield from _between(stage, scene.id, trial, reserve)
            lost = 0 if good else lost + 1


def _between(stage: Stage, scene: str, trial: Trial, reserve: int) -> Move[bool]:
    """One variant, again if it was admitted, for that may be a refill. False: the controls were not rejected."""
    admitted = good = 0
    for _ in range(_TRIES + min(stage.spare, 5)):
        if stage.left <= reserve + ENOUGH or not (yield from _closed(stage, scene)):
            break
        (event,) = yield from stage.ask(1, scene, variant=trial.variant)
        (control,) = yield from stage.ask(1, scene)
        if not stage.rejected(control):
            continue
        good += 1
        if not accepted(event) or trial.expect is Expect.EXEMPT:
            break
        admitted += 1
        if admitted > 1 + stage.spare:
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
        (scene.id, replace(trial.variant, name=trial.variant.name + RESTED))
        for scene in scenes
        for trial in scene.trials
        if trial.expect is Expect.OWN and (scene.id, trial.variant.name) in stage.refused
    ]
