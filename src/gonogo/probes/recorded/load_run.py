"""A load run, made for the item or recorded earlier, into what it came to."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen
from gonogo.model.ratelimit import Algorithm, Policy
from gonogo.model.units import show_duration
from gonogo.probes.base import Loads, Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import observe
from gonogo.probes.recorded.load_record import Wanted, check_current, newest, read

MADE = "gentle"  # the one profile that a look sends to a live system
_METHODS = ("GET", "POST")
_SIDES = {"canary": "canary", "legacy": "stable"}  # side of a load run -> side of the environment


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRun:
    """Requests to both sides, as the profile says.

    Without `profile` it is the gentlest allowed one that must be rejected by the limits declared for the paths.
    `gentle` is run for the item; anything else must have been run, within `max_age` and for this release, unless the
    environment is a rehearsal. `deadline` is for a run that is made.
    """

    profile: str | None = None
    canary_path: str = "/api/v2/health"
    legacy_path: str = "/health"
    method: str = "GET"
    body: Mapping[str, Any] | None = field(default=None, hash=False)
    max_age: timedelta = timedelta(hours=24)
    deadline: timedelta = timedelta(seconds=60)

    def __post_init__(self) -> None:
        if self.method not in _METHODS or (self.body is not None and self.method != "POST"):
            raise ConfigError(f"method is one of {', '.join(_METHODS)}, and a body goes with POST")
        for path in (self.canary_path, self.legacy_path):
            if not path.startswith("/"):
                raise ConfigError(f"path {path!r} does not begin with /")
        if self.max_age <= timedelta(0) or not timedelta(0) < self.deadline <= timedelta(seconds=110):
            raise ConfigError("max_age is longer than 0, deadline longer than 0 and at most 110s")


def look(options: LoadRun, vantage: Vantage) -> Sight:
    """{limits: {side: text}, profile, run, made, started, ended, decision, reasons, release, sides: {side: {endpoint,
    requests, achieved_rate, accepted, limited, error, properties: {id: {verdict, reason, decides}}}}}. Without
    `profile`, and where no limit is declared for the paths, `run` is null: there is none to be reached. A record that
    is stale, touched, of another release or environment is no data.
    """
    return observe(_source(options), lambda: _look(options, vantage))


def comes_last(options: LoadRun, environment: Environment) -> bool:
    """It uses up a limit that other looks may need, or they what it counts on."""
    return bool(_limits(_policies(options, environment)))


def _source(options: LoadRun) -> str:
    paths = " and ".join(dict.fromkeys((options.canary_path, options.legacy_path)))
    return f"load run {options.profile or 'to the declared limit'}: {options.method} {paths}"


def _look(options: LoadRun, vantage: Vantage) -> Seen:
    loads = vantage.loads
    if loads is None:
        raise Failure(Cause.UNAVAILABLE, "load runs cannot be made or read from here")
    policies = _policies(options, vantage.environment)
    limits = _limits(policies)
    shown = {side: _shown(policy) for side, policy in limits.items()}
    if options.profile is not None:
        profiles: tuple[str, ...] = (options.profile,)
    elif not limits:
        return Seen(data={"limits": {}, "profile": None, "run": None, "made": False, "decision": None, "sides": {}})
    else:
        profiles = loads.reaching(tuple(limits.values()))
        if not profiles:
            allowed = ", ".join(vantage.environment.guards.profiles) or "none"
            text = f"no allowed profile reaches {_all(shown)} (guards.profiles: {allowed})"
            raise Failure(Cause.REFUSED, f"{text}; allow one, or show the limit where it may be reached")
    wanted = Wanted(
        environment=vantage.environment.name,
        profiles=profiles,
        endpoints=_endpoints(options, vantage.environment),
        policies=policies,
        release=vantage.release,
        max_age=options.max_age,
    )
    made = loads.rehearsed or profiles == (MADE,)
    if made:
        document = read(loads.make(profiles[0], _asked(options), tuple(limits.values()), options.deadline))
        check_current(document, wanted, datetime.now(UTC))
    else:
        document = _recorded(loads, wanted, options, vantage)
    return Seen(data=_document(document, shown, made=made))


def _recorded(loads: Loads, wanted: Wanted, options: LoadRun, vantage: Vantage) -> dict[str, Any]:
    try:
        document = read(newest(loads.reports, wanted))
        check_current(document, wanted, vantage.now)
    except Failure as failure:
        command = _command(options, wanted.profiles[0], vantage)
        raise Failure(failure.cause, f"{failure.detail}; run: {command}") from None
    return document


def _command(options: LoadRun, profile: str, vantage: Vantage) -> str:
    """What makes the record that is missing."""
    words = ["locust", "-f", "loadtests/locustfile.py", "--env", vantage.environment.name, "--profile", profile]
    release, usual = vantage.release, vantage.environment.release
    if release is not None and (usual is None or not release.origin.file.endswith(usual)):
        words += ["--release", release.origin.file]
    usual_words = _asked(LoadRun())
    for name, value in _asked(options).items():
        if value != usual_words[name]:
            words += [f"--{name.replace('_', '-')}", value or ""]
    return shlex.join([*words, "--headless"])


def _asked(options: LoadRun) -> dict[str, str | None]:
    """What goes where, in the words of the command line."""
    return {
        "method": options.method,
        "canary_path": options.canary_path,
        "legacy_path": options.legacy_path,
        "body": None if options.body is None else json.dumps(options.body, ensure_ascii=False),
    }


def _policies(options: LoadRun, environment: Environment) -> dict[str, Policy]:
    """What is declared of the paths, by side."""
    declared = {policy.path: policy for policy in environment.policies}
    paths = {"canary": options.canary_path, "legacy": options.legacy_path}
    return {
        side: declared[bare]
        for side, path in paths.items()
        if (bare := path.partition("?")[0]) in declared and _SIDES[side] in environment.sides
    }


def _limits(policies: Mapping[str, Policy]) -> dict[str, Policy]:
    return {side: policy for side, policy in policies.items() if policy.algorithm is not Algorithm.NONE}


def _endpoints(options: LoadRun, environment: Environment) -> dict[str, str]:
    paths = {"canary": options.canary_path, "legacy": options.legacy_path}
    return {
        side: f"{options.method} {urlsplit(environment.sides[name].url).path.rstrip('/')}{path.partition('?')[0]}"
        for side, path in paths.items()
        if (name := _SIDES[side]) in environment.sides
    }


def _shown(policy: Policy) -> str:
    return f"{policy.limit} in {show_duration(policy.window)} ({policy.algorithm.value})"


def _all(shown: Mapping[str, str]) -> str:
    return " and ".join(f"{text} of {side}" for side, text in shown.items())


def _document(document: Mapping[str, Any], limits: Mapping[str, str], *, made: bool) -> dict[str, Any]:
    return {
        "limits": dict(limits),
        "profile": document["profile"]["name"],
        "run": document["run_id"],
        "made": made,
        **{key: document[key] for key in ("started", "ended", "decision", "reasons", "release")},
        "sides": {side: _side(one) for side, one in document["sides"].items()},
    }


def _side(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{key: one[key] for key in ("endpoint", "requests", "achieved_rate")},
        **{outcome: summary["count"] for outcome, summary in one["outcomes"].items()},
        "properties": {
            finding["id"]: {key: finding[key] for key in ("verdict", "reason", "decides")}
            for finding in one["rate_limit"]
        },
    }


PROBE = Probe(options=LoadRun, look=look, sides=lambda _: tuple(_SIDES.values()), last=comes_last)
