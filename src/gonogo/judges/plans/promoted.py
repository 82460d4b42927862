"""A Helm release's history into whether its canary is past: one that was promoted cannot be judged any more."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gonogo.judges.base import Expression, Judge
from gonogo.judges.plans.release import is_back, malformed, served_alone
from gonogo.judges.reading import inconclusive, missing, read, wrong
from gonogo.model.verdict import Case, Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpromoted:
    """`value` is where the document of `helm_history` stands when there are several looks. Of a canary that was
    promoted nothing else of the item is judged: what it asks of a canary is no fault where there is none.
    """

    value: Expression | None = None


def judge(options: Unpromoted, case: Case) -> Finding:
    """Pass where the newest revision is no promotion: then the item's other rules decide. One that gives everything
    to the tag that a revision before it gave to a canary is inconclusive, for the whole item.
    """
    rule = "the canary was not promoted"
    reading = read(options.value or "@", case, rule)
    if isinstance(reading, Finding):
        return reading
    if reading.value is None:
        return missing(reading, rule)
    problem = malformed(reading.value)
    if problem:
        return wrong(reading, rule, problem, problem)
    current, before = reading.value["current"], reading.value["revisions"]
    tag = current["values"].get("tag")
    was = next(
        (
            one
            for one in before
            if one["revision"] < current["revision"]
            and one["values"].get("canary_tag") == tag
            and not served_alone(one)
        ),
        None,
    )
    here = f"revision {current['revision']}"
    if tag is None or was is None or current["status"] != "deployed" or not served_alone(current) or is_back(current):
        return Finding(
            verdict=Verdict.PASS, reason=f"{here} is no promotion ({reading.source})", rule=rule, observed=here
        )
    text = f"there is no canary: {tag}, the canary of revision {was['revision']}, was promoted, and has 100 % by {here}"
    when = "when there is a canary again; `pytest -m postdeploy` judges what was promoted"
    return replace(inconclusive(rule, f"{text} ({reading.source})", "promoted", when), alone=True)


JUDGE = Judge(options=Unpromoted, judge=judge)
