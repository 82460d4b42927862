"""What a profile had to prove and could not, as reasons that name what would show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from gonogo.model.load import OutcomeClass, SideRecord
from gonogo.model.ratelimit import Algorithm, Policy, PropertyResult, Shown

_BEYOND = ("P1", "P3", "P4", "P5")  # only a run beyond the limit shows them


class Declared(Protocol):
    """What one side is held against, as far as its limiter goes."""

    @property
    def policy(self) -> Policy | None:
        """None: nothing is declared."""
        ...


def said(one: PropertyResult) -> str:
    """One finding as a reason."""
    return f"{one.side} {one.path}: {one.id}: {one.reason}"


def unseen(proven: Iterable[PropertyResult], standards: Mapping[str, Declared]) -> Iterable[str]:
    """Why what had to be proven was not seen. What only a run beyond the limit shows is one reason a side; none where
    the limit was passed and nothing rejected: that P3 fails says all of it.
    """
    findings = tuple(proven)
    beyond = {one.side for one in findings if one.id == "P3" and one.verdict is Shown.FAIL}
    below: dict[str, tuple[Policy, list[PropertyResult]]] = {}
    for one in findings:
        if one.verdict is not Shown.NOT_VISIBLE:
            continue
        policy = standards[one.side].policy
        if one.id in _BEYOND and policy is not None and policy.algorithm is not Algorithm.NONE:
            if one.side not in beyond:
                below.setdefault(one.side, (policy, []))[1].append(one)
        else:
            yield said(one)
    for side, (policy, hidden) in below.items():
        first = next((one for one in hidden if one.id == "P3"), hidden[0])
        ids, window = ", ".join(one.id for one in hidden), policy.window.total_seconds()
        more = f"more than {policy.at_once} requests, faster than {policy.limit} in {window:g} s, would show it"
        yield f"{side} {first.path}: {ids}: {first.reason}; {more} (a harsher profile, or gonogo ratelimit)"


def kept_silent(one: PropertyResult | None, standard: Declared, side: SideRecord) -> PropertyResult | None:
    """P5 of rejections that say no Retry-After, where the policy promises none, passes; else the finding as it is."""
    limited = side.outcomes.get(OutcomeClass.LIMITED)
    policy = standard.policy
    if one is None or one.id != "P5" or one.verdict is not Shown.NOT_VISIBLE or policy is None or policy.retry_after:
        return one
    if limited is None or not limited.count:
        return one
    return replace(one, verdict=Shown.PASS, reason=f"{limited.count} rejects, and the policy promises no Retry-After")
