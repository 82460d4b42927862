"""Work that is started by one request and polled to its end, against a server that answers in any order."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.http.poll import HttpPollOptions, look

OPTIONS: dict[str, Any] = {
    "side": "canary",
    "path": "/run",
    "poll": "/runs/{id}",
    "id": "run.id",
    "state": "status",
    "ends": ("COMPLETED", "FAILED"),
    "body": {"name": "simple"},
    "every": timedelta(milliseconds=100),
    "deadline": timedelta(seconds=10),
}


def poll(vantage: Any, **options: Any) -> Seen | Unseen:
    return look(HttpPollOptions(**{**OPTIONS, **options}), vantage).outcome


def said(tools: Any, document: Any, status: str = "200 OK") -> Any:
    return tools.answer(json.dumps(document).encode(), status)


def test_all_states_are_seen_until_the_last(serve: Any, stand: Any, tools: Any) -> None:
    """One start; a poll at once and each 100 ms; the state that ends it ends the polling."""
    states = ("RUNNING", "RUNNING", "WAITING", "COMPLETED")
    server = serve(said(tools, {"run": {"id": "r-1"}}), *(said(tools, {"status": one}) for one in states))
    outcome = poll(stand(canary=server.url))
    assert isinstance(outcome, Seen)
    data = outcome.data
    assert [one["state"] for one in data["states"]] == ["RUNNING", "WAITING", "COMPLETED"]
    assert (data["state"], data["ended"], data["polls"], data["id"]) == ("COMPLETED", True, 4, "r-1")
    assert [one["at_s"] for one in data["states"]] == sorted(one["at_s"] for one in data["states"])
    assert data["final"]["json"] == {"status": "COMPLETED"}
    assert server.heard[0].endswith(b'{"name": "simple"}')
    assert [one.split(b" ")[1] for one in server.heard] == [b"/run", *[b"/runs/r-1"] * 4]


def test_a_state_that_ends_it_badly_ends_it_at_once(serve: Any, stand: Any, tools: Any) -> None:
    """FAILED is an end like any other: the rule says which is wanted."""
    server = serve(said(tools, {"run": {"id": 7}}, "202 Accepted"), said(tools, {"status": "FAILED", "why": "LLM"}))
    outcome = poll(stand(canary=server.url))
    assert isinstance(outcome, Seen)
    assert (outcome.data["state"], outcome.data["ended"], outcome.data["polls"]) == ("FAILED", True, 1)
    assert outcome.data["final"]["json"]["why"] == "LLM"


def test_work_that_never_ends_is_seen_running(serve: Any, stand: Any, tools: Any) -> None:
    """The deadline is the one for everything; what was reached by then is the side's own doing."""
    server = serve(said(tools, {"run": {"id": "r"}}), said(tools, {"status": "RUNNING"}))
    options = {"deadline": timedelta(seconds=1)}
    outcome = poll(stand(canary=server.url), **options)
    assert isinstance(outcome, Seen)
    assert (outcome.data["state"], outcome.data["ended"]) == ("RUNNING", False)
    assert len(server.heard) <= HttpPollOptions(**{**OPTIONS, **options}).times == 12


@pytest.mark.parametrize(
    ("status", "document"),
    [("500 Oops", {"run": {"id": "r"}}), ("200 OK", {"run": {}}), ("200 OK", [1]), ("200 OK", {"run": {"id": True}})],
)
def test_a_start_without_an_id_is_not_polled(serve: Any, stand: Any, tools: Any, status: str, document: Any) -> None:
    """The start's own document says what is wrong; there is no state."""
    server = serve(said(tools, document, status))
    outcome = poll(stand(canary=server.url))
    assert isinstance(outcome, Seen)
    assert (outcome.data["state"], outcome.data["polls"], outcome.data["final"]) == (None, 0, None)
    assert outcome.data["start"]["json"] == document
    assert len(server.heard) == 1


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a/../../admin", b"/runs/a%2F..%2F..%2Fadmin"),
        ("x?y=1#z", b"/runs/x%3Fy%3D1%23z"),
        ("@evil.example", b"/runs/%40evil.example"),
        ("판정", b"/runs/%ED%8C%90%EC%A0%95"),
    ],
)
def test_an_id_stays_one_segment_of_the_path(serve: Any, stand: Any, tools: Any, key: str, path: bytes) -> None:
    """Whatever the answer holds, the poll goes to the same host and below the same path."""
    server = serve(said(tools, {"run": {"id": key}}), said(tools, {"status": "COMPLETED"}))
    outcome = poll(stand(canary=server.url))
    assert isinstance(outcome, Seen)
    assert server.heard[1].split(b" ")[1] == path


@pytest.mark.parametrize("key", ["..", ".", "", "x" * 201, "a\r\nHost: evil", "\ud800"])
def test_an_id_that_is_none_is_not_polled(serve: Any, stand: Any, tools: Any, key: str) -> None:
    """A broken answer, and no second request."""
    server = serve(said(tools, {"run": {"id": key}}))
    outcome = poll(stand(canary=server.url))
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.BROKEN
    assert len(server.heard) == 1


def test_a_lost_poll_is_asked_again_and_told(serve: Any, stand: Any, tools: Any) -> None:
    """A restart behind the load balancer is no failed workflow; the note says that there was one."""
    server = serve(said(tools, {"run": {"id": "r"}}), tools.reset, said(tools, {"status": "COMPLETED"}))
    outcome = poll(stand(canary=server.url))
    assert isinstance(outcome, Seen)
    assert outcome.data["state"] == "COMPLETED"
    assert len(outcome.notes) == 1
    assert outcome.notes[0].startswith("poll 1: ")


@pytest.mark.parametrize("body", [b"{", b'{"status": "RUNNING", "status": "COMPLETED"}', b"<html>"])
def test_a_poll_that_does_not_read_is_never_an_end(serve: Any, stand: Any, tools: Any, body: bytes) -> None:
    """Truncated, doubled or not JSON at all."""
    server = serve(said(tools, {"run": {"id": "r"}}), tools.answer(body))
    outcome = poll(stand(canary=server.url))
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.BROKEN


def test_an_answer_that_is_not_200_is_no_state(serve: Any, stand: Any, tools: Any) -> None:
    """A 404 right after the start is waited out; a page of a 503 that says COMPLETED is not believed."""
    server = serve(
        said(tools, {"run": {"id": "r"}}),
        said(tools, {"status": "COMPLETED"}, "404 Not Found"),
        said(tools, {"status": "COMPLETED"}, "500 Oops"),
        said(tools, {"status": "COMPLETED"}),
    )
    outcome = poll(stand(canary=server.url))
    assert isinstance(outcome, Seen)
    assert [(one["status"], one["state"]) for one in outcome.data["states"]] == [
        (404, None),
        (500, None),
        (200, "COMPLETED"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"poll": "/runs"},
        {"poll": "/runs/x{id}"},
        {"poll": "/{id}/{id}"},
        {"poll": "runs/{id}"},
        {"path": "run"},
        {"every": timedelta(milliseconds=5)},
        {"deadline": timedelta(minutes=10)},
        {"deadline": timedelta(seconds=60), "every": timedelta(milliseconds=100)},
    ],
)
def test_options_that_cannot_be_bounded_are_refused(wrong: dict[str, Any]) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigError):
        HttpPollOptions(**{**OPTIONS, **wrong})
