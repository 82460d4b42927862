"""Recorded load runs into the one that tells of an environment now, or the reason why there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gonogo.model.environment import Release
from gonogo.model.evidence import Cause, plain
from gonogo.model.ratelimit import Policy
from gonogo.model.sealed import is_whole
from gonogo.model.units import show_duration
from gonogo.probes.failure import Failure
from gonogo.probes.json_strict import parse_json

SCHEMA = "gonogo/load/1"
FILE = "load.json"
_MOST = 50  # runs that are read to find one
_MAX_BYTES = 32 * 1024 * 1024
_AHEAD = timedelta(seconds=60)
_HOUR = timedelta(hours=1)
_STATUS = {"GO": 0, "NO-GO": 1, "HOLD": 6}
_NUMBER = (int, float)
_Shape = Mapping[str, type | tuple[type, ...]]
_RUN: _Shape = {
    "schema": str, "run_id": str, "environment": str, "release": (dict, type(None)), "policies": dict, "profile": dict,
    "started": str, "ended": str, "decision": str, "exit_status": int, "reasons": list, "workers": dict,
    "aborted": (str, type(None)), "sides": dict, "timeline": list,
}  # fmt: skip
_SIDE: _Shape = {
    "endpoint": str, "requested_rate": (*_NUMBER, type(None)), "achieved_rate": _NUMBER, "requests": int,
    "outcomes": dict, "statuses": dict, "errors": dict, "rate_limit": list, "slos": list,
}  # fmt: skip
_FINDING: _Shape = {"id": str, "path": str, "verdict": str, "reason": str, "decides": bool}
_OUTCOMES = ("accepted", "limited", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Of which environment, profiles, endpoints (side -> method and path), policies and release a run has to be."""

    environment: str
    profiles: Sequence[str]
    endpoints: Mapping[str, str]
    policies: Mapping[str, Policy]  # side -> what is declared of its path
    release: Release | None
    max_age: timedelta


def newest(reports: Path, wanted: Wanted) -> Path:
    """The load.json of the last run of these profiles. Failure(NO_DATA) if there is none.

    A run that cannot be read is not passed over: an older GO does not stand for what came after it. One that was
    sent to other endpoints is.
    """
    kinds = "|".join(map(re.escape, wanted.profiles))
    name = re.compile(rf"\d{{8}}T\d{{6}}Z-{re.escape(wanted.environment)}-(?:{kinds})-[A-Za-z0-9]+\Z")
    try:
        folders = sorted((one.name for one in reports.iterdir() if name.match(one.name)), reverse=True)
    except OSError:
        folders = []
    passed = 0
    for folder in folders[:_MOST]:
        if _is_of(read(reports / folder / FILE), wanted):
            return reports / folder / FILE
        passed += 1
    others = f", {passed} to other endpoints" if passed else ""
    raise Failure(
        Cause.NO_DATA, f"no run of {' or '.join(wanted.profiles)} is recorded for {wanted.environment}{others}"
    )


def read(path: Path) -> dict[str, Any]:
    """A whole load.json of the one schema that is known; Failure says what is wrong with it."""
    where = f"{path.parent.name}/{path.name}"
    try:
        with path.open("rb") as file:
            body = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise Failure(Cause.NO_DATA, f"{where}: {error.strerror}") from None
    if len(body) > _MAX_BYTES:
        raise Failure(Cause.PARTIAL, f"{where} is larger than {_MAX_BYTES} bytes")
    document = parse_json(body, where)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise Failure(Cause.BROKEN, f"{where} is not of schema {SCHEMA}")
    if not is_whole(document):
        raise Failure(Cause.BROKEN, f"{where} was changed after its run: its digest is another")
    _check(document, _RUN, where)
    for side, one in document["sides"].items():
        _check(one, _SIDE, f"{where}: sides.{side}")
        for outcome in _OUTCOMES:
            _check(one["outcomes"].get(outcome), {"count": int}, f"{where}: sides.{side}.outcomes.{outcome}")
        for finding in one["rate_limit"]:
            _check(finding, _FINDING, f"{where}: sides.{side}.rate_limit")
    _check_decision(document, where)
    return document


