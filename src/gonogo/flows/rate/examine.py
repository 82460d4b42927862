"""One URL into what is known of its rate limiter: guarded, asked step by step as the plan says, judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import SplitResult

from gonogo.config.policy import load_policy
from gonogo.config.secrets import Secrets
from gonogo.flows.rate.guards import (
    LONGEST,
    Asked,
    address,
    body_of,
    check_path,
    environment_of,
    headers_of,
    side_of,
)
from gonogo.flows.rate.sender import BODY_CAP, Sender, play
from gonogo.judges.rate.inference import infer
from gonogo.judges.rate.plan import AT_MOST, Done
from gonogo.judges.rate.scenes import in_use, judge_examination
from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError
from gonogo.model.examination import Examination
from gonogo.model.rate_scenes import Scenario, Tried
from gonogo.model.ratelimit import Algorithm, Policy, PropertyResult, Shown
from gonogo.probes.base import Vantage
from gonogo.probes.http.authorization import authorization
from gonogo.probes.http.transport import Ask, prepare

_KEYS = frozenset({"authorization", "x-api-key", "api-key", "apikey", "x-auth-token", "x-access-token", "cookie"})

__all__ = ["Asked", "examine"]


def examine(asked: Asked, watch: Callable[[int, float], None] | None = None) -> Examination:
    """What the limiter shows. SafetyRefusal and ConfigError before anything is sent."""
    parts = address(asked.url)
    environment = environment_of(asked, parts)
    if not 1 <= asked.at_most <= AT_MOST:
        raise ConfigError(f"--max-requests is a number from 1 to {AT_MOST}, not {asked.at_most}")
    if not 0 < asked.patience <= LONGEST:
        raise ConfigError(f"--patience is seconds, up to {LONGEST:g}, not {asked.patience:g}")
    body = body_of(asked, environment, parts)
    headers = headers_of(asked.headers)
    other = {} if asked.other_header is None else headers_of((asked.other_header,), "--other-header")
    for path in (asked.other_path, *asked.exempt):
        check_path(path)
    policy = None if asked.policy is None else load_policy(asked.policy, parts.path or "/")
    if policy is None and (other or asked.other_path or asked.exempt):
        raise ConfigError(
            "--other-header, --other-path and --exempt-path need --policy FILE: they show whether it is kept"
        )
    side = side_of(environment, parts)
    vantage = _vantage(asked, environment)
    try:
        headers = {**authorization(vantage, side.auth, asked.url), **headers}
        scenario = _scenario(asked, environment, parts, headers, other)
        if body is not None:
            headers = {"Content-Type": "application/json", **headers}
        ask = Ask(url=asked.url, method=asked.method, headers=headers, body=body, ca=side.ca, body_cap=BODY_CAP)
        prepare(vantage, ask)
        sender = Sender(vantage=vantage, ask=ask, key_header=scenario.key_header, other=other)
        events, done = play(
            sender,
            policy,
            scenario,
            at_most=asked.at_most,
            patience=asked.patience,
            watch=watch or (lambda _sent, _wait: None),
        )
    finally:
        vantage.close()
    return _judged(asked, events, done, policy, scenario, started=vantage.now.timestamp())


def _vantage(asked: Asked, environment: Environment) -> Vantage:
    return Vantage(
        environment=environment,
        release=None,
        now=datetime.now(UTC),
        t0=None,
        reveal=Secrets(environment).reveal,
        base=str(asked.root / "environments"),
    )


def _scenario(
    asked: Asked, environment: Environment, parts: SplitResult, headers: dict[str, str], other: dict[str, str]
) -> Scenario:
    """What is at hand for the scenes. The key is the header that is given twice, or one that is known for keys."""
    path = parts.path or "/"
    known = [*other, *(name for name in headers if name.lower() in _KEYS)]
    if not known and len(asked.headers) == 1:
        known = list(headers_of(asked.headers))
    free = (policy.path for policy in environment.policies if policy.algorithm is Algorithm.NONE)
    return Scenario(
        target=path + (f"?{parts.query}" if parts.query else ""),
        method=asked.method,
        key_header=known[0] if known else None,
        other_key=bool(other),
        other_target=asked.other_path,
        exempt=tuple(one for one in dict.fromkeys((*asked.exempt, *free)) if one != path),
    )


def _judged(
    asked: Asked,
    events: tuple[Tried, ...],
    done: Done,
    policy: Policy | None,
    scenario: Scenario,
    *,
    started: float,
) -> Examination:
    seen = Examination(
        url=asked.url,
        environment=asked.environment,
        events=events,
        ended=done.reason,
        policy=policy,
        cautions=(*_cautions(events), *([done.short] if done.short else ())),
        skipped=done.skipped,
        more=done.more,
    )
    if policy is None:
        return replace(seen, inferred=infer(events))
    used = in_use(events, policy, started=started)
    seen = replace(seen, cautions=(*seen.cautions, *([used] if used else ())))
    results = judge_examination(events, policy, scenario, done.skipped, started=started)
    return replace(seen, results=tuple(map(_without_latency, results)))


def _without_latency(result: PropertyResult) -> PropertyResult:
    """A burst of threads queues in this process: its latencies are not the server's."""
    if result.id not in ("P23", "P24"):
        return result
    return replace(result, verdict=Shown.NOT_VISIBLE, reason="latencies are judged in load profiles, not here")


def _cautions(events: tuple[Tried, ...]) -> list[str]:
    """What makes any verdict doubtful."""
    lost = [event.error for event in events if event.status == 0]
    return [f"{len(lost)} of {len(events)} requests had no answer: {lost[0]}"] if lost else []
