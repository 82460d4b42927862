"""What leaves a run: no secret, no act of a hostile server, whatever the console."""

from __future__ import annotations

import base64
import json
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

TOKEN = "s3cret/+zebra=77&x"


def files_below(*folders: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["one-process", "two-workers"])
def test_row119_a_secret_that_the_server_echoes_is_nowhere(
    project: Any, server: Any, kit: Any, tmp_path: Path, processes: tuple[str, ...]
) -> None:
    """Raw, URL-encoded and base64; in body, header, error page, key and redirect; in no file and on no stream."""
    shapes = [TOKEN, quote(TOKEN, safe=""), base64.b64encode(TOKEN.encode()).decode()]

    def echo(_: int, headers: dict[str, str]) -> Any:
        assert headers["authorization"] == f"Bearer {TOKEN}"
        body = {"status": headers["authorization"], "also": shapes, TOKEN: 1}
        return 200, {"Content-Type": "application/json", "X-Echo": shapes[1]}, json.dumps(body).encode()

    seen: list[str] = []

    def page(_: int, headers: dict[str, str]) -> Any:
        seen.append(subprocess.run(["ps", "axww"], capture_output=True, encoding="utf-8", check=False).stdout)
        return 500, {"Content-Type": "text/html", "X-Echo": TOKEN}, f"<b>{headers['authorization']}</b>".encode()

    server.answers.update({"/echo": echo, "/page": page, "/gone": lambda *_: (302, {"Location": f"/?{TOKEN}"}, b"")})
    auth = {"kind": "bearer", "secret": "SHOP_TOKEN"}
    project.environment(sides={"stable": {"url": project.url, "auth": auth}})
    texts = [{"expect": {"value": "text", "equals": "fine"}}]
    project.checklist(
        kit.item("shop-echo", "/echo"), kit.item("shop-page", "/page", **{"pass": texts}), kit.item("shop-go", "/gone")
    )
    summary = tmp_path / "summary.md"
    done = project.pytest(
        "-vv", "--tb=long", "-rA", "--junitxml=junit.xml", "--alluredir=allure", *processes,
        variables={"SHOP_TOKEN": TOKEN, "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)},
    )  # fmt: skip
    assert done.code == 1, done.out
    written = files_below(done.folder, project.root, tmp_path)
    assert len(written) > 10
    assert summary.exists()
    for shape in shapes:
        assert [str(path) for path, content in written.items() if shape.encode() in content] == []
        assert shape not in done.out + done.err + "".join(seen)
    assert b"***" in written[done.folder / "evidence.jsonl"]
    assert len(seen) == 1


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> "
    "\x1b[2J\x1b]8;;http://evil.example\x07link\x1b]8;;\x07 \x9b2J "
    "\r\n::set-output name=go::yes\n##vso[task.complete]\n"
    "\u202eOG\u202c z\u200bw ]]> <!ENTITY a 'b'> {{7*7}} {% x %} %s {0.__class__} ../../etc/passwd\x00 =HYPERLINK(1)"
)


