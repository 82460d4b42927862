"""Whether two sides are limited alike."""

from __future__ import annotations

from collections.abc import Sequence

from gonogo.judges.rate.timeline import Timeline
from gonogo.model.ratelimit import PropertyResult, Shown

_COMPARED = ("P1", "P2", "P3", "P4", "P5", "P8", "P11", "P14")


def parity(
    one: Timeline, other: Timeline, found: Sequence[PropertyResult], also: Sequence[PropertyResult]
) -> PropertyResult:
    """P26, of both sides: what passes on one fails on the other, or both speak differently."""
    sides, path = f"{one.side}, {other.side}", one.policy.path
    would = "another status, limit, header dialect or Retry-After on one side, or a property that only one keeps"

    def shown(verdict: Shown, reason: str) -> PropertyResult:
        return PropertyResult(id="P26", side=sides, path=path, verdict=verdict, reason=reason, would_fail=would)

    apart: list[str] = []
    verdicts = {result.id: result.verdict for result in also}
    for result in found:
        pair = {result.verdict, verdicts.get(result.id)}
        if result.id in _COMPARED and pair == {Shown.PASS, Shown.FAIL}:
            apart.append(f"{result.id} holds on {one.side if result.verdict is Shown.PASS else other.side} alone")
    for what, a, b in zip(
        ("reject status", "header dialect", "limit", "Retry-After"), _says(one), _says(other), strict=True
    ):
        if a and b and a != b:
            apart.append(f"{what} is {_show(a)} on {one.side}, {_show(b)} on {other.side}")
    if apart:
        return shown(Shown.FAIL, "; ".join(apart))
    if one.policy.shared:
        return shown(Shown.NOT_VISIBLE, "both sides feed one counter")
    if one.rejects and other.rejects:
        return shown(Shown.PASS, "both sides reject, and speak alike")
    return shown(Shown.NOT_VISIBLE, "not both sides rejected a request")


def _says(line: Timeline) -> tuple[set[str], ...]:
    """Status of rejections, dialect, limit, and whether rejections name a wait; empty where nothing tells."""
    words = [shot.said for shot in line.mine if shot.event.status]
    return (
        {str(shot.event.status) for shot in line.rejects},
        {str(word.dialect) for word in words if word.dialect != "none"},
        {str(word.limit) for word in words if word.limit is not None},
        {"sent" if shot.said.retry_after_text is not None else "missing" for shot in line.rejects},
    )


def _show(values: set[str]) -> str:
    return " and ".join(sorted(values))
