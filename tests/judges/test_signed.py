"""Sign-offs: who, until when, for which release."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gonogo.judges import JUDGES
from gonogo.judges.signed import Signed
from gonogo.model.check import Phase
from gonogo.model.environment import Environment, Release, Start
from gonogo.model.evidence import Cause, Unseen
from gonogo.model.verdict import Case, Finding, Verdict

Ask = Callable[..., Finding]
PASS, HOLD = Verdict.PASS, Verdict.INCONCLUSIVE
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
COMMAND = "run: gonogo signoff ion-can-health --env ion-canary --release v1.2.3 --by NAME --until WHEN --link URL"


def record(**changed: Any) -> dict[str, Any]:
    """A valid record."""
    return {
        "id": "ion-can-health",
        "environment": "ion-canary",
        "release": "v1.2.3",
        "by": "Mina",
        "at": "2026-11-20T08:00:00Z",
        "until": "2026-11-21T08:00:00Z",
        "link": "https://notes/1",
        **changed,
    }


@pytest.mark.parametrize(
    ("records", "verdict", "text"),
    [
        ([record()], PASS, "signed by Mina on 2026-11-20 08:00 until 2026-11-21T08:00:00Z, https://notes/1"),
        ([], HOLD, "not signed off for v1.2.3; run"),
        ([record(release="v1.2.2")], HOLD, "not signed off for v1.2.3, only for v1.2.2"),
        ([record(environment="ion-prod")], HOLD, "not signed off"),
        ([record(id="other")], HOLD, "not signed off"),
        ([record(until="2026-11-20T09:00:01Z")], PASS, "signed by"),
        ([record(until="2026-11-20T09:00:00Z")], HOLD, "expired 2026-11-20T09:00:00Z"),
        ([record(at="2026-11-20T09:01:00Z")], PASS, "signed by"),
        ([record(at="2026-11-20T09:01:01Z")], HOLD, "lies in the future"),
        ([record(at="soon")], HOLD, "has no time"),
        ([record(until="soon")], HOLD, "lacks a readable until"),
        ([record(by="")], HOLD, "lacks by"),
        ([record(link=None)], HOLD, "lacks link"),
        (["text", None, 3], HOLD, "not signed off"),
        ([record(until="2026-11-20T08:30:00Z", at="2026-11-20T08:10:00Z"), record()], HOLD, "expired"),
        ([record(until="2026-11-20T08:30:00Z", at="2026-11-20T07:10:00Z"), record()], PASS, "signed by"),
    ],
)
def test_records(judge: Ask, records: list[Any], verdict: Verdict, text: str) -> None:
    """Row 91: only the newest record of this item, environment and release counts, until it expires."""
    finding = judge("signed", {"records": records})
    assert finding.verdict is verdict
    assert text in finding.reason
    assert (finding.decidable == COMMAND) is (verdict is HOLD)


def test_max_age(judge: Ask) -> None:
    """A record may be asked to be young."""
    assert judge("signed", {"records": [record()]}, max_age=timedelta(hours=1)).verdict is PASS
    assert judge("signed", {"records": [record()]}, max_age=timedelta(minutes=59)).verdict is HOLD


@pytest.mark.parametrize(("hours", "verdict"), [(12.9, HOLD), (13, PASS), (20, PASS)])
def test_a_word_given_before_its_time(make_case: Callable[..., Case], hours: float, verdict: Verdict) -> None:
    """Nobody can say an hour after the deploy that a day went without complaints."""
    case = make_case({"records": [record(at=(NOW - timedelta(hours=20 - hours)).isoformat())]})
    check = replace(case.check, at=timedelta(hours=14.4))
    case = replace(case, check=check, t0=NOW - timedelta(hours=20))
    finding = JUDGES["signed"].judge(Signed(), case)
    assert finding.verdict is verdict
    assert ("was given before T+" in finding.reason) is (verdict is HOLD)
    assert JUDGES["signed"].judge(Signed(), replace(case, t0=None)).verdict is PASS


@pytest.mark.parametrize(("phase", "verdict"), [(Phase.DAILY, HOLD), (Phase.PREDEPLOY, PASS)])
def test_a_word_of_yesterday(make_case: Callable[..., Case], phase: Phase, verdict: Verdict) -> None:
    """A channel that was read on Monday is not read on Wednesday; a plan that was reviewed is."""
    case = make_case({"records": [record(at=(NOW - timedelta(hours=25)).isoformat())]})
    case = replace(case, check=replace(case.check, phase=phase))
    assert JUDGES["signed"].judge(Signed(), case).verdict is verdict


def test_nothing_to_look_at(judge: Ask) -> None:
    """Without evidence, records or a release nothing is signed."""
    assert judge("signed", None).verdict is HOLD
    assert judge("signed", {}).verdict is HOLD
    assert judge("signed", {"records": 3}).verdict is HOLD
    assert judge("signed", {"records": [record()]}, case={"release": None}).verdict is HOLD
    assert judge("signed", Unseen(cause=Cause.UNAVAILABLE, detail="no file")).verdict is HOLD


def test_another_release(judge: Ask) -> None:
    """The sign-off of v1.2.3 does not serve v1.2.4."""
    later = Release(version="v1.2.4", commit="c0ffee", image="ion:v1.2.4")
    finding = judge("signed", {"records": [record()]}, case={"release": later})
    assert finding.verdict is HOLD
    assert "--release v1.2.4" in finding.reason


def test_a_rehearsal_brings_its_own(judge: Ask, environment: Environment) -> None:
    """The command would be refused there, so it is not named as the way."""
    rehearsed = replace(environment, start=Start(command=("python", "rehearsal")))
    finding = judge("signed", {"records": [record(release="v1.2.2")]}, case={"environment": rehearsed})
    assert finding.reason == (
        "not signed off for v1.2.3, only for v1.2.2; "
        "ion-canary is rehearsed and brings its own; gonogo signoff is for what is not"
    )
