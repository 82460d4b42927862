"""AI Factory's items on rows: a quiet day, a small team and a cache that is full are healthy; a loss of rows is not."""

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
from gonogo.model.evidence import Cause, Evidence, Seen, Unseen
from gonogo.model.verdict import Case, Outcome, Verdict
from gonogo.probes import PROBES

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ENVIRONMENT = load_environment("factory-local", ROOT / "environments")
CHECKS: Mapping[str, Check] = {
    check.id: check for check in load_checklists(ROOT / "checks", PROBES, JUDGES) if check.system == "factory"
}
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
TARGETS = ("postgres", "redis", "row_counts")
DECLARED = {"facts": {"ruleset_version": "v1.4.0", "alembic_revision": "9f3c1a7b2d4e"}}


def verdict(check_id: str, **documents: Mapping[str, Any] | Unseen) -> Verdict:
    """What the item comes to on these documents, by the names of its looks."""
    return outcome(check_id, **documents).verdict


def details(check_id: str, **documents: Mapping[str, Any] | Unseen) -> list[str]:
    """The lines that the item shows."""
    return [line for finding in outcome(check_id, **documents).findings for line in finding.details]


def outcome(check_id: str, **documents: Mapping[str, Any] | Unseen) -> Outcome:
    """The item, judged."""
    check = CHECKS[check_id]
    assert set(documents) == set(check.probes)
    evidence = {
        name: Evidence(
            look=name,
            kind=check.probes[name].kind,
            source=check.probes[name].kind,
            started=NOW,
            ended=NOW,
            outcome=document if isinstance(document, Unseen) else Seen(data=document),
            side="postgres" if check.probes[name].kind in TARGETS else None,
        )
        for name, document in documents.items()
    }
    case = Case(
        check=check,
        environment=ENVIRONMENT,
        release=None,
        now=NOW,
        t0=None,
        evidence=evidence,
        reached=frozenset({"postgres"}),
    )
    return judge_check(case)


def rows(*found: Mapping[str, Any]) -> dict[str, Any]:
    return {"rows": [dict(row) for row in found], "row_count": len(found), "elapsed_ms": 1.0}


NONE = Unseen(cause=Cause.NO_DATA, detail="0 rows, 1 are needed to judge")


@pytest.mark.parametrize(
    ("instances", "failed", "wanted"),
    [(500, 10, PASS), (500, 25, PASS), (500, 26, FAIL), (0, 0, PASS), (3, 0, PASS), (3, 3, FAIL)],
)
def test_dead_letters(instances: int, failed: int, wanted: Verdict) -> None:
    """A day without instances has none; all of a few is as bad as all of many."""
    counts = rows({"instances": instances, "failed": failed})
    assert verdict("fac-day-dlq", counts=counts, failed=rows()) is wanted


@pytest.mark.parametrize(
    ("used", "limit", "policy", "machine", "wanted"),
    [
        (10, 100, "noeviction", 1000, PASS),
        (90, 100, "noeviction", 1000, FAIL),
        (90, 100, "volatile-lru", 1000, FAIL),
        (100, 100, "allkeys-lru", 1000, PASS),
        (900, 1000, "allkeys-lfu", 1000, FAIL),
        (100, 0, "noeviction", 1000, PASS),
        (900, 0, "noeviction", 1000, FAIL),
    ],
)
def test_redis_memory(used: int, limit: int, policy: str, machine: int, wanted: Verdict) -> None:
    """Against its own limit, or the machine's where it has none or may evict any key."""
    reply = {
        "used_memory": used,
        "maxmemory": limit,
        "maxmemory_policy": policy,
        "total_system_memory": machine,
    }
    assert verdict("fac-day-redis-memory", it={"reply": reply, "elapsed_ms": 1.0}) is wanted


@pytest.mark.parametrize(("used", "wanted"), [(1, PASS), (77, PASS), (78, FAIL), (97, FAIL)])
def test_connections(used: int, wanted: Verdict) -> None:
    """Of 97 that are allowed, four fifths."""
    connections = rows({"used": used, "active": 1, "allowed": 97})
    assert verdict("fac-day-db-connections", connections=connections, holders=rows()) is wanted


@pytest.mark.parametrize(
    ("usual", "today", "wanted"),
    [
        (1000, 1000, PASS),
        (1000, 830, PASS),  # four hours of an outage
        (1000, 300, FAIL),
        (1000, 2500, FAIL),
        (60, 58, PASS),  # a small team's usual level
        (60, 20, FAIL),
        (6, 2, HOLD),  # too few to tell
    ],
)
def test_judgments_against_the_usual_level(usual: int, today: int, wanted: Verdict) -> None:
    """About the usual level, whatever that is."""
    level = rows({"judgments": today, "usual": usual, "of_usual": today / usual})
    assert verdict("fac-dr-judgments", it=level) is wanted


def test_what_holds_nothing_to_judge_holds() -> None:
    """Row 35: no row where one is needed is neither good nor bad."""
    assert verdict("fac-dr-judgments", it=NONE) is HOLD
    assert verdict("fac-dr-workflows", it=NONE) is HOLD
    assert verdict("fac-dr-rule-version", database=NONE, declared=DECLARED) is HOLD
    assert verdict("fac-rb-migration", database=NONE, declared=DECLARED) is HOLD
    assert verdict("fac-month-access", it=NONE) is HOLD


def statement(mean_ms: float) -> dict[str, Any]:
    return {"mean_ms": mean_ms, "calls": 2, "query": f"select {mean_ms}"}


