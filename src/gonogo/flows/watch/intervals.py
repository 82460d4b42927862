"""Intervals of a back end that tells of the past: none is told twice, none is left out when a look comes late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gonogo.flows.watch.sampler import Taken
from gonogo.model.rulebook import Rulebook
from gonogo.model.units import show_duration
from gonogo.model.watch import Sample

CATCH_UP = 10  # intervals that are asked for later; what is older stays a gap
PATIENCE = 5  # intervals for which one that shows nothing of both sides is asked for again
_A_MOMENT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Intervals of `every` from `began` on, each looked at once it ended `lag` ago. `floor` is the newest moment that
    the back end can end an interval at. One that the back end tells nothing of is asked for again for a while, since it
    may be away for moments or tell late; then it is a sample in which nothing was seen.
    """

    rulebook: Rulebook
    began: datetime
    floor: Callable[[datetime], datetime]
    sample: Callable[[datetime, datetime], Sample]

    def take(self, after: datetime | None, now: datetime) -> Taken:
        """One sample an interval that has ended `lag` ago."""
        every, ended = self.rulebook.every, now - self.rulebook.source.lag
        since = after or self.began
        notes = []
        behind = (self.floor(ended) - since) // every
        if behind > CATCH_UP:
            missed = (behind - CATCH_UP) * every
            notes.append(f"{show_duration(missed)} from {since:%H:%M} on were not looked at: a gap")
            since += missed
        samples = []
        for _ in range(min(behind, CATCH_UP)):
            sample = self.sample(since, since + every)
            why = _nothing(sample)
            if why is not None and ended - sample.until < PATIENCE * every:
                notes.append(f"nothing of {since:%H:%M} yet, asked for again: {why}")
                break
            samples.append(sample)
            since += every
        return Taken(samples=tuple(samples), notes=tuple(notes))

    def due(self, after: datetime | None) -> datetime:
        """A moment after its interval has ended, and `lag` with it."""
        return (after or self.began) + self.rulebook.every + self.rulebook.source.lag + _A_MOMENT


def whole_minute(moment: datetime) -> datetime:
    """The whole minute at or before it, in UTC."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def whole_second(moment: datetime) -> datetime:
    """The whole second at or before it, in UTC."""
    return moment.astimezone(UTC).replace(microsecond=0)


def _nothing(sample: Sample) -> str | None:
    """Why no requests were seen on either side; None where those of one were."""
    if any(side.requests is not None for side in sample.sides.values()):
        return None
    return next((side.unseen["requests"] for side in sample.sides.values() if "requests" in side.unseen), "no reason")
