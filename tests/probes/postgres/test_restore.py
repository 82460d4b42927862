"""restore: a real dump into a scratch database of a real server, counted there and always dropped again."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.rehearsal.postgres_server import FIFTEEN, PASSWORD, of_wheel, serving

from gonogo.config.checklist import load_checklists
from gonogo.config.names import check_against
from gonogo.judges import JUDGES
from gonogo.model.environment import Auth, AuthKind, BackEnd, Environment, Guards
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes import PROBES
from gonogo.probes.base import Vantage
from gonogo.probes.object_store.s3 import Stored
from gonogo.probes.postgres import restore, scratch
from gonogo.probes.postgres.dump import without_data
from gonogo.probes.postgres.restore import Restore, look

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NEEDS_15 = pytest.mark.skipif(
    not FIFTEEN.is_dir() and not os.environ.get("CI"), reason="postgresql-15 is not installed; CI has it"
)
_FILL = """
create table orders (id int primary key, name text, made timestamptz not null);
insert into orders
  select n, '주문 ' || n, timestamptz '2026-11-20 08:00+00' - n * interval '1 hour' from generate_series(1, 100) n;
create table refunds (id int, made timestamptz not null);
"""
_ROLES = "create role scratch login createdb password '{0}'; create role reader login password '{0}'"


@dataclass(frozen=True)
class Server:
    """A server with database `shop`, its programs, and a dump of it in pg_dump's custom format."""

    port: int
    programs: Path
    target: dict[str, Any]
    dump: bytes

    def databases(self) -> set[str]:
        with psycopg.connect(**self.target, dbname="postgres") as connection:
            return {str(name) for (name,) in connection.execute("select datname from pg_database").fetchall()}

    def run(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(**self.target, dbname=database, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="module", params=["wheel", pytest.param("15", marks=NEEDS_15)])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """PostgreSQL 15 has an extension in the database that only a superuser may create."""
    is_15 = request.param == "15"
    programs = FIFTEEN if is_15 else of_wheel()
    with serving(programs) as target:
        made = Server(port=target["port"], programs=programs, target=target, dump=b"")
        made.run(_ROLES.format(PASSWORD))
        made.run("create database shop")
        made.run(_FILL + ("create extension pg_stat_statements;" if is_15 else ""), "shop")
        made.run("grant select on orders, refunds to reader", "shop")
        words = ["-Fc", "-h", "127.0.0.1", "-p", str(made.port), "-U", "owner", "-d", "shop"]
        done = subprocess.run(
            [programs / "pg_dump", *words], env={"PGPASSWORD": PASSWORD}, capture_output=True, check=True
        )
        yield replace(made, dump=done.stdout)


class Fake:
    """A bucket of one dump, as restore asks for it."""

    url = "http://127.0.0.1"

    def __init__(self, body: bytes, key: str, metadata: dict[str, str]) -> None:
        self.body, self.key = body, key
        self.said = {"sha256": hashlib.sha256(body).hexdigest(), **metadata}

    def bucket(self, name: str) -> str:
        return name

    def objects(self, *_: object) -> Iterator[Stored]:
        yield Stored(key=self.key, size=len(self.body), modified=NOW - timedelta(hours=1), etag="")

    def metadata(self, *_: object) -> dict[str, Any]:
        return {"metadata": self.said, "checksum": None}

    def text(self, *_: object) -> None:
        return None

    def chunks(self, *_: object) -> Iterator[bytes]:
        yield from (self.body[at : at + 1000] for at in range(0, len(self.body), 1000))


Ask = Callable[..., Any]


@pytest.fixture
def ask(server: Server, vantage_of: Callable[..., Vantage], monkeypatch: pytest.MonkeyPatch) -> Ask:
    def asking(
        body: bytes | None = None,
        *,
        key: str = "daily/20261120.dump.gz",
        metadata: dict[str, str] | None = None,
        back_ends: dict[str, BackEnd] | None = None,
        live: bool = False,
        **options: Any,
    ) -> Seen | Unseen:
        auth = Auth(kind=AuthKind.BEARER, secret="PW")
        address = f"127.0.0.1:{server.port}"
        given = {
            "object_store": BackEnd(),
            "postgres": BackEnd(address=address, auth=auth, names={"database": "shop", "user": "reader"}),
            "scratch": BackEnd(address=address, auth=auth, names={"database": "postgres", "user": "scratch"}),
            "postgres_programs": BackEnd(address=str(server.programs)),
            **(back_ends or {}),
        }
        fake = Fake(gzip.compress(server.dump) if body is None else body, key, metadata or {})
        monkeypatch.setattr(restore, "Store", lambda _: fake)
        place = Environment(name="local", system="shop", describe="", back_ends=given, guards=Guards(live=live))
        vantage = vantage_of(environment=place, secrets={"PW": PASSWORD}, now=NOW)
        wanted = {"bucket": "backups", "tables": {"orders": "made", "refunds": "made"}, **options}
        return look(Restore(**wanted), vantage).outcome

    return asking


def test_a_dump_is_restored_counted_and_dropped(ask: Ask, server: Server) -> None:
    """Rows of each table against production's from before the dump; the role needs no more than CREATEDB."""
    before = server.databases()
    outcome = ask()
    assert isinstance(outcome, Seen), outcome
    data = outcome.data
    assert (data["restored"], data["error"], data["dropped"], data["matches"]) == (True, None, True, True)
    assert data["tables"] == [
        {"table": "orders", "restored": 100, "source": 100, "ratio": 1.0},
        {"table": "refunds", "restored": 0, "source": 0, "ratio": 1.0},
    ]
    assert (data["rows"], data["least"], data["most"], data["dumped"]["database"]) == (100, 1.0, 1.0, "shop")
    assert server.databases() == before


def test_a_dump_without_gzip_and_with_its_own_time(ask: Ask, server: Server) -> None:
    """x-amz-meta-taken-at decides which of production's rows the dump can hold."""
    outcome = ask(server.dump, key="daily/20261120.dump", metadata={"taken-at": "2026-11-20T03:30:00Z"})
    assert outcome.data["tables"][0] == {"table": "orders", "restored": 100, "source": 96, "ratio": 100 / 96}


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda dump: gzip.compress(dump)[:-200], "ends early"),
        (lambda dump: gzip.compress(dump[: len(dump) // 2]), "pg_restore: error"),
        (lambda _: gzip.compress(b"select 1;" * 200), "pg_restore: error"),
        (lambda _: b"", "ends early"),
        (lambda dump: dump, "does not unpack"),
    ],
    ids=["gzip cut", "archive cut", "plain SQL", "empty", "no gzip"],
)
def test_a_dump_that_does_not_restore_is_evidence(ask: Ask, server: Server, spoil: Any, text: str) -> None:
    """The backup is bad: not restored, in pg_restore's words, and nothing is left behind."""
    before = server.databases()
    outcome = ask(spoil(server.dump))
    assert isinstance(outcome, Seen), outcome
    assert (outcome.data["restored"], outcome.data["rows"], outcome.data["dropped"]) == (False, 0, True)
    assert text in outcome.data["error"]
    assert PASSWORD not in str(outcome.data)
    assert server.databases() == before


def test_rows_that_are_missing_show(ask: Ask, server: Server) -> None:
    """A table that the dump does not hold has none of production's rows."""
    server.run("create table late (made timestamptz); insert into late values ('2026-11-20 07:00+00')", "shop")
    server.run("grant select on late to reader", "shop")
    outcome = ask(tables={"orders": "made", "late": "made"})
    server.run("delete from late", "shop")
    none = ask(tables={"orders": "made", "late": "made"})
    server.run("drop table late", "shop")
    assert (outcome.data["least"], outcome.data["most"]) == (0.0, 1.0)
    assert none.data["least"] == 0.0  # also where production's is empty: the table itself is lost


@pytest.mark.parametrize(
    ("back_ends", "options", "cause", "text"),
    [
        ({"postgres_programs": {"address": "/nowhere"}}, {}, Cause.UNAVAILABLE, "apt-get install postgresql-client"),
        ({"scratch": {"names": {"database": "shop", "user": "scratch"}}}, {}, Cause.REFUSED, "are the same database"),
        ({"scratch": {"names": {"database": "postgres", "user": "reader"}}}, {}, Cause.DENIED, "permission denied"),
        ({"scratch": {"names": {"database": "postgres", "user": "nobody"}}}, {}, Cause.DENIED, "authentication"),
        ({"scratch": {"address": "127.0.0.1:9"}}, {}, Cause.UNREACHABLE, "scratch 127.0.0.1:9"),
        ({}, {"max_bytes": 10}, Cause.PARTIAL, "above 10"),
        ({}, {"tables": {"orders": "made", "secret": "made"}}, Cause.MISASKED, "production's secret was not counted"),
        ({}, {"deadline": timedelta(milliseconds=1)}, Cause.TIMEOUT, "pg_restore did not end"),
    ],
)
def test_what_the_machine_lacks_is_no_evidence_about_the_dump(
    *, ask: Ask, server: Server, back_ends: dict[str, Any], options: dict[str, Any], cause: Cause, text: str
) -> None:
    """No program, no right, no server, no time, the production database itself: HOLD, and nothing left behind."""
    before = server.databases()
    auth = Auth(kind=AuthKind.BEARER, secret="PW")
    usual = {"scratch": {"address": f"127.0.0.1:{server.port}", "names": {"database": "postgres", "user": "scratch"}}}
    made = {name: BackEnd(auth=auth, **{**usual.get(name, {}), **given}) for name, given in back_ends.items()}
    outcome = ask(back_ends=made, **options)
    assert isinstance(outcome, Unseen), outcome
    assert (outcome.cause, text in outcome.detail) == (cause, True), outcome.detail
    assert server.databases() == before


def test_what_pg_restore_says_of_the_data_is_not_kept(ask: Ask, server: Server) -> None:
    """It repeats the statement that failed, and the row: what is secret in them reaches no record."""
    server.run("create database other")
    server.run("create function f(a text default 'hunter2') returns int language internal as 'int4pl'", "other")
    words = ["-Fc", "-h", "127.0.0.1", "-p", str(server.port), "-U", "owner", "-d", "other"]
    done = subprocess.run(
        [server.programs / "pg_dump", *words], env={"PGPASSWORD": PASSWORD}, capture_output=True, check=True
    )
    server.run("drop database other")
    outcome = ask(gzip.compress(done.stdout))
    assert "hunter2" not in str(outcome)
    assert "ERROR: permission denied for language internal" in str(outcome)


def test_words_of_pg_restore_without_the_data() -> None:
    """What failed and why, and neither the row nor the statement."""
    said = (
        'pg_restore: while PROCESSING TOC:\npg_restore: error: COPY failed for table "a": ERROR:  duplicate key\n'
        "DETAIL:  Key (mail)=(kim@example.com) already exists.\nCONTEXT:  COPY a, line 2\n"
        'pg_restore: error: could not execute query: ERROR:  role "r" does not exist\n'
        "Command was: CREATE USER MAPPING FOR r SERVER s OPTIONS (\n    password 'hunter2'\n);\n\n"
        "pg_restore: warning: errors ignored on restore: 2\n"
    )
    assert without_data(said) == (
        'pg_restore: while PROCESSING TOC: pg_restore: error: COPY failed for table "a": ERROR: duplicate key '
        'pg_restore: error: could not execute query: ERROR: role "r" does not exist '
        "pg_restore: warning: errors ignored on restore: 2"
    )


def test_a_live_server_is_not_restored_into(ask: Ask, server: Server) -> None:
    """Another database of production's own server takes its disk, its WAL and its archive all the same."""
    before = server.databases()
    names = {"database": "postgres", "user": "scratch"}
    alias = BackEnd(address=f"localhost:{server.port}", names=names, auth=Auth(kind=AuthKind.BEARER, secret="PW"))
    for outcome in (ask(live=True), ask(live=True, back_ends={"scratch": alias})):
        assert isinstance(outcome, Unseen), outcome
        assert (outcome.cause, "production's own server" in outcome.detail) == (Cause.REFUSED, True), outcome.detail
    assert server.databases() == before


def test_what_a_killed_run_left_is_dropped_a_day_later(ask: Ask, server: Server) -> None:
    """Only databases of our name that are a day old, and never anybody else's."""
    for name in ("gonogo_restore_20261118090000_0123abcd", "gonogo_restore_20261120083000_0123abcd", "gonogo_other"):
        server.run(f"create database {name} owner scratch")
    outcome = ask()
    assert [note.split(",")[0] for note in outcome.notes] == ["gonogo_restore_20261118090000_0123abcd"]
    left = server.databases()
    assert {"gonogo_restore_20261120083000_0123abcd", "gonogo_other"} <= left
    for name in ("gonogo_restore_20261120083000_0123abcd", "gonogo_other"):
        server.run(f"drop database {name}")


def test_the_password_is_no_argument(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reaches pg_restore by its environment alone, which holds nothing else of this process's."""
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("GONOGO_OTHER_SECRET", "other")
    seen: list[tuple[list[str], dict[str, str]]] = []
    run = subprocess.run

    def spy(words: list[str], **more: Any) -> Any:
        seen.append((words, more["env"]))
        return run(words, **more)

    monkeypatch.setattr(restore.subprocess, "run", spy)
    assert isinstance(ask(), Seen)
    assert all(PASSWORD not in " ".join(words) for words, _ in seen)
    assert {env["PGPASSWORD"] for _, env in seen} == {PASSWORD}
    assert all("GONOGO_OTHER_SECRET" not in env and env["PGHOST"] == "127.0.0.1" for _, env in seen)


def test_names_are_names() -> None:
    """Tables and columns stand in SQL: anything but a name is refused."""
    for tables in ({"orders; drop table x": "made"}, {"orders": "made or true"}, {}):
        with pytest.raises(ConfigError, match="tables"):
            Restore(bucket="backups", tables=tables)


def test_an_item_that_restores_needs_the_action(tmp_path: Path) -> None:
    """Without `action: restore-rehearsal` an item would write without having been allowed to."""
    (tmp_path / "monthly.yaml").write_text(
        "system: shop\nphase: monthly\nitems:\n"
        "  - id: restore\n    title: {en: Restore, ko: 복원}\n    area: operations\n    owner: x\n    source: x\n"
        "    remedy: x\n    probe: {restore: {bucket: backups, tables: {orders: made}}}\n"
        "    pass:\n      - expect: {value: restored, equals: true}\n",
        encoding="utf-8",
    )
    names = ("object_store", "postgres", "scratch")
    environment = Environment(name="x", system="shop", describe="", back_ends=dict.fromkeys(names, BackEnd()))
    with pytest.raises(ConfigError, match=re.escape("restore changes something, so the item needs `action: restore-r")):
        check_against(environment, load_checklists(tmp_path, PROBES, JUDGES), PROBES, JUDGES)


def test_left_over_names_are_ours_alone() -> None:
    """The pattern holds the whole name."""
    assert scratch._LEFT.match("gonogo_restore_20261118090000_0123abcd")
    assert not scratch._LEFT.match("gonogo_restore_20261118090000_0123abcd_copy")
    assert not scratch._LEFT.match("factory")
