"""One SELECT in a read-only transaction into rows."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gonogo.model.environment import BackEnd, Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.model.units import show_duration
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.bounded import OutOfTime, within
from gonogo.probes.failure import Failure
from gonogo.probes.named import named
from gonogo.probes.places import ca_file, check_place, host_and_port, needs_no_tls
from gonogo.probes.postgres.sessions import Sessions, Turn
from gonogo.probes.postgres.sql import refusal

if TYPE_CHECKING:
    import psycopg

MAX_ROWS = 5_000
MAX_BYTES = 4_000_000
_SHOWN = 120  # characters of a statement in a source
_SET_UP = (
    "SET TRANSACTION READ ONLY; SET LOCAL default_transaction_read_only = on; SET LOCAL statement_timeout = {ms};"
    " SET LOCAL lock_timeout = {ms}; SHOW transaction_read_only"
)
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_CAUSES = {
    "57014": Cause.TIMEOUT,  # statement_timeout
    "55P03": Cause.TIMEOUT,  # lock_timeout
    "25006": Cause.REFUSED,  # a write in a read-only transaction
    "42501": Cause.DENIED,
    "28": Cause.DENIED,
    "42P01": Cause.MISASKED,  # undefined table: a typo, another schema, or a migration that is not there
    "42703": Cause.MISASKED,  # undefined column
    "42883": Cause.MISASKED,  # undefined function, or one of other types
    "53": Cause.FULL,  # sessions, memory, disk
    "57P": Cause.UNREACHABLE,  # shutting down, starting up
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """`sql` is one statement that only reads: SELECT, SHOW, EXPLAIN or WITH ... SELECT; any other is a bad checklist.

    Fewer than `least_rows` rows are no data: nothing to judge is neither good nor bad.
    """

    sql: str
    least_rows: int = 0

    def __post_init__(self) -> None:
        if (why := refusal(self.sql)) is not None:
            raise ValueError(f"sql is not sent, {why}: {' '.join(self.sql.split())[:120]}")
        if self.least_rows < 0:
            raise ValueError(f"least_rows {self.least_rows} is not 0 or more")


def look(options: Postgres, vantage: Vantage) -> Sight:
    """{rows: [{column: value}], row_count, elapsed_ms}. Needs names `database` and `user`; `auth.secret` is the
    name of the password. What writes behind the guard's back ends in the read-only transaction, as REFUSED. A run
    holds at most 4 sessions of a server at once; further looks wait, within their timeout.
    """
    back_end = vantage.back_end("postgres")
    host, port = host_and_port(back_end, "postgres", default_port=5432)
    statement = " ".join(options.sql.split())
    source = f"postgres {host}:{port} {_begins(statement)}"
    try:
        import psycopg  # noqa: PLC0415, F401 - clients are imported when first needed
    except ImportError:
        raise ConfigError("a postgres probe needs psycopg: pip install 'gonogo[postgres]'") from None
    began = time.monotonic()
    sessions = vantage.shared(f"postgres sessions {host}:{port}", Sessions)
    turn = sessions.turn(back_end.timeout)
    outcome = _outcome(options.sql, _target(back_end, host, port, vantage), turn, statement)
    if isinstance(outcome, Unseen) and outcome.cause is Cause.TIMEOUT and (why := turn.crowded_out):
        outcome = Unseen(cause=Cause.UNAVAILABLE, detail=f"{host}:{port}: {why}: {statement[:200]}")
    if isinstance(outcome, Seen) and outcome.data["row_count"] < options.least_rows:
        few = f"{outcome.data['row_count']} rows, {options.least_rows} are needed to judge: {statement[:200]}"
        outcome = Unseen(cause=Cause.NO_DATA, detail=few)
    took = timedelta(seconds=time.monotonic() - began)
    ended = "seen" if isinstance(outcome, Seen) else outcome.cause.value
    return Sight(source=source, outcome=outcome, side="postgres", tries=((took, ended),))


def _begins(statement: str) -> str:
    """The beginning of a long statement, in whole words."""
    return statement if len(statement) <= _SHOWN else f"{statement[:_SHOWN].rpartition(' ')[0]} …"


def _target(back_end: BackEnd, host: str, port: int, vantage: Vantage) -> dict[str, Any]:
    """Everything libpq would otherwise take from its own environment variables is given."""
    _check_names(vantage.environment)
    ca = ca_file(back_end, vantage)
    plain = needs_no_tls(back_end, host)
    return {
        "host": host,
        "port": port,
        "dbname": back_end.names["database"],
        "user": back_end.names["user"],
        "password": vantage.reveal(back_end.auth.secret) if back_end.auth.secret else None,
        "connect_timeout": max(2, math.ceil(back_end.timeout.total_seconds())),
        "application_name": "gonogo",
        "options": "",
        "gssencmode": "disable",
        "sslmode": "prefer" if plain else "verify-full",
        **({} if plain else {"sslrootcert": ca or "system"}),
    }


def refuse_unnamed(_: Any, environment: Environment, __: Path) -> None:
    """ConfigError for a back end that names no database or no user: before anything is sent."""
    _check_names(environment)


def _check_names(environment: Environment) -> None:
    for name in ("database", "user"):
        named(environment, "postgres", name)


def _outcome(sql: str, target: Mapping[str, Any], turn: Turn, statement: str) -> Seen | Unseen:
    import psycopg  # noqa: PLC0415

    where = f"{target['host']}:{target['port']}"
    allowed = timedelta(seconds=turn.deadline.allowed)
    try:
        return within(allowed, lambda: _read(sql, target, turn))
    except Failure as failure:
        return failure.unseen()
    except (OutOfTime, psycopg.errors.ConnectionTimeout):
        return Unseen(cause=Cause.TIMEOUT, detail=f"{where}: no answer within {show_duration(allowed)}")
    except psycopg.Error as error:
        state = error.sqlstate or ""
        message = _one_line(error)
        if state == "42601":
            at = error.diag.statement_position
            raise ConfigError(f"postgres: {message} at character {at or '?'} of: {statement[:200]}") from None
        cause = next((cause for code, cause in _CAUSES.items() if state.startswith(code)), None)
        if cause is None:
            cause = Cause.BROKEN if state else _of_connection(message)
        more = f": {statement[:200]}" if state else ""
        return Unseen(cause=cause, detail=f"{where}: {message}{f' ({state})' if state else ''}{more}")


def _of_connection(message: str) -> Cause:
    """A failed connection has no SQLSTATE: the words of libpq are all there is."""
    denied = ("authentication failed", "no password supplied", "no pg_hba.conf entry", "not permitted to log in")
    if any(words in message for words in denied):
        return Cause.DENIED
    full = ("too many clients", "too many connections", "remaining connection slots are reserved")
    return Cause.FULL if any(words in message for words in full) else Cause.UNREACHABLE


def _one_line(error: psycopg.Error) -> str:
    text = error.diag.message_primary or str(error)
    return " ".join(text.split())[:300] or type(error).__name__


def _read(sql: str, target: Mapping[str, Any], turn: Turn) -> Seen | Unseen:
    import psycopg  # noqa: PLC0415

    check_place(target["host"], target["port"])
    with turn.session() as left, psycopg.connect(**target) as connection, connection.cursor() as cursor:
        connection.read_only = True  # BEGIN READ ONLY
        cursor.execute(_SET_UP.format(ms=max(1, int(left * 1000))).encode())
        while cursor.nextset():
            pass
        if cursor.fetchone() != ("on",):
            return Unseen(cause=Cause.REFUSED, detail="the session did not become read-only; nothing was asked")
        began = time.monotonic()
        rows: list[dict[str, Any]] = []
        size = 0
        for row in cursor.stream(sql.encode()):
            names = [column.name for column in cursor.description or ()]
            if len(set(names)) < len(names):
                return Unseen(cause=Cause.BROKEN, detail=f"two columns of one name: {', '.join(names)}")
            if len(rows) == MAX_ROWS or size > MAX_BYTES:
                return Unseen(cause=Cause.PARTIAL, detail=f"more than {MAX_ROWS} rows or {MAX_BYTES} bytes; narrow it")
            rows.append({name: _json(value) for name, value in zip(names, row, strict=True)})
            size += sum(len(str(value)) for value in row)
            odd = [name for name, value in rows[-1].items() if isinstance(value, float) and not math.isfinite(value)]
            if odd:
                return Unseen(cause=Cause.PARTIAL, detail=f"column {odd[0]} of row {len(rows)} is not a finite number")
        elapsed_ms = (time.monotonic() - began) * 1000
        connection.rollback()
    return Seen(data={"rows": rows, "row_count": len(rows), "elapsed_ms": round(elapsed_ms, 3)})


def _json(value: Any) -> Any:
    """A column's Python value as JSON: numbers stay numbers, intervals are seconds, the rest its text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Decimal():
            whole = value.is_finite() and value == value.to_integral_value() and abs(value) < 2**53
            return int(value) if whole else float(value)
        case timedelta():
            return value.total_seconds()
        case datetime() | date() | clock_time():
            return value.isoformat()
        case list() | tuple():
            return [_json(item) for item in value]
        case dict():
            return {str(key): _json(item) for key, item in value.items()}
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case _:
            return str(value)


PROBE = Probe(
    options=Postgres,
    look=look,
    back_ends=("postgres",),
    extra="postgres",
    clients=("psycopg",),
    refuse=refuse_unnamed,
)