def test_rows111_to_118_hostile_text_acts_nowhere(project: Any, server: Any, kit: Any, tmp_path: Path) -> None:
    """One run with all of it in body, header and error page: terminal, HTML, XML, Markdown, JUnit, allure, CI log."""
    server.answers["/evil"] = kit.broken(HOSTILE)
    server.answers["/page"] = (500, {"Content-Type": "text/html", "X-Evil": "<script>\x1b[2J"}, HOSTILE.encode())
    texts = [{"expect": {"value": "text", "equals": "fine"}}, {"listed": {"value": "[text]"}}]
    project.checklist(kit.item("shop-evil", "/evil"), kit.item("shop-page", "/page", **{"pass": texts}))
    summary = tmp_path / "summary.md"
    done = project.pytest(
        "-vv", "--tb=long", "-rA", "--junitxml=pytest.xml", "--alluredir=allure",
        variables={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)},
    )  # fmt: skip
    assert done.code == 1, done.out
    for raw in ("\x1b", "\x9b", "\x07", "\x00", "\u202e", "\u200b"):
        assert raw not in done.out.replace("\x1b[?25h", "")
    ours = ("::error", "::warning", "::notice", "::group", "::endgroup")
    commands = [line for line in done.out.splitlines() if line.lstrip().startswith(("::", "##vso", "##["))]
    assert [line for line in commands if not line.startswith(ours)] == []
    assert "49" not in done.verdict["checks"][0]["reason"].replace(server.url, "")  # 7 * 7 is not worked out
    html = (done.folder / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "[2J" in html
    for name in (done.folder / "junit.xml", project.root / "pytest.xml"):
        root = ET.parse(name).getroot()  # noqa: S314 - our own file
        assert "alert(1)" in ET.tostring(root, encoding="unicode")
    for text in ((done.folder / "report.md").read_text(encoding="utf-8"), summary.read_text(encoding="utf-8")):
        assert "<script>" not in text
        assert "<img" not in text
        assert not {"\x1b", "\u202e", "\x00"} & set(text)
    assert all(path.is_relative_to(project.root) for path in files_below(project.root))
    results = [json.loads(path.read_bytes()) for path in (project.root / "allure").glob("*-result.json")]
    assert len(results) == 2


def test_junit_of_pytest_and_allure_carry_the_item(project: Any, server: Any, kit: Any) -> None:
    """--junitxml holds rule and verdict as properties; allure results hold epic, feature, story, severity, title."""
    server.answers["/cart"] = kit.broken()
    done = project.pytest("--junitxml=pytest.xml", "--alluredir=allure")
    assert done.code == 1
    cases = ET.parse(project.root / "pytest.xml").getroot().iter("testcase")  # noqa: S314 - our own file
    properties = {
        case.get("name"): {each.get("name"): each.get("value") for each in case.iter("property")} for case in cases
    }
    assert properties["test_item[shop-a]"]["gonogo_verdict"] == "pass"
    failed = properties["test_item[shop-c]"]
    assert (failed["gonogo_verdict"], failed["gonogo_area"], failed["gonogo_how"]) == ("fail", "team", "fail")
    assert "healthy" in failed["gonogo_rule"]
    results = [json.loads(path.read_bytes()) for path in (project.root / "allure").glob("*-result.json")]
    assert {each["name"]: each["status"] for each in results} == {
        "shop-a: shop-a is fine": "passed",
        "shop-b: shop-b is fine": "passed",
        "shop-c: shop-c is fine": "failed",
    }
    labels = {(label["name"], label["value"]) for label in results[0]["labels"]}
    assert {("epic", "shop"), ("feature", "predeploy"), ("severity", "blocker"), ("owner", "Kim")} <= labels
    stories = {label["value"] for each in results for label in each["labels"] if label["name"] == "story"}
    assert stories == {"technical", "team"}


def test_row96_an_old_locale_and_no_terminal(project: Any, server: Any, kit: Any) -> None:
    """LC_ALL=C without UTF-8 mode: Korean in title, remedy and answer changes no verdict and breaks nothing."""
    server.answers["/cart"] = kit.broken("고장")
    project.checklist(kit.item("shop-a"), kit.item("shop-c", "/cart", remedy="가게를 보세요.", owner="김민준"))
    old = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TERM": "dumb"}
    done = project.pytest("-v", variables=old)
    assert done.code == 1, done.out + done.err
    assert "INTERNALERROR" not in done.out + done.err
    assert "가게를 보세요." in (done.folder / "report.md").read_text(encoding="utf-8")
    assert done.verdict["checks"][1]["observed"] == '"고장"'


@pytest.mark.parametrize("where", ["| true", ">&-", "> /dev/full"], ids=["reader-left", "closed", "full"])
def test_row96_nobody_can_read_the_output(project: Any, where: str) -> None:
    """The board is lost, so the status is not 0, whatever the verdict file says."""
    line = " ".join([*project.command("-m", "predeploy", "--env", "shop"), where, "; exit ${PIPESTATUS[0]}"])
    done = project.run(["bash", "-c", line])
    assert done.code != 0


@pytest.mark.parametrize("variables", [{"TZ": "Asia/Seoul"}, {"TZ": "America/New_York"}, {"TZ": "nonsense"}])
def test_row120_the_time_zone_of_the_machine_changes_nothing(project: Any, kit: Any, variables: dict[str, str]) -> None:
    """Due is due, and every stamp carries its offset."""
    project.checklist(kit.item("shop-a", at="T+60m"), kit.item("shop-b", at="T+9999h"))
    project.release(t0="2026-11-01T01:30:00-04:00")  # an hour that New York has twice
    done = project.pytest(variables=variables)
    assert done.code == 0, done.out
    assert done.verdict["t0"] == "2026-11-01T01:30:00-04:00"
    assert [check["id"] for check in done.verdict["checks"]] == ["shop-a"]
    for key in ("started", "ended", "now"):
        assert done.verdict[key].endswith("+00:00")


def test_row92_many_items_one_of_them_failing(project: Any, server: Any, kit: Any) -> None:
    """2,000 items on 20 paths: the one that fails is found, named, and decides."""
    server.answers["/bad"] = kit.broken()
    items = [kit.item(f"shop-{number}", f"/{number % 20}") for number in range(1999)]
    project.checklist(*items, kit.item("shop-last", "/bad"))
    done = project.pytest("-q")
    assert done.code == 1
    assert len(server.asked) == 21
    failed = [check["id"] for check in done.verdict["checks"] if check["verdict"] != "pass"]
    assert failed == ["shop-last"]
    assert "NO-GO  1999 of 2000 due items passed, 1 failed" in done.out
