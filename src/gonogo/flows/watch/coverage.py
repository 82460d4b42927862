"""How much of the time to watch was seen, and what a watch comes to at its end: GO only of what was seen until then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gonogo.model.rulebook import Rulebook
from gonogo.model.units import show_duration
from gonogo.model.verdict import Decision
from gonogo.model.watch import CANARY, STABLE, CanaryVerdict, Sample

WATCHED = 0.9  # of the time to watch has to be covered by samples for GO
RECENT = 5  # samples (or intervals) within which the end of a watch has to be seen for GO


@dataclass(slots=True, kw_only=True)
class Coverage:
    """`came` is when the newest sample came, by the clock that never jumps; None for one of an earlier process."""

    began: datetime | None = None
    until: datetime | None = None
    watched: timedelta = timedelta(0)
    samples: int = 0
    seen: int = 0  # the newest sample with requests on both sides
    came: float | None = None

    def add(self, sample: Sample) -> None:
        """One sample more."""
        self.began = self.began or sample.since
        self.until = sample.until
        self.watched += sample.until - sample.since
        self.samples = sample.seq
        if sees_both(sample):
            self.seen = sample.seq

    @property
    def span(self) -> timedelta:
        """From the first sample to the last, with the gaps between."""
        return timedelta(0) if self.began is None or self.until is None else self.until - self.began

    def doubts(self, rulebook: Rulebook, now: float) -> list[str]:
        """Why this was not watched until its end, none if it was."""
        doubts = []
        if self.watched < WATCHED * rulebook.for_:
            watched, lasts = show_duration(self.watched), show_duration(rulebook.for_)
            doubts.append(f"samples of {watched}; {lasts} were to be watched")
        slow = RECENT * rulebook.every
        if self.came is None or now - self.came > slow.total_seconds():
            doubts.append(f"no sample came in the last {show_duration(slow)}")
        elif self.samples - self.seen >= RECENT:
            doubts.append(f"the last {self.samples - self.seen} samples were not seen on both sides")
        return doubts


def sees_both(sample: Sample) -> bool:
    """Whether it tells the requests of both sides."""
    return all((one := sample.sides.get(side)) is not None and one.requests is not None for side in (CANARY, STABLE))


def final(last: CanaryVerdict | None, early: str | None, doubts: Sequence[str]) -> tuple[Decision, tuple[str, ...]]:
    """The decision at the end and its reasons. `early`: why it ended before its time."""
    if last is None:
        return Decision.HOLD, (early or "no sample was taken",)
    if last.decision is Decision.NO_GO:
        return last.decision, last.reasons
    doubts = [early] if early is not None else doubts
    if doubts:
        return Decision.HOLD, (*doubts, *last.reasons)
    return last.decision, last.reasons
