"""AI Factory's items on metrics and alerts: odd but healthy answers pass, sick ones never do, thin ones hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.canary_sim import MINUTE, World, side

from gonogo.config.checklist import load_checklists
from gonogo.config.environment import load_environment
from gonogo.flows.watch.told import told
from gonogo.judges import JUDGES
from gonogo.judges.canary.judge import CanaryJudge
from gonogo.judges.verdict import judge_check
from gonogo.model.check import Check
from gonogo.model.evidence import Evidence, Seen
from gonogo.model.verdict import Case, Verdict
from gonogo.model.watch import CANARY, STABLE, Sample
from gonogo.probes import PROBES

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
PLACE = load_environment("factory-prod", ROOT / "environments")
CHECKS: Mapping[str, Check] = {
    check.id: check for check in load_checklists(ROOT / "checks", PROBES, JUDGES) if check.system == "factory"
}
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
OF_A_RELEASE = ("release_plan", "unpromoted")
NO_WATCH = {"watch": None, "why": "no watch of factory-prod is recorded"}
PLAN = {"facts": dict(PLACE.facts)}


def verdict(check_id: str, **documents: Mapping[str, Any]) -> Verdict:
    """What the item comes to on these documents, by the names of its looks; `it` is the only one."""
    check = CHECKS[check_id]
    # What a canary's release would become is tested with the judge of that.
    kept = {name: spec for name, spec in check.probes.items() if spec.kind != "helm_history"}
    check = replace(check, probes=kept, rules=tuple(rule for rule in check.rules if rule.kind not in OF_A_RELEASE))
    evidence = {
        name: Evidence(
            look=name,
            kind=check.probes[name].kind,
            source=name,
            started=NOW,
            ended=NOW,
            outcome=Seen(data=document),
        )
        for name, document in documents.items()
    }
    assert set(evidence) == set(check.probes)
    case = Case(
        check=check, environment=PLACE, release=None, now=NOW, t0=None, evidence=evidence, reached=frozenset({"stable"})
    )
    return judge_check(case).verdict


def number(value: float) -> dict[str, Any]:
    """One series."""
    return {"result": [{"labels": {}, "value": value}], "value": value, "warnings": []}


def series(*rows: tuple[dict[str, str], float]) -> dict[str, Any]:
    return {"result": [{"labels": labels, "value": value} for labels, value in rows], "warnings": []}


def hours(*values: float, **labels: str) -> dict[str, Any]:
    points = [
        {"t": f"2026-11-{1 + n // 24:02d}T{n % 24:02d}:00:00+00:00", "value": value} for n, value in enumerate(values)
    ]
    return {"labels": labels, "value": values[-1], "points": points}


# ---------------------------------------------------------------- alerts


def rules(*names: str, health: str = "ok") -> dict[str, Any]:
    kept = {"query": "up == 0", "state": "inactive", "health": health, "type": "alerting", "group": "g"}
    return {"rules": [{"name": name, **kept} for name in names]}


LOADED = rules("JudgmentServiceDown", "LLMHighFailureRate", "DatabaseHighCPU", "AnotherOne")


def alerts(*states: str) -> dict[str, Any]:
    rows = [
        {"name": "Down", "state": state, "severity": "page", "started": "2026-11-20T08:00:00+00:00", "silenced_by": []}
        for state in states
    ]
    return {"alerts": rows, "count": len(rows)}


@pytest.mark.parametrize(
    ("loaded", "told_alerts", "expected"),
    [
        (LOADED, alerts(), PASS),
        (LOADED, alerts("suppressed"), PASS),
        (LOADED, alerts("active"), FAIL),
        (LOADED, alerts("unprocessed"), FAIL),
        (rules("JudgmentServiceDown", "LLMHighFailureRate"), alerts(), FAIL),
        (rules("JudgmentServiceDown", "LLMHighFailureRate", "DatabaseHighCPU", health="err"), alerts(), FAIL),
        (rules("JudgmentServiceDown", "LLMHighFailureRate", "DatabaseHighCPU", health="nodata"), alerts(), FAIL),
    ],
)
def test_no_alert_is_active_and_the_rules_could_say_so(
    loaded: dict[str, Any], told_alerts: dict[str, Any], expected: Verdict
) -> None:
    assert verdict("fac-day-alerts", rules=loaded, alerts=told_alerts) is expected


# ---------------------------------------------------------------- every day and week


@pytest.mark.parametrize(
    ("failed", "calls", "expected"),
    [(0.0, 5.0, PASS), (0.05, 5.0, PASS), (0.051, 5.0, FAIL), (0.0, 0.0, HOLD), (0.0, 0.001, HOLD)],
)
def test_llm_failures_are_a_share_of_its_calls(failed: float, calls: float, expected: Verdict) -> None:
    """No call at all is no success."""
    assert verdict("fac-day-llm-failures", failed=number(failed), calls=number(calls)) is expected


@pytest.mark.parametrize(("cost", "expected"), [(0.0, PASS), (47.9, PASS), (48.0, FAIL), (70.0, FAIL)])
def test_cost_is_below_80_percent_of_the_budget(cost: float, expected: Verdict) -> None:
    assert verdict("fac-day-llm-cost", cost=number(cost), plan=PLAN) is expected
    assert verdict("fac-day-llm-cost", cost=number(cost), plan={"facts": {}}) is HOLD


@pytest.mark.parametrize(("a_second", "expected"), [(0.0, PASS), (10 / 3600, PASS), (11 / 3600, FAIL)])
def test_timeouts_are_counted_an_hour(a_second: float, expected: Verdict) -> None:
    assert verdict("fac-day-mcp-timeouts", it=number(a_second)) is expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([({"breaker": "a", "state": "OPEN"}, 0.0), ({"breaker": "a", "state": "CLOSED"}, 1.0)], PASS),
        ([({"breaker": "a", "state": "CLOSED"}, 1.0)], PASS),
        ([({"breaker": "a", "state": "HALF_OPEN"}, 1.0)], PASS),
        ([({"breaker": "a", "state": "OPEN"}, 1.0), ({"breaker": "b", "state": "OPEN"}, 0.0)], FAIL),
        ([({"breaker": "a"}, 1.0)], FAIL),  # another way of telling the state: 1 may be anything
        ([({"breaker": "a", "state": "open"}, 1.0)], FAIL),
    ],
)
def test_no_breaker_is_open(rows: list[tuple[dict[str, str], float]], expected: Verdict) -> None:
    assert verdict("fac-day-breakers", it=series(*rows)) is expected


@pytest.mark.parametrize(
    ("hits", "misses", "expected"),
    [(500.0, 500.0, PASS), (400.0, 600.0, FAIL), (0.0, 0.0, HOLD), (40.0, 20.0, HOLD), (0.0, 900.0, FAIL)],
)
def test_the_cache_is_hit_often_enough(hits: float, misses: float, expected: Verdict) -> None:
    assert verdict("fac-week-cache-hit", hits=number(hits), misses=number(misses)) is expected


# ---------------------------------------------------------------- the quarter


QUIET = hours(*[0.0] * 720)
KEPT = {"result": [QUIET], "points": QUIET["points"], "value": 0.0}


def fired(n: int) -> dict[str, Any]:
    return {"result": [QUIET, hours(*[1.0] * n, alertname="Noisy")] if n else [QUIET]}


def opened(*values: float) -> dict[str, Any]:
    one = hours(*values)
    return {"result": [one], "points": one["points"], "value": one["value"]}


@pytest.mark.parametrize(
    ("n", "breakers", "expected"),
    [
        (0, KEPT, PASS),
        (36, KEPT, PASS),
        (37, KEPT, FAIL),
        (3, opened(*[0.0] * 719, 1.0), FAIL),  # open, and nobody was told
        (3, opened(*[0.0] * 719, -1.0), PASS),  # told, and open between two scrapes only
        (3, opened(*[0.0] * 360), HOLD),  # a Prometheus that keeps 15 days
    ],
)
def test_policies_fit_what_happened(n: int, breakers: dict[str, Any], expected: Verdict) -> None:
    known = {"result": [hours(1.0, service="mcp-hub", breaker="mcp")]}
    assert verdict("fac-quarter-policies", rules=LOADED, fired=fired(n), opened=breakers, breakers=known) is expected


# ---------------------------------------------------------------- the canary


def looks(
    *, requests: float = 600.0, errors: float = 0.0, p95: float = 1.8, unreadable: float = 0.0, minutes: int = 21
) -> dict[str, dict[str, Any]]:
    by_status = (({"status": "200"}, requests - errors), ({"status": "503"}, errors))
    points = [{"t": NOW.isoformat(), "value": float(n)} for n in range(minutes)]
    return {
        "requests": series(*(row for row in by_status if row[1])),
        "latency": number(p95),
        "failed": number(unreadable),
        "calls": number(requests),
        "minutes": {"result": [{"labels": {}, "points": points, "value": 1.0}], "points": points, "value": 1.0},
    }


OF = {
    "fac-can-error-rate": ("minutes", "requests"),
    "fac-can-p95": ("minutes", "latency", "requests"),
    "fac-can-llm-parsing": ("minutes", "failed", "calls"),
    "fac-can-decision": ("minutes", "requests", "latency", "failed", "calls"),
}


def canary(watch: Mapping[str, Any] = NO_WATCH, **changed: float) -> dict[str, Verdict]:
    seen = looks(**changed)  # type: ignore[arg-type]
    of_p95 = number(changed.get("requests", 600.0))
    return {
        item: verdict(
            item,
            watch=watch,
            **{name: of_p95 if (item, name) == ("fac-can-p95", "requests") else seen[name] for name in names},
        )
        for item, names in OF.items()
    }


def test_a_healthy_canary_is_decided_without_a_watch() -> None:
    assert set(canary().values()) == {PASS}
    assert set(canary(errors=6.0, p95=2.5, unreadable=3.0).values()) == {PASS}  # the limits themselves


@pytest.mark.parametrize(
    ("changed", "item"),
    [
        ({"errors": 7.0}, "fac-can-error-rate"),
        ({"p95": 2.51}, "fac-can-p95"),
        ({"unreadable": 4.0}, "fac-can-llm-parsing"),
    ],
)
def test_one_criterion_that_breaks_is_a_rollback(changed: dict[str, float], item: str) -> None:
    found = canary(**changed)
    assert {name for name, each in found.items() if each is FAIL} == {item, "fac-can-decision"}


def test_a_young_canary_and_one_with_few_requests_are_not_decided() -> None:
    """Many requests in twelve minutes are not 20 minutes: no criterion holds by itself either."""
    assert set(canary(minutes=13).values()) == {HOLD}
    assert canary(minutes=13, errors=60.0)["fac-can-error-rate"] is FAIL  # what is broken need not wait
    assert set(canary(requests=120.0).values()) == {HOLD}


@cache
def watched(unreadable: float, minutes: int = 20, errors: float = 0.001) -> Mapping[str, Any]:
    """What the probe tells of a watch that ran until now, under AI Factory's own rules."""
    rulebook = PLACE.watch
    assert rulebook is not None
    rng, judge = np.random.default_rng(3), CanaryJudge(rulebook)
    for n in range(minutes):
        since = NOW - (minutes - n) * MINUTE
        sides = {
            name: replace(made, gauges={}, counts={"llm_parsing": int(rng.binomial(made.requests or 0, share))})
            for name, made, share in (
                (CANARY, side(rng, World(requests=300, errors=errors), 0), unreadable),
                (STABLE, side(rng, World(requests=2700, errors=0.001), 0), 0.0005),
            )
        }
        last = judge.feed(Sample(seq=n + 1, since=since, until=since + MINUTE, sides=sides))
    return {
        "watch": "20261120T084000Z-abc", "why": "", "started": (NOW - minutes * MINUTE).isoformat(),
        "until": NOW.isoformat(), "samples": minutes, "every_s": 60.0, "for_s": 1200.0, "lag_s": 30.0,
        "covered_s": 60.0 * minutes, "notes": [], "other_rules": False, "ended": None, "final": None,
        "verdict": told(last),
    }  # fmt: skip


