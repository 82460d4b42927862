"""One reading Redis command into its reply."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from gonogo.model.environment import BackEnd, Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.model.units import show_duration
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.bounded import OutOfTime, within
from gonogo.probes.failure import Failure
from gonogo.probes.places import ca_file, check_place, host_and_port, needs_no_tls

# Reading verbs that answer at once, whatever the size of the data set: KEYS reads too, and stops a server.
# fmt: off
READS = frozenset({
    "PING", "ECHO", "TIME", "INFO", "DBSIZE", "LASTSAVE", "ROLE", "GET", "MGET",
    "STRLEN", "GETRANGE", "GETBIT", "EXISTS", "TYPE", "TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME",
    "HGET", "HMGET", "HLEN", "HEXISTS", "HSTRLEN", "LLEN", "LINDEX", "SCARD", "SISMEMBER",
    "ZCARD", "ZSCORE", "ZRANK", "ZCOUNT", "XLEN", "PFCOUNT", "BITCOUNT",
})
# fmt: on
READS_OF_TWO_WORDS = frozenset(
    {
        "MEMORY USAGE",
        "OBJECT ENCODING",
        "OBJECT IDLETIME",
        "OBJECT FREQ",
        "OBJECT REFCOUNT",
        "SLOWLOG LEN",
        "SLOWLOG GET",
        "LATENCY LATEST",
        "CLUSTER INFO",
        "COMMAND COUNT",
        "XINFO STREAM",
        "XINFO GROUPS",
    }
)
MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Redis:
    """`command` is one command with its arguments: [INFO, memory]. One that is not on the list of reading commands
    is a bad checklist.
    """

    command: tuple[str, ...]

    def __post_init__(self) -> None:
        if (verb := _forbidden(self.command)) is not None:
            raise ValueError(f"command is not sent, {verb} is not on the list of reading commands")


def look(options: Redis, vantage: Vantage) -> Sight:
    """{reply, elapsed_ms}; INFO is a mapping of its fields."""
    back_end = vantage.back_end("redis")
    host, port = host_and_port(back_end, "redis", default_port=6379)
    shown = " ".join(options.command)[:120]
    source = f"redis {host}:{port} {shown}"
    try:
        import redis  # noqa: PLC0415, F401 - clients are imported when first needed
    except ImportError:
        raise ConfigError("a redis probe needs redis: pip install 'gonogo[redis]'") from None
    target = _target(back_end, host, port, vantage)
    began = time.monotonic()
    outcome = _outcome(options.command, target, back_end)
    took = timedelta(seconds=time.monotonic() - began)
    ended = "seen" if isinstance(outcome, Seen) else outcome.cause.value
    return Sight(source=source, outcome=outcome, side="redis", tries=((took, ended),))


def _forbidden(command: tuple[str, ...]) -> str | None:
    """The verb that is not allowed, as it would reach the server; None when the command only reads."""
    words = [" ".join(word.upper().split()) for word in command[:2]]
    if not words or not words[0]:
        return "an empty command"
    if words[0] in READS or " ".join(words) in READS_OF_TWO_WORDS:
        return None
    containers = {pair.partition(" ")[0] for pair in READS_OF_TWO_WORDS}
    return " ".join(words) if words[0] in containers else words[0]


def refuse(_: Redis, environment: Environment, __: Path) -> None:
    """ConfigError for a database that is no number: before anything is sent."""
    _database(environment.back_ends["redis"])


def _database(back_end: BackEnd) -> int:
    database = back_end.names.get("database", "0")
    if not (database.isascii() and database.isdecimal()):
        raise ConfigError(f"back end redis: names.database is a number, not {database!r}", back_end.origin)
    return int(database)


def _target(back_end: BackEnd, host: str, port: int, vantage: Vantage) -> dict[str, Any]:
    seconds = back_end.timeout.total_seconds()
    plain = needs_no_tls(back_end, host)
    return {
        "host": host,
        "port": port,
        "db": _database(back_end),
        "username": back_end.names.get("user"),
        "password": vantage.reveal(back_end.auth.secret) if back_end.auth.secret else None,
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "decode_responses": True,
        "encoding_errors": "backslashreplace",
        "protocol": 2,
        **({} if plain else {"ssl": True, "ssl_ca_certs": ca_file(back_end, vantage)}),
    }


def _outcome(command: tuple[str, ...], target: Mapping[str, Any], back_end: BackEnd) -> Seen | Unseen:
    import redis  # noqa: PLC0415

    where = f"{target['host']}:{target['port']}"
    try:
        return within(back_end.timeout, lambda: _read(command, target))
    except Failure as failure:
        return failure.unseen()
    except (OutOfTime, redis.TimeoutError):
        return Unseen(cause=Cause.TIMEOUT, detail=f"{where}: no answer within {show_duration(back_end.timeout)}")
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        return Unseen(cause=Cause.DENIED, detail=f"{where}: {_one_line(error)}")
    except redis.BusyLoadingError as error:
        return Unseen(cause=Cause.UNREACHABLE, detail=f"{where}: {_one_line(error)}")
    except (redis.MaxConnectionsError, redis.exceptions.OutOfMemoryError) as error:
        return Unseen(cause=Cause.FULL, detail=f"{where}: {_one_line(error)}")
    except redis.ConnectionError as error:
        return Unseen(cause=Cause.UNREACHABLE, detail=f"{where}: {_one_line(error)}")
    except (redis.RedisError, ValueError) as error:
        return Unseen(cause=Cause.BROKEN, detail=f"{where}: {' '.join(command)[:120]}: {_one_line(error)}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _read(command: tuple[str, ...], target: Mapping[str, Any]) -> Seen | Unseen:
    import redis  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    check_place(target["host"], target["port"])
    with redis.Redis(**target, retry=Retry(NoBackoff(), 0), single_connection_client=True) as client:
        client.response_callbacks.pop("PING", None)  # PONG, not True: that is what people look for
        began = time.monotonic()
        reply = _json(client.execute_command(*command))
        elapsed_ms = (time.monotonic() - began) * 1000
    if len(str(reply)) > MAX_BYTES:
        return Unseen(cause=Cause.PARTIAL, detail=f"the reply is longer than {MAX_BYTES} bytes")
    return Seen(data={"reply": reply, "elapsed_ms": round(elapsed_ms, 3)})


def _json(value: Any) -> Any:
    """A reply as JSON; redis-py has parsed INFO and the like into mappings already."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case Mapping():
            return {str(key): _json(item) for key, item in value.items()}
        case list() | tuple():
            return [_json(item) for item in value]
        case set() | frozenset():
            return sorted(str(item) for item in value)
        case _:
            return str(value)


PROBE = Probe(options=Redis, look=look, back_ends=("redis",), extra="redis", clients=("redis",), refuse=refuse)
