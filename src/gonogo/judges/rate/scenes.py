"""A played examination into a result for every property, with what was spent on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gonogo.judges.rate.bounds import breaches
from gonogo.judges.rate.catalogue import scenes
from gonogo.judges.rate.late import PARALLEL, overlap
from gonogo.judges.rate.limit import validate
from gonogo.judges.rate.timeline import Shot, Timeline, spans, timeline
from gonogo.judges.rate.variants import judge_scene
from gonogo.model.load import Event
from gonogo.model.rate_scenes import Scenario, Skipped, sent_for
from gonogo.model.ratelimit import Algorithm, Policy, PropertyResult, Shown

_BY_NATURE = "a fixed window admits its limit on both sides of an edge, and that is declared"
_OUTSIDE: Mapping[str, str] = {
    "P29": "an outage of the limiter's store is for a staging environment with a fault injected",
    "P30": "needs a burst right after a rollout, and none is part of an examination",
}


def judge_examination(
    events: Sequence[Event],
    policy: Policy,
    scenario: Scenario,
    skipped: Sequence[Skipped] = (),
    *,
    started: float | None = None,
) -> tuple[PropertyResult, ...]:
    """The timeline of one side that a plan has played. `started`: seconds since 1970, for answers without a Date."""
    results = {result.id: result for result in validate(events, [policy], started=started)}
    if policy.algorithm is not Algorithm.NONE and events:
        line = timeline(events, policy, events[0].side, idle=True, now=started)
        for result in _scenes(line, scenario, {one.id: one.reason for one in skipped}):
            results[result.id] = result
        late = {one.id: one.reason for one in skipped}
        if "P14" in late and results["P14"].verdict is Shown.NOT_VISIBLE:
            results["P14"] = replace(results["P14"], reason=late["P14"])
    return tuple(
        replace(results[id_], spent=sum(sent_for(event, id_) for event in events))
        for id_ in sorted(results, key=lambda id_: int(id_[1:]))
    )


def in_use(events: Sequence[Event], policy: Policy, *, started: float | None = None) -> str:
    """What says that others used the key right before or meanwhile; empty if nothing does."""
    if not events or policy.algorithm is Algorithm.NONE:
        return ""
    line = timeline(events, policy, events[0].side, idle=True, now=started)
    if line.idle:
        return ""
    left = next((shot.said.remaining for shot in line.shots if shot.said.remaining is not None), None)
    return f"the key was in use: the first answer says that {left} of {policy.at_once} remain"


def _scenes(line: Timeline, scenario: Scenario, skipped: Mapping[str, str]) -> list[PropertyResult]:
    found = []
    for scene in scenes(line.policy, scenario):
        reason = scene.absent or skipped.get(scene.id, "")
        if not reason and not any(sent_for(shot.event, scene.id) for shot in line.shots):
            reason = "the limit was not used up, so no variant was sent"
        shown = line.shown(scene.id, Shown.NOT_VISIBLE, reason, scene.would) if reason else judge_scene(line, scene)
        found.append(shown)
    found += [_fresh(line, skipped), _edge(line, skipped), _parallel(line, skipped)]
    found += [
        line.shown(id_, Shown.NOT_VISIBLE, reason, "staging and rollouts only") for id_, reason in _OUTSIDE.items()
    ]
    return found


def _part(line: Timeline, id_: str) -> list[Shot]:
    return [shot for shot in line.mine if sent_for(shot.event, id_)]


def _over(line: Timeline, part: Sequence[Shot]) -> str | None:
    """What was admitted of a part beyond the policy: alone, or only together with the rest."""
    alone = breaches(line.policy, [replace(shot.span, held=False) for shot in part]).over
    if alone:
        return alone
    marks = {id(shot) for shot in part}
    others = [replace(shot.span, admitted=False, held=False) if id(shot) in marks else shot.span for shot in line.shots]
    whole = breaches(line.policy, spans(line.shots), since=line.since)
    without = breaches(line.policy, others, since=line.since)
    if without.over or without.together or without.early:
        return None
    return whole.over or whole.together


def _would_show(line: Timeline, part: Sequence[Shot]) -> bool:
    """Whether admitting the whole part would have been a breach."""
    marks = {id(shot) for shot in part}
    taken = [
        replace(shot.span, admitted=True, rejected=False, held=False) if id(shot) in marks else shot.span
        for shot in line.shots
    ]
    found = breaches(line.policy, taken, since=line.since)
    return bool(found.over or found.together)


def _fresh(line: Timeline, skipped: Mapping[str, str]) -> PropertyResult:
    """P20: as many over a connection of their own each as over kept ones."""
    would = "more than the limit admitted where each request has a connection of its own"
    part = _part(line, "P20")
    if not part:
        return line.shown("P20", Shown.NOT_VISIBLE, skipped.get("P20", "no second burst was sent"), would)
    kept = sum(shot.span.admitted for shot in _part(line, "P3"))
    got = sum(shot.span.admitted for shot in part)
    most = line.policy.at_once
    text = f"{got} of {len(part)} admitted over fresh connections, {kept} over kept ones, {most} are allowed"
    over = _over(line, part) if got > most + int(line.policy.limit * line.policy.tolerance) else None
    if over:
        return line.shown("P20", Shown.FAIL, f"{text} ({got / most:.2g} times): {over}", would)
    if _would_show(line, part):
        return line.shown("P20", Shown.PASS, text, would)
    return line.shown("P20", Shown.NOT_VISIBLE, f"{text}: too few to tell", would)


def _edge(line: Timeline, skipped: Mapping[str, str]) -> PropertyResult:
    """P27: on both sides of where the edge of a fixed window would be, no more than the policy admits."""
    would = "two half bursts on both sides of an edge that are admitted in full"
    if line.policy.algorithm is Algorithm.FIXED_WINDOW:
        return line.shown("P27", Shown.NOT_VISIBLE, _BY_NATURE, would)
    part = _part(line, "P27")
    if not part:
        return line.shown("P27", Shown.NOT_VISIBLE, skipped.get("P27", "no half bursts were sent"), would)
    got = sum(shot.span.admitted for shot in part)
    text = f"{got} of {len(part)} admitted on both sides of where an edge would be"
    over = _over(line, part) if got == len(part) else None
    if over:
        return line.shown("P27", Shown.FAIL, f"{text}: {over}", would)
    if got < len(part) and _would_show(line, part):
        return line.shown("P27", Shown.PASS, text, would)
    return line.shown("P27", Shown.NOT_VISIBLE, f"{text}: too slow to tell", would)


def _parallel(line: Timeline, skipped: Mapping[str, str]) -> PropertyResult:
    """P28: what is rejected is rejected for its rate, not for how many are under way."""
    would = "requests that are rejected under way together and admitted one after the other"
    part = _part(line, "P28")
    again = [shot for shot in part if sent_for(shot.event, PARALLEL)]
    burst = again or [shot for shot in part if sent_for(shot.event, "P13")]
    serial = [shot for shot in part if not sent_for(shot.event, "P13") and not sent_for(shot.event, PARALLEL)]
    most = overlap([shot.event for shot in burst])
    if most < 2:
        return line.shown("P28", Shown.NOT_VISIBLE, "no two requests were under way at the same time", would)
    together = sum(shot.span.admitted for shot in burst)
    least = line.policy.at_once - int(line.policy.limit * line.policy.tolerance) - 1  # one may have gone before
    if together >= least or (again and together == len(again)):
        return line.shown("P28", Shown.PASS, f"{most} under way at once, {together} admitted", would)
    if not serial:
        reason = skipped.get("P28", "too few were admitted, and nothing was sent one after the other")
        return line.shown("P28", Shown.NOT_VISIBLE, reason, would)
    alone = sum(shot.span.admitted for shot in serial)
    text = f"{together} admitted with {most} under way at once, {alone} of {len(serial)} one after the other"
    found = breaches(line.policy, spans(line.shots), since=line.since)
    if (found.early or found.together) and alone > together and alone == len(serial):
        return line.shown("P28", Shown.FAIL, text, would)
    return line.shown("P28", Shown.NOT_VISIBLE, f"{text}: not told by their number", would)
