"""ION's checklist items on documents that a healthy source never gives, and on healthy ones that look odd."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gonogo.config.checklist import load_checklists
from gonogo.config.environment import load_environment
from gonogo.judges import JUDGES
from gonogo.judges.verdict import judge_check
from gonogo.model.check import Check
from gonogo.model.environment import Release
from gonogo.model.evidence import Evidence, Seen
from gonogo.model.verdict import Case, Verdict
from gonogo.probes import PROBES

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
IMAGE, OLD = "r/ion-api:v1.2.3", "r/ion-api:v1.2.2"
RELEASE = Release(version="v1.2.3", commit="c0ffee", image=IMAGE)
CHECKS: Mapping[str, Check] = {
    check.id: check for check in load_checklists(ROOT / "checks", PROBES, JUDGES) if check.system == "ion"
}
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


def verdict(check_id: str, **documents: Mapping[str, Any]) -> Verdict:
    """What the item comes to on these documents, by the names of its looks."""
    check = CHECKS[check_id]
    evidence = {}
    for name, document in documents.items():
        spec = check.probes[name]
        sides = PROBES[spec.kind].sides(spec.options) if spec.kind == "http" else ()
        evidence[name] = Evidence(
            look=name,
            kind=spec.kind,
            source=spec.kind,
            started=NOW,
            ended=NOW,
            outcome=Seen(data=document),
            side=sides[0] if sides else None,
        )
    assert set(evidence) == set(check.probes)
    case = Case(
        check=check,
        environment=load_environment("local", ROOT / "environments"),
        release=RELEASE,
        now=NOW,
        t0=None,
        evidence=evidence,
        reached=frozenset({"stable"}),
    )
    return judge_check(case).verdict


def service(*revisions: tuple[str, str, int], **more: Any) -> dict[str, Any]:
    """A Cloud Run document: revisions newest first as (name, image, percent)."""
    return {
        "service": "ion-api",
        "ready": True,
        "image": revisions[0][1],
        "latest_created": revisions[0][0],
        "latest_ready": revisions[0][0],
        "serving": max(revisions, key=lambda one: one[2])[0],
        "traffic": [{"revision": name, "percent": n, "tag": None} for name, _, n in revisions if n],
        "revisions": [
            {"name": name, "image": image, "percent": n, "ready": True, "age_s": 9e4} for name, image, n in revisions
        ],
        **more,
    }


DECLARED = {"release": {"version": "v1.2.3", "image": IMAGE}, "rollout": {"stage": 5}}


# ---------------------------------------------------------------- the release itself


@pytest.mark.parametrize(
    ("revisions", "expected"),
    [
        ([("new", IMAGE, 100), ("old", OLD, 0)], PASS),
        ([("new", IMAGE, 0), ("old", OLD, 100)], FAIL),
        ([("new", IMAGE, 90), ("old", OLD, 10)], FAIL),
        ([("new", OLD, 100), ("old", OLD, 0)], FAIL),
    ],
    ids=["serves", "no traffic", "not all traffic", "another image"],
)
def test_a_release_that_does_not_serve_is_no_go_after_the_deploy(
    revisions: list[tuple[str, str, int]], expected: Verdict
) -> None:
    """A new revision beside an old one that still serves proves nothing about the release."""
    assert verdict("ion-post-revision-ready", service=service(*revisions), plan=DECLARED) is expected


@pytest.mark.parametrize(("image", "expected"), [(IMAGE, PASS), (OLD, FAIL)])
def test_a_canary_of_another_image_is_no_go(image: str, expected: Verdict) -> None:
    """All figures of the canary are its service's: it has to run what is to be released."""
    split = service(("new", IMAGE, 5), ("old", OLD, 95))
    split["traffic"][0]["tag"] = "canary"
    canary = service(("can-2", image, 100), ("can-1", OLD, 0))
    assert verdict("ion-can-traffic-split", service=split, plan=DECLARED, canary=canary) is expected