@pytest.mark.parametrize(("mean_ms", "wanted"), [(500.0, PASS), (500.1, FAIL)])
def test_slow_queries(mean_ms: float, wanted: Verdict) -> None:
    """Upkeep and what ran once is no slow query; without any other nothing was seen."""
    upkeep = rows(statement(9840.0))
    assert verdict("fac-week-slow-queries", slow=rows(statement(mean_ms)), others=upkeep) is wanted
    assert verdict("fac-week-slow-queries", slow=NONE, others=upkeep) is HOLD


def test_slow_upkeep_and_every_shared_account_are_named() -> None:
    """What is not judged is shown all the same, and no user beyond the limit is left out."""
    shown = details("fac-week-slow-queries", slow=rows(statement(20.0)), others=rows(statement(9840.0)))
    assert "9840 ms, 2 calls: select 9840.0" in shown
    users = [{"user_id": f"u{n}", "addresses": 6, "first": "a", "last": "b"} for n in range(40)]
    shown = details("fac-month-access", it=rows(*users))
    assert [f"u{n}: 6 addresses, a to b" in shown for n in range(40)] == [True] * 40


@pytest.mark.parametrize(
    ("instances", "completed", "wanted"), [(500, 490, PASS), (500, 475, FAIL), (10, 10, PASS), (10, 9, FAIL)]
)
def test_workflows_completed(instances: int, completed: int, wanted: Verdict) -> None:
    """More than 95 %: exactly that is not enough."""
    found = rows({"instances": instances, "completed": completed, "failed": instances - completed})
    assert verdict("fac-dr-workflows", it=found) is wanted


@pytest.mark.parametrize(("versions", "wanted"), [(["v1.4.0"], PASS), (["v1.3.9"], FAIL), (["v1.4.0", "v1.3.9"], FAIL)])
def test_one_rule_set(versions: list[str], wanted: Verdict) -> None:
    """The expected one, and no other beside it."""
    found = rows(*({"ruleset_version": version, "judgments": 9} for version in versions))
    assert verdict("fac-dr-rule-version", database=found, declared=DECLARED) is wanted


@pytest.mark.parametrize(
    ("heads", "wanted"),
    [(["9f3c1a7b2d4e"], PASS), (["51d0e8aa7c3b"], FAIL), (["51d0e8aa7c3b", "9f3c1a7b2d4e"], FAIL)],
)
def test_one_revision(heads: list[str], wanted: Verdict) -> None:
    """Two heads are a migration that stopped half-way."""
    found = rows(*({"version_num": head} for head in heads))
    assert verdict("fac-rb-migration", database=found, declared=DECLARED) is wanted


def test_partitions_and_primary() -> None:
    """One of three that is missing fails; so does a list of fewer; a standby is not promoted."""
    three = [{"name": f"judgment_executions_y2027m0{n}", "attached": True} for n in (1, 2, 3)]
    assert verdict("fac-week-partitions", it=rows(*three)) is PASS
    assert verdict("fac-week-partitions", it=rows(*three[:2], three[2] | {"attached": False})) is FAIL
    assert verdict("fac-week-partitions", it=rows()) is FAIL
    assert verdict("fac-dr-primary", it=rows({"one": 1, "in_recovery": False})) is PASS
    assert verdict("fac-dr-primary", it=rows({"one": 1, "in_recovery": True})) is FAIL


@pytest.mark.parametrize(("gone", "come", "wanted"), [(0, 0, PASS), (0.001, 0, FAIL), (0, 0.001, FAIL)])
def test_row_counts(gone: float, come: float, wanted: Verdict) -> None:
    """Neither may a row be gone nor have come."""
    assert verdict("fac-rb-row-counts", it={"tables": [], "gone": gone, "come": come}) is wanted
    lost = Unseen(cause=Cause.NO_DATA, detail="row-counts.json: no counts were taken before")
    assert verdict("fac-rb-row-counts", it=lost) is HOLD


CI = ("lint", "unit tests", "integration tests", "security scan", "image build and push")


@pytest.mark.parametrize(
    ("names", "not_passed", "exists", "wanted"),
    [
        (CI, [], True, PASS),
        ((*CI, "docs"), [], True, PASS),
        (CI, ["lint"], True, FAIL),
        (CI, [], False, FAIL),
        ([name for name in CI if name != "security scan"], [], True, FAIL),
    ],
)
def test_ci(names: list[str], not_passed: list[str], exists: bool, wanted: Verdict) -> None:
    """A scan that never ran has not passed."""
    ci = {"checks": [{"name": name, "conclusion": "success"} for name in names], "not_passed": not_passed}
    assert verdict("fac-pre-ci", ci=ci, image={"exists": exists}) is wanted


@pytest.mark.parametrize(
    ("of_release", "wanted"),
    [([True, True], PASS), ([True, False], FAIL), ([True, None], HOLD), ([None, None], HOLD), ([False, None], FAIL)],
)
def test_pods_of_the_release(of_release: list[bool | None], wanted: Verdict) -> None:
    """Null where the release was not given, or its image is known otherwise: that is no other image."""
    pods = [{"name": f"p{n}", "state": "ready", "image": "i", "of_release": one} for n, one in enumerate(of_release)]
    judgment = {"pods": pods, "workloads": [{"name": "judgment-service", "ready": len(pods)}]}
    assert verdict("fac-post-health", health={"status": 200}, judgment=judgment) is wanted


@pytest.mark.parametrize(("check_id", "name"), [("fac-dr-rpo", "wal"), ("fac-week-log-storage", "archive")])
def test_a_busy_archive_is_listed_whole(check_id: str, name: str) -> None:
    """A month of a segment of 16 MB every 4 s: what is newest may stand on any page."""
    options = CHECKS[check_id].probes[name].options
    month = 30 * 86400 // 4
    assert options.pages * 1000 >= month
    assert options.deadline.total_seconds() >= month / 1000 * 0.2
