"""A watch in a process of its own: it outlives its parent, one an environment, and no signal makes it GO."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from tests.canary_sim import World, watch

from gonogo.config.samples import read_samples
from gonogo.flows.watch.lock import HOLDER, Holder, alive, holder
from gonogo.reporting.samples import SCHEMA, digest, sample_line

ENVIRONMENT = """\
name: small
system: small
describe: Two sides and a file of samples
sides:
  stable: {url: 'https://stable.example'}
  canary: {url: 'https://canary.example'}
watch:
  go: [error_ratio <= 0.005, p95_latency <= 200 ms, memory <= 0.85, cpu <= 0.8]
  rollback: [error_ratio > 0.01 for 3 samples with at least 100 requests, memory > 0.85 for 2 samples]
  source: {kind: file, path: samples.jsonl, lag: 0s}
"""


class Project:
    """A folder with one environment, and a file of samples that grows."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("environments", "checks"):
            (root / name).mkdir()
        (root / "environments" / "small.yaml").write_text(ENVIRONMENT, encoding="utf-8")
        self.base = root / "reports" / "out" / "watch-small"
        self._samples = watch(1, 100_000, World(errors=0.001))
        self._digest = ""

    def feed(self, count: int) -> None:
        with (self.root / "samples.jsonl").open("a", encoding="utf-8") as file:
            for _ in range(count):
                line = sample_line(next(self._samples), self._digest)
                self._digest = json.loads(line)["digest"]
                file.write(line + "\n")

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "gonogo.cli", "watch", *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            check=False,
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=120,
            encoding="utf-8",
        )

    def start(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("start", "--env", "small", *words)

    @property
    def folder(self) -> Path:
        return max(path.parent for path in self.base.glob("*/plan.json"))

    def status(self) -> dict[str, object]:
        document: dict[str, object] = json.loads((self.folder / "status.json").read_text(encoding="utf-8"))
        return document

    def wait(self, until: Callable[[], bool], within: float = 60.0) -> None:
        ends = time.monotonic() + within
        while not until():
            assert time.monotonic() < ends, self.output()
            time.sleep(0.02)

    def output(self) -> str:
        path = self.base / "output.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def pid(self) -> int:
        one = holder(self.base)
        assert one is not None
        return one.pid


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    one = holder(made.base)
    if one is not None and alive(one):
        os.kill(one.pid, signal.SIGKILL)


def test_a_watch_outlives_its_parent_and_ends_in_time(project: Project) -> None:
    """Started in one line, looked at, told to end: HOLD at once, and its process is gone."""
    project.feed(20)
    started = project.start("--for", "24h")
    assert started.returncode == 0, started.stderr
    assert started.stdout.count("\n") == 1
    watcher = holder(project.base)
    assert watcher is not None
    pid = watcher.pid
    assert psutil.Process(pid).ppid() != os.getpid()
    assert os.getsid(pid) == pid
    project.wait(lambda: project.status()["seq"] == 20)
    looked = project.run("status")
    assert (looked.returncode, looked.stdout.startswith("small: HOLD at sample 20; watched by process")) == (6, True)
    asked = datetime.now(UTC)
    os.kill(pid, signal.SIGTERM)
    project.wait((project.folder / "verdict.json").exists)
    verdict = json.loads((project.folder / "verdict.json").read_text(encoding="utf-8"))
    assert (datetime.fromisoformat(verdict["ended"]) - asked).total_seconds() < 20
    project.wait(lambda: not alive(watcher))
    assert verdict["reasons"][0] == "it was stopped before its end"
    assert "ended with HOLD" in project.run("log", "--tail", "1").stdout


def test_stop_waits_and_says_what_was_decided(project: Project) -> None:
    project.feed(20)
    assert project.start().returncode == 0
    project.wait(lambda: project.status()["seq"] == 20)
    stopped = project.run("stop")
    assert stopped.returncode == 0
    assert "HOLD at sample 20; ended" in stopped.stdout
    assert holder(project.base) is None


def test_row89_a_second_watch_says_who_holds_the_first(project: Project) -> None:
    """Exit 4, and the first goes on; --replace ends it and begins anew."""
    project.feed(3)
    assert project.start().returncode == 0
    first, folder = project.pid(), project.folder
    second = project.start()
    assert second.returncode == 4
    assert f"small is watched already by process {first} on" in second.stderr
    assert second.stderr.count("\n") == 1
    assert project.start("--replace").returncode == 0
    assert project.pid() != first
    assert project.folder != folder
    assert json.loads((folder / "verdict.json").read_text(encoding="utf-8"))["decision"] == "HOLD"


def test_row83_killed_at_any_moment_it_goes_on_where_it_stood(project: Project) -> None:
    """`kill -9` at odd moments: every sample is there once, in a whole chain, and nothing says GO."""
    for round_ in range(3):
        project.feed(10)
        assert project.start("--for", "24h").returncode == 0, project.output()
        if round_:
            project.wait(lambda count=10 * (round_ + 1): project.status()["seq"] == count)  # type: ignore[misc]
        time.sleep(0.013 * round_)
        os.kill(project.pid(), signal.SIGKILL)
        project.wait(lambda: holder(project.base) is None)
        assert not (project.folder / "verdict.json").exists()
        assert project.run("status").returncode == 6
        assert "cut off" in project.run("status").stdout
    assert len(list(project.base.glob("*/plan.json"))) == 1
    recorded = read_samples(project.folder / "samples.jsonl", SCHEMA)
    assert len(recorded.samples) == 30
    before = ""
    for document, given in zip(recorded.documents, recorded.digests, strict=True):
        assert given == digest(document, before)
        before = given


def test_what_cannot_begin_says_why_in_one_line(project: Project) -> None:
    """Of the process behind, too: its own last line and exit status."""
    missing = project.run("start", "--env", "smal")
    assert (missing.returncode, missing.stderr.count("\n")) == (4, 1)
    assert "did you mean 'small'" in missing.stderr
    project.base.mkdir(parents=True)
    (project.base / "20261120T000000Z-aaaaaa").mkdir()
    (project.base / "20261120T000000Z-aaaaaa" / "plan.json").write_text("{", encoding="utf-8")
    broken = project.start()
    assert (broken.returncode, broken.stderr.count("\n")) == (4, 1)
    assert "plan.json" in broken.stderr


def test_reports_that_cannot_be_kept_are_one_line(project: Project) -> None:
    """Something else stands where the folder of reports has to be: nothing is begun."""
    project.base.parent.parent.mkdir(parents=True, exist_ok=True)
    project.base.parent.write_text("in the way", encoding="utf-8")
    done = project.start()
    assert done.returncode == 6
    assert "nothing can be kept there" in done.stderr
    assert "nothing was begun" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["start", "--env", "small", "--every", "often"], "--every: 'often' is not a duration"),
        (["start", "--env", "small", "--for", "0s"], "--for is a time longer than 0"),
        (["start", "--env", "small", "--for", "30s"], "shorter than one interval of 1m"),
        (["start", "--env", "small", "--on-no-go", "panic"], "invalid choice: 'panic'"),
        (["start", "--env", "small", "--on-no-go", "rollback"], "does not allow the action 'rollback'"),
        (["start", "--env", "small", "--fault", "x"], "--fault is for rehearsed environments"),
        (["status"], "nothing was ever watched here"),
        (["status", "--env", "small"], "small was never watched"),
        (["start", "--env", "small", "--for", "99999999d"], "--for is at most 30d"),
        (["log"], "nothing was ever watched here"),
        (["stop"], "nobody watches here now"),
        (["replay", "x", "--env", "small", "--rules", "x"], "--rules FILE or --env NAME, not both"),
    ],
)
def test_bad_input_is_one_line(project: Project, words: list[str], said: str) -> None:
    done = project.run(*words)
    assert done.returncode == (7 if "rollback" in words else 4)
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not project.base.exists()


