"""what_if: executions of a SELECT, simulated with another rule set and compared; a part of them is no evidence."""

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


def row(number: int, result: str = "ALERT", vote: str = "thumbs_down", ruleset: Any = "v1") -> dict[str, Any]:
    return {"id": number, "result": result, "vote": vote, "ruleset": ruleset}


def simulated(**new: str) -> dict[str, Any]:
    """An answer: n1="ALERT" is the new result of execution 1."""
    results = [{"execution_id": int(name[1:]), "new": {"result": result}} for name, result in new.items()]
    return {"ruleset_version": "v1", "results": results, "missing": []}


def test_executions_are_posted_and_compared(fake: Any, see: Any) -> None:
    """All are simulated by one request; what each came to stands beside what it would come to."""
    fake.answers[PATH] = simulated(n2="ALERT", n1="NORMAL")
    outcome = see([row(1), row(2, vote="thumbs_up")])
    assert isinstance(outcome, Seen)
    assert outcome.data["rows"] == [
        {"id": 1, "vote": "thumbs_down", "old": "ALERT", "new": "NORMAL", "changed": True},
        {"id": 2, "vote": "thumbs_up", "old": "ALERT", "new": "ALERT", "changed": False},
    ]
    assert (outcome.data["count"], outcome.data["changed"], outcome.data["ruleset"]) == (2, 1, "v1")
    assert [call.form for call in fake.calls] == [{"ruleset_version": "v1", "execution_ids": [1, 2]}]


def test_no_execution_is_an_answer(fake: Any, see: Any) -> None:
    """Nothing disputed: nothing is posted."""
    assert see([]).data == {"rows": [], "count": 0, "changed": 0, "ruleset": None}
    assert fake.calls == []


@pytest.mark.parametrize(
    ("rows", "cause", "text"),
    [
        (Unseen(cause=Cause.DENIED, detail="no"), Cause.DENIED, "no"),
        ([{"id": 1, "ruleset": "v1"}], Cause.BROKEN, "no column result"),
        ([row(1), row(2, ruleset="v2")], Cause.BROKEN, "one rule set to simulate with, not v1, v2"),
        ([row(1, ruleset=None)], Cause.BROKEN, "one rule set to simulate with, not None"),
        ([row(n) for n in range(3)], Cause.PARTIAL, "3 executions, at most 2 are posted"),
    ],
)
def test_rows_that_are_none(fake: Any, see: Any, rows: Any, cause: Cause, text: str) -> None:
    """Rows that cannot be read, or are too many, are not posted."""
    outcome = see(rows, most=2)
    assert outcome.cause is cause
    assert text in outcome.detail
    assert fake.calls == []


@pytest.mark.parametrize(
    ("answer", "cause", "text"),
    [
        ((500, {"detail": "boom"}), Cause.PARTIAL, "nothing was simulated: 500 boom"),
        ((404, {"detail": "no rule set v1"}), Cause.PARTIAL, "404 no rule set v1"),
        (simulated(n1="ALERT"), Cause.PARTIAL, "1 of 2 executions were not simulated: 2"),
        ({"results": [{"execution_id": 1}]}, Cause.BROKEN, "no new.result"),
        ({"results": ["x"]}, Cause.BROKEN, "no new.result"),
        ({"results": None}, Cause.PARTIAL, "nothing was simulated: 200"),
        (["x"], Cause.PARTIAL, "nothing was simulated: 200"),
    ],
)
def test_what_is_not_simulated(fake: Any, see: Any, answer: Any, cause: Cause, text: str) -> None:
    """A part of the executions is no evidence for or against anything."""
    fake.answers[PATH] = answer
    outcome = see([row(1), row(2)])
    assert outcome.cause is cause
    assert text in outcome.detail


def test_a_service_that_is_gone(fake: Any, see: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A side that does not answer is seen as such."""
    gone = Sight(source="POST", side="stable", outcome=Unseen(cause=Cause.UNREACHABLE, detail="refused"))
    monkeypatch.setattr(what_if.http, "look", lambda *_: gone)
    assert see([row(1)]).cause is Cause.UNREACHABLE


def test_a_statement_that_writes() -> None:
    """What the postgres probe refuses is refused here, before anything is sent."""
    with pytest.raises(ValueError, match="sql is not sent"):
        WhatIf(side="stable", sql="DELETE FROM feedbacks")


@pytest.mark.parametrize(
    ("options", "text"),
    [({"path": "x"}, "does not begin"), ({"most": 0}, "1 to 1000"), ({"deadline": timedelta(0)}, "longer than 0")],
)
def test_options_that_cannot_be(options: dict[str, Any], text: str) -> None:
    """Nonsense is a configuration error."""
    with pytest.raises(ConfigError, match=text):
        WhatIf(**{"side": "stable", "sql": "select 1", "path": PATH, **options})
