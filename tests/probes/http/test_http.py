"""Rows of the fault matrix on HTTP content: which answers are a document, and which are none. The number is the row."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.failure import Failure
from gonogo.probes.http.probe import HttpOptions, look
from gonogo.probes.http.steps import HttpStepsOptions, Step
from gonogo.probes.http.steps import look as look_steps
from gonogo.probes.json_strict import parse_json


def outcome(vantage: Any, **options: Any) -> Seen | Unseen:
    return look(HttpOptions(**{"side": "canary", "path": "/health", **options}), vantage).outcome


def test_a_healthy_answer_is_a_document(serve: Any, stand: Any, tools: Any) -> None:
    """Everything the rules may ask for stands in the document."""
    body = '{"status":"healthy","message":"안녕하세요"}'.encode()
    server = serve(tools.answer(body, X_Version="1.3.0"))
    sight = look(HttpOptions(side="canary", path="/health"), stand(canary=server.url))
    assert isinstance(sight.outcome, Seen)
    found = sight.outcome.data
    assert found["json"] == {"status": "healthy", "message": "안녕하세요"}
    assert (found["status"], found["content_type"], found["bytes"]) == (200, "application/json", len(body))
    assert found["headers"]["x-version"] == "1.3.0"
    assert found["address"] == server.where
    assert found["requests"] == [
        {"status": 200, "elapsed_ms": found["elapsed_ms"], "json": found["json"], "error": None}
    ]
    assert (sight.source, sight.side) == (f"GET {server.url}/health", "canary")


def test_the_body_goes_out_as_utf8_json(serve: Any, stand: Any, tools: Any) -> None:
    """Korean text survives, whatever the locale."""
    server = serve(tools.answer())
    outcome(stand(canary=server.url), method="POST", path="/chat", body={"message": "안녕하세요", "user_id": "gonogo"})
    head, _, body = server.heard[0].partition(b"\r\n\r\n")
    assert body.decode("utf-8") == '{"message": "안녕하세요", "user_id": "gonogo"}'
    assert b"POST /chat HTTP/1.1" in head
    assert b"content-type: application/json" in head.lower()


def test_the_health_path_of_the_side_is_the_default(serve: Any, stand: Any, tools: Any) -> None:
    """Without a path the side's own health path is asked."""
    server = serve(tools.answer())
    look(HttpOptions(side="canary"), stand(canary=server.url))
    assert server.heard[0].startswith(b"GET /health HTTP/1.1")


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "404 Not Found", "500 Oops", "503 Busy"])
def test_other_statuses_are_seen_so_that_rules_judge_them(serve: Any, stand: Any, tools: Any, status: str) -> None:
    """A side's status is what the rules are about."""
    found = outcome(stand(canary=serve(tools.answer(b"{}", status)).url))
    assert isinstance(found, Seen)
    assert found.data["status"] == int(status[:3])


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", ""], ids=["row21-login-page", "row22-no-content-type"])
def test_content_type_decides_what_is_json(serve: Any, stand: Any, tools: Any, kind: str) -> None:
    """Rows 21 and 22: what is not called JSON is text, however much it looks like it."""
    found = outcome(stand(canary=serve(tools.answer(b'{"status":"healthy"}', Content_Type=kind)).url))
    assert isinstance(found, Seen)
    assert found.data["json"] is None
    assert found.data["text"] == '{"status":"healthy"}'


def test_row22_json_by_suffix(serve: Any, stand: Any, tools: Any) -> None:
    """application/health+json is JSON too."""
    found = outcome(stand(canary=serve(tools.answer(Content_Type="application/health+json")).url))
    assert isinstance(found, Seen)
    assert found.data["json"] == {}


def test_row21_text_is_kept_short(serve: Any, stand: Any, tools: Any) -> None:
    """Of a page no more than 2 kB go into the evidence."""
    found = outcome(stand(canary=serve(tools.answer(b"x" * 10_000, Content_Type="text/html")).url))
    assert isinstance(found, Seen)
    assert (len(found.data["text"]), found.data["bytes"]) == (2048, 10_000)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b'{"status": "heal', "at offset 11", id="row23-truncated"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', "byte order mark at offset 0", id="row23-bom"),
        pytest.param('{"a":1}'.encode("utf-16"), "UTF-16", id="row23-utf16"),
        pytest.param('{"a":1}'.encode("utf-16-le"), "at offset 1", id="row23-utf16-without-mark"),
        pytest.param(b'{"a":"\xff"}', "invalid UTF-8 at offset 6", id="row23-invalid-utf8"),
        pytest.param(b'{"a":"\\ud800"}', "surrogate", id="row23-lone-surrogate"),
        pytest.param(b'{"a":1} {}', "Extra data at offset 8", id="row23-two-documents"),
        pytest.param(b'{"status":"fail","status":"ok"}', "key 'status' stands 2 times", id="row24-duplicate-key"),
        pytest.param(b'{"a":{"b":[1,NaN]}}', "NaN is no JSON number, at $.a.b[1]", id="row25-nan"),
        pytest.param(b'{"a":-Infinity}', "at $.a", id="row25-infinity"),
        pytest.param(b'{"a":[0,1e999]}', "1e999 is no finite number, at $.a[1]", id="row25-1e999"),
        pytest.param(b"[" * 100_000, "nested deeper than 64 at offset 64", id="row26-depth"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", "an integer of 5000 digits", id="row26-long-integer"),
        pytest.param(b"", "0 bytes where JSON was promised", id="row28-empty"),
        pytest.param(b" \n", "0 bytes where JSON was promised", id="row28-blank"),
    ],
)
def test_json_that_cannot_be_relied_on(serve: Any, stand: Any, tools: Any, body: bytes, words: str) -> None:
    """Rows 23 to 28: broken, with the place, and never half a document."""
    found = outcome(stand(canary=serve(tools.answer(body)).url))
    assert isinstance(found, Unseen)
    assert found.cause is Cause.BROKEN
    assert words in found.detail


