"""Whether a variant has a quota of its own, told from what came while the plain request was rejected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gonogo.judges.rate.bounds import breaches
from gonogo.judges.rate.catalogue import RESTED, Expect, Scene, Trial
from gonogo.judges.rate.steps import accepted
from gonogo.judges.rate.timeline import Shot, Timeline, spans
from gonogo.model.rate_scenes import Tried, sent_for, variant_of
from gonogo.model.ratelimit import PropertyResult, Shown

_SHARED = {"key", "route"}  # words of variants that may have a counter in common
Found = tuple[Shown, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Try:
    """One request of a variant. `closed`: the plain requests before and after it were rejected."""

    shot: Shot
    closed: bool


def judge_scene(line: Timeline, scene: Scene) -> PropertyResult:
    """One property of variants, of which something was sent."""
    found = [(trial, *_judge(line, scene, trial)) for trial in scene.trials]
    bad = [f"{trial.variant.name}: {text}" for trial, verdict, text in found if verdict is Shown.FAIL]
    if bad:
        return line.shown(scene.id, Shown.FAIL, "; ".join(bad), scene.would)
    open_ = [f"{trial.variant.name}: {text}" for trial, verdict, text in found if verdict is Shown.NOT_VISIBLE]
    if open_:
        told = len(found) - len(open_)
        text = f"{told} of {len(found)} variants are as they must be; {'; '.join(dict.fromkeys(open_))}"
        return line.shown(scene.id, Shown.NOT_VISIBLE, text, scene.would)
    texts = dict.fromkeys(text for _, _, text in found)
    return line.shown(scene.id, Shown.PASS, f"{_names(scene)}: {', '.join(texts)}", scene.would)


def _names(scene: Scene) -> str:
    names = [trial.variant.name for trial in scene.trials]
    return ", ".join(names) if len(names) < 4 else f"{len(names)} variants"


def _judge(line: Timeline, scene: Scene, trial: Trial) -> Found:
    tries = _tries(line, scene.id, trial.variant.name)
    if trial.expect is Expect.EXEMPT:
        return _exempt(tries)
    closed = [one.shot for one in tries if one.closed]
    lost = next((one.shot for one in tries if not one.shot.event.status), None)
    if lost is not None:
        return Shown.NOT_VISIBLE, f"no answer ({lost.event.error or 'lost'})"
    if not closed:
        return Shown.NOT_VISIBLE, "the plain requests around it were not both rejected" if tries else "not sent"
    last = closed[-1]
    if trial.expect is Expect.OWN and last.span.rejected:
        return _refused(line, scene, trial, last)
    if trial.expect is Expect.OWN and not accepted(last.event):
        return Shown.NOT_VISIBLE, f"answered {last.event.status}"
    if trial.expect is Expect.SHARED and not _success(last):
        return Shown.PASS, "rejected too" if last.span.rejected else f"refused with {last.event.status}"
    return _admitted(line, scene, trial, [shot for shot in closed if _success(shot)])


def _tries(line: Timeline, scene: str, name: str) -> list[_Try]:
    found = []
    for place, shot in enumerate(line.shots):
        if variant_of(shot.event) != name or not sent_for(shot.event, scene):
            continue
        before = next((one for one in reversed(line.shots[:place]) if one.plain), None)
        after = next((one for one in line.shots[place + 1 :] if one.plain), None)
        sides = [one for one in (before, after) if one is not None and one.span.rejected]
        apart = len(sides) == 2 and sides[0].span.high <= shot.span.low and shot.span.high <= sides[1].span.low
        found.append(_Try(shot=shot, closed=apart))
    return found


def _success(shot: Shot) -> bool:
    return 200 <= shot.event.status < 300 and not shot.span.rejected


def _exempt(tries: Sequence[_Try]) -> Found:
    bad = next((one.shot for one in tries if one.shot.span.rejected), None)
    if bad is not None:
        return Shown.FAIL, f"rejected with {bad.event.status} at {bad.span.low:.3f} s"
    good = [one for one in tries if one.closed and accepted(one.shot.event)]
    if good:
        return Shown.PASS, "answered while the limit was used up"
    other = next((one.shot.event.status for one in tries if one.closed), None)
    text = f"answered {other}" if other else "the plain requests around it were not both rejected"
    return Shown.NOT_VISIBLE, text if tries else "not sent"


def _refused(line: Timeline, scene: Scene, trial: Trial, last: Shot) -> Found:
    """Rejected where a quota of its own is due: unless that one was used up, by this examination or by others."""
    mine = set(trial.variant.name.split()) & _SHARED
    before = [shot for shot in line.shots if shot.span.high <= last.span.low and accepted(shot.event)]
    used = sum(bool(mine & set(variant_of(shot.event).split())) for shot in before)
    if used >= line.policy.at_once * (1 - line.policy.tolerance) - 1:
        return Shown.NOT_VISIBLE, f"rejected after {used} of its own"
    rested = _tries(line, scene.id, trial.variant.name + RESTED)
    if any(accepted(one.shot.event) for one in rested):
        return Shown.FAIL, f"rejected at {last.span.low:.3f} s with the plain one, admitted when that had rested"
    return Shown.NOT_VISIBLE, "rejected, but maybe for its own requests" + (
        "" if rested else ": not asked after a rest"
    )


def _admitted(line: Timeline, scene: Scene, trial: Trial, shots: Sequence[Shot]) -> Found:
    """Admitted while the plain one was rejected: of a counter of its own, or a refill between the two controls?"""
    base = breaches(line.policy, spans(line.shots), since=line.since)
    if base.over or base.early or base.together:
        return Shown.NOT_VISIBLE, "admitted, but the limit itself is not kept as declared"
    marks = {id(shot) for shot in shots}
    taken = [replace(shot.span, admitted=True) if id(shot) in marks else shot.span for shot in line.shots]
    same = breaches(line.policy, taken, since=line.since)
    if not (same.over or same.early or same.together):
        return Shown.NOT_VISIBLE, "admitted, but that may have been a refill"
    where = f"admitted at {shots[0].span.low:.3f} s between two rejected plain requests"
    if trial.expect is Expect.OWN:
        return Shown.PASS, "admitted while the plain one was rejected"
    return _handled(line, shots[0], where) if scene.id == "P18" else (Shown.FAIL, where)


def _handled(line: Timeline, shot: Shot, where: str) -> Found:
    """A success is a way around only if the same handler answered."""
    kinds = {one.event.kind for one in line.mine if one.span.admitted and isinstance(one.event, Tried)}
    kind = shot.event.kind if isinstance(shot.event, Tried) else ""
    media = {one.partition(" ")[0] for one in kinds}
    if kind in kinds or (" " not in kind and kind in media):
        return Shown.FAIL, f"{where}, by the same handler"
    if kind.partition(" ")[0] in media:
        return Shown.NOT_VISIBLE, f"{where}, with another body: maybe another handler"
    return Shown.PASS, "another handler"
