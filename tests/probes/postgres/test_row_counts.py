"""row_counts: the file of counts is read to the letter, and says nothing about another moment or database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.model.environment import BackEnd, Environment
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Sight, Vantage
from gonogo.probes.postgres import probe as postgres
from gonogo.probes.postgres.row_counts import RowCounts, look

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
TAKEN: dict[str, Any] = {
    "database": "factory",
    "since": "2026-10-20T08:00:00Z",
    "until": "2026-11-19T17:00:00+09:00",
    "tables": {"core.orders": {"time": "at", "rows": 1000}, "lines": {"time": "made", "rows": 0}},
}
OPTIONS = RowCounts(tables=("core.orders",))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL that was sent; 990 orders and 1 line stand in the database."""
    sent: list[str] = []

    def answer(options: postgres.Postgres, _: Vantage) -> Sight:
        sent.append(options.sql)
        rows = [{"name": "core.orders", "rows": 990}, {"name": "lines", "rows": 1}]
        return Sight(source="postgres h:1 select x", outcome=Seen(data={"rows": rows, "row_count": 2}), side="postgres")

    monkeypatch.setattr(postgres, "look", answer)
    return sent


def seen_by(folder: Path, text: str | None, options: RowCounts = OPTIONS, t0: datetime | None = None) -> Sight:
    if text is not None:
        (folder / "counts.json").write_text(text, encoding="utf-8")
    environment = Environment(
        name="e",
        system="factory",
        describe="",
        back_ends={
            "postgres": BackEnd(address="h:1", names={"database": "factory", "user": "r"}),
            "row_counts": BackEnd(address=str(folder / "counts.json")),
        },
    )
    vantage = Vantage(environment=environment, release=None, now=NOW, t0=t0, reveal=str, base=str(folder))
    return look(options, vantage)


def test_each_table_is_counted_over_the_window_and_compared(tmp_path: Path, asked: list[str]) -> None:
    """Ten of a thousand are gone; one came where there was none, which is all of it."""
    sight = seen_by(tmp_path, json.dumps(TAKEN))
    assert isinstance(sight.outcome, Seen)
    assert (sight.outcome.data["gone"], sight.outcome.data["come"]) == (0.01, 1)
    assert sight.outcome.data["tables"][0] == {
        "table": "core.orders", "before": 1000, "now": 990, "gone": 0.01, "come": 0,
    }  # fmt: skip
    assert sight.side == "postgres"
    (statement,) = asked
    assert statement.split(" union all ")[0] == (
        'select \'core.orders\' as name, count(*) as rows from "core"."orders"'
        " where \"at\" >= '2026-10-20T08:00:00+00:00' and \"at\" < '2026-11-19T17:00:00+09:00'"
    )
    assert 'from "lines" where "made" >= ' in statement


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"extra": 1}, "and nothing else"),
        ({"since": "2026-10-20T08:00:00"}, "since is a moment with its zone"),
        ({"until": 5}, "until is a moment with its zone"),
        ({"since": "2026-11-20T08:00:00Z"}, "since is not before until"),
        ({"tables": {}}, "tables is an object that is not empty"),
        ({"tables": {"core.orders; drop table x": {"time": "at", "rows": 1}}}, "is no name of a table"),
        ({"tables": {'core."orders': {"time": "at", "rows": 1}}}, "is no name of a table"),
        ({"tables": {"core.orders": {"time": "at) or (1", "rows": 1}}}, "core.orders.time is the name of a column"),
        ({"tables": {"core.orders": {"time": "at", "rows": True}}}, "core.orders.rows is a whole number"),
        ({"tables": {"core.orders": {"time": "at", "rows": -1}}}, "core.orders.rows is a whole number"),
        ({"tables": {"core.orders": {"time": "at"}}}, "time and rows is wanted"),
    ],
)
def test_another_shape_is_broken_and_nothing_is_asked(
    tmp_path: Path, asked: list[str], change: dict[str, Any], said: str
) -> None:
    """Row 24: what stands in the file is held against its shape before any of it reaches a statement."""
    outcome = seen_by(tmp_path, json.dumps(TAKEN | change)).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.BROKEN
    assert said in outcome.detail
    assert asked == []


@pytest.mark.parametrize("text", ["", "[]", '{"database": "a", "database": "b"}', "[" * 100_000, "x" * 200_000])
def test_what_is_no_such_document_is_broken(tmp_path: Path, asked: list[str], text: str) -> None:
    """Rows 24, 26 and 28: a key that stands twice, depth without end, an empty file."""
    outcome = seen_by(tmp_path, text).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.BROKEN
    assert asked == []


@pytest.mark.parametrize(
    ("change", "when", "said"),
    [
        ({"database": "other"}, (OPTIONS, None), "of database other, not of factory"),
        ({}, (RowCounts(tables=("core.orders", "core.bills")), None), "lack core.bills"),
        ({}, (RowCounts(tables=("core.orders",), max_age=timedelta(hours=3)), None), "were taken 25h ago, at most 3h"),
        ({}, (OPTIONS, NOW - timedelta(days=2)), "past 2026-11-18T09:00:00+00:00"),
        ({"until": "2026-11-20T10:00:00Z"}, (OPTIONS, None), "past 2026-11-20T09:00:00+00:00"),
    ],
)
def test_counts_that_say_nothing_about_this_release_are_no_data(
    tmp_path: Path, asked: list[str], change: dict[str, Any], when: tuple[RowCounts, Any], said: str
) -> None:
    """Row 39: of another database, too old, or taken when the deploy had begun: not decidable, and nothing is asked."""
    outcome = seen_by(tmp_path, json.dumps(TAKEN | change), *when).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.NO_DATA
    assert said in outcome.detail
    assert asked == []


def test_no_file_is_no_data(tmp_path: Path, asked: list[str]) -> None:
    """Row 35: nobody counted before."""
    outcome = seen_by(tmp_path, None).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.NO_DATA
    assert outcome.detail.endswith("no counts were taken before")
    assert asked == []


@pytest.mark.parametrize("tables", [(), ("orders; drop",), ("a.b.c",)])
def test_tables_are_names(tables: tuple[str, ...]) -> None:
    """A checklist names tables, or it is a bad one."""
    with pytest.raises(ValueError, match="tables are names like"):
        RowCounts(tables=tables)
