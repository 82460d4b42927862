"""Severity of an incident and the recovery that applies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gonogo.model.environment import Environment, Objective
from gonogo.model.evidence import Cause, Evidence, Unseen
from gonogo.model.units import Unit
from gonogo.model.verdict import Finding, Verdict

Ask = Callable[..., Finding]
See = Callable[..., Evidence]
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
FIGURES = {"p95_ms": "m.p95", "error_ratio": "m.errors"}


def looks(see: See, p95: Any, errors: Any, **more: Any) -> dict[str, Evidence]:
    """Figures, and sides by name: a status or an Unseen."""
    sides = {
        name: see(what if isinstance(what, Unseen) else {"status": what}, side=name, look=name)
        for name, what in more.items()
    }
    return {"m": see({"p95": p95, "errors": errors}), "logs": see({}), **sides}


@pytest.mark.parametrize(
    ("p95", "errors", "observed"),
    [
        (999, 0, "none"),
        (1000, 0, "medium"),
        (5000, 0, "medium"),
        (5000.1, 0, "high"),
        (10_000, 0, "high"),
        (10_001, 0, "critical"),
        (0, 0.0099, "none"),
        (0, 0.01, "medium"),
        (0, 0.1, "medium"),
        (0, 0.11, "high"),
        (0, 0.5, "high"),
        (0, 0.51, "critical"),
        (2000, 0.6, "critical"),
        (6000, 0.02, "high"),
    ],
)
def test_bands(judge: Ask, see: See, p95: float, errors: float, observed: str) -> None:
    """The worst that applies wins, at each edge of each band."""
    finding = judge("severity", looks(see, p95, errors), **FIGURES)
    assert finding.observed == observed
    assert finding.verdict is (PASS if observed == "none" else FAIL)


def test_what_to_do(judge: Ask, see: See) -> None:
    """Level, reason, response time and escalation are told."""
    finding = judge("severity", looks(see, 12_000, 0.02), **FIGURES)
    assert finding.reason == "severity critical: P95 12 s > 10 s"
    assert finding.details == (
        "critical: P95 12 s > 10 s",
        "medium: error ratio 0.02 in 0.01-0.1",
        "respond within 5 min",
        "escalation: page at once, Slack incident-response, PagerDuty",
    )
    assert "respond within 15 min" in judge("severity", looks(see, 6000, 0), **FIGURES).details
    assert "respond within 1 h" in judge("severity", looks(see, 2000, 0), **FIGURES).details


@pytest.mark.parametrize(("p95", "observed"), [(1999, "none"), (2000, "medium"), (2500, "medium"), (5001, "high")])
def test_an_objective_that_is_kept(judge: Ask, see: See, p95: float, observed: str) -> None:
    """A P95 within its objective of 2 s is no incident, though the band starts at 1 s."""
    assert judge("severity", looks(see, p95, 0), objective="p95", **FIGURES).observed == observed


@pytest.mark.parametrize(("p95", "observed"), [(199, "none"), (200, "low"), (999, "low"), (1000, "medium")])
def test_low(judge: Ask, see: See, environment: Environment, p95: float, observed: str) -> None:
    """Slightly over an objective of 200 ms is low, to be answered within 24 h."""
    tight = replace(environment, objectives={"p95": Objective(unit=Unit.MS, below=200)})
    finding = judge("severity", looks(see, p95, 0), case={"environment": tight}, objective="p95", **FIGURES)
    assert finding.observed == observed
    assert ("respond within 24 h" in finding.details) is (observed == "low")


GONE = Unseen(cause=Cause.UNREACHABLE, detail="refused")


@pytest.mark.parametrize(
    ("sides", "reached", "verdict", "observed"),
    [
        ({"canary": 200, "stable": 200}, ("canary", "stable"), PASS, "none"),
        ({"canary": 499, "stable": 200}, ("canary", "stable"), PASS, "none"),
        ({"canary": 500, "stable": 200}, ("canary", "stable"), FAIL, "high"),
        ({"canary": 503, "stable": 500}, ("canary", "stable"), FAIL, "critical"),
        ({"canary": GONE, "stable": 200}, ("stable",), FAIL, "high"),
        ({"canary": GONE}, ("stable",), FAIL, "critical"),
        ({"canary": GONE}, (), HOLD, "not known"),
    ],
)
def test_sides(
    *, judge: Ask, see: See, sides: dict[str, Any], reached: tuple[str, ...], verdict: Verdict, observed: str
) -> None:
    """Rows 1, 2: all sides down is critical, some high; none reached is the observer's."""
    finding = judge("severity", looks(see, 1, 0, **sides), case={"reached": frozenset(reached)}, **FIGURES)
    assert (finding.verdict, finding.observed) == (verdict, observed)


