"""GO, NO-GO and HOLD from outside: what a run of pytest says, exits with and leaves behind."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gonogo.model.units import parse_offset


def test_go_leaves_every_file_and_exit_0(project: Any, server: Any) -> None:
    """Three items on two paths: two requests, one folder, GO, and files that belong together."""
    done = project.pytest()
    assert done.code == 0, done.out + done.err
    names = {"plan.json", "evidence.jsonl", "verdict.json", "junit.xml", "report.html", "report.md"}
    assert {path.name for path in done.folder.iterdir()} == names
    assert sorted(server.asked) == ["/cart", "/health"]
    verdict = done.verdict
    assert (verdict["decision"], verdict["exit_status"], verdict["counts"]["requests"]) == ("GO", 0, 2)
    assert [check["id"] for check in verdict["checks"]] == done.plan["manifest"] == ["shop-a", "shop-b", "shop-c"]
    assert len(done.evidence) == len(done.plan["looks"]) == 2
    assert "GO  3 of 3 due items passed" in done.out
    assert "\x1b" not in done.out
    assert project.gonogo("verify", str(done.folder)).code == 0


def test_a_failure_is_no_go(project: Any, server: Any, kit: Any) -> None:
    """Exit 1, with rule, observation, source and next step on the board."""
    server.answers["/cart"] = kit.broken()
    done = project.pytest()
    assert (done.code, done.verdict["decision"]) == (1, "NO-GO")
    assert 'status is "broken", expected: equals "healthy"' in done.out
    assert f"GET {server.url}/cart" in done.out
    assert "next Look at the shop. (owner: Kim)" in done.out
    assert "Traceback" not in done.out


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((429, {"Retry-After": "600"}, b""), "rate limited"),
        ((200, {"Content-Type": "application/json", "Age": "900"}, b'{"status": "healthy"}'), "cached answer, 900 s"),
    ],
    ids=["row30-limited", "row29-cached"],
)
def test_nothing_trustworthy_seen_is_hold(project: Any, server: Any, answer: Any, says: str) -> None:
    """Exit 6, and the test is neither passed nor FAILED."""
    server.answers["/cart"] = answer
    done = project.pytest()
    assert (done.code, done.verdict["decision"]) == (6, "HOLD")
    assert says in done.out
    assert "1 hold" in done.out
    assert "failed" not in done.out.splitlines()[-1]


def test_row01_a_canary_that_fails_alone_is_no_go(project: Any, serve: Callable[[], Any], kit: Any) -> None:
    """Refused on one side, while the stable side answers: the canary's fault, with host, port and errno."""
    gone = serve()
    gone.stop()
    project.environment(sides={"stable": {"url": project.url}, "canary": {"url": gone.url}})
    project.checklist(kit.item("shop-canary", probe={"http": {"side": "canary", "path": "/x"}}))
    done = project.pytest()
    assert done.code == 1
    assert f"canary alone does not answer: {gone.url.removeprefix('http://')}: Connection refused" in done.out
    assert "while stable answered" in done.out


def test_row02_all_sides_down_is_hold(project: Any, serve: Callable[[], Any], server: Any, kit: Any) -> None:
    """Refused everywhere: the observer or the network between."""
    gone = serve()
    gone.stop()
    server.stop()
    project.environment(sides={"stable": {"url": project.url}, "canary": {"url": gone.url}})
    project.checklist(kit.item("shop-canary", probe={"http": {"side": "canary", "path": "/x"}}), kit.item("shop-a"))
    done = project.pytest()
    assert done.code == 6
    assert "observer or network: no side answered" in done.out


def test_an_advisory_failure_does_not_decide(project: Any, server: Any, kit: Any) -> None:
    """Shown, and GO."""
    server.answers["/cart"] = kit.broken()
    project.checklist(kit.item("shop-a"), kit.item("shop-nice", "/cart", severity="advisory"))
    done = project.pytest()
    assert done.code == 0, done.out
    assert [check["verdict"] for check in done.verdict["checks"]] == ["pass", "fail"]
    assert "1 xfailed" in done.out


def waiver(**more: Any) -> dict[str, Any]:
    return {
        "id": "shop-c",
        "environment": "shop",
        "release": "v1.2.3",
        "owner": "operations",
        "reason": "known, ticket 7",
        "until": "2099-01-01T00:00:00Z",
    } | more


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, 0),
        ({"until": "2026-01-01T00:00:00Z"}, 6),
        ({"release": "v1.2.2"}, 1),
        ({"environment": "shop-2"}, 1),
    ],
    ids=["valid", "expired", "other-release", "other-environment"],
)
def test_a_waiver_annotates_and_never_rewrites(
    project: Any, server: Any, kit: Any, change: dict[str, str], code: int
) -> None:
    """A valid one lets GO stand beside a verdict that stays `fail`; an expired one holds; others do not count."""
    server.answers["/cart"] = kit.broken()
    project.environment(waivers="waivers.yaml")
    project.write("waivers.yaml", [waiver(**change)])
    done = project.pytest()
    assert (done.code, done.verdict["exit_status"]) == (code, code), done.out
    check = done.verdict["checks"][2]
    assert check["verdict"] == "fail"
    assert (check["waiver"] is not None) == (code == 0)
    assert ("waiver of operations expired" in done.out) == (code == 6)
    again = project.gonogo("judge", str(done.folder))
    assert again.code == code
    if code == 0:
        assert check["waiver"]["owner"] == "operations"
        assert "operations" in done.out


