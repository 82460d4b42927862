"""The written rules of a canary, exactly: N samples in a row, windows, GO limits; a pure state fed with samples.

How the rules are read, where the runbooks leave it open:
- A percentile is the nearest rank (judges/percentile.py); inside a bucket the requests are assumed to lie evenly. If
  the bucket is so wide that this is a guess, and the limit lies in it, it was not seen.
- `>` is above the limit, `>=` reaches it; nothing is rounded before it is compared.
- A sample in which the measure was not seen neither breaks a streak nor counts in it, and the rule is not clean.
- A window is looked at once it is full. If samples of it are missing, the rule can still fire on those that are
  there (at least half of the window); clean it is only with all of them.
- A stretch of time that no sample covers fills windows with missing samples.
- Fewer than `min_requests` requests in a sample (or in a window) say nothing: they are not missing, they do not break
  a streak and do not count in it.
- A rule that fired stays fired: a canary that recovers is another canary.
- A limit for GO has to hold over all samples so far and over the last hour; with `over` over that window alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from gonogo.judges.canary.measures import Measured, Tally, holds
from gonogo.model.rulebook import Rule, Rulebook
from gonogo.model.units import show_duration, show_number
from gonogo.model.watch import CANARY, STABLE, RuleStands, RuleState, Sample, SideSample

RECENT = timedelta(hours=1)  # a limit for GO has to hold over this, too
HALF = 0.5  # of a window that has to be seen before a rule may fire on it


class RulesState:
    """All rules of a rulebook, one sample after the other. The same samples give the same states."""

    def __init__(self, rulebook: Rulebook) -> None:
        """Nothing was seen."""
        self._every = rulebook.every
        self._last: datetime | None = None
        sizes = [1, max(1, RECENT // rulebook.every)]
        sizes += [_size(rule, rulebook.every) for rule in (*rulebook.rollback, *rulebook.go)]
        self._sides = {side: _Side(sizes) for side in (CANARY, STABLE)}
        self._rollback = [_Rollback(rule, rulebook.every) for rule in rulebook.rollback]
        self._go = [_Limit(rule, rulebook.every) for rule in rulebook.go]

    def feed(self, sample: Sample) -> tuple[RuleState, ...]:
        """How every rule stands after this sample: rollback rules first, each in the order of the rulebook."""
        gap = 0 if self._last is None else max(0, round((sample.since - self._last) / self._every))
        self._last = sample.until
        for name, side in self._sides.items():
            side.add(sample.sides.get(name), gap)
        canary, stable = self._sides[CANARY], self._sides[STABLE]
        return (
            *(one.feed(canary, stable, sample, gap) for one in self._rollback),
            *(one.feed(canary, gap) for one in self._go),
        )


class _Side:
    """The newest samples of one side, and all of them added up."""

    def __init__(self, sizes: Iterable[int]) -> None:
        self.all = Tally()
        self._windows = {size: (deque[SideSample | None](maxlen=size), Tally()) for size in set(sizes)}

    def add(self, one: SideSample | None, gap: int) -> None:
        self.all.add(one)
        for size, (samples, tally) in self._windows.items():
            for each in (*[None] * min(gap, size), one):
                if len(samples) == size:
                    tally.remove(samples[0])
                samples.append(each)
                tally.add(each)

    def last(self, size: int) -> Tally:
        """The newest `size` samples added up."""
        return self._windows[size][1]


class _Streak:
    """One rollback rule on one side: how often in a row it holds, or whether it holds over a full window."""

    def __init__(self, rule: Rule, every: timedelta) -> None:
        self.rule = rule
        self.size = _size(rule, every)
        self.needed = 1 if rule.over is not None else rule.samples or 1
        self.streak = 0
        self.missing = 0
        self.full = self.whole = False  # the window is full; and the measure was seen in all of it
        self.found = Measured(value=None)

    def feed(self, side: _Side, gap: int) -> bool | None:
        """Whether the rule holds for long enough; None where it cannot be said."""
        self.missing += gap + (side.last(1).seen(self.rule) == 0)
        window = side.last(self.size)
        self.found = window.measured(self.rule)
        told = window.seen(self.rule)
        self.full = window.samples == self.size
        self.whole = self.full and told == self.size
        if self.found.idle and self.whole:
            return self.streak >= self.needed
        said = holds(self.rule, self.found)
        if said is None or not self.full or told < HALF * self.size:
            return None
        self.streak = self.streak + 1 if said else 0
        return self.streak >= self.needed


class _Rollback:
    """One rollback rule on both sides."""

    def __init__(self, rule: Rule, every: timedelta) -> None:
        self.rule = rule
        self.canary, self.stable = _Streak(rule, every), _Streak(rule, every)
        self.fired_at: int | None = None
        self._fired = "", ""  # what it was, and when
        self.stable_too = False

    def feed(self, canary: _Side, stable: _Side, sample: Sample, gap: int) -> RuleState:
        mine = self.canary
        said, other = mine.feed(canary, gap), self.stable.feed(stable, gap)
        if said:
            if self.fired_at is None:
                self.fired_at = sample.seq
                self._fired = _shown(self.rule, mine.found), f"{sample.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            self.stable_too = bool(other)
        if self.fired_at is not None:
            stands = RuleStands.FIRED
        elif said is None:
            stands = RuleStands.UNSEEN
        elif mine.streak:
            stands = RuleStands.COUNTING
        else:
            stands = RuleStands.CLEAN if mine.whole else RuleStands.UNSEEN
        return RuleState(
            rule=self.rule,
            stands=stands,
            value=mine.found.value,
            streak=mine.streak,
            needed=mine.needed,
            requests=mine.found.requests,
            missing=mine.missing,
            stable_too=self.stable_too,
            fired_at=self.fired_at,
            reason=f"{self.rule.text}: {self._reason(stands, canary)}",
        )

    def _beside(self) -> str:
        """The same of the stable side, where it was seen."""
        found = self.stable.found
        if self.stable_too:
            return "; the stable side breaks it too"
        return "" if found.value is None else f"; on the stable side {_shown(self.rule, found)}"

    def _reason(self, stands: RuleStands, canary: _Side) -> str:
        mine = self.canary
        shown = _shown(self.rule, mine.found)
        if stands is RuleStands.FIRED:
            was, at = self._fired
            then = f", then {was} at {at}" if was != shown else f" at {at}"
            return f"fired at sample {self.fired_at}, now {shown}{then}{self._beside()}"
        if stands is RuleStands.COUNTING:
            return f"{shown}, {mine.streak} of {mine.needed} in a row"
        if stands is RuleStands.CLEAN:
            return shown
        if not mine.full:
            return f"{canary.last(mine.size).samples} of {mine.size} samples of its window"
        return shown if mine.size == 1 else f"{shown}, and not all samples of its window were seen"


class _Limit:
    """One limit for GO on the canary."""

    def __init__(self, rule: Rule, every: timedelta) -> None:
        self.rule = rule
        self.size = _size(rule, every) if rule.over is not None else max(1, RECENT // every)
        self.missing = 0

    def feed(self, canary: _Side, gap: int) -> RuleState:
        self.missing += gap + (canary.last(1).seen(self.rule) == 0)
        recent = canary.last(self.size).measured(self.rule)
        whole = recent if self.rule.over is not None else canary.all.measured(self.rule)
        said = (holds(self.rule, whole), recent.idle or holds(self.rule, recent))
        stands = RuleStands.UNSEEN if None in said else RuleStands.CLEAN
        if False in said:
            stands = RuleStands.BROKEN
        span = "over all samples" if self.rule.over is None else f"over {show_duration(self.rule.over)}"
        if said[0] and said[1] is False:
            whole, span = recent, f"over the last {show_duration(RECENT)}"
        return RuleState(
            rule=self.rule,
            stands=stands,
            value=whole.value,
            requests=whole.requests,
            missing=self.missing,
            reason=f"{self.rule.text}: {_shown(self.rule, whole)} {span}",
        )


def _size(rule: Rule, every: timedelta) -> int:
    """Samples of the rule's window; 1 where each sample is held against it alone."""
    return 1 if rule.over is None else max(1, rule.over // every)


def _shown(rule: Rule, found: Measured) -> str:
    if found.value is None:
        return f"not seen ({found.why})"
    if found.between is not None and found.between[0] < rule.limit < found.between[1]:
        low, high = (show_number(edge) for edge in found.between)
        return f"{rule.measure} somewhere from {low} to {high} {rule.unit}, one bucket (n={found.requests})"
    least = "at least " if found.at_least else ""
    unit = "" if rule.unit.value in ("ratio", "count") else f" {rule.unit}"
    return f"{rule.measure} {least}{show_number(found.value)}{unit} (n={found.requests})"