@pytest.mark.parametrize(
    ("health", "reached", "verdict", "text"),
    [
        (200, (), PASS, "no severity applies"),
        (299, (), PASS, "no severity applies"),
        (302, (), FAIL, "severity high: health is not told (status 302"),
        (404, (), FAIL, "severity high: health is not told (status 404"),
        (500, (), FAIL, "severity critical: service down (status 500"),
        (GONE, ("lumen",), FAIL, "severity critical: service down (stable does not answer"),
        (GONE, (), HOLD, "severity is not known: observer or network"),
        ("ok", (), FAIL, "not a number"),
    ],
)
def test_health(*, judge: Ask, see: See, health: Any, reached: tuple[str, ...], verdict: Verdict, text: str) -> None:
    """The named health status decides whether the service is down."""
    case = {"reached": frozenset(reached)}
    finding = judge("severity", looks(see, 1, 0, stable=health), case=case, health="stable.status", **FIGURES)
    assert finding.verdict is verdict
    assert text in finding.reason


@pytest.mark.parametrize(
    ("p95", "errors", "verdict", "text"),
    [
        (None, 0, HOLD, "m.p95 is missing"),
        (1, None, HOLD, "m.errors is missing"),
        (-1, 0, HOLD, "is no time"),
        (1, 2, HOLD, "not between 0 and 1"),
        (None, 0.2, FAIL, "severity high or worse"),
        (None, 0.6, FAIL, "severity critical: error ratio"),
    ],
)
def test_what_is_not_known(*, judge: Ask, see: See, p95: Any, errors: Any, verdict: Verdict, text: str) -> None:
    """A missing figure never makes an incident smaller, and never makes it none."""
    finding = judge("severity", looks(see, p95, errors), **FIGURES)
    assert finding.verdict is verdict
    assert text in finding.reason


@pytest.mark.parametrize(
    ("p95", "errors", "oom", "verdict", "text"),
    [
        (10_000, 0.5, 0, PASS, "no automatic recovery applies"),
        (10_001, 0, [], FAIL, "p95_latency 10.001 s > 10 s: scale up to 50 instances"),
        (1, 0.51, 0, FAIL, "error_rate 0.51 > 0.5: restart latest revision, after 30 s"),
        (1, 0, 1, FAIL, "oom_error 1 times: restart with 2 GB memory, after 60 s"),
        (1, 0, [{"t": 1}], FAIL, "nothing was changed"),
        (1, 0, None, HOLD, "m.oom is missing"),
        (1, 0, "1", HOLD, "not a number or a list"),
        (1, 0, True, HOLD, "not a number or a list"),
        (1, 1.5, 0, HOLD, "not between 0 and 1"),
        (1, -0.5, 0, HOLD, "not between 0 and 1"),
        (1, 1, 0, FAIL, "error_rate 1 > 0.5"),
        (1, 0, 0, PASS, "no automatic recovery applies"),
        (None, 0, 0, HOLD, "m.p95 is missing"),
        (None, 0.6, 0, FAIL, "restart latest revision"),
    ],
)
def test_auto_recovery(*, judge: Ask, see: See, p95: Any, errors: Any, oom: Any, verdict: Verdict, text: str) -> None:
    """The action that applies is named as advice, at each trigger's edge."""
    look = {"m": see({"p95": p95, "errors": errors, "oom": oom}), "other": see({})}
    finding = judge("auto_recovery", look, oom_count="m.oom", **FIGURES)
    assert finding.verdict is verdict
    assert text in finding.reason