def test_a_signoff_serves_its_release_until_it_ends(project: Any, kit: Any) -> None:
    """Unsigned: HOLD and the command that signs. Signed: GO. For another release, or too late: HOLD again."""
    project.checklist(
        kit.item("shop-a"), {"id": "shop-told", "title": {"en": "Told"}, "mode": "signoff", "remedy": "Tell them."}
    )
    unsigned = project.pytest()
    assert unsigned.code == 6
    assert "gonogo signoff shop-told" in unsigned.out
    words = ("signoff", "shop-told", "--env", "shop", "--by", "Kim", "--link", "https://x.example/1")
    assert project.gonogo(*words, "--release", "v1.2.2", "--until", "1h").code == 0
    other = project.pytest()
    assert other.code == 6
    assert "only for v1.2.2" in other.out
    assert project.gonogo(*words, "--release", "v1.2.3", "--until", "1h").code == 0
    signed = project.pytest()
    assert signed.code == 0, signed.out
    assert signed.verdict["checks"][1]["signoff"]["by"] == "Kim"
    path = project.root / "reports" / "signoffs.jsonl"
    last = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
    late = last | {"at": "2026-01-01T00:00:00+00:00", "until": "2026-01-02T00:00:00+00:00"}
    path.write_text(json.dumps(late) + "\n", encoding="utf-8")
    expired = project.pytest()
    assert expired.code == 6
    assert project.gonogo("judge", str(signed.folder)).code == 0, "the recorded run was signed then"


def test_eventually_passes_at_a_later_attempt_and_shows_all(project: Any, server: Any, kit: Any) -> None:
    """Unhealthy twice, then healthy: GO with three attempts; the item beside it is looked at once."""
    server.answers["/cart"] = lambda number, _: kit.broken() if number < 3 else kit.healthy
    project.checklist(kit.item("shop-a"), kit.item("shop-c", "/cart", eventually={"within": "60s", "every": "100ms"}))
    done = project.pytest()
    assert done.code == 0, done.out
    assert [check["attempts"] for check in done.verdict["checks"]] == [1, 3]
    assert server.asked.count("/cart") == 3
    assert server.asked.count("/health") == 1
    assert project.gonogo("judge", str(done.folder)).code == 0


def test_eventually_ends(project: Any, server: Any, kit: Any) -> None:
    """Row 123: what never gets healthy is NO-GO when `within` is over."""
    server.answers["/cart"] = kit.broken()
    project.checklist(kit.item("shop-c", "/cart", eventually={"within": "1500ms", "every": "500ms"}))
    began = time.monotonic()
    done = project.pytest()
    assert done.code == 1
    assert time.monotonic() - began < 60
    assert server.asked.count("/cart") == done.verdict["checks"][0]["attempts"]
    assert len(server.asked) in (2, 3, 4)


def test_items_that_are_not_due_are_shown_and_do_not_decide(project: Any, server: Any, kit: Any) -> None:
    """Neither looked at nor judged, whatever state they are in; --at brings them in."""
    server.answers["/cart"] = kit.broken()
    project.checklist(kit.item("shop-a", at="T-48h"), kit.item("shop-c", "/cart", at="T+60m"))
    early = project.pytest("--at", "T+5m")
    assert early.code == 0, early.out
    assert server.asked == ["/health"]
    assert early.verdict["not_due"] == [{"id": "shop-c", "at": "T+1h"}]
    assert [check["id"] for check in early.verdict["checks"]] == ["shop-a"]
    assert "T+1h  shop-c" in early.out
    assert "1 passed, 1 skipped" in early.out
    assert project.pytest("--at", "T+60m").code == 1
    none_due = project.pytest("--at", "T-72h")
    assert none_due.code == 6
    assert "nothing was checked" in none_due.out


@pytest.mark.parametrize(("ago", "code"), [(-7200, 1), (-600, 0)], ids=["two-hours", "ten-minutes"])
def test_without_at_the_time_since_t0_says_what_is_due(
    project: Any, server: Any, kit: Any, ago: int, code: int
) -> None:
    """T0 of the release file and this moment give the place on the timeline."""
    server.answers["/cart"] = kit.broken()
    project.checklist(kit.item("shop-a"), kit.item("shop-c", "/cart", at="T+60m"))
    project.release(t0=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ago)))
    done = project.pytest()
    assert done.code == code, done.out
    assert done.verdict["t0"] is not None
    assert timedelta(0) <= parse_offset(done.verdict["at"]) + timedelta(seconds=ago) < timedelta(minutes=1)


def test_without_any_t0_everything_is_due(project: Any, server: Any, kit: Any) -> None:
    """An unknown T0 never makes the manifest smaller."""
    server.answers["/cart"] = kit.broken()
    project.checklist(kit.item("shop-a"), kit.item("shop-c", "/cart", at="T+24h"))
    assert project.pytest().code == 1


def test_two_environments_are_two_runs_and_the_worst_exit(
    project: Any, serve: Callable[[], Any], server: Any, kit: Any
) -> None:
    """One folder and verdict each; a failure in one of them is the exit of both."""
    second = serve()
    second.answers["/cart"] = kit.broken()
    project.environment("two", sides={"stable": {"url": second.url}})
    done = project.pytest("--env", "two")
    assert done.code == 1
    decisions = [json.loads((folder / "verdict.json").read_bytes()) for folder in done.folders]
    assert {each["environment"]: each["decision"] for each in decisions} == {"shop": "GO", "two": "NO-GO"}
    assert sorted(server.asked) == sorted(second.asked) == ["/cart", "/health"]
    assert "5 passed" in done.out
    second.answers["/cart"] = (429, {"Retry-After": "600"}, b"")
    assert project.pytest("--env", "two").code == 6


def test_row89_two_runs_at_once_do_not_meet(project: Any) -> None:
    """Runs only read and each has a folder of its own: both are GO."""
    runs = [project.start() for _ in range(2)]
    ends = [run.communicate(timeout=120) and run.returncode for run in runs]
    assert ends == [0, 0]
    assert len(project.folders()) == 2
