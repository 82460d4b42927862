"""Two sides that are one, halves of answers, and clocks that lie: what the whole flow makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest


def version(text: str, answered_by: str) -> Any:
    body = {"status": "healthy", "version": text}
    return 200, {"Content-Type": "application/json", "X-Instance": answered_by}, json.dumps(body).encode()


def two_sides(project: Any, canary: Any) -> None:
    project.environment(sides={"stable": {"url": project.url}, "canary": {"url": canary.url}})


@pytest.mark.parametrize(
    ("build", "says"),
    [("v1.2.2", 'the build is "v1.2.2"'), ("v1.2.3", 'the instance is "shop-41"')],
    ids=["rows32-33-the-same-build", "row34-answered-by-the-other-side"],
)
def test_a_canary_that_is_not_the_release_is_no_go(
    project: Any, serve: Callable[[], Any], kit: Any, build: str, says: str
) -> None:
    """The same build or the same instance behind both addresses proves nothing of the new one."""
    canary = serve()
    canary.answers["/v"] = version(build, "shop-41")
    two_sides(project, canary)
    probes = {side: {"http": {"side": side, "path": "/v"}} for side in ("canary", "stable")}
    rules = [
        {"expect": {"value": "canary.json.version", "equals": "v1.2.3", "name": "the build"}},
        {"expect": {"value": 'canary.headers."x-instance"', "not_equals": "shop-41", "name": "the instance"}},
    ]
    both = {key: value for key, value in kit.item("shop-both").items() if key != "probe"}
    project.checklist({**both, "probes": probes, "pass": rules})
    done = project.pytest()
    assert done.code == 1, done.out
    assert says in done.out


def test_row38_an_empty_control_does_not_hide_a_bad_canary(
    project: Any, server: Any, serve: Callable[[], Any], kit: Any
) -> None:
    """The stable side shows nothing, the canary shows errors: NO-GO by the canary's own rule."""
    canary = serve()
    canary.answers["/errors"] = (200, {"Content-Type": "application/json"}, b'{"errors": 7}')
    server.answers["/errors"] = (429, {"Retry-After": "600"}, b"")
    two_sides(project, canary)
    rules = [{"expect": {"value": f"{side}.json.errors", "equals": 0}} for side in ("stable", "canary")]
    probes = {side: {"http": {"side": side, "path": "/errors"}} for side in ("stable", "canary")}
    both = {key: value for key, value in kit.item("shop-both").items() if key != "probe"}
    project.checklist({**both, "probes": probes, "pass": rules})
    done = project.pytest()
    assert done.code == 1, done.out
    assert "canary.json.errors is 7" in done.out


def test_row51_answers_of_which_some_failed_are_counted_as_failed(project: Any, server: Any, kit: Any) -> None:
    """2 of 5 requests end without an answer: the success ratio is 3 of 5, not 3 of 3."""

    def flaky(number: int, _: Any) -> Any:
        if number in (2, 3, 5, 6):  # a kept connection that ends unanswered is tried once on a new one
            raise ConnectionAbortedError
        return kit.healthy

    server.answers["/cart"] = flaky
    ratio = "divide(length(requests[?status == `200`]), count)"
    rule = {"expect": {"value": ratio, "at_least": 0.95, "unit": "ratio", "samples": "count", "name": "success"}}
    probe = {"http": {"side": "stable", "path": "/cart", "times": 5}}
    project.checklist(kit.item("shop-c", probe=probe, **{"pass": [rule]}))
    done = project.pytest()
    assert done.code == 1, done.out
    assert "success 0.6 < 0.95" in done.out
    assert "n=5" in done.out


DATES = {
    "/epoch": ("Thu, 01 Jan 1970 00:00:00 GMT", "inconclusive"),
    "/2038": ("Tue, 19 Jan 2038 03:14:08 GMT", "pass"),
    "/leap": ("Sat, 31 Dec 2016 23:59:60 GMT", "pass, inconclusive"),
    "/nonsense": ("yesterday", "pass"),
    "/year": ("Fri, 31 Dec 99999 23:59:59 GMT", "pass"),
}


def test_row121_dates_at_the_edges(project: Any, server: Any, kit: Any) -> None:
    """Epoch 0 is an old answer; what is no date, or one to come, is ignored; nothing breaks."""
    for path, (date, _) in DATES.items():
        server.answers[path] = (200, {**kit.healthy[1], "Date": date}, kit.healthy[2])
    project.checklist(*[kit.item(f"shop-{path[1:]}", path) for path in DATES])
    done = project.pytest()
    assert done.code == 6, done.out
    assert "INTERNALERROR" not in done.out
    for check, (_, verdicts) in zip(done.verdict["checks"], DATES.values(), strict=True):
        assert check["verdict"] in verdicts, check["reason"]


ASLEEP = """
from datetime import timedelta

import gonogo.flows.look as look
from gonogo.flows.clock import SystemClock

pytest_plugins = ["gonogo.pytest_plugin"]


class Later(SystemClock):
    def now(self):
        return super().now() + timedelta(minutes=MINUTES)


def pytest_runtest_teardown():
    look.SystemClock = Later
"""


@pytest.mark.parametrize(
    ("minutes", "code"),
    [(180, 6), (60, 0), (-60, 0)],
    ids=["row124-asleep", "row120-hour-forth", "row120-hour-back"],
)
def test_the_clock_between_the_last_look_and_the_verdict(project: Any, minutes: int, code: int) -> None:
    """Three hours are a machine that slept: HOLD. An hour is a clock that was put right: the same verdict."""
    project.write("conftest.py", ASLEEP.replace("MINUTES", str(minutes)))
    done = project.pytest()
    assert done.code == code, done.out
    assert ("after the last look: was this machine asleep?" in done.out) == (code == 6)
