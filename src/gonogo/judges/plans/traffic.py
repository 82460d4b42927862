"""The state of a Cloud Run service into the traffic change that would be made: a dry run that changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gonogo.judges.base import Expression, Judge
from gonogo.judges.percentile import is_number
from gonogo.judges.plans.split import back_split, canary_split, gcloud_line, split_text
from gonogo.judges.reading import Reading, missing, read, wrong, wrong_type
from gonogo.model.rollout import Revision, Share, split_of
from gonogo.model.verdict import Case, Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficPlan:
    """`to` says which change is planned; `value` where the service's document stands when there are several looks.

    `first` and `stage` give the newest READY revision the first or the present stage's percentage of the
    environment's rollout, and the rest to the READY revision that serves. `previous` gives everything to the newest
    READY revision that is older than the newest one with traffic.
    """

    to: Literal["first", "stage", "previous"] = "first"
    value: Expression | None = None


def judge(options: TrafficPlan, case: Case) -> Finding:
    """Pass when the change is possible; the details hold the planned split and the command that would do it."""
    rollout = case.environment.rollout
    rule = {
        "first": f"a canary at {rollout.first} % is possible",
        "stage": f"a canary at {rollout.stage} % is possible",
        "previous": "a rollback to the previous READY revision is possible",
    }[options.to]
    reading = read(options.value or "@", case, rule)
    if isinstance(reading, Finding):
        return reading
    if reading.value is None:
        return missing(reading, rule)
    if not isinstance(reading.value, Mapping):
        return wrong_type(reading, rule, "an object")
    document = reading.value
    problem = _malformed(document)
    if problem:
        return wrong(reading, rule, problem, problem)
    now = sum(entry["percent"] for entry in document["traffic"])
    if now != 100:
        return _told(reading, rule, Verdict.FAIL, f"traffic now sums to {now} %, not 100 %")
    shares, revisions = _shares(document), _revisions(document)
    match options.to:
        case "first":
            split = canary_split(shares, revisions, rollout.first)
        case "stage":
            split = canary_split(shares, revisions, rollout.stage)
        case "previous":
            split = back_split(shares, revisions)
    if isinstance(split, str):
        return _told(reading, rule, Verdict.FAIL, f"not possible: {split}")
    back_end = case.environment.back_ends.get("cloud_run")
    details = (
        f"now: {split_text(shares)}",
        f"planned: {split_text(split)}",
        f"command: {gcloud_line(str(document['service']), split, back_end.names if back_end else {})}",
        "nothing was changed",
    )
    return _told(reading, rule, Verdict.PASS, f"dry run: {split_text(split)}", details)


def _shares(document: Mapping[str, Any]) -> dict[str, int]:
    return split_of(tuple(Share(revision=one["revision"], percent=one["percent"]) for one in document["traffic"]))


def _revisions(document: Mapping[str, Any]) -> tuple[Revision, ...]:
    return tuple(Revision(name=one["name"], ready=one["ready"]) for one in document["revisions"])


def _malformed(document: Mapping[str, Any]) -> str | None:
    if not isinstance(document.get("service"), str):
        return "service is missing"
    for key, fields in {"traffic": ("revision", "percent"), "revisions": ("name", "ready")}.items():
        items = document.get(key)
        if not isinstance(items, list) or not items:
            return f"{key} is missing or empty"
        for item in items:
            if not isinstance(item, dict) or any(item.get(name) is None for name in fields):
                return f"an entry of {key} lacks {' or '.join(fields)}"
    if not all(is_number(entry["percent"]) and 0 <= entry["percent"] <= 100 for entry in document["traffic"]):
        return "a percentage of traffic is not a number from 0 to 100"
    if not all(isinstance(entry["revision"], str) for entry in document["traffic"]):
        return "a revision of traffic has no name"
    well = all(isinstance(r["name"], str) and isinstance(r["ready"], bool) for r in document["revisions"])
    return None if well else "a revision's name or readiness is malformed"


def _told(reading: Reading, rule: str, verdict: Verdict, text: str, details: tuple[str, ...] = ()) -> Finding:
    return Finding(verdict=verdict, reason=f"{text} ({reading.source})", rule=rule, observed=text, details=details)


JUDGE = Judge(options=TrafficPlan, judge=judge)
