"""How well a limited service answers: no failure under the limit, cheap rejections that no cache keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gonogo.judges.percentile import percentile
from gonogo.judges.rate.bounds import breaches
from gonogo.judges.rate.timeline import Shot, Timeline
from gonogo.model.ratelimit import Algorithm, PropertyResult, Shown

_ENOUGH = 10
_QUICK = 0.05  # seconds that no rejection and no slowing down is blamed for


def healthy(line: Timeline) -> PropertyResult:
    """No server error where no rejection was due."""
    would = "a status of 500 or more below the limit"
    bad = [shot for shot in line.mine if shot.event.status >= 500 and not shot.span.rejected]
    if not any(shot.event.status for shot in line.mine):
        return line.shown("P22", Shown.NOT_VISIBLE, "no request was answered", would)
    if bad and line.policy.algorithm is Algorithm.NONE:
        return line.shown("P22", Shown.FAIL, f"{len(bad)} answers of {bad[0].event.status} and the like")
    if bad:
        marks = {id(shot) for shot in bad}
        taken = [
            replace(shot.span, admitted=False, rejected=True, held=shot.span.low >= line.since)
            if id(shot) in marks
            else replace(shot.span, held=False)
            for shot in line.shots
        ]
        early = breaches(line.policy, taken, since=line.since).early
        if early:
            return line.shown("P22", Shown.FAIL, f"answered {bad[0].event.status} below the limit: {early}")
        return line.shown("P22", Shown.NOT_VISIBLE, f"{len(bad)} server errors, none surely below the limit", would)
    return line.shown("P22", Shown.PASS, f"no server error in {len(line.mine)} requests", would)


def steady(line: Timeline) -> PropertyResult:
    """Admitted requests are not slowed by a storm of rejections."""
    would = "admitted requests three times slower among rejections than before them"
    rejects = line.rejects
    if not rejects:
        return line.shown("P23", Shown.NOT_VISIBLE, "there was no storm of rejections", would)
    before = _durations([s for s in line.mine if s.span.admitted and s.span.high < rejects[0].span.low])
    during = _durations(
        [s for s in line.mine if s.span.admitted and rejects[0].span.high < s.span.low < rejects[-1].span.low]
    )
    if len(before) < _ENOUGH or len(during) < _ENOUGH:
        text = f"n={len(before)} admitted before and n={len(during)} among the rejections, {_ENOUGH} each are needed"
        return line.shown("P23", Shown.NOT_VISIBLE, text, would)
    usual, slow, middle = percentile(before, 95) or 0.0, percentile(during, 95) or 0.0, percentile(during, 50) or 0.0
    text = f"P95 {usual * 1000:.3g} ms before, {slow * 1000:.3g} ms among the rejections (n={len(during)})"
    if middle > max(3 * usual, _QUICK):
        return line.shown("P23", Shown.FAIL, text)
    if slow <= max(1.5 * usual, _QUICK):
        return line.shown("P23", Shown.PASS, text, would)
    return line.shown("P23", Shown.NOT_VISIBLE, f"{text}: slower, but not surely", would)


def cheap(line: Timeline) -> PropertyResult:
    """A rejection costs less than an answer. Its body is not part of a timeline."""
    would = "rejections slower than twice an admitted answer"
    rejected, admitted = _durations(line.rejects), _durations([s for s in line.mine if s.span.admitted])
    if len(rejected) < _ENOUGH or len(admitted) < _ENOUGH:
        return line.shown("P24", Shown.NOT_VISIBLE, f"n={len(rejected)} rejections, {_ENOUGH} are needed", would)
    took, usual = percentile(rejected, 50) or 0.0, percentile(admitted, 50) or 0.0
    text = f"a rejection took {took * 1000:.3g} ms, an answer {usual * 1000:.3g} ms in the median"
    return line.shown("P24", Shown.FAIL if took > max(2 * usual, _QUICK) else Shown.PASS, text, would)


def uncached(line: Timeline) -> PropertyResult:
    """No cache may keep a rejection."""
    would = "a rejection with Age, a cache hit, or a public Cache-Control"
    told = False
    for shot in line.rejects:
        fields = {name.lower(): value.lower() for name, value in shot.event.headers}
        control = fields.get("cache-control", "")
        if "age" in fields or fields.get("x-cache", "").startswith("hit"):
            return line.shown("P25", Shown.FAIL, f"the rejection at {shot.span.low:.3f} s came from a cache")
        if "public" in control or "s-maxage" in control:
            return line.shown("P25", Shown.FAIL, f"a rejection says cache-control: {control[:60]}")
        told = told or "no-store" in control or "private" in control
    if told:
        return line.shown("P25", Shown.PASS, "rejections say that no cache keeps them", would)
    return line.shown("P25", Shown.NOT_VISIBLE, "no rejection says how it may be kept", would)


def _durations(shots: Sequence[Shot]) -> list[float]:
    return [shot.own for shot in shots]


QUALITIES: tuple[Callable[[Timeline], PropertyResult], ...] = (healthy, steady, cheap, uncached)
