"""AI Factory's playbook of PostgreSQL on looks of which the server let some in: nearly full is told from full."""

from __future__ import annotations

from typing import Any

import pytest
from tests.checks.test_factory_rows import CHECKS, ENVIRONMENT, NOW

from gonogo.judges.verdict import judge_check
from gonogo.model.evidence import Cause, Evidence, Seen, Unseen
from gonogo.model.verdict import Case, Verdict

REFUSED = Unseen(cause=Cause.FULL, detail="10.0.0.9:5432: sorry, too many clients already")
AWAY = Unseen(cause=Cause.UNAVAILABLE, detail="not looked at here")
OPEN: dict[str, Any] = {
    "connections": 97,
    "max_connections": 100,
    "slow": 0,
    "very_slow": 0,
    "longest_s": 0,
    "longest": None,
    "longest_pid": None,
    "not_granted": 0,
    "waiting": 0,
    "holder": None,
    "holder_pid": None,
}
LET_IN = {"rows": [OPEN], "row_count": 1, "elapsed_ms": 1.0}
ONE = {"rows": [{"one": 1}], "row_count": 1, "elapsed_ms": 1.0}


@pytest.mark.parametrize(
    ("database", "sessions", "cause"),
    [
        (REFUSED, REFUSED, "database-full"),
        (REFUSED, LET_IN, "database-connections"),
        (ONE, LET_IN, "database-connections"),
        (ONE, REFUSED, None),  # trouble, and nobody counted
    ],
)
def test_full_is_told_from_nearly_full(database: Any, sessions: Any, cause: str | None) -> None:
    """A server that refuses one session and lets another in is not full, however busy it is at that moment."""
    check = CHECKS["fac-inc-postgres"]
    found = {"database": database, "sessions": sessions}
    evidence = {
        name: Evidence(
            look=name,
            kind=probe.kind,
            source=probe.kind,
            started=NOW,
            ended=NOW,
            outcome=outcome if isinstance(outcome, Unseen) else Seen(data=outcome),
            side="postgres" if probe.kind == "postgres" else None,
        )
        for name, probe in check.probes.items()
        for outcome in [found.get(name, AWAY)]
    }
    reached = frozenset({"postgres"})
    case = Case(
        check=check, environment=ENVIRONMENT, release=None, now=NOW, t0=None, evidence=evidence, reached=reached
    )
    outcome = judge_check(case)
    assert outcome.verdict is Verdict.FAIL
    assert [finding.blame.name for finding in outcome.findings if finding.blame is not None] == [cause], outcome.reason