def test_what_a_watch_found_fails_its_items_and_no_others() -> None:
    """The look is healthy each time."""
    assert set(canary(watched(0.0005)).values()) == {PASS}
    found = canary(watched(0.03))
    assert {name for name, each in found.items() if each is FAIL} == {"fac-can-llm-parsing", "fac-can-decision"}
    found = canary(watched(0.0005, errors=0.05))
    assert {name for name, each in found.items() if each is FAIL} == {"fac-can-error-rate", "fac-can-decision"}


def test_what_a_watch_has_not_proven_yet_holds() -> None:
    assert canary(watched(0.0005, minutes=3))["fac-can-llm-parsing"] is HOLD
    assert canary(watched(0.0005, minutes=3))["fac-can-decision"] is HOLD


# ---------------------------------------------------------------- after a rollback


@pytest.mark.parametrize(
    ("errors", "requests", "p95", "expected"),
    [(0.0, 600.0, 1.7, PASS), (48.0, 600.0, 1.7, FAIL), (0.0, 600.0, 3.9, FAIL), (0.0, 40.0, 1.7, HOLD)],
)
def test_back_to_normal_is_few_errors_and_a_p95_of_enough_requests(
    errors: float, requests: float, p95: float, expected: Verdict
) -> None:
    seen = looks(requests=requests, errors=errors)
    assert verdict("fac-rb-metrics", requests=seen["requests"], latency=number(p95)) is expected
