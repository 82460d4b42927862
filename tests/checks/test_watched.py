"""ION's canary items on a look that is healthy and on a recorded watch: red and green by the samples alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from tests.canary_sim import MINUTE, World, watch
from tests.checks.test_ion import IMAGE, NOW, OLD, ROOT, service, verdict

from gonogo.config.environment import load_environment
from gonogo.flows.watch.told import told
from gonogo.judges.canary.judge import CanaryJudge
from gonogo.model.verdict import Verdict

PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
EARLY = ("ion-can-first-metrics", "ion-can-mid-check")
MEASURES = {
    "ion-can-error-rate": "error_ratio", "ion-can-p95": "latency", "ion-can-success-rate": "success_ratio",
    "ion-can-memory": "memory", "ion-can-cpu": "cpu",
}  # fmt: skip
ALL = ("ion-can-no-rollback-trigger", "ion-can-stable-24h")
ITEMS = (*EARLY, *MEASURES, *ALL)
HEALTHY, BAD = World(errors=0.001), World(errors=0.05)
WORSE = World(errors=0.3)


def _counted(errors: float = 0.0, total: float = 3000.0) -> dict[str, Any]:
    by_class = (("2xx", total - errors), ("5xx", errors))
    return {
        "series": [{"labels": {"revision_name": "new", "response_code_class": c}, "sum": n} for c, n in by_class],
        "sum": total,
    }


_USED = {"points": [{"value": 0.4}] * 60, "latest": 0.4}
_SPLIT = service(("new", IMAGE, 5), ("old", OLD, 95))
_SPLIT["traffic"][0]["tag"] = "canary"
_LOOKS: Mapping[str, Mapping[str, Any]] = {
    "own": {"status": 200, "json": {"requests_total": 500, "errors_total": 0, "p95_ms": 200.0}},
    "requests": _counted(),
    "latency": {"buckets": [[0, 500, 3000]], "count": 3000},
    "used": _USED,
    "memory": _USED,
    "users": _counted(),
    "service": _SPLIT,
}
_OF: Mapping[str, tuple[str, ...]] = {
    "ion-can-first-metrics": ("own",),
    "ion-can-mid-check": ("requests", "latency"),
    "ion-can-error-rate": ("requests",),
    "ion-can-p95": ("latency",),
    "ion-can-success-rate": ("requests",),
    "ion-can-memory": ("used",),
    "ion-can-cpu": ("used",),
    "ion-can-no-rollback-trigger": ("requests", "latency", "memory"),
    "ion-can-stable-24h": ("requests", "latency", "users", "service"),
}


@cache
def _watch(canary: World, minutes: int, stable: World | None = None) -> Mapping[str, Any]:
    """What the probe tells of a watch that runs now, under ION's own rules."""
    rules = load_environment("ion-canary", ROOT / "environments").watch
    assert rules is not None
    judge = CanaryJudge(rules)
    for sample in watch(5, minutes, canary, stable):
        last = judge.feed(sample)
    began = NOW - minutes * MINUTE
    return {
        "watch": "20261120T000000Z-abc", "why": "", "started": began.isoformat(), "until": NOW.isoformat(),
        "samples": minutes, "every_s": 60.0, "for_s": 86400.0, "lag_s": 180.0, "covered_s": 60.0 * minutes,
        "notes": [], "other_rules": False, "ended": None, "final": None, "verdict": told(last),
    }  # fmt: skip


def _verdicts(document: Mapping[str, Any], **looks: Mapping[str, Any]) -> dict[str, Verdict]:
    seen = {**_LOOKS, **looks}
    return {item: verdict(item, watch=document, **{name: seen[name] for name in _OF[item]}) for item in ITEMS}


def test_green_on_a_healthy_watch_and_without_one() -> None:
    """Two hours of a healthy canary prove all; without a watch the looks are enough."""
    assert set(_verdicts(_watch(HEALTHY, 120)).values()) == {PASS}
    assert set(_verdicts({"watch": None, "why": "no watch of ion-canary is recorded"}).values()) == {PASS}


def test_held_while_nothing_is_proven() -> None:
    """After four minutes nothing speaks against it; of the hour and the day nothing is known."""
    found = _verdicts(_watch(HEALTHY, 4))
    assert {found[item] for item in (*EARLY, ALL[0])} == {PASS}
    assert found["ion-can-error-rate"] is found["ion-can-stable-24h"] is HOLD


@pytest.mark.parametrize(
    ("canary", "red"),
    [
        (BAD, {"ion-can-error-rate"}),
        (WORSE, {"ion-can-error-rate", "ion-can-success-rate"}),
        (World(errors=0.001, tail=4.0), {"ion-can-p95"}),
        (World(errors=0.001, memory=0.9), {"ion-can-memory"}),
    ],
)
def test_red_by_its_own_measure(canary: World, red: set[str]) -> None:
    """What a watch found fails the items of that measure, the triggers and the day; a healthy look changes nothing."""
    found = _verdicts(_watch(canary, 120))
    assert {item for item in MEASURES if found[item] is FAIL} == red
    assert {found[item] for item in ALL} == {FAIL}
    assert {found[item] for item in EARLY} == {FAIL if red & {"ion-can-error-rate", "ion-can-p95"} else PASS}


def test_what_a_watch_ended_with_is_what_it_is_worth() -> None:
    """All may be proven at the last sample of a watch that was HOLD: it had not seen enough of its day."""
    for decision, expected in (("GO", PASS), ("HOLD", HOLD), ("NO-GO", FAIL)):
        final = {"decision": decision, "reasons": ["samples of 2h, of 24h that were to be watched"], "early": None}
        ended = {**_watch(HEALTHY, 120), "ended": NOW.isoformat(), "final": final}
        assert _verdicts(ended)["ion-can-stable-24h"] is expected


def test_red_by_the_look_alone() -> None:
    """A healthy watch does not make good what the look sees now."""
    found = _verdicts(_watch(HEALTHY, 120), requests=_counted(errors=300.0))
    assert {found[item] for item in ("ion-can-error-rate", "ion-can-success-rate", "ion-can-mid-check")} == {FAIL}


def test_both_sides_are_still_red() -> None:
    """A rule that the stable side breaks too is NO-GO, and says so."""
    document = _watch(WORSE, 30, World(errors=0.3, requests=1200))
    assert document["verdict"]["both_sides"]
    assert _verdicts(document)["ion-can-stable-24h"] is FAIL


def test_a_silent_watch_is_held() -> None:
    """No sample within a quarter of an hour: it does not run, and what it proved is of then."""
    silent = {**_watch(HEALTHY, 120), "until": (NOW - timedelta(minutes=15)).isoformat()}
    assert set(_verdicts(silent).values()) == {HOLD}
