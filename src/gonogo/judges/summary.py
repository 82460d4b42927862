"""The outcomes of all other items into a readiness board, a GO / NO-GO sheet or the final decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gonogo.judges.base import Judge
from gonogo.judges.reading import inconclusive
from gonogo.model.check import Area, Severity
from gonogo.model.verdict import Case, Finding, Outcome, Verdict

_WORST_FIRST = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
_CALLED = {Verdict.FAIL: "NO-GO", Verdict.INCONCLUSIVE: "HOLD", Verdict.PASS: "GO"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """`readiness` shows a line an area, `sheet` also a line an item, `decision` the reasons; all decide alike."""

    style: Literal["readiness", "sheet", "decision"] = "readiness"


def judge(options: Summary, case: Case) -> Finding:
    """The worst verdict of the blocking items; advisory ones, and failures under a valid waiver, are shown."""
    rule = "every blocking item passed"
    waived = [o for o in case.others if o.verdict is Verdict.FAIL and o.check.id in case.waived]
    blocking = [o for o in case.others if o.check.severity is Severity.BLOCKING and o not in waived]
    if not blocking:
        text = "nothing was checked: there is no other blocking item to sum up"
        return inconclusive(rule, text, "0 items", "when there are items to sum up", 0)
    worst = next(verdict for verdict in _WORST_FIRST if any(o.verdict is verdict for o in blocking))
    against = [o for verdict in _WORST_FIRST[:2] for o in blocking if o.verdict is verdict]
    passed = _share(case.others)
    names = ", ".join(o.check.id for o in against[:5]) + (f" and {len(against) - 5} more" if len(against) > 5 else "")
    reason = f"{_CALLED[worst]}: {passed} passed" + (f"; {names}" if against else "")
    return Finding(
        verdict=worst,
        reason=reason,
        rule=rule,
        observed=f"{_CALLED[worst]}, {passed} passed",
        samples=len(case.others),
        details=(
            *_areas(case.others),
            *_lines(options, case.others, against),
            *(f"waived: {o.check.id}: {o.reason}" for o in waived),
        ),
        decidable="when each of them is decided" if worst is Verdict.INCONCLUSIVE else None,
    )


def _areas(outcomes: tuple[Outcome, ...]) -> list[str]:
    lines = []
    for area in Area:
        of_area = tuple(o for o in outcomes if o.check.area is area)
        if of_area:
            lines.append(f"{area}: {_share(of_area)}")
    return [*lines, f"overall: {_share(outcomes)}"]


def _share(outcomes: tuple[Outcome, ...]) -> str:
    n, passed = len(outcomes), sum(o.verdict is Verdict.PASS for o in outcomes)
    # Rounded down: 100 % is said of all items only.
    return f"{passed} of {n} ({passed * 100 // n} %)"


def _lines(options: Summary, outcomes: tuple[Outcome, ...], against: list[Outcome]) -> list[str]:
    match options.style:
        case "readiness":
            return [f"{o.verdict}: {o.check.id}" for o in against]
        case "sheet":
            shown = sorted(outcomes, key=lambda o: _WORST_FIRST.index(o.verdict))
            return [f"{o.verdict}: {o.check.id}: {o.reason}" for o in shown]
        case "decision":
            return [f"{o.verdict}: {o.check.id}: {o.reason}" for o in against]


JUDGE = Judge(options=Summary, judge=judge, sums_up=True)
