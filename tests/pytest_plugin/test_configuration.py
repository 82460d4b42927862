"""Bad input from outside: one line, exit 4 or 7, and not one request."""

from __future__ import annotations

import json
from typing import Any

import pytest

TOKEN = "tok-8c1f0e7a55d94b"


def say(done: Any) -> list[str]:
    """Lines that are not pytest's own frame."""
    frame = ("=====", "platform ", "rootdir: ", "configfile: ", "testpaths: ", "plugins: ", "collected ", "created: ")
    return [line for line in done.lines if not line.startswith(frame) and not line.endswith("workers [0 items]")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--env", "shpo"), "there is no environment 'shpo'; did you mean 'shop'?"),
        (("--env", "../shop"), "there is no environment '../shop'"),
        (("--env", "shop", "--fault", "api-down"), "shop has no faults to rehearse"),
        (("--env", "shop", "--at", "soon"), "--at: 'soon' is not a place on the timeline; write T-48h, T0 or T+60m"),
        (("--env", "shop", "--at", "60m"), "--at: '60m' is not a place on the timeline"),
        (("--env", "shop", "--system", "shp"), "no checklist is for system 'shp'; did you mean 'shop'?"),
        (("--env", "shop", "--allow-action", "reset"), "no checklist item has the action 'reset'"),
        (("--env", "shop", "--env", "shop"), "an environment is named twice with --env"),
        (("--env", "shop", "--release", "nowhere.yaml"), "nowhere.yaml: there is no such file"),
        (("--env", "shop", "--release", "pytest.ini"), "pytest.ini"),
        ((), "there is no environment 'local'"),
        (("-n", "2", "--env", "shpo"), "there is no environment 'shpo'; did you mean 'shop'?"),
    ],
)
def test_one_line_exit_4_and_nothing_sent(project: Any, server: Any, arguments: tuple[str, ...], says: str) -> None:
    """Unknown names and unreadable values, by their nearest name; also where workers collect."""
    done = project.pytest(*arguments, env=None)
    assert done.code == 4, done.out + done.err
    (line,) = say(done)
    assert line.startswith("ERROR: ")
    assert says in line
    assert (server.asked, done.folders) == ([], ())


def test_a_system_of_another_environment(project: Any, server: Any, kit: Any) -> None:
    """`--system` refuses an environment that is not of it."""
    project.write(
        "checks/mill.yaml",
        {
            "system": "mill",
            "phase": "predeploy",
            "defaults": {"area": "team", "owner": "Kim", "source": "x"},
            "items": [kit.item("mill-a")],
        },
    )
    done = project.pytest("--system", "mill")
    assert done.code == 4
    assert say(done) == ["ERROR: shop is an environment of system 'shop', not 'mill'"]
    assert project.pytest("--system", "shop").code == 0
    assert len(server.asked) == 2


def test_row69_an_unset_secret_stops_all_environments(project: Any, server: Any) -> None:
    """Also where the first environment of two has all it needs: nothing is sent, only the variable's name is said."""
    auth = {"kind": "bearer", "secret": "SHOP_TOKEN"}
    project.environment("two", sides={"stable": {"url": project.url, "auth": auth}})
    done = project.pytest("--env", "two")
    assert done.code == 4
    (line,) = say(done)
    assert "environments/two.yaml:" in line
    assert "the variable SHOP_TOKEN is not set" in line
    blank = project.pytest(env="two", variables={"SHOP_TOKEN": "  "})
    assert blank.code == 4
    assert "SHOP_TOKEN is blank" in blank.out + blank.err
    short = project.pytest(env="two", variables={"SHOP_TOKEN": "abc"})
    assert short.code == 4
    assert len(say(short)) == 1
    assert server.asked == []
    assert project.pytest(env="two", variables={"SHOP_TOKEN": TOKEN}).code == 0


def test_a_secret_of_a_back_end_that_is_not_asked_is_not_asked_for(project: Any, server: Any) -> None:
    """At 3 a.m. nobody has to set what another phase needs; a value that is set is checked."""
    auth = {"kind": "bearer", "secret": "SHOP_SCRATCH"}
    ends = {"scratch": {"address": "127.0.0.1:1", "auth": auth}}
    project.environment("two", sides={"stable": {"url": project.url}}, back_ends=ends)
    assert project.pytest(env="two").code == 0
    assert len(server.asked) == 2
    assert "SHOP_SCRATCH" in str(say(project.pytest(env="two", variables={"SHOP_SCRATCH": "  "})))


def test_row73_a_guard_is_exit_7_and_wins_over_a_secret(project: Any, server: Any) -> None:
    """A live environment over http, its secret unset: refused, in one line."""
    auth = {"kind": "bearer", "secret": "SHOP_TOKEN"}
    project.environment("web", sides={"stable": {"url": "http://shop.example", "auth": auth}}, guards={"live": True})
    for more in ((), ("-n", "2")):
        done = project.pytest(*more, env="web")
        assert done.code == 7, done.out
        (line,) = say(done)
        assert "sides.stable.url is http, and web is a live environment" in line
    assert server.asked == []


