"""Whether a recorded timeline keeps a declared rate limit: each property passes, fails, or is not visible in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from gonogo.judges.rate.bounds import Broken, breaches
from gonogo.judges.rate.parity import parity
from gonogo.judges.rate.promises import PROMISES
from gonogo.judges.rate.quality import QUALITIES
from gonogo.judges.rate.timeline import Timeline, spans, timeline
from gonogo.model.load import Event
from gonogo.model.ratelimit import Algorithm, Policy, PropertyResult, Shown

_NEEDS_MORE: Mapping[str, str] = {
    "P15": "a second key while the first is exhausted",
    "P16": "other keys and routes while one is exhausted",
    "P17": "forged forwarding headers between two rejected controls",
    "P18": "other spellings of the path between two rejected controls",
    "P19": "missing and misspelt keys between two rejected controls",
    "P20": "fresh connections beside kept ones",
    "P27": "two half bursts around a known window edge",
    "P28": "parallel slow requests beside sequential ones",
    "P29": "an outage of the limiter's store",
    "P30": "a burst right after a rollout",
}


def validate(
    events: Sequence[Event],
    policies: Iterable[Policy],
    *,
    idle: bool = True,
    started: float | None = None,
) -> tuple[PropertyResult, ...]:
    """Judge each side and path that was sent to. `idle`: the keys were not in use before the run.

    `started` is the start of the run in seconds since 1970, for answers without a Date.
    """
    results: list[PropertyResult] = []
    for policy in policies:
        sides = sorted({event.side for event in events if event.endpoint.rpartition(" ")[2] == policy.path})
        lines = [timeline(events, policy, side, idle=idle, now=started) for side in sides]
        judged = [_judge(line, events) for line in lines]
        for found in judged:
            results += found
        for one, other, a, b in zip(lines, lines[1:], judged, judged[1:], strict=False):
            results.append(parity(one, other, a, b))
    return tuple(results)


def failed(results: Iterable[PropertyResult]) -> tuple[PropertyResult, ...]:
    """Those that a limiter of the policy cannot have answered."""
    return tuple(result for result in results if result.verdict is Shown.FAIL)


def _judge(line: Timeline, events: Sequence[Event]) -> list[PropertyResult]:
    if line.policy.algorithm is Algorithm.NONE:
        return _unlimited(line, events)
    broken = breaches(line.policy, spans(line.shots), since=line.since)
    locked = _lock_in(line, broken)
    results = [_bound(line, broken), _early(line, broken, locked), _enforced(line), _status(line, broken), locked]
    results.append(_recovers(line))
    checks: Sequence[Callable[[Timeline], PropertyResult]] = (*PROMISES, *QUALITIES)
    results += [check(line) for check in checks]
    results += [
        line.shown(id_, Shown.NOT_VISIBLE, "the profile sends nothing that shows it", f"needs {needs}")
        for id_, needs in _NEEDS_MORE.items()
    ]
    return sorted(results, key=lambda result: int(result.id[1:]))


def _unlimited(line: Timeline, events: Sequence[Event]) -> list[PropertyResult]:
    """Of a path that is never to reject."""
    asked, rejects = line.mine, line.rejects
    why = (
        f"{len(rejects)} of {len(asked)} requests were rejected, the first at {rejects[0].span.low:.3f} s"
        if rejects
        else ""
    )
    results = [
        line.shown("P2", Shown.FAIL, why)
        if rejects
        else line.shown("P2", Shown.PASS, f"no rejection in {len(asked)} requests", "any rejection")
    ]
    storms = [
        (event.received, event.sent)
        for event in events
        if event.side == line.side and event.status == 429 and event.endpoint.rpartition(" ")[2] != line.policy.path
    ]
    during = (
        any(storms[0][0] <= shot.span.low and shot.span.high <= storms[-1][1] for shot in asked) if storms else False
    )
    if rejects:
        results.append(line.shown("P21", Shown.FAIL, why))
    elif during:
        results.append(line.shown("P21", Shown.PASS, "answered while another path was exhausted", "any rejection"))
    else:
        text = "no other path was exhausted while it was asked"
        results.append(line.shown("P21", Shown.NOT_VISIBLE, text, "a rejection here during one there"))
    return results + [check(line) for check in QUALITIES if check.__name__ == "healthy"]


def _bound(line: Timeline, broken: Broken) -> PropertyResult:
    text = broken.over or broken.together
    if text:
        return line.shown("P1", Shown.FAIL, text)
    would = f"more than {line.policy.at_once} admitted where the {line.policy.algorithm} allows no more"
    if line.unlimited_would_show():
        return line.shown("P1", Shown.PASS, f"{len(line.mine)} requests, never more admitted than allowed", would)
    return line.shown("P1", Shown.NOT_VISIBLE, _slow(line), would)


def _slow(line: Timeline) -> str:
    asked = line.mine
    span = asked[-1].span.high - asked[0].span.low
    rate = len(asked) / span if span > 0 else 0.0
    limit, window = line.policy.limit, line.policy.window.total_seconds()
    return f"{len(asked)} requests at {rate:.3g}/s do not exceed {limit} in {window:g} s by enough to tell"


def _early(line: Timeline, broken: Broken, locked: PropertyResult) -> PropertyResult:
    would = "a rejection while fewer than the limit can have been counted"
    if locked.verdict is Shown.FAIL:
        return line.shown("P2", Shown.NOT_VISIBLE, "rejected requests count, see P14", would)
    if broken.early:
        return line.shown("P2", Shown.FAIL, broken.early)
    answered = [shot for shot in line.mine if shot.event.status]
    held = [shot for shot in line.rejects if shot.span.held]
    if not answered:
        return line.shown("P2", Shown.NOT_VISIBLE, "no request was answered", would)
    if line.rejects and not held:
        text = "the key was in use before the run: what its first rejections counted is not known"
        return line.shown("P2", Shown.NOT_VISIBLE, text, would)
    return line.shown("P2", Shown.PASS, f"{len(held)} rejections in {len(answered)} answers, none too early", would)


def _enforced(line: Timeline) -> PropertyResult:
    if line.rejects:
        return line.shown(
            "P3", Shown.PASS, f"first rejected at {line.rejects[0].span.low:.3f} s", "no rejection at all"
        )
    if not line.unlimited_would_show():
        return line.shown(
            "P3", Shown.NOT_VISIBLE, f"no rejection, but {_slow(line)}", "a faster run without a rejection"
        )
    return line.shown("P3", Shown.FAIL, f"nothing rejected in {len(line.mine)} requests beyond the limit")


def _status(line: Timeline, broken: Broken) -> PropertyResult:
    """Another status stands where a rejection was due."""
    wanted = line.policy.reject_status
    would = f"another status than {wanted} where a rejection was due"
    other = sorted({shot.event.status for shot in line.rejects} - {wanted})
    if other:
        return line.shown("P4", Shown.FAIL, f"rejected with {other[0]}, declared is {wanted}")
    odd = sorted({shot.event.status for shot in line.mine if shot.event.status >= 400 and not shot.span.rejected})
    if odd and not broken.over:
        taken = [
            replace(shot.span, admitted=True)
            if shot.plain and shot.event.status >= 400 and not shot.span.rejected
            else shot.span
            for shot in line.shots
        ]
        found = breaches(line.policy, taken, since=line.since).over
        if found:
            return line.shown("P4", Shown.FAIL, f"answered {', '.join(map(str, odd))} where {wanted} was due: {found}")
    if not line.rejects:
        return line.shown("P4", Shown.NOT_VISIBLE, "nothing was rejected", would)
    return line.shown("P4", Shown.PASS, f"{len(line.rejects)} rejections, all {wanted}", would)


def _lock_in(line: Timeline, broken: Broken) -> PropertyResult:
    """Rejections that only make sense if rejected requests were counted."""
    would = "a rejection that only earlier rejections explain"
    policy, rejects = line.policy, line.rejects
    if policy.counts_rejected:
        return line.shown("P14", Shown.NOT_VISIBLE, "the policy counts rejected requests", would)
    width = policy.window.total_seconds()
    for shot in line.mine:
        low, high = shot.span.low, shot.span.high
        if (
            shot.span.admitted
            and len([r for r in rejects if high - width < r.span.low and r.span.high < low]) >= policy.limit
        ):
            return line.shown("P14", Shown.PASS, f"admitted at {low:.3f} s in spite of many rejections", would)
    if policy.algorithm.bucket and (text := _spent_by_rejects(line)):
        return line.shown("P14", Shown.PASS, text, would)
    if broken.early and not breaches(replace(policy, counts_rejected=True), spans(line.shots), since=line.since).early:
        return line.shown("P14", Shown.FAIL, f"{broken.early}: rejected requests were counted")
    return line.shown("P14", Shown.NOT_VISIBLE, "too few rejections before an admission to tell", would)


def _spent_by_rejects(line: Timeline) -> str:
    """An admission that a bucket could not have made if rejected requests took from it too."""
    policy = line.policy
    refill = policy.limit / policy.window.total_seconds() * (1 + policy.tolerance)
    mine = line.mine
    for place, shot in enumerate(mine):
        if shot.span.admitted and place and mine[place - 1].span.rejected:
            before = [one for one in mine[:place] if one.span.high <= shot.span.low]
            for n, first in enumerate(reversed(before), 2):  # this one, and those that ended before it
                if n > policy.at_once * (1 + policy.tolerance) + refill * (shot.span.high - first.span.low) + 1:
                    return f"admitted at {shot.span.low:.3f} s in spite of {n - 1} requests right before"
    return ""


def _recovers(line: Timeline) -> PropertyResult:
    """The whole quota comes back."""
    policy, rejects = line.policy, line.rejects
    whole, width = max(1, int(0.9 * policy.at_once)), policy.window.total_seconds()
    rest = policy.at_once / (policy.limit / width) if policy.algorithm.bucket else width
    would = "a rejection after a rest, before the quota was used again"
    if not rejects:
        return line.shown("P13", Shown.NOT_VISIBLE, "nothing was rejected, so nothing could recover", would)
    after = rejects[0].span.high + (0.0 if policy.algorithm is Algorithm.FIXED_WINDOW else rest)
    later = [s.span for s in line.mine if s.span.admitted and s.span.low > after]
    for place, span in enumerate(later):
        if place + 1 >= whole and span.high - later[place + 1 - whole].low < min(width, rest):
            return line.shown("P13", Shown.PASS, f"{whole} admitted again by {span.high:.3f} s", would)
    return line.shown("P13", Shown.NOT_VISIBLE, f"no second burst of {whole} after a rest of {rest:g} s", would)
