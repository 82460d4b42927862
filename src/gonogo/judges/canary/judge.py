"""A canary beside its stable side, sample by sample: the written rules, the evidence, the certificate, one decision.

A rule that fired is NO-GO by itself, and so is an alarm of the sequential evidence. GO needs the rules clean, every
bound of the certificate proven, and both sides seen; short of that it is HOLD, with what is missing and when it may be
known. That the stable side breaks the same rule is said and does not take the NO-GO back: a rollback may not help.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gonogo.judges.canary.doubts import COVERED, Doubts
from gonogo.judges.canary.rules import RulesState
from gonogo.judges.canary.sequential import Sequential
from gonogo.model.rulebook import Rulebook
from gonogo.model.units import show_duration
from gonogo.model.verdict import Decision
from gonogo.model.watch import CANARY, STABLE, Bound, CanaryVerdict, Gap, RuleStands, RuleState, Sample, Strength

_FORESEEN = timedelta(days=3650)  # what takes longer is never
_SHOWN = 20  # gaps that a verdict lists


class CanaryJudge:
    """The judge of one watch. Fed with the same samples it says the same, at every sample."""

    def __init__(self, rulebook: Rulebook) -> None:
        """Nothing was seen."""
        self._every = rulebook.every
        self._rules = RulesState(rulebook)
        self._sequential = Sequential(rulebook)
        self._doubts = Doubts(rulebook)
        self._gaps: list[Gap] = []
        self._start: datetime | None = None
        self._last: Sample | None = None
        self._blind = timedelta(0)  # not covered by a sample, or with a side that was not seen

    def feed(self, sample: Sample) -> CanaryVerdict:
        """The verdict on all samples so far; ValueError for a sample out of order."""
        self._begin(sample)
        rules = self._rules.feed(sample)
        evidence, bounds = self._sequential.feed(sample)
        self._last = sample
        return self._verdict(sample, rules, evidence, bounds)

    def pass_over(self, sample: Sample) -> None:
        """As `feed`, without saying anything: for samples that were judged before. In half of the time."""
        self._begin(sample)
        self._rules.feed(sample)
        self._sequential.add(sample)
        self._last = sample

    def _begin(self, sample: Sample) -> None:
        if sample.until <= sample.since or (self._last is not None and sample.since < self._last.until):
            raise ValueError(f"sample {sample.seq} begins before the one before it ends")
        if self._last is not None and sample.seq != self._last.seq + 1:
            raise ValueError(f"sample {sample.seq} comes after sample {self._last.seq}")
        self._note_gaps(sample)
        self._doubts.add(sample)

    def _note_gaps(self, sample: Sample) -> None:
        self._start = self._start or sample.since
        if self._last is not None and sample.since - self._last.until > self._every / 2:
            self._gap(self._last.until, sample.since, "no sample")
        for name in (CANARY, STABLE):
            side = sample.sides.get(name)
            if side is None or side.requests is None:
                why = "missing from the sample" if side is None else side.unseen.get("requests", "requests not told")
                self._gap(sample.since, sample.until, f"{name}: {why}")
                break

    def _gap(self, since: datetime, until: datetime, why: str) -> None:
        self._blind += until - since
        if self._gaps and self._gaps[-1].until == since and self._gaps[-1].why == why:
            since = self._gaps.pop().since
        self._gaps.append(Gap(since=since, until=until, why=why))

    def _verdict(
        self, sample: Sample, rules: tuple[RuleState, ...], evidence: tuple[Strength, ...], bounds: tuple[Bound, ...]
    ) -> CanaryVerdict:
        fired = [rule for rule in rules if rule.stands is RuleStands.FIRED]
        alarms = [one for one in evidence if one.alarmed_at is not None]
        open_rules = [rule for rule in rules if _is_open(rule)]
        unproven = [bound for bound in bounds if not bound.holds]
        blind = [*self._doubts.said(), *self._blindness(sample)]
        both = bool(fired) and all(rule.stable_too for rule in fired) and not alarms
        reasons = [f"rule {rule.reason}" for rule in fired]
        reasons += [f"evidence since sample {one.alarmed_at}: {one.reason}" for one in alarms]
        if both:
            reasons.insert(0, "both sides break the rules: this may be the environment's; a rollback may not help")
        decision = Decision.NO_GO if reasons else Decision.HOLD
        reasons += blind
        reasons += [f"{_word(rule)} {rule.reason}" for rule in open_rules]
        reasons += [f"not proven: {bound.reason}" for bound in unproven]
        return CanaryVerdict(
            seq=sample.seq,
            at=sample.until,
            decision=decision if reasons else Decision.GO,
            reasons=tuple(reasons),
            rules=rules,
            evidence=evidence,
            bounds=bounds,
            gaps=tuple(self._gaps[-_SHOWN:]),
            both_sides=both,
            decidable_at=self._decidable(sample, unproven) if decision is Decision.HOLD else None,
        )

    def _blindness(self, sample: Sample) -> list[str]:
        assert self._start is not None  # noqa: S101 - set before the first verdict
        lasted = sample.until - self._start
        if self._blind <= (1 - COVERED) * lasted:
            return []
        return [f"{show_duration(self._blind)} of {show_duration(lasted)} were not seen on both sides"]

    def _decidable(self, sample: Sample, unproven: Sequence[Bound]) -> datetime | None:
        """When the last bound is proven if all goes on like this; None if one never is, or none is missing."""
        assert self._start is not None  # noqa: S101 - set before the first verdict
        waits = []
        for bound in unproven:
            if bound.more is None or not bound.samples:
                return None
            waits.append((sample.until - self._start) / _FORESEEN * (bound.more / bound.samples))
        if not waits or max(waits) > 1:
            return None
        return sample.until + max(waits) * _FORESEEN


def _is_open(rule: RuleState) -> bool:
    """Whether a rule keeps from GO. One breach of three in a row is what a healthy canary shows by chance now and then;
    more than half of the streak is not.
    """
    if rule.stands is RuleStands.COUNTING:
        return 2 * rule.streak > rule.needed
    return rule.stands not in (RuleStands.FIRED, RuleStands.CLEAN)


def _word(rule: RuleState) -> str:
    return {RuleStands.BROKEN: "limit for GO", RuleStands.COUNTING: "rule", RuleStands.UNSEEN: "not seen:"}[rule.stands]
