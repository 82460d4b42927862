"""A Helm release's history into the change that a canary's criteria ask for: a dry run that changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gonogo.judges.base import Expression, Judge
from gonogo.judges.helm.forward import ROLLED_BACK
from gonogo.judges.reading import Reading, missing, read, wrong, wrong_type
from gonogo.model.verdict import Case, Finding, Verdict

_GOOD = ("deployed", "superseded")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePlan:
    """`to` says which change is planned: `promotion` of the canary to everything, or the `previous` revision that gave
    no canary traffic. `decided` stands instead of it: where it is true the canary is promoted, where it is false it is
    rolled back and the item fails. `value` is where the document of `helm_history` stands when there are several looks.
    """

    to: Literal["promotion", "previous"] = "promotion"
    value: Expression | None = None
    decided: Expression | None = None


def judge(options: ReleasePlan, case: Case) -> Finding:
    """Pass when the change is possible; the details hold what would be in force and the commands that do it."""
    rule = {
        "promotion": "the canary can be promoted",
        "previous": "a rollback to the previous revision of the release is possible",
    }[options.to]
    to, good = options.to, True
    if options.decided is not None:
        rule = "promotion or rollback is decided"
        said = read(options.decided, case, rule)
        if isinstance(said, Finding):
            return said
        if said.value is None:
            return missing(said, rule)
        if not isinstance(said.value, bool):
            return wrong_type(said, rule, "true or false")
        good = said.value
        to = "promotion" if good else "previous"
    reading = read(options.value or "@", case, rule)
    if isinstance(reading, Finding):
        return reading
    if reading.value is None:
        return missing(reading, rule)
    problem = malformed(reading.value)
    if problem:
        return wrong(reading, rule, problem, problem)
    current = reading.value["current"]
    if to == "previous" and is_back(current):
        where = f"revision {current['revision']}: {current['description']}"
        text = f"rolled back already: {current.get('tag')} 100 % ({where})"
        return _told(reading, rule, Verdict.PASS if good else Verdict.FAIL, text, ("nothing was changed",))
    plan = _promotion(reading.value) if to == "promotion" else _previous(reading.value)
    if isinstance(plan, str):
        return _told(reading, rule, Verdict.FAIL, f"not possible: {plan}")
    goal, helm, back = plan
    name = case.environment.name
    verb = f"apply --env {name} --to 100" if to == "promotion" else f"rollback --env {name}"
    details = (
        f"planned: {goal}",
        f"command: gonogo rollout {verb} --yes {name}",
        f"by hand: {helm}",
        *([f"back to: {back}"] if back else []),
        "nothing was changed",
    )
    word = "promotion" if to == "promotion" else "rollback"
    text = f"{word} {'possible' if options.decided is None else 'is decided'}: {goal}"
    return _told(reading, rule, Verdict.PASS if good else Verdict.FAIL, text, details)


def _promotion(history: Mapping[str, Any]) -> tuple[str, str, str | None] | str:
    """(what is in force then, Helm's command line, where one goes back to)."""
    current = history["current"]
    values = current["values"]
    tag, weight = values.get("canary_tag"), values.get("canary_weight")
    if current["status"] != "deployed":
        return f"revision {current['revision']} is {current['status']}"
    if not values.get("canary_enabled") or tag is None:
        return f"revision {current['revision']} has no canary"
    if tag == values.get("tag"):
        return f"canary and stable are both {tag}"
    back = next((one for one in history["revisions"] if served_alone(one) and one is not current), None)
    line = f"helm upgrade {_at(history, 'CHART')} --reuse-values --set image.tag={tag},canary.weight=0 --wait"
    goal = f"{tag} 100 % (canary at {weight} % now), instead of {values.get('tag')}"
    return goal, line, None if back is None else f"revision {back['revision']}, {back['tag']}"


def _previous(history: Mapping[str, Any]) -> tuple[str, str, str | None] | str:
    current = history["current"]
    if current["status"].startswith(("pending", "uninstall")):
        return f"revision {current['revision']} is {current['status']}: another change is under way"
    before = [one for one in history["revisions"] if one["revision"] < current["revision"]]
    found = next((one for one in before if one["status"] in _GOOD and served_alone(one)), None)
    if found is None:
        shown = ", ".join(f"{one['revision']} {one['status']}" for one in before[:5]) or "there are none"
        return f"no revision before {current['revision']} was good and without a canary ({shown})"
    line = f"helm rollback {_at(history, str(found['revision']))} --wait"
    return f"{found['tag']} 100 % (revision {found['revision']})", line, None


def is_back(current: Mapping[str, Any]) -> bool:
    """Whether a rollback is in force: the revision before it is the one that was taken back."""
    return served_alone(current) and ROLLED_BACK.match(str(current.get("description") or "")) is not None


def served_alone(one: Mapping[str, Any]) -> bool:
    """Whether a revision came into force and gave no canary anything."""
    values = one["values"]
    return one["status"] in _GOOD and not (values.get("canary_enabled") and values.get("canary_weight"))


def _at(history: Mapping[str, Any], what: str) -> str:
    return f"{history['release']} {what} --namespace {history['namespace']}"


def malformed(history: Any) -> str | None:
    """Why this is no history as `helm_history` tells it; None where it is."""
    if not isinstance(history, Mapping) or not isinstance(history.get("revisions"), list):
        return "this is no history of a Helm release"
    rows = [history.get("current"), *history["revisions"]]
    for one in rows:
        if not isinstance(one, Mapping) or not isinstance(one.get("values"), Mapping):
            return "a revision of the history is malformed"
        if not isinstance(one.get("revision"), int) or not isinstance(one.get("status"), str):
            return "a revision of the history has no number or no status"
    return None


def _told(reading: Reading, rule: str, verdict: Verdict, text: str, details: tuple[str, ...] = ()) -> Finding:
    return Finding(verdict=verdict, reason=f"{text} ({reading.source})", rule=rule, observed=text, details=details)


JUDGE = Judge(options=ReleasePlan, judge=judge)
