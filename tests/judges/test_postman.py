"""A run of a collection into findings: what passes is what was sent, answered and tested."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gonogo.judges.postman import Postman, judge
from gonogo.model.check import Area, Check, Phase
from gonogo.model.environment import Environment
from gonogo.model.evidence import Cause, Evidence, Seen, Unseen
from gonogo.model.verdict import Case, Verdict

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
GOOD = {"name": "status", "passed": True, "skipped": False, "error": None}
BAD = {"name": "chart", "passed": False, "skipped": False, "error": "expected null to exist"}
SKIPPED = {"name": "later", "passed": False, "skipped": True, "error": None}


def request(**more: Any) -> dict[str, Any]:
    return {
        "id": "01-a", "name": "A", "method": "GET", "url": "{{baseUrl}}/a", "status": 200, "elapsed_ms": 5,
        "tests": [GOOD], "asserts_status": True, "unclear": [], "not_sent": None, "error": None, "script_error": None,
        **more,
    }  # fmt: skip


def case(outcome: Seen | Unseen) -> Case:
    evidence = Evidence(
        look="k", kind="postman", source="c.json", started=NOW, ended=NOW, outcome=outcome, side="staging"
    )
    check = Check(
        id="a.01-a", title={"en": "A"}, system="factory", phase=Phase.PREDEPLOY, area=Area.TECHNICAL, owner="QA",
        remedy="r", source="s",
    )  # fmt: skip
    environment = Environment(name="here", system="factory", describe="")
    return Case(check=check, environment=environment, release=None, now=NOW, t0=None, evidence={"it": evidence})


def run(*requests: dict[str, Any], **more: Any) -> Case:
    left = [one["id"] for one in requests if one["status"] is None]
    data = {"runner": "native", "requests": list(requests), "count": len(requests)}
    data |= {"answered": len(requests) - len(left), "not_answered": left}
    return case(Seen(data={**data, **more}))


@pytest.mark.parametrize(
    ("more", "verdict", "said"),
    [
        ({}, Verdict.PASS, "answered 200; 1 test held"),
        ({"status": 404}, Verdict.PASS, "answered 404; 1 test held"),
        ({"tests": [GOOD, BAD]}, Verdict.FAIL, "chart: expected null to exist"),
        ({"tests": [GOOD, SKIPPED]}, Verdict.INCONCLUSIVE, "1 of 2 tests are skipped, like 'later'"),
        ({"tests": [SKIPPED, BAD]}, Verdict.FAIL, "chart"),
        ({"tests": []}, Verdict.PASS, "answered 200; it has no tests, so 2xx is wanted"),
        ({"tests": [], "status": 500}, Verdict.FAIL, "answered 500"),
        ({"tests": [], "status": 302}, Verdict.FAIL, "answered 302; it has no tests"),
        ({"tests": [], "status": 404}, Verdict.FAIL, "answered 404; it has no tests"),
        ({"status": 500, "asserts_status": False}, Verdict.FAIL, "none of its tests speaks of the status"),
        ({"status": 503, "asserts_status": True}, Verdict.PASS, "answered 503; 1 test held"),
        ({"unclear": ["if (a) {}"]}, Verdict.INCONCLUSIVE, "not understood: if (a) {}"),
        ({"unclear": ["if (a) {}"], "tests": [BAD]}, Verdict.FAIL, "chart"),
        ({"status": None, "tests": [], "not_sent": "no value"}, Verdict.INCONCLUSIVE, "not sent: no value"),
        ({"status": None, "tests": [], "error": "closed"}, Verdict.FAIL, "no answer: closed"),
        ({"script_error": "TypeError"}, Verdict.FAIL, "its script ended with TypeError"),
        (
            {"status": None, "tests": [], "not_sent": "x", "script_error": "TypeError"},
            Verdict.FAIL,
            "ended with TypeError",
        ),
        ({"status": None, "tests": []}, Verdict.INCONCLUSIVE, "not sent: no status"),
        ({"status": True}, Verdict.INCONCLUSIVE, "not sent"),
    ],
)
def test_one_request(more: dict[str, Any], verdict: Verdict, said: str) -> None:
    """A request that answers 500 and has no test is never a pass."""
    finding = judge(Postman(request="01-a"), run(request(**more)))
    assert (finding.verdict, said in finding.reason) == (verdict, True), finding.reason


def test_what_was_not_understood_says_how_it_is_decided() -> None:
    """With the line that installs newman."""
    finding = judge(Postman(request="01-a"), run(request(unclear=["while (1) {}"])))
    assert finding.decidable == "newman decides it: npm install -g newman"


def test_a_request_that_is_not_in_the_run_is_not_decided() -> None:
    """A collection that was changed under way."""
    assert judge(Postman(request="09-z"), run(request())).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (run(request(), request(id="02-b", tests=[BAD])), Verdict.PASS),  # its failure is the request's own check
        (run(request(), request(id="02-b", status=None, not_sent="left out")), Verdict.INCONCLUSIVE),
        (run(request(), request(id="02-b", status=None, error="closed")), Verdict.INCONCLUSIVE),
        (run(), Verdict.INCONCLUSIVE),
        (run(request(), count=2), Verdict.INCONCLUSIVE),
        (run(request(), answered=0), Verdict.INCONCLUSIVE),
        (case(Seen(data={})), Verdict.INCONCLUSIVE),
        (case(Unseen(cause=Cause.TIMEOUT, detail="newman did not end")), Verdict.INCONCLUSIVE),
        (case(Unseen(cause=Cause.UNAVAILABLE, detail="newman")), Verdict.INCONCLUSIVE),
    ],
)
def test_the_run_as_a_whole(found: Case, verdict: Verdict) -> None:
    """Every request was sent and answered, none skipped."""
    assert judge(Postman(), found).verdict is verdict


def test_what_is_left_is_named() -> None:
    """In the reason and one a line."""
    finding = judge(Postman(), run(request(), request(id="02-b", status=None, not_sent="the deadline was over")))
    assert "1 of 2 requests answered: 02-b: the deadline was over" in finding.reason
    assert finding.details == ("02-b: the deadline was over",)
