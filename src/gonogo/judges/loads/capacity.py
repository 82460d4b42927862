"""Judged steps of one side into the next rate to try, and at the end into the highest rate that was kept."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gonogo.judges.loads.capacity_step import QUANTILES, Bar
from gonogo.model.capacity import Capacity, CapacityStep, Count, Steps, StepVerdict
from gonogo.model.units import show_number

_AGAIN = 3  # so often a step that nobody can be blamed for is tried
_PATIENCE = 3  # times `repeats`: so often a rate is tried at most
_DOWN = 16  # a search that begins too high goes down to its first rate over this


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a search may use, a side. `requests` and `seconds` are bounds of the profile; None: no bound of its own."""

    steps: Steps
    requests: int | None = None
    seconds: float | None = None

    def planned(self, rate: float) -> int:
        """Requests of one step at this rate."""
        return math.ceil(rate * self.steps.each.total_seconds() - 1e-9)

    def grown(self, rate: float) -> float:
        """The rate after this one while nothing breaks."""
        raised: float = rate + self.steps.by if self.steps.by is not None else rate * (self.steps.factor or 2.0)
        return min(raised, self.steps.at_most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Nothing more to try. `complete`: because the answer is there, not because a bound was met."""

    reason: str
    complete: bool = False


@dataclass(slots=True, kw_only=True)
class _Tally:
    kept: int = 0
    broken: int = 0
    unsure: int = 0

    @property
    def good(self) -> bool:
        return self.kept > self.broken

    @property
    def bad(self) -> bool:
        return self.broken >= self.kept and self.broken > 0

    @property
    def tries(self) -> int:
        return self.kept + self.broken + self.unsure


def next_step(plan: Plan, steps: Sequence[CapacityStep], bars: Sequence[Bar]) -> float | Ended:
    """The next rate (a second), or why there is none.

    It grows until a rate breaks, halves the bracket between the highest kept and the lowest broken rate (by their
    geometric mean) until it is `within`, then repeats both edges until `repeats` steps of each agree and the kept
    edge is shown on the samples of all its steps. A rate that was once kept and once broken is no edge: it lies
    between them. A last step that is tied is repeated, so that one stall of a second does not end a search.
    """
    if steps and steps[-1].refused:
        return Ended(reason="the credentials are not accepted")
    wanted = _choose(plan, steps, bars)
    if isinstance(wanted, Ended):
        return wanted
    short = _unaffordable(plan, steps, wanted)
    return Ended(reason=f"{short} of the profile was reached") if short else wanted


def estimate(plan: Plan, side: str, steps: Sequence[CapacityStep], bars: Sequence[Bar], ended: Ended) -> Capacity:
    """What the steps show.

    Confidence: if the true capacity were below a rate, each step there would be kept with a probability of at most
    one half, steps being independent of each other (the service drains between them); so k kept steps of k leave a
    doubt of 0.5**k (the sign test), and so do k broken steps for the upper edge. Beside it, the share of slow or
    failed requests over all steps of the kept edge has to lie below its bound with 95 % (Clopper-Pearson).

    `low` is what the kept edge proves for longer than a step: at a rate above the capacity a queue grows all the
    time t, and the q-quantile of the wait over T seconds is q T (rate/capacity - 1); so capacity is at least
    rate / (1 + w / (q T)) when the quantile w was seen.
    """
    tallies = _tallies(steps)
    low, high = _low(tallies), _high(tallies)
    refused = any(step.refused for step in steps)
    made = Capacity(side=side, steps=tuple(steps), complete=ended.complete and not refused)
    if low is None:
        first = min(tallies, default=None)
        broken = first is not None and tallies[first].kept == 0 and tallies[first].broken > 0
        said = f"not even {show_number(first)}/s was kept" if broken and first is not None else "no rate was judged"
        doubt = 0.5 ** tallies[first].broken if broken and first is not None else 1.0
        return replace(
            made,
            high=first if broken else None,
            confidence=1 - doubt,
            limited_by=_limit(steps, first, ended),
            said=f"{said}: {_why(steps, first) or ended.reason}",
        )
    doubt = 0.5 ** tallies[low].kept + (0.5 ** tallies[high].broken if high is not None else 0.0)
    seen = shown(low, steps, bars)
    proven = seen and tallies[low].kept >= plan.steps.repeats
    sustained = _sustained(plan, [one for one in steps if one.rate == low and one.verdict is StepVerdict.KEPT])
    blame = _blamed(tallies, low)
    if high is not None:
        said = f"{show_number(low)}/s kept, {show_number(high)}/s broken: {_why(steps, high)}"
    else:
        said = f"not reached within the bounds: at least {show_number(low)}/s ({ended.reason})"
    if not seen:
        said += f"; {low:g}/s is not shown on enough samples"
    return replace(
        made,
        rate=low,
        low=sustained,
        high=high,
        confidence=max(0.0, 1 - doubt),
        limited_by=_limit(steps, high if high is not None else blame, ended),
        said=said,
        proven=proven,
        complete=made.complete and proven,
    )


def shown(rate: float, steps: Sequence[CapacityStep], bars: Sequence[Bar]) -> bool:
    """Whether the samples of all steps at this rate show that each objective is kept."""
    return all(bar.shown(_pooled(bar, [step for step in steps if step.rate == rate])) for bar in bars)


def _choose(plan: Plan, steps: Sequence[CapacityStep], bars: Sequence[Bar]) -> float | Ended:
    search, tallies = plan.steps, _tallies(steps)
    if not steps:
        return search.from_
    last = steps[-1].rate
    if tallies[last].kept == tallies[last].broken and tallies[last].tries < _patience(tallies[last], search):
        return last
    low = _low(tallies)
    if low is None:
        return _down(plan, tallies)
    if tallies[low].kept < search.repeats or not shown(low, steps, bars):
        settled = tallies[low].tries >= _PATIENCE * search.repeats
    else:
        settled = True
    unclear = [rate for rate, tally in tallies.items() if rate > low and not tally.good and not tally.bad]
    suspects = sorted(rate for rate, tally in tallies.items() if rate > low and tally.broken)
    if not suspects:
        if unclear:
            return low if not settled else Ended(reason=_last_reason(steps, min(unclear)), complete=False)
        if low < search.at_most:
            grown = plan.grown(low)
            reserve = [low] * max(0, search.repeats - tallies[low].kept)
            if not _unaffordable(plan, steps, grown, *reserve):
                return grown
            bound = _unaffordable(plan, steps, grown, *reserve)
            return low if not settled else Ended(reason=f"{bound} of the profile was reached", complete=True)
        return low if not settled else Ended(reason="the highest rate of the profile", complete=True)
    if not unclear and (between := _between(search, low, suspects[0])):
        return between
    if not settled:
        return low
    high = _high(tallies)
    top = max([low, *(rate for rate in suspects if rate != high and (high is None or rate < high))])
    if high is None:
        return plan.grown(top) if top < search.at_most else Ended(reason="no rate is broken every time", complete=True)
    if not unclear and (between := _between(search, top, high)):
        return between
    return high if tallies[high].broken < search.repeats else Ended(reason="found", complete=True)


def _patience(tally: _Tally, search: Steps) -> int:
    return search.repeats + _AGAIN if tally.kept else _AGAIN


def _down(plan: Plan, tallies: dict[float, _Tally]) -> float | Ended:
    lowest = min(tallies)
    if not tallies[lowest].broken:
        return Ended(reason="no step could be judged")
    lower = lowest / 2
    if lower >= max(1.0, plan.steps.from_ / _DOWN):
        return lower
    if tallies[lowest].broken < plan.steps.repeats:
        return lowest
    return Ended(reason="even the lowest rate is broken", complete=True)


def _between(search: Steps, low: float, high: float) -> float | None:
    """The middle of a bracket that is too wide, at three significant digits."""
    if (high - low) / high <= search.within:
        return None
    middle = math.sqrt(low * high)
    middle = round(middle, 2 - math.floor(math.log10(middle)))
    return middle if low < middle < high else None


def _unaffordable(plan: Plan, steps: Sequence[CapacityStep], *rates: float) -> str | None:
    """The bound that steps at these rates would break."""
    if len(steps) + len(rates) > plan.steps.count:
        return "the number of steps"
    sent = sum(step.sent for step in steps) + sum(plan.planned(rate) for rate in rates)
    if plan.requests is not None and sent > plan.requests:
        return "the number of requests"
    pause, each = plan.steps.pause.total_seconds(), plan.steps.each.total_seconds()
    seconds = sum(step.took + pause for step in steps) + len(rates) * each + (len(rates) - 1) * pause
    return "the duration" if plan.seconds is not None and seconds > plan.seconds else None


def _tallies(steps: Sequence[CapacityStep]) -> dict[float, _Tally]:
    made: dict[float, _Tally] = {}
    for step in steps:
        tally = made.setdefault(step.rate, _Tally())
        match step.verdict:
            case StepVerdict.KEPT:
                tally.kept += 1
            case StepVerdict.BROKEN:
                tally.broken += 1
            case StepVerdict.UNSURE:
                tally.unsure += 1
    return made


def _low(tallies: dict[float, _Tally]) -> float | None:
    """The highest rate that was never broken, below every rate that was broken as often as kept."""
    ceiling = min((rate for rate, tally in tallies.items() if tally.bad), default=math.inf)
    return max((rate for rate, t in tallies.items() if t.kept and not t.broken and rate < ceiling), default=None)


def _high(tallies: dict[float, _Tally]) -> float | None:
    """The lowest rate that was never kept, above the highest that was never broken."""
    floor = _low(tallies)
    least = 0.0 if floor is None else floor
    return min((rate for rate, t in tallies.items() if t.broken and not t.kept and rate > least), default=None)


def _blamed(tallies: dict[float, _Tally], low: float) -> float | None:
    return min((rate for rate, tally in tallies.items() if rate > low and not tally.good), default=None)


def _pooled(bar: Bar, steps: Sequence[CapacityStep]) -> Count:
    counts = [step.counts[bar.name] for step in steps if step.verdict is not StepVerdict.UNSURE]
    return Count(bad=sum(count.bad for count in counts), n=sum(count.n for count in counts))


def _sustained(plan: Plan, steps: Sequence[CapacityStep]) -> float:
    seconds, best = plan.steps.each.total_seconds(), 0.0
    for name, share in QUANTILES.items():
        waits = [wait for step in steps if (wait := getattr(step, name)) is not None]
        if waits:
            best = max(best, steps[0].rate / (1 + max(waits) / 1000 / ((1 - share) * seconds)))
    return best


def _limit(steps: Sequence[CapacityStep], rate: float | None, ended: Ended) -> str | None:
    """What stood in the way at this rate: the objective that broke most often, or the generator."""
    there = [step for step in steps if step.rate == rate]
    names = Counter(name for step in there for name in step.broke)
    if names:
        return names.most_common(1)[0][0]
    if any(step.verdict is StepVerdict.UNSURE for step in there):
        return "connections" if any("connections cannot" in step.reason for step in there) else "generator"
    return ended.reason


def _why(steps: Sequence[CapacityStep], rate: float | None) -> str:
    """The last word of the steps at this rate that broke."""
    reasons = [step.reason for step in steps if step.rate == rate and step.verdict is StepVerdict.BROKEN]
    return reasons[-1] if reasons else ""


def _last_reason(steps: Sequence[CapacityStep], rate: float) -> str:
    return [step.reason for step in steps if step.rate == rate][-1]
