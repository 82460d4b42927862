"""The command line on the rehearsal, end to end: doctor in health and in trouble, rehearse up and down."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "gonogo.cli"]
UP_WITHIN_S = 90.0
DOWN_WITHIN_S = 60.0
BROKEN = """name: broken
extends: local.yaml
start:
  command: [python, environments/rehearsal, --fault, api-down, --fault, cloud-run-denied, --fault, redis-refuses]
"""

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="counts processes by /proc")


def _gonogo(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=cwd, capture_output=True, encoding="utf-8", check=False)


def _states(text: str) -> dict[str, list[str]]:
    """The states of the looks under each place that doctor names."""
    found: dict[str, list[str]] = {}
    place = ""
    for line in text.splitlines():
        if line.startswith("  "):
            found[place].append(line.split()[0])
        elif "  as " in line:
            place = line.split()[0]
            found[place] = []
    return found


def test_doctor_of_the_rehearsal_in_health() -> None:
    """Every side and back end can be read, with who it is there; what was started for it is gone; exit 0."""
    done = _gonogo("doctor", "--env", "local")
    assert done.returncode == 0, done.stdout + done.stderr
    states = _states(done.stdout)
    assert {"stable", "canary", "cloud_run", "cloud_logging", "slack", "forge", "postgres", "redis"} <= set(states)
    assert {state for all_ in states.values() for state in all_} == {"ok"}
    assert "slack  as the holder of GONOGO_SLACK_TOKEN" in done.stdout
    taken, _, all_ = done.stdout.splitlines()[-1].partition(" of ")
    assert taken == all_.split()[0]


def test_doctor_of_one_phase() -> None:
    """A phase is met as it finds the rehearsal: the canary is there, and nobody else's absences count; exit 0."""
    done = _gonogo("doctor", "--env", "factory-local", "--phase", "canary")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {state for all_ in _states(done.stdout).values() for state in all_} == {"ok"}
    assert "prometheus  as nobody" in done.stdout
    assert "holds nothing now" not in done.stdout


def test_doctor_finds_every_right_that_is_lacking() -> None:
    """Whichever statement it is, the line names the item and the table; exit 6. Without the faults: exit 0."""
    faults = ("--fault", "intents-denied", "--fault", "index-statistics-denied")
    done = _gonogo("doctor", "--env", "factory-local", "--phase", "weekly", *faults)
    assert done.returncode == 6, done.stdout + done.stderr
    denied = [line for line in done.stdout.splitlines() if line.startswith("  denied")]
    assert [line.split()[1:3] for line in denied] == [
        ["fac-week-unused-indexes", "(weekly):"],
        ["fac-llm-intent-candidates", "(weekly):"],
    ]
    assert "permission denied for table intent_logs" in denied[1]
    healthy = _gonogo("doctor", "--env", "factory-local")
    assert healthy.returncode == 0, healthy.stdout + healthy.stderr
    assert "what_if (fac-inc-simulate)" in healthy.stdout
    assert "--phase canary or --phase recovery" in healthy.stdout.splitlines()[-1]


