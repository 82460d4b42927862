"""Every statement of AI Factory's checklists, asked by the role that the how-to page makes, on two PostgreSQLs."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jmespath
import psycopg
import pytest
from tests.rehearsal.postgres_server import FIFTEEN, PASSWORD, ROOT, fill, of_wheel, serving

from gonogo.config.checklist import load_checklists
from gonogo.judges import JUDGES
from gonogo.model.environment import Auth, AuthKind, BackEnd, Environment
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.model.rule_deployment import IN_FORCE
from gonogo.probes import PROBES
from gonogo.probes.base import Vantage
from gonogo.probes.postgres import probe as postgres
from gonogo.probes.postgres import row_counts
from gonogo.probes.postgres.probe import Postgres
from gonogo.probes.postgres.row_counts import RowCounts

HOW_TO = (ROOT / "docs" / "how-to" / "read-postgresql-and-redis.md").read_text(encoding="utf-8")
ROLE, COUNTS = re.findall(r"^```sql\n(.*?)^```", HOW_TO, re.DOTALL | re.MULTILINE)
CHECKS = {
    check.id: check
    for check in load_checklists(ROOT / "checks", PROBES, JUDGES, check_expression=jmespath.compile)
    if check.system == "factory"
}
ASKED = {
    f"{check.id}.{name}": probe.options
    for check in CHECKS.values()
    for name, probe in check.probes.items()
    if isinstance(probe.options, Postgres)
}
NEEDS_15 = pytest.mark.skipif(
    not FIFTEEN.is_dir() and not os.environ.get("CI"), reason="postgresql-15 is not installed; CI has it"
)


@pytest.fixture(scope="module", params=["wheel", pytest.param("15", marks=NEEDS_15)])
def server(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """AI Factory's database; PostgreSQL 15 has the real pg_stat_statements."""
    real = request.param == "15"
    preloaded = ("shared_preload_libraries=pg_stat_statements",) if real else ()
    with serving(FIFTEEN if real else of_wheel(), *preloaded) as target:
        fill(target, time.time(), ROLE, extension=real)
        yield target | {"extension": real}


@pytest.fixture
def vantage(server: dict[str, Any], tmp_path: Path) -> Vantage:
    back_end = BackEnd(
        address=f"127.0.0.1:{server['port']}",
        auth=Auth(kind=AuthKind.BEARER, secret="PG"),
        names={"database": "factory", "user": "gonogo_reader"},
        timeout=timedelta(seconds=10),
    )
    (tmp_path / "environments").mkdir()
    environment = Environment(
        name="e",
        system="factory",
        describe="",
        back_ends={"postgres": back_end, "row_counts": BackEnd(address="row-counts.json")},
    )
    return Vantage(
        environment=environment,
        release=None,
        now=datetime.now(UTC),
        t0=None,
        reveal={"PG": PASSWORD}.__getitem__,
        base=str(tmp_path / "environments"),
    )


def owner(server: dict[str, Any]) -> Any:
    words = {key: value for key, value in server.items() if key != "extension"}
    return psycopg.connect(**words, dbname="factory", autocommit=True)


def rows(options: Postgres, vantage: Vantage) -> list[dict[str, Any]]:
    outcome = postgres.look(options, vantage).outcome
    assert isinstance(outcome, Seen), outcome
    found: list[dict[str, Any]] = outcome.data["rows"]
    return found


@pytest.mark.parametrize("name", ASKED)
def test_the_role_of_the_how_to_page_may_ask_it(name: str, vantage: Vantage) -> None:
    """Nothing beyond the role is needed; only what looks for trouble comes back empty from a healthy database."""
    looks_for_trouble = CHECKS[name.rpartition(".")[0]].phase == "incident" or name == "fac-week-slow-queries.others"
    assert rows(replace(ASKED[name], least_rows=0), vantage) or looks_for_trouble


@pytest.mark.parametrize(
    "statement",
    [
        "insert into alembic_version values ('x')",
        "set default_transaction_read_only = off; delete from feedbacks",
        "select * from workflows",
        "create table mine (id int)",
    ],
)
def test_the_role_may_nothing_else(server: dict[str, Any], statement: str) -> None:
    """It can neither write, whatever its session says, nor read a table that no item names."""
    words = {key: value for key, value in server.items() if key != "extension"}
    words |= {"user": "gonogo_reader", "dbname": "factory"}
    with psycopg.connect(**words, autocommit=True) as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute(statement.encode())
    assert caught.value.sqlstate in ("42501", "25006")


def test_a_slow_statement_is_seen_in_the_real_extension(server: dict[str, Any], vantage: Vantage) -> None:
    """fac-week-slow-queries on pg_stat_statements itself: fast statements keep it green, one of 0.6 s does not."""
    asked, others = ASKED["fac-week-slow-queries.slow"], ASKED["fac-week-slow-queries.others"]
    if not server["extension"]:
        assert max(row["mean_ms"] for row in rows(asked, vantage)) == 431
        assert [row["query"].split()[0] for row in rows(others, vantage)] == ["VACUUM", "COPY"]
        return
    with owner(server) as connection:
        connection.execute("select pg_stat_statements_reset()")
        for _ in range(2):
            connection.execute("select count(*) from feedbacks")
        assert max(row["mean_ms"] for row in rows(asked, vantage)) < 500
        for _ in range(2):
            connection.execute("select pg_sleep(0.55)")
        connection.execute("select pg_sleep(0.6 * 1)")  # once: no mean
        connection.execute("vacuum feedbacks")
    found = rows(asked, vantage)
    assert found[0]["mean_ms"] > 500
    assert found[0]["query"] == "select pg_sleep($1)"
    assert not any(row["query"].startswith("vacuum") for row in found)
    assert "select pg_sleep($1 * $2)" in [row["query"] for row in rows(others, vantage)]


