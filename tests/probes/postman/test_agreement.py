"""newman and the runner of our own against the same answers: request by request and test by test the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gonogo.probes.postman.collection import read_collection
from gonogo.probes.postman.outcome import Result

ROOT = Path(__file__).parents[3]
TEAM = ROOT / "environments" / "factory" / "smoke-tests.postman_collection.json"
Run = Callable[..., list[Result]]

DOCUMENT = {
    "status": "ok", "n": 3, "f": 0.5, "list": [{"a": 1}, {"a": 2}], "none": None, "yes": True, "empty": [],
    "korean": "판정 완료", "nested": {"deep": {"er": [10, 20]}}, "text": "1",
}  # fmt: skip
# An assertion on `j`, the answer above, and whether it holds.
ASSERTIONS = {
    "pm.response.to.have.status(200)": True,
    "pm.response.to.not.have.status(200)": False,
    "pm.response.to.be.ok": True,
    "pm.response.to.be.success": True,
    "pm.response.to.be.notFound": False,
    'pm.response.to.have.header("content-type")': True,
    'pm.response.to.have.header("Content-Type", "application/json")': True,
    'pm.response.to.have.header("X-None")': False,
    'pm.response.to.have.jsonBody("list.0.a", 1)': True,
    'pm.response.to.have.jsonBody("nested.deep.er")': True,
    'pm.response.to.have.jsonBody("nested.no")': False,
    "pm.response.to.be.json": True,
    "pm.expect(pm.response.responseTime).to.be.below(5000)": True,
    'pm.expect(pm.response.headers.get("Content-Type")).to.include("json")': True,
    'pm.expect(j.status).to.eql("ok")': True,
    'pm.expect(j.status).to.equal("OK")': False,
    "pm.expect(j.n).to.equal(3.0)": True,
    "pm.expect(j.text).to.equal(1)": False,
    "pm.expect(j.yes).to.equal(1)": False,
    "pm.expect(j.yes).to.be.true": True,
    "pm.expect(j.n).to.be.true": False,
    "pm.expect(j.none).to.be.null": True,
    "pm.expect(j.nothing).to.be.undefined": True,
    "pm.expect(j.nothing).to.exist": False,
    "pm.expect(j.none).to.exist": False,
    "pm.expect(j.f).to.be.within(0, 1)": True,
    "pm.expect(j.n).to.be.within(0, 1)": False,
    "pm.expect(j.n).to.be.at.least(3)": True,
    "pm.expect(j.n).to.be.above(3)": False,
    "pm.expect(j.text).to.be.above(0)": False,
    "pm.expect(j.text).to.not.be.above(5)": False,
    "pm.expect(j.n).to.be.oneOf([1, 2])": False,
    'pm.expect(j.status).to.be.oneOf(["ok", "fine"])': True,
    'pm.expect(j.status).to.not.be.oneOf(["ok"])': False,
    'pm.expect(j.list).to.be.an("array").that.is.not.empty': True,
    'pm.expect(j.list).to.be.an("object")': False,
    'pm.expect(j.none).to.be.a("null")': True,
    "pm.expect(j.empty).to.be.empty": True,
    "pm.expect(j.nothing).to.be.empty": False,
    "pm.expect(j.list).to.have.lengthOf(2)": True,
    "pm.expect(j.list).to.have.length.above(5)": False,
    "pm.expect(j.korean).to.have.lengthOf(5)": True,
    "pm.expect(j.list[0]).to.equal({a: 1})": False,
    "pm.expect(j.list[0]).to.eql({a: 1})": True,
    "pm.expect(j.list).to.deep.include({a: 2})": True,
    "pm.expect(j.list).to.include({a: 2})": False,
    'pm.expect(j).to.include({status: "ok"})': True,
    'pm.expect(j.korean).to.include("완료")': True,
    'pm.expect(["ok", "fine"]).to.include(j.status)': True,
    'pm.expect(j).to.have.property("n", 3)': True,
    'pm.expect(j).to.have.property("n", 4)': False,
    'pm.expect(j).to.not.have.property("gone")': True,
    'pm.expect(j).to.have.property("nested").that.has.property("deep")': True,
    "pm.expect(j.status).to.match(/^o.$/)": True,
    "pm.expect(j.status).to.match(/^O/i)": True,
    "pm.expect(j.status).to.match(/\\d/)": False,
    "pm.expect(j.n >= 3 && j.n < 4).to.be.true": True,
    'pm.expect(typeof j.none === "object" || false).to.be.true': True,
    "pm.expect(Object.keys(j.list[0]).length === 1).to.be.true": True,
    "pm.expect(Array.isArray(j.list)).to.be.true": True,
    "pm.expect(j.list.every((one) => one.a > 1)).to.be.true": False,
    "pm.expect(j.list.map(one => one.a)).to.eql([1, 2])": True,
    "pm.expect(j.nothing.deeper).to.exist": False,
    'pm.expect("a" + j.status).to.equal("aok")': True,
    'pm.expect.fail("no")': False,
    'pm.expect(JSON.parse("{}")).to.eql({})': True,
    "pm.expect(j.n).to.equal(-3)": False,
}


def told(results: list[Result]) -> list[Any]:
    """What both runners have to tell alike."""
    return [
        (
            one.request.id,
            one.status,
            [(test.name, test.passed, test.skipped) for test in one.tests],
            one.script_error is not None,
            one.error is not None,
        )
        for one in results
    ]


def assertions(tools: Any) -> Any:
    lines = [f"pm.test({json.dumps(text)}, () => {{ {text}; }});" for text in ASSERTIONS]
    return tools.request("All", "/all", "const j = pm.response.json();", *lines)


def test_assertions_mean_here_what_they_say(fake: Any, collect: Any, tools: Any, native: Run) -> None:
    """Each of them, by our own runner."""
    fake.answers["/all"] = DOCUMENT
    (result,) = native(collect(assertions(tools)))
    assert result.unclear == []
    assert {test.name: test.passed for test in result.tests} == ASSERTIONS


def scenario(tools: Any) -> list[Any]:
    """What goes on between requests, and what goes wrong."""
    bearer = {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}"}]}
    key = {"type": "apikey", "apikey": [{"key": "key", "value": "X-Key"}, {"key": "value", "value": "{{token}}"}]}
    query = {"type": "apikey", "apikey": [*key["apikey"], {"key": "in", "value": "query"}]}
    raw = {"mode": "raw", "raw": '{"q": "{{question}}", "n": {{n}}}', "options": {"raw": {"language": "json"}}}
    form = {"mode": "urlencoded", "urlencoded": [{"key": "q", "value": "{{question}}"}]}
    echo = "const j = pm.response.json();"
    return [
        tools.request(
            "First", "/first", echo, 'pm.environment.set("n", j.n);', 'pm.environment.set("id", j.id);',
            'pm.test("has an id", function () {', '    pm.expect(j.id).to.be.a("string");', "});",
        ),
        {
            "name": "Folder",
            "auth": bearer,
            "event": [{"listen": "prerequest", "script": {"exec": 'pm.variables.set("question", "왜?");'}}],
            "item": [
                tools.request(
                    "Chained", "/echo/{{id}}", echo, 'pm.test("auth", () => pm.expect(j.auth).to.equal("Bearer t0k"));',
                    'pm.test("path", () => pm.expect(j.path).to.include("r-7"));',
                ),
                tools.request(
                    "Body", "/echo", echo, 'pm.test("body", () => pm.expect(j.form).to.eql({q: "왜?", n: 3}));',
                    method="POST", body=raw,
                ),
                tools.request(
                    "Form", "/echo", echo, 'pm.test("form", () => pm.expect(j.form.q).to.eql("왜?"));',
                    method="POST", body=form, auth=key,
                ),
                tools.request("Key", "/echo", echo, 'pm.test("k", () => pm.expect(j.key).to.eql("t0k"));', auth=key),
                tools.request(
                    "Query", "/echo?a=1", echo,
                    'pm.test("q", () => pm.expect(j.query).to.eql({a: "1", "X-Key": "t0k"}));', auth=query,
                ),
            ],
        },
        tools.request("No tests", "/first"),
        tools.request("No tests 500", "/sick"),
        tools.request("Fast 500", "/sick", 'pm.test("1", () => pm.expect(pm.response.responseTime).to.be.below(9e3));'),
        tools.request("Hangs up", "/gone", 'pm.test("1", () => pm.response.to.have.status(200));'),
        tools.request("Redirected", "/away", 'pm.test("302", () => pm.response.to.have.status(302));'),
        tools.request("Not JSON", "/page", 'pm.test("j", () => { pm.expect(pm.response.json().a).to.exist; });'),
        tools.request("Thrown", "/page", "const j = pm.response.json();", 'pm.test("never", () => {});'),
        tools.request("Skipped", "/first", 'pm.test.skip("later", function () {});', 'pm.test("now", () => {});'),
        tools.request("Unset", "/echo/{{never}}", echo, 'pm.test("1", () => pm.expect(j.path).to.include("never"));'),
        tools.request(
            "Set before", "/echo/{{made}}", echo, 'pm.test("made", () => pm.expect(j.path).to.include("/echo/42"));',
            before=['pm.collectionVariables.set("made", 42);'],
        ),
    ]  # fmt: skip


def serve(fake: Any) -> None:
    def echo(call: Any) -> Any:
        headers = {"auth": call.headers.get("authorization"), "key": call.headers.get("x-key")}
        return {**headers, "path": call.path, "query": call.query, "form": call.form}

    def gone(_: Any) -> Any:
        raise ConnectionResetError

    fake.answers |= {
        "/all": DOCUMENT,
        "/gone": gone,
        "/first": {"id": "r-7", "n": 3},
        "/echo": echo,
        "/echo/r-7": echo,
        "/echo/42": echo,
        "/echo/%7B%7Bnever%7D%7D": echo,
        "/sick": (500, {"error": "internal"}),
        "/away": (302, b"", {"Location": "http://evil.example/"}),
        "/page": (200, b"<html>", {"Content-Type": "text/html"}),
    }


def test_what_goes_on_between_requests(fake: Any, collect: Any, tools: Any, native: Run) -> None:
    """Variables, folders' scripts and auth, bodies; what is wrong is told and not passed over."""
    serve(fake)
    results = {one.request.name: one for one in native(collect(*scenario(tools)), {"token": "t0k"})}
    good = ("First", "Chained", "Body", "Form", "Key", "Query", "Redirected", "Unset", "Set before")
    failed = {name: [test.error for test in results[name].tests if not test.passed] for name in good}
    assert failed == {name: [] for name in good}
    assert all(len(results[name].tests) >= 1 for name in good)
    assert (results["No tests 500"].status, results["Fast 500"].request.asserts_status) == (500, False)
    assert results["Thrown"].script_error is not None
    assert (results["Hangs up"].error is None, results["Hangs up"].tests) == (False, ())
    assert [test.skipped for test in results["Skipped"].tests] == [True, False]
    assert "evil.example" not in str(fake.calls)