@pytest.mark.parametrize("stage", load_environment("ion-canary", ROOT / "environments").rollout.stages)
def test_the_split_of_every_stage(stage: int) -> None:
    """At each stage of the plan the declared percentage is right, and that of every other stage is not."""
    plan = {**DECLARED, "rollout": {"stage": stage}}
    canary = service(("can-2", IMAGE, 100), ("can-1", OLD, 0))
    for percent in (0, 5, 10, 25, 50, 100):
        split = service(("new", IMAGE, percent), ("old", OLD, 100 - percent))
        for share in split["traffic"]:
            share["tag"] = "canary" if share["revision"] == "new" else None
        expected = PASS if percent == stage else FAIL
        assert verdict("ion-can-traffic-split", service=split, plan=plan, canary=canary) is expected, percent


def test_a_split_towards_another_image_is_no_go() -> None:
    """Five percent for a revision of the old image are no canary."""
    split = service(("new", OLD, 5), ("old", OLD, 95))
    split["traffic"][0]["tag"] = "canary"
    canary = service(("can-2", IMAGE, 100))
    assert verdict("ion-can-traffic-split", service=split, plan=DECLARED, canary=canary) is FAIL


@pytest.mark.parametrize(("conclusion", "expected"), [("success", PASS), ("skipped", FAIL), ("neutral", FAIL)])
def test_ci_that_skipped_everything_is_not_green(conclusion: str, expected: Verdict) -> None:
    """GitHub lets skipped checks through; somebody has to have succeeded."""
    checks = [{"name": "tests", "status": "completed", "conclusion": conclusion}]
    assert verdict("ion-pre-ci-green", it={"checks": checks, "total": 1, "not_passed": []}) is expected


@pytest.mark.parametrize(
    ("requests", "errors", "revision", "expected"),
    [(500, 0, "new", PASS), (500, 4, "new", PASS), (500, 50, "new", FAIL), (9, 0, "new", HOLD), (500, 0, "old", HOLD)],
    ids=["healthy", "few-errors", "errors", "few-users", "users-never-came"],
)
def test_a_stable_day_is_one_of_users(requests: int, errors: int, revision: str, expected: Verdict) -> None:
    """The users' five percent are counted by ion-api's own revision, not by the canary's service."""

    def counted(good: float, bad: float, name: str) -> list[dict[str, Any]]:
        by_class = (("2xx", good), ("5xx", bad))
        return [{"labels": {"revision_name": name, "response_code_class": c}, "sum": n} for c, n in by_class]

    split = service(("new", IMAGE, 5), ("old", OLD, 95))
    split["traffic"][0]["tag"] = "canary"
    found = verdict(
        "ion-can-stable-24h",
        requests={"series": counted(3000.0, 0.0, "can"), "sum": 3000.0},
        latency={"buckets": [[0, 500, 3000]], "count": 3000},
        users={"series": [*counted(9000.0, 9.0, "old"), *counted(float(requests), float(errors), revision)]},
        service=split,
        watch={"watch": None, "why": "no watch of local is recorded"},
    )
    assert found is expected


# ---------------------------------------------------------------- what projections drop


@pytest.mark.parametrize(("confidence", "expected"), [(0.9, PASS), (None, FAIL), (0.5, FAIL), ("0.9", FAIL)])
def test_a_baseline_needs_the_confidence_of_every_chat(confidence: Any, expected: Verdict) -> None:
    """A projection drops null: the lowest of four confidences says nothing of the fifth chat."""
    rows = [
        {"status": 200, "elapsed_ms": 400.0, "json": {"confidence": 0.9 if n else confidence}, "error": None}
        for n in range(5)
    ]
    assert verdict("ion-pre-baseline", it={"requests": rows, "count": 5}) is expected


@pytest.mark.parametrize(("timed", "expected"), [(1.0, PASS), (0.5, HOLD)])
def test_a_latency_diagnosis_needs_the_times_of_the_answers(timed: float, expected: Verdict) -> None:
    """Those that timed out may be just those without a time."""
    entries = [
        {"t": NOW.isoformat(), "process_time_ms": 400 if n < 200 * timed else None, "persona_used": "Lua"}
        for n in range(200)
    ]
    assert verdict("ion-day-latency-diagnosis", it={"entries": entries, "count": 200, "complete": True}) is expected


