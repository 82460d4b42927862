"""forge_checks, forge_approvals, forge_release: GitHub's word on a release, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gonogo.model.environment import Auth, AuthKind, BackEnd, Release
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Vantage
from gonogo.probes.forge import (
    ForgeApprovals,
    ForgeChecks,
    ForgeRelease,
    look_at_approvals,
    look_at_checks,
    look_at_release,
)

REPO = "/repos/naeda/ion-api"
COMMIT = f"{REPO}/commits/0123456789abcdef"
PULL = f"{REPO}/pulls/41"
RELEASE = Release(version="v1.2.3", commit="0123456789abcdef", image="i", pull_request=41)

Make = Callable[..., Vantage]


@pytest.fixture
def vantage(fake: Any, vantage_of: Make) -> Callable[..., Vantage]:
    def make(release: Release | None = RELEASE) -> Vantage:
        auth = Auth(kind=AuthKind.BEARER, secret="GH")
        back_end = BackEnd(address=fake.url, auth=auth, names={"repository": "naeda/ion-api"})
        return vantage_of({"forge": back_end}, release=release, secrets={"GH": "right-horse"})

    return make


def run(name: str, conclusion: str | None = "success", status: str = "completed") -> dict[str, Any]:
    return {"name": name, "status": status, "conclusion": conclusion}


def checks(runs: list[dict[str, Any]], statuses: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        f"{COMMIT}/check-runs": {"total_count": len(runs), "check_runs": runs},
        f"{COMMIT}/status": {"state": "success", "total_count": len(statuses or []), "statuses": statuses or []},
    }


def test_check_runs_and_statuses_count_together(fake: Any, vantage: Make) -> None:
    """Both of GitHub's kinds of checks are seen; skipped and neutral pass, pending and failed do not."""
    runs = [run("test"), run("docs", "skipped"), run("slow", None, "in_progress"), run("lint", "failure")]
    statuses = [{"context": "ci/old", "state": "success"}, {"context": "ci/wait", "state": "pending"}]
    fake.answers |= checks(runs, statuses)
    sight = look_at_checks(ForgeChecks(), vantage())
    assert isinstance(sight.outcome, Seen)
    data = sight.outcome.data
    assert (data["commit"], data["total"], data["passed"]) == (RELEASE.commit, 6, 3)
    assert data["not_passed"] == ["slow", "lint", "ci/wait"]
    assert {call.headers["authorization"] for call in fake.calls} == {"Bearer right-horse"}
    assert sight.side is None


def test_no_check_is_no_data(fake: Any, vantage: Make) -> None:
    """A commit that nothing was run for is not green."""
    fake.answers |= checks([])
    outcome = look_at_checks(ForgeChecks(), vantage()).outcome
    assert outcome == Unseen(cause=Cause.NO_DATA, detail=f"no check has reported on commit {RELEASE.commit}")


def test_row_44_all_pages_are_read(fake: Any, vantage: Make) -> None:
    """Row 44: 150 runs come on two pages; the failure on the second one is seen."""
    runs = [run(f"t{at}") for at in range(149)] + [run("last", "failure")]

    def pages(call: Any) -> dict[str, Any]:
        start = (int(call.query["page"]) - 1) * 100
        return {"total_count": 150, "check_runs": runs[start : start + 100]}

    fake.answers |= checks([]) | {f"{COMMIT}/check-runs": pages}
    outcome = look_at_checks(ForgeChecks(), vantage()).outcome
    assert isinstance(outcome, Seen)
    assert (outcome.data["total"], outcome.data["not_passed"]) == (150, ["last"])


def test_row_44_a_page_that_is_lost_is_partial(fake: Any, vantage: Make) -> None:
    """Row 44: fewer rows than the server counts are PARTIAL, with both numbers."""
    fake.answers |= checks([run("a")])
    fake.answers[f"{COMMIT}/check-runs"] = lambda call: {
        "total_count": 3,
        "check_runs": [run("a")] if call.query["page"] == "1" else [],
    }
    outcome = look_at_checks(ForgeChecks(), vantage()).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.PARTIAL
    assert "1 of 3 rows" in outcome.detail


def review(login: str, state: str) -> dict[str, Any]:
    return {"user": {"login": login}, "state": state}