def test_row50_a_query_that_only_its_server_can_read_names_its_line(project: Any, server: Any, kit: Any) -> None:
    """What PromQL is no query is known once the server says so: exit 4, with the checklist's file and line."""

    class Prometheus(dict[str, Any]):
        def get(self, path: str, default: Any = None) -> Any:
            told = {"status": "error", "errorType": "bad_data", "error": "1:8: parse error: unclosed left parenthesis"}
            answer = (400, {"Content-Type": "application/json"}, json.dumps(told).encode())
            return answer if path.startswith("/api/v1/query") else default

    server.answers = Prometheus()
    project.environment(back_ends={"prometheus": {"address": server.url}})
    project.checklist(kit.item("shop-a", probe={"prometheus": {"query": "sum(up"}}))
    done = project.pytest()
    assert done.code == 4
    line = next(line for line in say(done) if "parse error" in line)
    assert "in the query: sum(up (asked for at checks/predeploy.yaml:1)" in line


def test_row74_an_action_needs_its_flag_and_the_guard(project: Any, server: Any, kit: Any) -> None:
    """Without the flag it is not in the manifest, with it the environment may refuse: exit 7; allowed, it is sent."""
    project.checklist(kit.item("shop-a"), kit.item("shop-reset", "/reset", action="reset"))
    without = project.pytest()
    assert without.code == 0
    assert server.asked == ["/health"]
    assert "not asked for: shop-reset (--allow-action reset)" in without.out
    assert without.verdict["not_asked"] == [{"id": "shop-reset", "action": "reset"}]
    for name in ("report.md", "report.html"):
        page = (without.folder / name).read_text(encoding="utf-8").replace("\\", "")
        assert "Not asked for: shop-reset (--allow-action reset)" in page, name
    judged_again = project.gonogo("judge", str(without.folder))
    assert "not asked for: shop-reset (--allow-action reset)" in judged_again.out
    refused = project.pytest("--allow-action", "reset")
    assert refused.code == 7
    (line,) = say(refused)
    assert "shop does not allow the action 'reset' (guards.actions)" in line
    assert server.asked == ["/health"]
    project.environment(guards={"live": False, "actions": ["reset"]})
    allowed = project.pytest("--allow-action", "reset")
    assert allowed.code == 0, allowed.out
    assert "not asked for" not in allowed.out
    assert allowed.verdict["not_asked"] == []
    assert server.asked == ["/health", "/health", "/reset"]
    assert allowed.plan["manifest"] == ["shop-a", "shop-reset"]


def test_row74_the_cap_on_requests_holds_before_anything_is_sent(project: Any, server: Any, kit: Any) -> None:
    """A plan that is too big for the environment is refused whole."""
    project.environment(guards={"live": False, "max_requests": 3})
    project.checklist(*[kit.item(f"shop-{number}", f"/{number}") for number in range(4)])
    done = project.pytest()
    assert done.code == 4
    assert "the plan needs 4 requests and shop allows 3 (guards.max_requests)" in done.out + done.err
    assert (server.asked, done.folders) == ([], ())


def test_row61_a_broken_checklist_is_one_line_with_its_place(project: Any, server: Any) -> None:
    """File, line and column, whatever the phase that was asked for."""
    project.write("checks/daily.yaml", "system: shop\nphase: daily\nitems: [\n")
    done = project.pytest()
    assert done.code == 4
    (line,) = say(done)
    assert "checks/daily.yaml:4" in line
    assert server.asked == []


@pytest.mark.parametrize("reports", ["out", "out/deeper"])
def test_row86_reports_that_cannot_be_written(project: Any, server: Any, reports: str) -> None:
    """A file stands where the folder has to be: exit 4 before anything is sent."""
    project.write("out", "in the way")
    done = project.pytest("--reports", reports)
    assert done.code == 4
    (line,) = say(done)
    assert "the folder of the run cannot be made" in line
    assert server.asked == []


def test_two_environments_one_of_them_broken(project: Any, server: Any) -> None:
    """A mistake in the second is found before the first is looked at."""
    project.environment("two", sides={"stable": {"url": "ftp://x"}})
    done = project.pytest("--env", "two")
    assert done.code == 4
    assert "environments/two.yaml:" in say(done)[0]
    assert server.asked == []


def test_an_expression_that_is_none_is_refused_before_anything_is_sent(project: Any, server: Any, kit: Any) -> None:
    """A typo in a rule is told with its place, not found out by a run that ends in HOLD."""
    rule = {"expect": {"value": "json.status[", "equals": "healthy"}}
    project.checklist(kit.item("shop-a"), kit.item("shop-b", **{"pass": [rule]}))
    done = project.pytest()
    assert done.code == 4, done.out
    (line,) = say(done)
    assert "checks/" in line
    assert "item shop-b: 'json.status[' is no expression: Invalid jmespath expression: Incomplete expression" in line
    assert (server.asked, done.folders) == ([], ())


def test_a_waiver_of_this_release_that_names_no_item_is_refused(project: Any, server: Any) -> None:
    """A typo in a waiver is told before the run in which it would be missed; another release's may stay."""
    more = {"environment": "shop", "owner": "operations", "reason": "accepted", "until": "2036-12-01T09:00:00+09:00"}
    project.environment(waivers="waivers.yaml")
    project.write("waivers.yaml", [{"id": "shop-aa", "release": "v1.2.3", **more}])
    done = project.pytest()
    assert done.code == 4, done.out
    assert say(done) == ["ERROR: waivers.yaml: no item 'shop-aa' can be waived; did you mean 'shop-a'?"]
    assert server.asked == []
    project.write("waivers.yaml", [{"id": "shop-aa", "release": "v1.0.0", **more}])
    assert project.pytest().code == 0