def test_a_rule_set_is_in_force_by_whatever_word(server: dict[str, Any], vantage: Vantage) -> None:
    """As `gonogo rollout rule-deployment` takes it: tables call it ACTIVE, deployed, Success; one taken back is not."""
    disputed = Postgres(sql=CHECKS["fac-inc-simulate"].probes["it"].options.sql)
    votes = ASKED["fac-inc-false-alarms.votes"]
    before = rows(disputed, vantage)
    assert before
    with owner(server) as connection:
        kept = connection.execute("select deployment_id, status, rollback_occurred from rule_deployments").fetchall()
        try:
            for word in sorted(IN_FORCE):
                connection.execute("update rule_deployments set status = %s where status = 'ACTIVE'", [word.lower()])
                assert rows(disputed, vantage) == before
                assert rows(votes, vantage)[0]["status"] == "ACTIVE"
                connection.execute("update rule_deployments set status = 'ACTIVE' where status = %s", [word.lower()])
            connection.execute("update rule_deployments set status = 'REVERTED', rollback_occurred = true")
            assert rows(disputed, vantage) == []
            assert rows(votes, vantage)[0]["status"] == "ROLLED_BACK"
        finally:
            for name, status, occurred in kept:
                connection.execute(
                    "update rule_deployments set status = %s, rollback_occurred = %s where deployment_id = %s",
                    [status, occurred, name],
                )


AGE = "extract(epoch from now() - executed_at) / 86400"


@pytest.mark.parametrize(
    ("lost", "least", "most"),
    [
        ("false", 0.99, 1.01),
        (f"floor({AGE})::int % 7 in (0, 1) and id % 20 > 0", 0.9, 1.15),  # two quiet days a week, today is one
        (f"{AGE} > 5.5", 0.99, 1.01),  # a system that began this week
        (f"{AGE} > 7.5", 0.99, 1.01),  # of the day a week ago it has a half
        (f"{AGE} < 1 and id % 10 < 7", 0.29, 0.31),
        (f"{AGE} >= 1", None, None),  # it has no past
        ("true", None, None),
    ],
    ids=["healthy", "quiet-days", "young", "half-a-day", "rows-lost", "no-past", "empty"],
)
def test_the_usual_level_is_that_of_the_same_day(
    server: dict[str, Any], vantage: Vantage, lost: str, least: float | None, most: float | None
) -> None:
    """fac-dr-judgments: quiet days, a young system; without a past there is no level."""
    table, asked = "core.judgment_executions", ASKED["fac-dr-judgments.it"]
    with owner(server) as connection:
        connection.execute(f"create table kept as select * from {table} where {lost}".encode())  # noqa: S608
        connection.execute(f"delete from {table} where {lost}".encode())  # noqa: S608
        outcome = postgres.look(asked, vantage).outcome
        connection.execute(f"insert into {table} select * from kept; drop table kept".encode())  # noqa: S608
    if least is None or most is None:
        assert isinstance(outcome, Unseen)
        assert outcome.cause is Cause.NO_DATA
    else:
        assert isinstance(outcome, Seen), outcome
        assert least < outcome.data["rows"][0]["of_usual"] < most


def test_connections_that_may_not_be_looked_into_count(server: dict[str, Any], vantage: Vantage) -> None:
    """fac-day-db-connections without pg_read_all_stats: what is hidden is no free place."""
    asked = ASKED["fac-day-db-connections.connections"]
    with owner(server) as connection, owner(server), owner(server):
        (before,) = rows(asked, vantage)
        connection.execute("revoke pg_read_all_stats from gonogo_reader")
        (after,) = rows(asked, vantage)
        connection.execute("grant pg_read_all_stats to gonogo_reader")
    assert before["used"] == 4
    assert before["used"] <= after["used"] <= before["used"] + 1  # the launcher of replication looks like one


def test_counts_taken_as_the_how_to_page_says_agree_until_rows_are_gone(
    server: dict[str, Any], vantage: Vantage
) -> None:
    """fac-rb-row-counts: later rows change nothing; a row less, and a row that was slipped in, are told."""
    options = CHECKS["fac-rb-row-counts"].probes["it"].options
    assert isinstance(options, RowCounts)
    words = {**server, "user": "gonogo_reader", "dbname": "factory"}
    words.pop("extension")
    with psycopg.connect(**words) as connection:
        taken = connection.execute(COUNTS.encode()).fetchone()
    assert taken is not None
    Path(vantage.base, "row-counts.json").write_text(taken[0], encoding="utf-8")
    assert set(json.loads(taken[0])["tables"]) == set(options.tables)
    with owner(server) as connection:
        insert = "insert into workflow_instances (workflow_id, status, created_at) values ('wf-line', 'RUNNING', "
        connection.execute(f"{insert} now())".encode())
        assert _told(options, vantage) == (0, 0)
        connection.execute(f"{insert} now() - interval '3 days')".encode())
        gone, come = _told(options, vantage)
        assert gone == 0
        assert 0 < come < 0.001
        connection.execute("delete from workflow_instances where id >= 1000000000")
        connection.execute("delete from workflow_instances where created_at > now() - interval '40 minutes'")
        gone, come = _told(options, vantage)
        assert 0 < gone < 0.01
        assert come == 0


def _told(options: RowCounts, vantage: Vantage) -> tuple[float, float]:
    outcome = row_counts.look(options, vantage).outcome
    assert isinstance(outcome, Seen), outcome
    return outcome.data["gone"], outcome.data["come"]