def test_a_number_of_a_process_that_came_again_holds_nothing(tmp_path: Path) -> None:
    """The file of a dead watch names a process that is somebody else's now."""
    mine = psutil.Process()
    born = mine.create_time()
    host = os.uname().nodename
    stale = Holder(pid=mine.pid, host=host, since="2026-11-20T00:00:00+00:00", born=born - 100)
    assert not alive(stale)
    (tmp_path / HOLDER).write_text(json.dumps({"pid": mine.pid, "host": host, "since": "x", "born": born - 100}))
    assert holder(tmp_path) is None
    (tmp_path / HOLDER).write_text("{")
    assert holder(tmp_path) is None


def test_the_editors_tasks_do_what_their_old_names_say(project: Project) -> None:
    """Started, looked at, ended; and with nothing to end that is no error."""
    tasks = json.loads((Path(__file__).parents[3] / ".vscode" / "tasks.json").read_text(encoding="utf-8"))["tasks"]
    lines = {task["label"]: task["args"] for task in tasks if task["command"] == "gonogo"}

    def task(name: str) -> subprocess.CompletedProcess[str]:
        first, *rest = ["small" if word == "${input:environment}" else word for word in lines[f"Monitoring: {name}"]]
        assert first == "watch"
        return project.run(*rest)

    project.feed(3)
    started = task("Start Canary Loop (30m, with probe)")
    assert started.returncode == 0, started.stderr
    plan = json.loads((project.folder / "plan.json").read_text(encoding="utf-8"))
    assert plan["report_every_s"] == 1800
    assert task("Check Canary Status").returncode == 6
    stopped = task("Stop All Canary Loops")
    assert (stopped.returncode, "small: HOLD" in stopped.stdout) == (0, True)
    assert task("Stop All Canary Loops").stdout == "nothing is watched here\n"


def test_whoever_follows_sees_the_end(project: Project) -> None:
    """A line a change, the decision's status at the end; a watch that was killed holds nobody up."""
    project.feed(5)
    assert project.start().returncode == 0
    project.wait(lambda: project.status()["seq"] == 5)
    looking_on = subprocess.Popen(
        project.command("status", "--follow"), cwd=project.root, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert looking_on.stdout is not None
    assert looking_on.stdout.readline().startswith("small: HOLD at sample 5; watched by process")
    os.kill(project.pid(), signal.SIGKILL)
    rest, _ = looking_on.communicate(timeout=90)
    assert looking_on.returncode == 6
    assert "cut off: nobody watches now" in rest
