"""The canary's items on a release that was promoted, and on one that was taken back: never GO, and told why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.helm_stand import OPERATOR, RELEASE, HelmStand, apply, rollback

from gonogo.config.checklist import load_checklists
from gonogo.config.environment import load_environment
from gonogo.judges import JUDGES
from gonogo.judges.verdict import judge_check
from gonogo.model.environment import Release
from gonogo.model.errors import ExitStatus
from gonogo.model.evidence import Evidence
from gonogo.model.verdict import Case, Outcome, Verdict
from gonogo.probes import PROBES
from gonogo.probes.base import Vantage

CHECKS = {one.id: one for one in load_checklists(Path(__file__).parents[3] / "checks", PROBES, JUDGES)}


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HelmStand]:
    one = HelmStand(tmp_path, monkeypatch)
    yield one
    one.server.close()


def seen(stand: HelmStand, item: str) -> Outcome:
    """The item, on what its looks at the cluster show now; other looks are missing."""
    check = CHECKS[item]
    environment = load_environment("mine", stand.root / "environments")
    release = Release(version=RELEASE["version"], commit=RELEASE["commit"], image=RELEASE["image"])
    now = datetime.now(UTC)
    vantage = Vantage(environment=environment, release=release, now=now, t0=None, reveal=lambda _: OPERATOR)
    evidence = {}
    for name, probe in check.probes.items():
        if probe.kind.startswith(("helm", "kubernetes")):
            sight = PROBES[probe.kind].look(probe.options, vantage)
            evidence[name] = Evidence(
                look=name, kind=probe.kind, source=sight.source, started=now, ended=now, outcome=sight.outcome
            )
    case = Case(check=check, environment=environment, release=release, now=now, t0=None, evidence=evidence)
    return judge_check(case)


def test_a_canary_that_was_promoted(stand: HelmStand) -> None:
    """Its items are undecided, not failed: nobody installs it again."""
    assert seen(stand, "fac-can-weight").verdict is Verdict.PASS
    assert apply(stand).status is ExitStatus.GO
    for item in ("fac-can-weight", "fac-can-decision"):
        outcome = seen(stand, item)
        assert outcome.verdict is Verdict.INCONCLUSIVE
        assert outcome.reason.startswith("there is no canary: v1.4.0, the canary of revision 7, was promoted")
        assert len(outcome.findings) == 1
        assert "pytest -m postdeploy" in str(outcome.findings[0].decidable)


def test_a_canary_that_was_taken_back(stand: HelmStand) -> None:
    """That is no promotion: what the item asks for is not there."""
    assert rollback(stand).status is ExitStatus.GO
    outcome = seen(stand, "fac-can-weight")
    assert outcome.verdict is Verdict.FAIL
    assert "promoted" not in outcome.reason