def check_current(document: Mapping[str, Any], wanted: Wanted, now: datetime) -> None:
    """Failure for a record that tells nothing of what is asked here and now."""
    if document["environment"] != wanted.environment:
        raise Failure(Cause.NO_DATA, f"the run is of {document['environment']}, not of {wanted.environment}")
    if document["profile"].get("name") not in wanted.profiles:
        raise Failure(Cause.NO_DATA, f"the run is of the profile {document['profile'].get('name')}")
    if not _is_of(document, wanted):
        raise Failure(Cause.NO_DATA, "the run was sent to other endpoints")
    lacking = sorted(wanted.endpoints.keys() - document["sides"].keys())
    if lacking and document["decision"] == "GO":
        raise Failure(Cause.PARTIAL, f"nothing of {', '.join(lacking)} stands in the run")
    began, ended = _ended(document["started"]), _ended(document["ended"])
    if ended < began or ended - now > _AHEAD:
        raise Failure(Cause.BROKEN, f"the run ended at {document['ended']}, which is no time that a run ends at")
    if now - ended > wanted.max_age:
        old = (now - ended) // _HOUR * _HOUR or now - ended
        raise Failure(Cause.NO_DATA, f"the run is {show_duration(old)} old, at most {show_duration(wanted.max_age)}")
    if wanted.release is not None:
        _check_release(document["release"], wanted.release)
    declared = {side: plain(policy) for side, policy in wanted.policies.items()}
    if document["policies"] != declared:
        raise Failure(Cause.NO_DATA, "the run was held against other policies than those declared now")


def _check_release(recorded: Mapping[str, Any] | None, release: Release) -> None:
    if recorded is None:
        raise Failure(Cause.NO_DATA, f"the run names no release, and this one is of {release.version}")
    if (recorded.get("version"), recorded.get("commit")) != (release.version, release.commit):
        told = f"{recorded.get('version')} ({str(recorded.get('commit'))[:12]})"
        raise Failure(Cause.NO_DATA, f"the run is of {told}, not of {release.version} ({release.commit[:12]})")


def _check_decision(document: Mapping[str, Any], where: str) -> None:
    """A decision that its own lines do not carry."""
    decision = document["decision"]
    if _STATUS.get(decision) != document["exit_status"]:
        raise Failure(Cause.BROKEN, f"{where}: {decision} does not go with exit status {document['exit_status']}")
    if decision != "GO":
        return
    proves = document["profile"].get("proves") or []
    lacking = [f"{side}: {one}" for side, found in document["sides"].items() for one in _unproven(proves, found)]
    if lacking or not proves or not document["sides"] or document["reasons"]:
        raise Failure(Cause.BROKEN, f"{where}: GO, and not proven is {', '.join(lacking) or 'anything'}")


def _unproven(proves: Sequence[str], side: Mapping[str, Any]) -> list[str]:
    """What the profile has to prove and the side did not pass, and what it must not fail and did."""
    verdicts = {one["id"]: one["verdict"] for one in side["rate_limit"] if one["decides"]}
    failed = [one for one, verdict in verdicts.items() if verdict == "fail"]
    seen = [one for one in proves if one in verdicts or one.startswith("P")]  # objectives stand under slos
    return [*(one for one in seen if verdicts.get(one) != "pass"), *failed]


def _check(value: Any, shape: _Shape, where: str) -> None:
    if not isinstance(value, dict):
        raise Failure(Cause.BROKEN, f"{where} is no object")
    for key, kind in shape.items():
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if key not in value:
            raise Failure(Cause.BROKEN, f"{where}: {key} is missing")
        if not isinstance(value[key], kinds) or (isinstance(value[key], bool) and bool not in kinds):
            raise Failure(Cause.BROKEN, f"{where}: {key} is of the wrong type ({type(value[key]).__name__})")


def _is_of(document: Mapping[str, Any], wanted: Wanted) -> bool:
    """A run that was sent nowhere else; one that never began says so of all endpoints."""
    return all(wanted.endpoints.get(side) == one["endpoint"] for side, one in document["sides"].items())


def _ended(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(Cause.BROKEN, f"{text[:40]!r} is no time") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
