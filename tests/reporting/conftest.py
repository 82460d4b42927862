"""One run with everything in it: passes, failures, undecided items, a waiver, a sign-off, hostile server text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.model.check import Area, Check, Mode, Phase, ProbeSpec, Rule, Severity
from gonogo.model.environment import Environment, Objective, Release, Side
from gonogo.model.evidence import Attempt, Cause, Evidence, Seen, Unseen
from gonogo.model.run import Plan, PlannedLook, Run
from gonogo.model.units import Unit
from gonogo.model.verdict import Decision, Finding, Gated, Outcome, Verdict, Waiver

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
SOURCE = "GET http://127.0.0.1:8000/api/health"


def a_check(name: str, **changes: Any) -> Check:
    area = changes.pop("area", Area.TECHNICAL)
    made = Check(
        id=name,
        title={"en": f"title of {name}", "ko": f"{name} 항목"},
        system="ion",
        phase=Phase.PREDEPLOY,
        area=area,
        owner="sre",
        remedy=f"mend {name}",
        source="runbook 1",
        probes={"it": ProbeSpec(kind="http", options={"side": "stable"})},
        rules=(Rule(kind="expect", options={"value": "json.status", "equals": "healthy"}),),
        at=timedelta(hours=-1),
        raw={"id": name, "at": "T-1h", "probe": {"http": {"side": "stable"}}},
    )
    return replace(made, **changes)


def an_outcome(check: Check, verdict: Verdict, text: str = "", **changes: Any) -> Outcome:
    reason = text or f"status healthy is {verdict}"
    finding = Finding(verdict=verdict, reason=reason, rule="json.status == healthy", observed="json.status healthy")
    made = Outcome(check=check, verdict=verdict, reason=reason, findings=(finding,), evidence=("k1",), attempts=1)
    return replace(made, **changes)


def evidence_of(key: str = "k1", **changes: Any) -> Evidence:
    made = Evidence(
        look=key,
        kind="http",
        source=SOURCE,
        started=NOW,
        ended=NOW + timedelta(milliseconds=120),
        outcome=Seen(data={"status": 200, "json": {"status": "healthy", "한글": "정상"}}, newest=NOW, notes=("slow",)),
        side="stable",
        attempts=(Attempt(started=NOW, took=timedelta(milliseconds=120), ended="seen"),),
    )
    return replace(made, **changes)


def run_of(*outcomes: Outcome, decision: Decision = Decision.GO, **changes: Any) -> Run:
    plan = Plan(
        run_id="8c1f00aa11bb22cc",
        created=NOW,
        environment=Environment(
            name="local",
            system="ion",
            describe="a rehearsal",
            sides={"stable": Side(url="http://127.0.0.1:8000")},
            objectives={"chat_p95": Objective(unit=Unit.S, below=2.0, min_samples=20)},
        ),
        system="ion",
        phases=("predeploy",),
        checks=tuple(outcome.check for outcome in outcomes),
        digests={"checks/ion.yaml": "ab" * 32},
        t0=NOW,
        release=Release(version="v1.2.3", commit="a1b2c3d4e5", image="registry/ion@sha256:00", pull_request=7),
        looks=(PlannedLook(key="k1", kind="http", options={"side": "stable", "path": "/api/health"}, side="stable"),),
        uses={outcome.check.id: {"it": "k1"} for outcome in outcomes},
        scenes={"predeploy": "before"},
    )
    made = Run(
        plan=plan,
        evidence={"k1": evidence_of()},
        outcomes=outcomes,
        gated=Gated(decision=decision, reasons=() if decision is Decision.GO else ("ion-a failed",)),
        started=NOW,
        ended=NOW + timedelta(seconds=2),
        now=NOW + timedelta(seconds=2),
    )
    return replace(made, **changes)


@pytest.fixture
def green() -> Run:
    return run_of(an_outcome(a_check("ion-a"), Verdict.PASS), an_outcome(a_check("ion-b"), Verdict.PASS))


@pytest.fixture
def red(tmp_path: Path) -> Run:
    """A NO-GO run with one item of each kind."""
    refused = Unseen(cause=Cause.UNREACHABLE, detail="127.0.0.1:8000 refused the connection after 0.1 s")
    failed = an_outcome(a_check("ion-a"), Verdict.FAIL, "p95 412 ms > 300 ms (n=1840, local.yaml:12)")
    undecided = an_outcome(
        a_check("ion-b", area=Area.TEAM, mode=Mode.SIGNOFF), Verdict.INCONCLUSIVE, "nobody signed", evidence=("k2",)
    )
    advisory = an_outcome(
        a_check("ion-c", severity=Severity.ADVISORY), Verdict.INCONCLUSIVE, "refused", evidence=("k2",), attempts=3
    )
    passed = an_outcome(a_check("ion-d"), Verdict.PASS)
    waived = an_outcome(a_check("ion-e", area=Area.OPERATIONS), Verdict.FAIL, "backup is 30 h old")
    waiver = Waiver(
        id="ion-e",
        environment="local",
        release="v1.2.3",
        owner="kim",
        reason="restored by hand",
        until=NOW + timedelta(days=1),
    )
    gated = Gated(
        decision=Decision.NO_GO,
        reasons=("ion-a failed: p95 412 ms > 300 ms", "ion-b is undecided: nobody signed"),
        waived={"ion-e": waiver},
        not_due={"ion-z": timedelta(hours=24)},
    )
    return run_of(
        failed,
        undecided,
        advisory,
        passed,
        waived,
        decision=Decision.NO_GO,
        gated=gated,
        evidence={"k1": evidence_of(), "k2": evidence_of("k2", outcome=refused)},
        folder=tmp_path,
    )


@pytest.fixture
def hostile() -> Callable[[str], Run]:
    """A run in which this text stands everywhere that a server or a person can put text."""

    def make(text: str) -> Run:
        check = a_check("ion-a", title={"en": text}, remedy=text, owner=text)
        finding = Finding(verdict=Verdict.FAIL, reason=text, rule=text, observed=text, details=(text,), decidable=text)
        outcome = an_outcome(check, Verdict.FAIL, text, findings=(finding,))
        run = run_of(
            outcome,
            an_outcome(a_check("ion-b", title={"en": text}), Verdict.PASS, text),
            decision=Decision.NO_GO,
            evidence={"k1": evidence_of(source=text)},
            notes=(text,),
            problems=(text,),
        )
        return replace(run, gated=replace(run.gated, reasons=(text,)))

    return make