@pytest.mark.parametrize(("safety", "expected"), [("OK", PASS), ("BLOCK", FAIL), ("", FAIL), (None, FAIL)])
def test_a_safety_state_that_is_not_told_is_not_ok(safety: str | None, expected: Verdict) -> None:
    """A table without its column of safety states says nothing good."""
    rows = [{"safety": "OK"}, {"safety": safety} if safety is not None else {"loop_latency_ms": 1}]
    assert verdict("ion-loop-safety", it={"rows": rows, "count": 2}) is expected


def test_an_open_alert_without_a_policy_is_open() -> None:
    """The policy of an alert may have been deleted since."""
    assert verdict("ion-day-active-alerts", it={"open": [{"name": "a", "policy": None}], "alerts": []}) is FAIL
    assert verdict("ion-day-active-alerts", it={"open": [], "alerts": []}) is PASS


def test_a_rule_without_a_name_that_does_not_evaluate_is_seen() -> None:
    """So is one without a health."""
    rules = [
        {"name": name, "type": "alerting", "query": f"{metric} > 1", "health": "ok"}
        for name, metric in (("a", "resonance_loop_latency_ms"), ("b", "resonance_adapter_success_rate"))
    ]
    assert verdict("ion-loop-alert-rule", it={"rules": rules}) is PASS
    assert verdict("ion-loop-alert-rule", it={"rules": [*rules, {"name": None, "health": "err"}]}) is FAIL


def test_the_threshold_of_a_disabled_policy_does_not_count() -> None:
    """An old policy with the right figures beside the one in force."""
    names = load_environment("local", ROOT / "environments").names["alert_policies"]

    def policy(name: str, threshold: float, *, enabled: bool = True) -> dict[str, Any]:
        condition = {"name": "error rate", "threshold": threshold, "duration_s": 300}
        return {"name": name, "enabled": enabled, "channels": ["c"], "conditions": [condition]}

    good = [policy(name, 0.05) for name in names]
    assert verdict("ion-post-alert-policies", it={"policies": good}) is PASS
    old = policy("old", 0.05, enabled=False)
    assert verdict("ion-post-alert-policies", it={"policies": [old, *(policy(n, 0.5) for n in names)]}) is FAIL


# ---------------------------------------------------------------- healthy and odd


def test_a_minimum_instance_that_idles_serves() -> None:
    """Nobody asks a quiet service anything: its one instance is idle, and Cloud Run says so."""

    def counted(active: int, idle: int) -> dict[str, Any]:
        series = [{"labels": {"state": s}, "latest": n} for s, n in (("active", active), ("idle", idle))]
        return {"series": series, "latest": active + idle, "count": 10}

    assert verdict("ion-day-instances", it=counted(0, 1)) is PASS
    assert verdict("ion-day-instances", it=counted(3, 1)) is PASS
    assert verdict("ion-day-instances", it=counted(0, 0)) is FAIL
    assert verdict("ion-day-instances", it=counted(40, 1)) is FAIL


@pytest.mark.parametrize(("each", "expected"), [(3, HOLD), (100, FAIL)])
def test_a_persona_that_nobody_asked_is_not_silent(each: int, expected: Verdict) -> None:
    """Nine requests in eighteen hours need not reach all four personas; three hundred do."""
    entries = [{"status_code": 200, "persona_used": name} for name in ("Lua", "Elro", "Riri") for _ in range(each)]
    document = {"entries": entries, "count": len(entries), "complete": True}
    assert verdict("ion-post-personas-work", it=document) is expected


@pytest.mark.parametrize(
    ("check_id", "name"),
    [
        ("ion-post-logs-flowing", "logs"),
        ("ion-post-personas-work", "it"),
        ("ion-post-personas-even", "it"),
        ("ion-post-suspicious", "it"),
        ("ion-day-latency-diagnosis", "it"),
    ],
)
def test_logs_of_a_busy_service_are_enough(check_id: str, name: str) -> None:
    """The newest entries are all that is asked for, however many there are: being busy is no reason to wait."""
    options: Any = CHECKS[check_id].probes[name].options
    assert options.newest is not None
