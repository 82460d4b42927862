"""The state of a Cloud Run service into the traffic change that would be made: a dry run that changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gonogo.judges.base import Expression, Judge
from gonogo.judges.percentile import is_number
from gonogo.judges.reading import Reading, missing, read, wrong, wrong_type
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
    match options.to:
        case "first":
            split = _canary(document, rollout.first)
        case "stage":
            split = _canary(document, rollout.stage)
        case "previous":
            split = _rollback(document)
    if isinstance(split, str):
        return _told(reading, rule, Verdict.FAIL, f"not possible: {split}")
    details = (
        f"now: {_split_text(_shares(document))}",
        f"planned: {_split_text(split)}",
        f"command: {command(document, split, case)}",
        "nothing was changed",
    )
    return _told(reading, rule, Verdict.PASS, f"dry run: {_split_text(split)}", details)


def command(document: Mapping[str, Any], split: Mapping[str, int], case: Case) -> str:
    """The command line that would make the split."""
    back_end = case.environment.back_ends.get("cloud_run")
    names = back_end.names if back_end else {}
    revisions = ",".join(f"{name}={percent}" for name, percent in split.items() if percent)
    words = ["gcloud run services update-traffic", str(document["service"]), f"--to-revisions={revisions}"]
    words += [f"--{name}={names[name]}" for name in ("region", "project") if name in names]
    return " ".join(words)


def _canary(document: Mapping[str, Any], percent: int) -> dict[str, int] | str:
    if not 0 <= percent <= 100:
        return f"{percent} % is no share of the traffic"
    ready = [revision["name"] for revision in document["revisions"] if revision["ready"]]
    if not ready:
        return "no revision is READY"
    new, *older = ready
    if percent == 100:
        return {new: 100}
    shares = _shares(document)
    carrying = [name for name in older if name in shares]
    if not carrying:
        serves = "serves already" if new in shares else "is the only one that could serve"
        return f"{new} is the newest READY revision and {serves}; a canary needs a READY one beside it that serves"
    # The old one first: that is who keeps most of the traffic.
    return {max(carrying, key=lambda name: shares[name]): 100 - percent, new: percent}


def _rollback(document: Mapping[str, Any]) -> dict[str, int] | str:
    revisions = document["revisions"]
    shares = _shares(document)
    place = next((i for i, revision in enumerate(revisions) if revision["name"] in shares), None)
    if place is None:
        return "no known revision has traffic"
    current, older = revisions[place]["name"], revisions[place + 1 :]
    target = next((revision["name"] for revision in older if revision["ready"]), None)
    if target is None:
        names = ", ".join(revision["name"] for revision in older[:5])
        return f"none of the revisions before {current} is READY ({names or 'there are none'})"
    return {target: 100}


def _shares(document: Mapping[str, Any]) -> dict[str, int]:
    shares: dict[str, int] = {}
    for entry in document["traffic"]:
        if entry["percent"]:
            shares[entry["revision"]] = shares.get(entry["revision"], 0) + entry["percent"]
    return shares


def _split_text(split: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {percent} %" for name, percent in split.items())


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