def test_each_reviewers_last_word_counts(fake: Any, vantage: Make) -> None:
    """A comment leaves an approval standing, a dismissal ends it, the author's own does not count."""
    fake.answers[PULL] = {"user": {"login": "author"}, "state": "open", "merged": False, "head": {"sha": "0123"}}
    fake.answers[f"{PULL}/reviews"] = [
        review("kim", "CHANGES_REQUESTED"),
        review("kim", "APPROVED"),
        review("kim", "COMMENTED"),
        review("lee", "APPROVED"),
        review("lee", "DISMISSED"),
        review("park", "CHANGES_REQUESTED"),
        review("author", "APPROVED"),
        {"user": None, "state": "APPROVED"},
    ]
    outcome = look_at_approvals(ForgeApprovals(), vantage()).outcome
    assert isinstance(outcome, Seen)
    assert (outcome.data["approvals"], outcome.data["changes_requested"]) == (["kim"], ["park"])
    assert (outcome.data["pull_request"], outcome.data["state"], outcome.data["merged"]) == (41, "open", False)


def test_a_release_without_a_pull_request_is_no_data(fake: Any, vantage: Make) -> None:
    """What the release file does not name is missing, and nothing is sent."""
    outcome = look_at_approvals(ForgeApprovals(), vantage(replace(RELEASE, pull_request=None))).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.NO_DATA
    assert "names no pull_request" in outcome.detail
    assert fake.calls == []


@pytest.mark.parametrize("look", [look_at_checks, look_at_approvals, look_at_release])
def test_no_release_is_no_data(vantage: Make, look: Callable[..., Any]) -> None:
    """Without a release there is nothing to ask about."""
    outcome = look(None, vantage(None)).outcome
    assert outcome == Unseen(cause=Cause.NO_DATA, detail="no release is named: --release FILE")


@pytest.mark.parametrize(
    ("body", "mentions"),
    [
        ("Changes in 1.2.3.", True),
        ("v1.2.3", True),
        ("1.2.30", False),
        ("1.2.3-rc1", False),
        ("11.2.3", False),
        (None, False),
    ],
)
def test_the_release_text_names_the_version(fake: Any, vantage: Make, body: str | None, mentions: bool) -> None:
    """The very version, with or without its v; not a longer one that begins or ends like it."""
    fake.answers[f"{REPO}/releases/tags/v1.2.3"] = {"tag_name": "v1.2.3", "name": "Release", "body": body}
    outcome = look_at_release(ForgeRelease(), vantage()).outcome
    assert isinstance(outcome, Seen)
    assert outcome.data == {"tag": "v1.2.3", "found": True, "body": body or "", "mentions_version": mentions}


@pytest.mark.parametrize(("version", "tag"), [("1.2.3", "v1.2.3"), ("v1.2.3", "1.2.3")])
def test_a_tag_with_or_without_its_v(fake: Any, vantage: Make, version: str, tag: str) -> None:
    """Teams write the tag either way."""
    fake.answers[f"{REPO}/releases/tags/{tag}"] = {"tag_name": tag, "name": tag, "body": "New."}
    outcome = look_at_release(ForgeRelease(), vantage(replace(RELEASE, version=version))).outcome
    assert isinstance(outcome, Seen)
    assert (outcome.data["tag"], outcome.data["found"], outcome.data["mentions_version"]) == (tag, True, True)


def test_a_tag_without_a_release_is_not_found(vantage: Make) -> None:
    """404 is an answer: there is no such release."""
    outcome = look_at_release(ForgeRelease(), vantage()).outcome
    assert isinstance(outcome, Seen)
    assert (outcome.data["found"], outcome.data["mentions_version"]) == (False, False)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ((401, {}), Cause.DENIED),
        ((403, {}), Cause.DENIED),
        ((403, {}, {"X-RateLimit-Remaining": "0"}), Cause.LIMITED),
        ((429, {}, {"Retry-After": "900"}), Cause.LIMITED),
        ((404, {}), Cause.NO_DATA),
        ((422, {"message": "No commit found for SHA"}), Cause.NO_DATA),
        ((502, b"bad gateway"), Cause.BROKEN),
        ({"total_count": 1}, Cause.BROKEN),
        (b'{"total_count": 1, "check_runs": [', Cause.BROKEN),
        ((302, b"", {"Location": "http://example.com/"}), Cause.BROKEN),
    ],
)
def test_row_48_what_is_no_answer_decides_nothing(fake: Any, vantage: Make, answer: Any, cause: Cause) -> None:
    """Row 48: refusals, limits and nonsense are Unseen, with the status and without the token."""
    fake.answers |= checks([run("a")]) | {f"{COMMIT}/check-runs": answer}
    outcome = look_at_checks(ForgeChecks(), vantage()).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is cause, outcome
    assert "right-horse" not in outcome.detail


def test_the_repository_is_needed(fake: Any, vantage_of: Make) -> None:
    """Which repository is asked is never guessed."""
    with pytest.raises(ConfigError, match=r"back end forge: names\.repository is missing"):
        look_at_checks(ForgeChecks(), vantage_of({"forge": BackEnd(address=fake.url)}))