def test_row24_a_doubled_key_deep_inside_is_found() -> None:
    """Row 24: also one that the reader has already swallowed."""
    with pytest.raises(Failure, match=r"'k' stands 2 times, at \$\.a\[1\]"):
        parse_json(b'{"a":[0,{"k":1,"k":2}]}')


def test_row26_brackets_in_strings_do_not_count_as_depth() -> None:
    """Row 26: text full of brackets is no deep document."""
    assert parse_json(b'{"a":"' + b"[" * 200 + b'\\""}') == {"a": "[" * 200 + '"'}


def test_row27_types_are_kept_as_they_came() -> None:
    """Row 27: a number as string stays a string, so that a rule on numbers fails."""
    assert parse_json(b'{"a":"1","b":true,"c":null,"d":1}') == {"a": "1", "b": True, "c": None, "d": 1}


def test_row28_no_content_has_no_document(serve: Any, stand: Any) -> None:
    """Row 28: a 204 is seen, with nothing in it."""
    found = outcome(stand(canary=serve(lambda conn: conn.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")).url))
    assert isinstance(found, Seen)
    assert (found.data["status"], found.data["json"], found.data["text"]) == (204, None, "")


def test_a_broken_body_does_not_hide_an_error_status(serve: Any, stand: Any, tools: Any) -> None:
    """A 500 with half a document is a 500."""
    found = outcome(stand(canary=serve(tools.answer(b"{", "500 Oops")).url))
    assert isinstance(found, Seen)
    assert found.data["status"] == 500
    assert "is not JSON" in found.notes[0]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Age": "900"}, id="row29-age"),
        pytest.param({"Date": "900 s ago"}, id="row29-date"),
    ],
)
def test_cached_answers_are_partial(serve: Any, stand: Any, tools: Any, headers: dict[str, str]) -> None:
    """Row 29: an answer from a cache says how it was."""
    if "Date" in headers:  # not when the test was collected, which may be minutes ago
        headers = {"Date": format_datetime(datetime.now(UTC) - timedelta(seconds=900), usegmt=True)}
    found = outcome(stand(canary=serve(tools.answer(**headers)).url))
    assert isinstance(found, Unseen)
    assert found.cause is Cause.PARTIAL
    assert "cached answer, 90" in found.detail


def test_row29_a_fresh_answer_with_age_and_date_is_seen(serve: Any, stand: Any, tools: Any) -> None:
    """Row 29: a few seconds are no cache worth the name."""
    date = format_datetime(datetime.now(UTC), usegmt=True)
    assert isinstance(outcome(stand(canary=serve(tools.answer(Age="3", Date=date)).url)), Seen)


def test_row30_a_rate_limit_is_waited_for_once(serve: Any, stand: Any, tools: Any) -> None:
    """Row 30: Retry-After is honoured, and the second answer counts."""
    server = serve(tools.answer(b"{}", "429 Slow down", Retry_After="0"), tools.answer(b'{"status":"healthy"}'))
    found = outcome(stand(canary=server.url))
    assert isinstance(found, Seen)
    assert found.data["json"] == {"status": "healthy"}
    assert len(server.heard) == 2


@pytest.mark.parametrize(
    ("status", "after", "sent"),
    [
        pytest.param("429 Slow down", "0", 2, id="row30-429-twice"),
        pytest.param("503 Busy", "0", 2, id="row30-503-twice"),
        pytest.param("429 Slow down", "3600", 1, id="row30-too-long"),
        pytest.param("429 Slow down", "", 1, id="row30-no-retry-after"),
        pytest.param("429 Slow down", "soon", 1, id="row30-nonsense"),
    ],
)
def test_a_lasting_rate_limit_is_limited(  # noqa: PLR0917
    serve: Any, stand: Any, tools: Any, status: str, after: str, sent: int
) -> None:
    """Row 30: limited is not failed; Retry-After is told."""
    server = serve(tools.answer(b"{}", status, Retry_After=after))
    found = outcome(stand(canary=server.url))
    assert isinstance(found, Unseen)
    assert found.cause is Cause.LIMITED
    assert f"Retry-After: {after or 'none'}" in found.detail
    assert len(server.heard) == sent


def test_repeated_requests_keep_every_answer_and_error(serve: Any, stand: Any, tools: Any) -> None:
    """Of repeated requests each is kept: a 429 as a status, a lost connection as an error."""
    server = serve(
        tools.answer(b'{"n":1}'), tools.answer(b"{}", "429 Slow down"), tools.reset, tools.answer(b'{"n":4}')
    )
    found = outcome(stand(canary=server.url), times=4)
    assert isinstance(found, Seen)
    rows = found.data["requests"]
    assert [row["status"] for row in rows] == [200, 429, None, 200]
    assert "bytes received" in rows[2]["error"]
    assert (found.data["count"], found.data["json"]) == (4, {"n": 4})


def test_repeated_requests_are_one_attempt(serve: Any, stand: Any, tools: Any) -> None:
    """Three requests that were asked for are no retries; the one that had to be sent again is a second attempt."""
    good = tools.answer(b"{}")
    once = look(HttpOptions(side="canary", path="/health", times=3), stand(canary=serve(good).url))
    assert [ended for _, ended in once.tries] == ["200"]
    lost = serve(good, tools.reset, good, good)
    again = look(HttpOptions(side="canary", path="/health", times=3, retries=1), stand(canary=lost.url))
    assert isinstance(again.outcome, Seen)
    assert again.outcome.data["count"] == 3
    assert len(again.tries) == 2
    assert again.tries[-1][1] == "200"
    steps = HttpStepsOptions(side="canary", steps=(Step(path="/a"), Step(path="/b")))
    assert len(look_steps(steps, stand(canary=serve(good).url)).tries) == 1


def test_repeated_requests_that_all_fail_are_unseen(serve: Any, stand: Any, tools: Any) -> None:
    """Nothing seen is nothing seen, however often."""
    server = serve(tools.reset)
    found = outcome(stand(canary=server.url), times=3)
    assert isinstance(found, Unseen)
    assert found.cause is Cause.UNREACHABLE
    assert len(server.heard) == 3


def test_every_spaces_the_requests_within_one_deadline(serve: Any, stand: Any, tools: Any) -> None:
    """The deadline is of the look, not of each request."""
    server = serve(tools.answer())
    found = outcome(
        stand(canary=server.url), times=20, every=timedelta(milliseconds=400), deadline=timedelta(seconds=1)
    )
    assert isinstance(found, Seen)
    assert 1 <= len(server.heard) <= 4
    assert "deadline of 1 s" in found.data["requests"][-1]["error"]


@pytest.mark.parametrize(
    "options",
    [{"method": "DELETE"}, {"path": "health"}, {"times": 0}, {"retries": 9}, {"deadline": timedelta(0)}],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    """Nothing is sent for a method that changes things or a path off the side."""
    with pytest.raises(ConfigError):
        HttpOptions(**{"side": "canary", **options})


def test_steps_are_sent_in_order_and_kept(serve: Any, stand: Any, tools: Any) -> None:
    """What the first step changes the second one sees."""
    server = serve(tools.answer(b'{"status":"success"}'), tools.answer(b'{"requests_total":0}'))
    options = HttpStepsOptions(side="canary", steps=(Step(method="POST", path="/reset"), Step(path="/metrics")))
    found = look_steps(options, stand(canary=server.url)).outcome
    assert isinstance(found, Seen)
    assert [step["json"] for step in found.data["steps"]] == [{"status": "success"}, {"requests_total": 0}]
    assert [heard.split(b" HTTP")[0] for heard in server.heard] == [b"POST /reset", b"GET /metrics"]


def test_a_unique_word_is_the_same_in_all_steps_and_new_in_each_look(serve: Any, stand: Any, tools: Any) -> None:
    """`{unique}` anywhere in a body: what was never asked before cannot be in a cache."""
    server = serve(tools.answer(), tools.answer(), tools.answer(), tools.answer())
    body = {"input": {"notes": ["gonogo {unique}", 7]}}
    step = Step(method="POST", path="/execute", body=body)
    options = HttpStepsOptions(side="canary", steps=(step, step))
    for _ in range(2):
        assert isinstance(look_steps(options, stand(canary=server.url)).outcome, Seen)
    words = [re.search(rb'"gonogo ([0-9a-f]{12})"', heard) for heard in server.heard]
    first, second, third, fourth = (word[1] for word in words if word is not None)
    assert (first == second, third == fourth, first == third) == (True, True, False)


def test_a_failed_step_ends_the_steps(serve: Any, stand: Any, tools: Any) -> None:
    """The step after a failed one is not sent."""
    server = serve(tools.reset, tools.answer())
    options = HttpStepsOptions(side="canary", steps=(Step(method="POST", path="/reset"), Step(path="/metrics")))
    assert isinstance(look_steps(options, stand(canary=server.url)).outcome, Unseen)
    assert len(server.heard) == 1
