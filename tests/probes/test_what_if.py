"""what_if: executions of a SELECT, each posted as a simulation, compared; a part of them is no evidence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gonogo.model.environment import BackEnd, Environment, Side
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes import what_if
from gonogo.probes.base import Sight
from gonogo.probes.what_if import WhatIf

PATH = "/api/v1/judgment/simulate"


@pytest.fixture
def see(fake: Any, vantage_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Seen | Unseen]:
    """What is seen with these rows of the statement (or this Unseen) and the simulation that the fake answers."""

    def look(rows: Any, **options: Any) -> Seen | Unseen:
        found = rows if isinstance(rows, Unseen) else Seen(data={"rows": rows, "row_count": len(rows)})
        monkeypatch.setattr(what_if.postgres, "look", lambda *_: Sight(source="postgres", outcome=found))
        environment = Environment(
            name="local",
            system="factory",
            describe="",
            sides={"stable": Side(url=fake.url)},
            back_ends={"postgres": BackEnd(address="x")},
        )
        chosen = WhatIf(**{"side": "stable", "path": PATH, "sql": "select 1", **options})
        return what_if.look(chosen, vantage_of(environment=environment)).outcome

    return look


def row(number: int, result: str = "reject", vote: str = "thumbs_down") -> dict[str, Any]:
    return {"id": number, "result": result, "vote": vote, "body": {"input": {"n": number}, "ruleset_version": "v1"}}


def test_each_execution_is_posted_and_compared(fake: Any, see: Any) -> None:
    """The body of each row is posted as it stands; what it came to stands beside what it would come to."""
    fake.answers[PATH] = lambda call: {"result": "approve" if call.form["input"]["n"] == 1 else "reject"}
    outcome = see([row(1), row(2, vote="thumbs_up")])
    assert isinstance(outcome, Seen)
    assert outcome.data["rows"] == [
        {"id": 1, "vote": "thumbs_down", "old": "reject", "new": "approve", "changed": True},
        {"id": 2, "vote": "thumbs_up", "old": "reject", "new": "reject", "changed": False},
    ]
    assert (outcome.data["count"], outcome.data["changed"]) == (2, 1)
    assert [call.form["ruleset_version"] for call in fake.calls] == ["v1", "v1"]


def test_no_execution_is_an_answer(fake: Any, see: Any) -> None:
    """Nothing disputed: nothing is posted."""
    assert see([]).data == {"rows": [], "count": 0, "changed": 0}
    assert fake.calls == []


@pytest.mark.parametrize(
    ("rows", "cause", "text"),
    [
        (Unseen(cause=Cause.DENIED, detail="no"), Cause.DENIED, "no"),
        ([{"id": 1, "body": {}}], Cause.BROKEN, "no column result"),
        ([{"id": 1, "result": "a", "body": "text"}], Cause.BROKEN, "no JSON object"),
        ([row(n) for n in range(3)], Cause.PARTIAL, "3 executions, at most 2 are posted"),
    ],
)
def test_rows_that_are_none(fake: Any, see: Any, rows: Any, cause: Cause, text: str) -> None:
    """Rows that cannot be read, or are too many, are not posted."""
    outcome = see(rows, most=2)
    assert outcome.cause is cause
    assert text in outcome.detail
    assert fake.calls == []


@pytest.mark.parametrize("answer", [(500, {"error": "x"}), {"verdict": "approve"}, ["approve"], (404, {})])
def test_one_that_is_not_simulated(fake: Any, see: Any, answer: Any) -> None:
    """A part of the executions is no evidence for or against anything."""
    fake.answers[PATH] = lambda call: {"result": "reject"} if call.form["input"]["n"] == 1 else answer
    outcome = see([row(1), row(2), row(3)])
    assert outcome.cause is Cause.PARTIAL
    assert "execution 2 was not simulated" in outcome.detail
    assert len(outcome.data["rows"]) == 1
    assert len(fake.calls) == 2


def test_a_service_that_is_gone(fake: Any, see: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A side that does not answer is seen as such."""
    gone = Sight(source="POST", side="stable", outcome=Unseen(cause=Cause.UNREACHABLE, detail="refused"))
    monkeypatch.setattr(what_if.http, "look", lambda *_: gone)
    assert see([row(1)]).cause is Cause.UNREACHABLE


@pytest.mark.parametrize(
    ("options", "text"),
    [({"path": "x"}, "does not begin"), ({"most": 0}, "1 to 100"), ({"deadline": timedelta(0)}, "longer than 0")],
)
def test_options_that_cannot_be(options: dict[str, Any], text: str) -> None:
    """Nonsense is a configuration error."""
    with pytest.raises(ConfigError, match=text):
        WhatIf(**{"side": "stable", "sql": "select 1", "path": PATH, **options})
