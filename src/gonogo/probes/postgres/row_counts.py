"""Tables counted again, over the window of counts that were taken before, into what is gone and what has come."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gonogo.model.environment import BackEnd, Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.model.units import show_duration
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.places import environment_file, inside
from gonogo.probes.postgres import probe as postgres

MAX_BYTES = 100_000
_KEYS = frozenset({"database", "since", "until", "tables"})
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """`tables` are those whose counts have to be in the file, which may be `max_age` old.

    The address of back end `row_counts` is the file: {database, since, until, tables: {TABLE: {time, rows}}}, where
    `time` is the column that says when a row came, and `rows` counts those with since <= time < until. Rows that came
    since, and partitions that are dropped by age, change nothing of it.
    """

    tables: tuple[str, ...]
    max_age: timedelta = timedelta(days=14)

    def __post_init__(self) -> None:
        bad = [name for name in self.tables if not _NAME.fullmatch(name)]
        if bad or not self.tables:
            raise ValueError(f"tables are names like core.orders, not {', '.join(map(repr, bad)) or 'none'}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """What the file says."""

    database: str
    since: datetime
    until: datetime
    tables: Mapping[str, tuple[str, int]]  # table -> (time column, rows)


def look(options: RowCounts, vantage: Vantage) -> Sight:
    """{since, until, tables: [{table, before, now, gone, come}], gone, come}: rows of the window, then and now;
    `gone` and `come` are ratios of the rows before, and at the top the largest. A file that is not there, or was taken
    after T0, is no data; one with another shape is broken.
    """
    back_end = vantage.back_end("row_counts")
    path = environment_file(back_end.address, vantage)
    try:
        taken = _read(path)
        _check(taken, options, vantage)
    except Failure as failure:
        return Sight(source=str(path), outcome=failure.unseen())
    sight = postgres.look(postgres.Postgres(sql=_sql(taken), least_rows=len(taken.tables)), vantage)
    source = f"{sight.source.partition(' select ')[0]} and {path}"
    outcome = _compared(taken, sight.outcome) if isinstance(sight.outcome, Seen) else sight.outcome
    return Sight(source=source, outcome=outcome, side=sight.side, tries=sight.tries)


def refuse(options: RowCounts, environment: Environment, base: Path) -> None:
    """ConfigError for a back end without its file, or with one elsewhere: before anything is sent."""
    postgres.refuse_unnamed(options, environment, base)
    back_end = environment.back_ends["row_counts"]
    if not back_end.address:
        raise ConfigError("back end row_counts: the address, a file, is missing", back_end.origin)
    inside(base, back_end.address, base.parent, back_end.origin)


def _read(path: Path) -> _Taken:
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
    except OSError as error:
        cause = Cause.NO_DATA if isinstance(error, FileNotFoundError) else Cause.UNREACHABLE
        raise Failure(cause, f"{path}: {error.strerror}: no counts were taken before") from None
    try:
        if len(body) > MAX_BYTES:
            raise ValueError(f"larger than {MAX_BYTES} bytes")  # noqa: TRY301 - one way to say what is wrong
        return _taken(json.loads(body.decode("utf-8-sig"), object_pairs_hook=_once))
    except (ValueError, RecursionError, OverflowError) as error:
        raise Failure(Cause.BROKEN, f"{path.name}: {str(error)[:200]}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _taken(document: Any) -> _Taken:
    """ValueError for what is not exactly the shape."""
    if not isinstance(document, dict) or document.keys() != _KEYS:
        raise ValueError(f"an object with {', '.join(sorted(_KEYS))} is wanted, and nothing else")
    if not isinstance(document["database"], str) or not document["database"]:
        raise ValueError("database is a text")
    since, until = (_moment(document[key], key) for key in ("since", "until"))
    if since >= until:
        raise ValueError("since is not before until")
    tables = document["tables"]
    if not isinstance(tables, dict) or not tables:
        raise ValueError("tables is an object that is not empty")
    return _Taken(
        database=document["database"],
        since=since,
        until=until,
        tables={name: _table(name, entry) for name, entry in tables.items()},
    )


def _table(name: str, entry: Any) -> tuple[str, int]:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:60]!r} is no name of a table")
    if not isinstance(entry, dict) or entry.keys() != {"time", "rows"}:
        raise ValueError(f"{name}: an object with time and rows is wanted, and nothing else")
    time, rows = entry["time"], entry["rows"]
    if not isinstance(time, str) or not _NAME.fullmatch(time) or "." in time:
        raise ValueError(f"{name}.time is the name of a column")
    if type(rows) is not int or rows < 0:
        raise ValueError(f"{name}.rows is a whole number")
    return time, rows


def _moment(value: Any, name: str) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"{name} is a moment with its zone, like 2026-11-20T09:00:00Z")
    return moment


def _check(taken: _Taken, options: RowCounts, vantage: Vantage) -> None:
    """Failure for counts that say nothing about this moment, this release or this database."""
    missing = [name for name in options.tables if name not in taken.tables]
    if missing:
        raise Failure(Cause.NO_DATA, f"the counts taken before lack {', '.join(missing)}")
    database = vantage.environment.back_ends.get("postgres", BackEnd()).names.get("database")
    if taken.database != database:
        raise Failure(Cause.NO_DATA, f"the counts were taken of database {taken.database}, not of {database}")
    age = vantage.now - taken.until
    if age > options.max_age:
        old, most = (show_duration(timedelta(seconds=round(span.total_seconds()))) for span in (age, options.max_age))
        raise Failure(Cause.NO_DATA, f"the counts were taken {old} ago, at most {most}")
    last = vantage.now if vantage.t0 is None else min(vantage.t0, vantage.now)
    if taken.until > last:
        raise Failure(Cause.NO_DATA, f"the counts reach to {taken.until.isoformat()}, past {last.isoformat()}")


def _sql(taken: _Taken) -> str:
    """Every name was held against a pattern, every moment is rendered anew."""
    return " union all ".join(
        f"select '{name}' as name, count(*) as rows from {_quoted(name)}"  # noqa: S608
        f" where {_quoted(time)} >= '{taken.since.isoformat()}' and {_quoted(time)} < '{taken.until.isoformat()}'"
        for name, (time, _) in taken.tables.items()
    )


def _quoted(name: str) -> str:
    return ".".join(f'"{part}"' for part in name.split("."))


def _compared(taken: _Taken, seen: Seen) -> Seen | Unseen:
    counted = {row["name"]: row["rows"] for row in seen.data["rows"]}
    rows = []
    for name, (_, before) in taken.tables.items():
        now = counted[name]
        gone, come = (_ratio(difference, before) for difference in (before - now, now - before))
        rows.append({"table": name, "before": before, "now": now, "gone": gone, "come": come})
    return Seen(
        data={
            "since": taken.since.isoformat(),
            "until": taken.until.isoformat(),
            "tables": rows,
            "gone": max(row["gone"] for row in rows),
            "come": max(row["come"] for row in rows),
        }
    )


def _ratio(difference: int, before: int) -> float:
    """Of the rows before; where there were none, one that has come is all of them."""
    return max(difference, 0) / max(before, 1)


PROBE = Probe(
    options=RowCounts,
    look=look,
    back_ends=("row_counts", "postgres"),
    extra="postgres",
    clients=("psycopg",),
    refuse=refuse,
)