def test_doctor_of_the_rehearsal_in_trouble(tmp_path: Path) -> None:
    """What is down, what is denied and what wants a password are named, each at its place; the rest is ok; exit 6."""
    for name in ("environments", "checks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    (tmp_path / "environments" / "broken.yaml").write_text(BROKEN, encoding="utf-8")
    done = _gonogo("doctor", "--env", "broken", cwd=tmp_path)
    assert done.returncode == 6, done.stdout + done.stderr
    states = _states(done.stdout)
    assert set(states["stable"]) == {"unreachable"}
    assert set(states["cloud_run"]) == {"denied"}
    assert set(states["redis"]) <= {"denied", "odd"}
    for healthy in ("canary", "lumen", "cloud_logging", "slack", "forge", "postgres", "prometheus"):
        assert set(states[healthy]) == {"ok"}, done.stdout
    assert "Connection refused" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_rollout_on_the_rehearsal(tmp_path: Path) -> None:
    """The whole way on what a user starts: planned, sent, read back, kept; exit 0. Its record is whole."""
    for name in ("environments", "checks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    done = _gonogo("rollout", "apply", "--env", "local", "--to", "10", "--yes", "local", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    (path,) = (tmp_path / "reports" / "out").glob("*-local-rollout-*/rollout.json")
    assert json.loads(path.read_text(encoding="utf-8")) == document
    assert document["after"]["split"] == {"ion-api-00041-abc": 90, "ion-api-00042-def": 10}
    assert (document["done"], document["previous"]) == (True, "ion-api-00041-abc")


def test_list_faults_names_every_fault() -> None:
    """One line a fault with what it does and when it shows; nothing is started."""
    known = yaml.safe_load((ROOT / "environments/rehearsal/faults.yaml").read_text(encoding="utf-8"))
    done = _gonogo("rehearse", "--list-faults")
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(known)
    assert last == f"{len(known)} faults"
    assert "The stable side refuses connections (predeploy" in lines[list(known).index("api-down")]


class Rehearsal:
    """`gonogo rehearse`, as somebody at a terminal has it."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "rehearse", *arguments],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        )  # fmt: skip
        self.lines: list[str] = []
        reader = threading.Thread(target=self._read, daemon=True)
        reader.start()
        reader.join(UP_WITHIN_S)
        assert self.lines, f"not up within {UP_WITHIN_S:g} s"
        assert self.lines[-1].endswith("Ctrl-C ends it\n"), self.process.communicate(timeout=30)[1]
        told = [line for line in self.lines[:-1] if not line.startswith("export ")]
        self.addresses = dict(line.split() for line in told)
        self.exports = dict(shlex.split(line)[1].split("=", 1) for line in self.lines[len(told) : -1])
        self.family = _descendants(self.process.pid)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if line.endswith("Ctrl-C ends it\n"):
                return

    @property
    def folder(self) -> Path:
        return Path(self.addresses["signoffs"]).parent

    def leftovers(self) -> list[str]:
        """Processes, folder and listening ports that are still there."""
        found = [f"process {pid}" for pid in self.family if _lives(pid)]
        found += [str(self.folder)] if self.folder.exists() else []
        return found + [name for name, address in self.addresses.items() if _listens(address)]


@pytest.fixture
def rehearse() -> Iterator[Callable[..., Rehearsal]]:
    made: list[Rehearsal] = []

    def one(*arguments: str) -> Rehearsal:
        made.append(Rehearsal(*arguments))
        return made[-1]

    yield one
    for each in made:
        each.process.kill()
        each.process.communicate(timeout=60)


def _descendants(pid: int) -> list[int]:
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, wave = [], [pid]
    while wave:
        wave = [child for child, parent in parents.items() if parent in wave]
        found += wave
    return found


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # a zombie has ended and waits for whoever reaps orphans here


def _listens(address: str) -> bool:
    parts = urlsplit(address if "://" in address else f"//{address}")
    if address.startswith("/") or parts.port is None:
        return False
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex((parts.hostname or "", parts.port)) == 0


@needs_proc
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
def test_rehearse_goes_up_and_leaves_nothing(end: signal.Signals, rehearse: Callable[..., Rehearsal]) -> None:
    """It is up with its fault, as told, and after Ctrl-C or a kill there is no process, no folder, no open port."""
    up = rehearse("--scene", "deployed", "--fault", "redis-down")
    assert up.lines[-1] == "local is up in scene deployed; Ctrl-C ends it\n"
    assert _listens(up.addresses["ion-stable"])
    assert _listens(up.addresses["postgres"])
    assert not _listens(up.addresses["redis"])
    assert up.folder.is_dir()
    with psycopg.connect(
        host="127.0.0.1",
        port=int(up.addresses["postgres"].rpartition(":")[2]),
        dbname="ion",
        user="ion_reader",
        password=up.exports["GONOGO_PG_PASSWORD"],
    ) as connection:  # another tool, by what was told
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert len(up.family) >= 3
    up.process.send_signal(end)
    _, errors = up.process.communicate(timeout=DOWN_WITHIN_S)
    assert up.process.returncode == (130 if end is signal.SIGINT else -signal.SIGKILL), errors
    assert errors == ""
    until = time.monotonic() + DOWN_WITHIN_S
    while (left := up.leftovers()) and time.monotonic() < until:
        time.sleep(0.1)
    assert left == []