def test_newman_comes_to_the_same(fake: Any, collect: Any, tools: Any, native: Run, by_newman: Run) -> None:
    """On every assertion and on the scenario; also in what fails."""
    serve(fake)
    collection = collect(*scenario(tools), assertions(tools))
    assert told(by_newman(collection, {"token": "t0k"})) == told(native(collection, {"token": "t0k"}))


HEALTHY = {
    "/health": {"status": "healthy"},
    "/api/v1/feedback": (201, {"status": "accepted"}),
    "/api/v1/workflow/run": (202, {"instance_id": 7, "status": "RUNNING"}),
    "/api/v1/workflow/instances/7": {"workflow_id": "wf-simple", "status": "RUNNING"},
    "/api/v1/bi/query": {"chart": {"type": "line", "x": ["2026-11-20"], "y": [3]}},
    "/slack/events": {"ok": True, "reply": {"text": "확인했습니다"}},
}


def _judged(call: Any) -> Any:
    method = {"RULE_ONLY": "rule", "LLM_ONLY": "llm"}.get(call.form["policy"], "hybrid")
    return {"execution_id": 41, "result": "NORMAL", "confidence": 0.9, "method": method}


@pytest.mark.parametrize("sick", [False, True], ids=["healthy", "sick"])
def test_they_agree_on_the_teams_collection(fake: Any, native: Run, by_newman: Run, *, sick: bool) -> None:
    """Of a system that is well, and of one of which half is broken."""
    fake.answers |= {**HEALTHY, "/api/v1/judgment/execute": _judged}
    if sick:
        fake.answers |= {
            "/health": {"status": "degraded"},
            "/api/v1/judgment/execute": lambda call: {**_judged(call), "confidence": "0.9", "method": "rule"},
            "/api/v1/workflow/run": (500, {"error": "internal"}),
            "/api/v1/bi/query": {"chart": None},
            "/slack/events": (200, b"", {"Content-Type": "application/json"}),
        }
    collection = read_collection(TEAM, TEAM.name)
    values = {"apiToken": "t0k", "user": "gonogo-smoke"}
    ours, theirs = native(collection, values), by_newman(collection, values)
    assert told(ours) == told(theirs)
    assert [one.unclear for one in ours] == [[]] * len(collection.requests)
    held = all(test.passed for one in theirs for test in one.tests)
    assert held is not sick
