"""A service as it stands and what is wanted of its traffic, into the change that would do it, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gonogo.judges.plans.split import (
    back_split,
    canary_split,
    change_to,
    mainly,
    not_ready,
    restored_split,
    split_text,
    whole_split,
)
from gonogo.model.rollout import FULL, Change, ServiceTraffic, Share


class Verb(StrEnum):
    """What is wanted: more traffic for the new revision, or less."""

    APPLY = "apply"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A percentage for the newest revision, or all traffic for one that is named, or the split of before.

    None of them is a rollback of everything. `automatic`: nobody looked at the plan, so that what was taken back
    already is not taken back once more.
    """

    verb: Verb
    percent: int | None = None
    revision: str | None = None
    before: bool = False
    automatic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the newest rollout of this service left: the split before it, the one it made, and where one can go back."""

    before: Mapping[str, int]
    split: Mapping[str, int]
    previous: str | None
    name: str  # of its record, for people


def plan_change(state: ServiceTraffic, wish: Wish, kept: Kept | None = None) -> Change | str:
    """The change; a text says why it is not possible. Pure: the same state, wish and record make the same change."""
    match wish.verb:
        case Verb.APPLY:
            return _apply(state, wish)
        case Verb.ROLLBACK:
            return _back(state, wish, kept)


def stands(state: ServiceTraffic, change: Change) -> bool:
    """True once this split is in force, with its tags, and nothing is under way."""
    tags = {(share.tag, share.revision) for share in change.shares if share.tag is not None}
    in_force = {(share.tag, share.revision) for share in state.shares if share.tag is not None}
    return state.settled and state.split == dict(change.split) and tags <= in_force


def unready(state: ServiceTraffic, change: Change) -> tuple[str, ...]:
    """Revisions of the change that cannot serve, in words."""
    return tuple(why for name in change.split if (why := not_ready(name, state.revisions)))


def stage_notes(state: ServiceTraffic, wish: Wish, stages: Sequence[int]) -> tuple[str, ...]:
    """What is unusual about a step of the plan, though it is possible."""
    if wish.verb is not Verb.APPLY or wish.percent is None:
        return ()
    newest = next((one.name for one in state.revisions if one.ready), None)
    now = state.split.get(newest, 0) if newest else 0
    if wish.percent < now:
        return (f"{newest} has {now} % now: this gives it less",)
    between = [str(stage) for stage in stages if now < stage < wish.percent]
    return (f"this skips {', '.join(between)} %",) if between else ()


def _apply(state: ServiceTraffic, wish: Wish) -> Change | str:
    total = sum(state.split.values())
    if total != FULL:
        return f"traffic now sums to {total} %, not 100 %"
    if not state.settled:
        return "another change of the service is still under way"
    if wish.revision is not None:
        split = whole_split(wish.revision, state.revisions)
    else:
        split = canary_split(state.split, state.revisions, wish.percent or 0)
    if isinstance(split, str):
        return split
    new = _newest(split, state)
    could = {name: now for name, now in state.split.items() if name != new and not not_ready(name, state.revisions)}
    return _checked(state, change_to(state, split, mainly(could)))


def _back(state: ServiceTraffic, wish: Wish, kept: Kept | None) -> Change | str:
    if wish.before:
        if kept is None:
            return "no record tells the split before: name a revision or a percentage"
        split = restored_split(kept.before, state.revisions)
        return split if isinstance(split, str) else _checked(state, change_to(state, split, kept.previous))
    target, notes = wish.revision, []
    if target is None and kept is not None and kept.previous is not None:
        why = _doubt(state, kept)
        if why is None:
            target = kept.previous
            notes.append(f"{target} is the previous revision by {kept.name}")
        else:
            notes.append(f"{kept.name} is not gone by: {why}")
    idle = _idle(state)
    if target is None and idle is not None and wish.automatic:
        return Change(
            split=state.split,
            shares=state.shares,
            previous=mainly(state.split),
            notes=(f"{idle} has no traffic any more",),
        )
    split = back_split(state.split, state.revisions, target, wish.percent or 0)
    if isinstance(split, str):
        return split
    if target is None and idle is not None:
        notes.append(f"{idle} has no traffic: this goes back behind {_newest(state.split, state)}, which serves now")
    return _checked(state, change_to(state, split, mainly(split)), tuple(notes))


def _doubt(state: ServiceTraffic, kept: Kept) -> str | None:
    """Why a record says nothing of what serves now."""
    serves = _newest(state.split, state)
    if serves not in kept.split:
        return f"{serves} serves now, and the record knows {split_text(kept.split)}"
    return not_ready(str(kept.previous), state.revisions)


def _idle(state: ServiceTraffic) -> str | None:
    """A READY revision newer than the one that has all traffic: a canary that has none, or none any more."""
    serves = _newest(state.split, state)
    if serves is None or state.split[serves] != FULL:
        return None
    names = [one.name for one in state.revisions if one.ready or one.name == serves]
    return names[0] if names[0] != serves else None


def _newest(split: Mapping[str, int], state: ServiceTraffic) -> str | None:
    return next((one.name for one in state.revisions if split.get(one.name)), None)


def _checked(state: ServiceTraffic, change: Change, notes: tuple[str, ...] = ()) -> Change | str:
    """The last guard before anything is sent, whoever planned: whole percentages that sum to 100, READY, tags kept."""
    total = sum(share.percent for share in change.shares)
    if total != FULL or any(not 0 <= share.percent <= FULL for share in change.shares):
        return f"the split {split_text(change.split)} sums to {total} %, not 100 %"
    lacking = unready(state, change)
    if lacking:
        return "; ".join(lacking)
    lost = _tags(state.shares) - _tags(change.shares)
    if lost:
        return f"the tags {', '.join(sorted(tag for tag, _ in lost))} would be lost"
    return Change(split=change.split, shares=change.shares, previous=change.previous, notes=change.notes + notes)


def _tags(shares: tuple[Share, ...]) -> set[tuple[str, str]]:
    return {(share.tag, share.revision) for share in shares if share.tag is not None}
