"""What our own runner does not understand is named and never a pass; what depends on it is not sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gonogo.probes.postman.outcome import Result

Run = Callable[..., list[Result]]

BEYOND = (
    "if (pm.response.code === 200) { pm.test('a', () => {}); }",
    "for (let i = 0; i < 3; i++) {}",
    "tests['Status is 200'] = responseCode.code === 200;",
    "pm.sendRequest('https://evil.example/', (error, response) => {});",
    "postman.setNextRequest(null);",
    "pm.execution.skipRequest();",
    "const { a } = pm.response.json();",
    "pm.test('x', (done) => { done(); });",
    "pm.test('x', () => { pm.expect(1).to.be.closeTo(1, 0.1); });",
    "pm.test('x', () => { pm.expect(1).to.be.ture; });",
    "pm.test('x', async () => { await 1; });",
    "pm.test('x', () => { pm.expect(`${pm.response.code}`).to.eql('200'); });",
    "pm.test('x', () => { pm.expect(pm.response.json().n == 3).to.be.true; });",
    "pm.test('x', () => { pm.expect(1 / 2).to.eql(0.5); });",
    "pm.test('x', () => { pm.expect('a').to.match(/(?<name>a)/); });",
    "pm.test('x', () => { try { pm.expect(1).to.eql(2); } catch (error) {} });",
    "var x = require('lodash');",
    "eval('1');",
    "pm.test('x', function () { return true; });",
    "let unfinished = (",
    "]",
    "const big = 12345678901234567890;",
    "pm.test('x', () => { pm.expect([1].includes()).to.be.false; });",
    "(" * 3000,
)


@pytest.mark.parametrize("line", BEYOND, ids=range(len(BEYOND)))
def test_a_line_beyond_the_subset_is_named(fake: Any, collect: Any, tools: Any, native: Run, line: str) -> None:
    """And whatever else holds, the request is not decided."""
    fake.answers["/a"] = {"n": 3}
    good = "pm.test('status', () => pm.response.to.have.status(200));"
    (result,) = native(collect(tools.request("A", "/a", good, line)))
    assert len(result.unclear) == 1
    assert result.unclear[0].strip()
    assert "evil.example" not in fake.url


def test_the_line_is_the_one_that_was_not_understood(fake: Any, collect: Any, tools: Any, native: Run) -> None:
    """Not the first of the script or of the function."""
    fake.answers["/a"] = {"n": 3}
    lines = ("pm.test('a', () => {", "  pm.expect(1).to.eql(1);", "  pm.expect(1).to.be.closeTo(1, 0.5);", "});")
    (result,) = native(collect(tools.request("A", "/a", *lines)))
    assert result.unclear == ["pm.expect(1).to.be.closeTo(1, 0.5);"]


def test_what_needs_a_lost_variable_is_not_sent(fake: Any, collect: Any, tools: Any, native: Run) -> None:
    """The rest of the collection is."""
    fake.answers |= {"/a": {"id": 7}, "/c": {}}
    items = (
        tools.request("A", "/a", "if (true) { pm.environment.set('id', 7); }"),
        tools.request("B", "/b/{{id}}"),
        tools.request("C", "/c", "pm.test('x', () => pm.response.to.be.ok);"),
    )
    first, second, third = native(collect(*items))
    assert first.unclear
    assert second.not_sent == "{{id}} has no value: what sets it did not run"
    assert third.tests[0].passed
    assert fake.paths() == ["/a", "/c"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"auth": {"type": "oauth2", "oauth2": []}}, "auth of type oauth2"),
        ({"body": {"mode": "formdata", "formdata": []}}, "a body of mode formdata"),
        ({"body": {"mode": "graphql", "graphql": {}}}, "a body of mode graphql"),
        ({"url": {"raw": "{{baseUrl}}/a/:id", "variable": [{"key": "id"}]}}, "path variables of its URL"),
        ({"header": [{"key": "X-A", "value": "한글"}]}, "a header 'X-A' that is not ASCII"),
        ({"header": [{"key": "X-A", "value": "{{$randomCity}}"}]}, "the variable {{$randomCity}}"),
    ],
)
def test_what_only_newman_sends_is_not_sent(
    fake: Any, collect: Any, native: Run, more: dict[str, Any], said: str
) -> None:
    """Half a request is none."""
    request = {"method": "GET", "url": "{{baseUrl}}/a", "header": [], **more}
    (result,) = native(collect({"name": "A", "request": request}))
    assert (tuple(result.unclear), fake.calls) == ((said,), [])
    assert result.not_sent


def test_a_script_before_that_is_not_understood_keeps_the_request_back(
    fake: Any, collect: Any, tools: Any, native: Run
) -> None:
    """It might have made what is sent."""
    (result,) = native(collect(tools.request("A", "/a", before=["while (true) {}"])))
    assert (result.unclear, fake.calls) == (["while (true) {}"], [])


def test_a_script_before_that_throws_is_an_error_of_it(fake: Any, collect: Any, tools: Any, native: Run) -> None:
    """Understood, and wrong: nothing is sent, and the request fails."""
    (result,) = native(collect(tools.request("A", "/a", before=["const j = JSON.parse('{');"])))
    assert (result.unclear, fake.calls) == ([], [])
    assert str(result.script_error).startswith("SyntaxError")


def test_half_a_character_is_not_sent(fake: Any, collect: Any, tools: Any, native: Run) -> None:
    """JavaScript has texts that no encoding has."""
    (result,) = native(collect(tools.request("A", "/a?q={{half}}", before=[r"pm.variables.set('half', '\ud800');"])))
    assert (list(result.unclear), fake.calls) == (["half a surrogate pair"], [])


def test_no_answer_is_an_error_and_no_test_runs(fake: Any, collect: Any, tools: Any, native: Run) -> None:
    """And the requests after it are sent."""
    fake.answers["/b"] = {}
    items = (tools.request("A", "/a"), tools.request("B", "/b"))
    first, second = native(collect(*items), {"baseUrl": "http://127.0.0.1:1"})
    assert first.error
    assert not first.tests
    assert second.error


def test_after_the_deadline_nothing_is_sent(fake: Any, collect: Any, tools: Any, native: Run) -> None:
    """What was left is named."""
    (result,) = native(collect(tools.request("A", "/a")), seconds=0)
    assert result.not_sent == "the deadline of 0 s was over"
    assert fake.calls == []


def test_values_stay_below_their_path(fake: Any, collect: Any, tools: Any, native: Run) -> None:
    """A value of an answer cannot lead to another host."""
    fake.answers |= {"/a": {"id": "@evil.example/x"}}
    script = "pm.environment.set('id', pm.response.json().id);"
    _, second = native(collect(tools.request("A", "/a", script), tools.request("B", "/b/{{id}}")))
    assert second.status == 404
    assert [call.headers["host"] for call in fake.calls] == [fake.url.removeprefix("http://")] * 2
