"""A capacity run as a user starts it: its lines, load.json and exit status, in one process and in three."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.load_project import Project, free_port, locust, start

STEPS = "{from: 10, factor: 2, at_most: 20, each: 1s, pause: 100ms, within: 0.3, repeats: 2, count: 8}"


@pytest.fixture
def searched(tmp_path: Path) -> Iterator[Project]:
    """A project whose environment allows a short capacity profile."""
    made = Project(tmp_path)
    write(made)
    yield made
    made.close()


def write(project: Project, *, objectives: str = "", more: str = "", each: str = "1s") -> None:
    (project.root / "loadtests" / "profiles.yaml").write_text(
        "capacity: {use: u, workload: open, requests: 120, duration: 30s, connections: 20, proves: [capacity], "
        f"abort_error_ratio: 0.2, steps: {STEPS.replace('each: 1s', f'each: {each}')}{more}}}\n",
        encoding="utf-8",
    )
    project.write_environment(project.canary.url, project.legacy.url, "capacity")
    path = project.root / "environments" / "mine.yaml"
    lenient = path.read_text(encoding="utf-8").replace("below: 0.01", "below: 0.2")
    path.write_text(lenient.replace("objectives:\n", f"objectives:\n{objectives}"), encoding="utf-8")


def search(project: Project, workers: int = 0) -> subprocess.CompletedProcess[str]:
    """A run in which this machine had the time for every step: the third at the latest, or that one as it is."""
    for _ in range(3):
        shutil.rmtree(project.root / "reports", ignore_errors=True)
        for side in (project.canary, project.legacy):
            side.seen.clear()
        port = free_port()
        helpers = [start(project, "--worker", "--master-port", port) for _ in range(workers)]
        leads = ("--master", "--expect-workers", str(workers), "--master-bind-host", "127.0.0.1")
        more = (*leads, "--master-bind-port", port) if workers else ()
        ran = locust(project.root, "--env", "mine", "--profile", "capacity", *more)
        for helper in helpers:
            helper.communicate(timeout=90)
        sides = project.load()["sides"].values() if (project.root / "reports").exists() else ()
        if all(step["verdict"] == "kept" for side in sides for step in side["capacity"]["steps"]):
            break
    return ran


def test_a_capacity_run_says_its_steps_and_is_kept(searched: Project) -> None:
    """Both sides bear more than the profile asks for: GO. At 20/s two steps agree, and 59 answers show a p95: three."""
    ran = search(searched)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    lines = ran.stdout.splitlines()
    assert sum(line.startswith("canary") and line.endswith("kept") for line in lines) == 4
    assert any("capacity: 20/s" in line and "at least 20/s" in line for line in lines)
    document = searched.load()
    canary = document["sides"]["canary"]["capacity"]
    assert [step["rate"] for step in canary["steps"]] == [10, 20, 20, 20]
    assert [step["sent"] for step in canary["steps"]] == [10, 20, 20, 20]
    assert canary["found"]["rate"] == 20
    assert canary["found"]["complete"]
    assert searched.canary.seen.total() == searched.legacy.seen.total() == 70


def test_a_canary_below_its_declared_capacity_is_no_go(searched: Project) -> None:
    """A canary that answers 503 bears nothing; its step ends within two seconds, and legacy shows that it can be."""
    write(searched, objectives="  canary_capacity: {at_least: 20, unit: per_second}\n")
    searched.canary.status = 503
    ran = locust(searched.root, "--env", "mine", "--profile", "capacity")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "not even" in ran.stdout
    found = searched.load()["sides"]["canary"]["capacity"]["found"]
    assert found["limited_by"] == "canary_error_ratio"
    assert searched.canary.seen.total() <= 120


@pytest.mark.parametrize(
    ("objectives", "more", "said"),
    [
        ("  canary_capacity: {at_least: 20, unit: ms}\n", "", "canary_capacity: per_second is not convertible to ms"),
        ("", ", rate: 5", "capacity.rate stands beside steps"),
        ("", ", ramp: 1s", "capacity.ramp has no meaning beside steps"),
    ],
)
def test_what_cannot_be_searched_is_refused(searched: Project, objectives: str, more: str, said: str) -> None:
    """One line, exit 4, nothing sent."""
    write(searched, objectives=objectives, more=more)
    ran = locust(searched.root, "--env", "mine", "--profile", "capacity")
    assert ran.returncode == 4, ran.stdout + ran.stderr
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert searched.packets == 0


def test_a_master_searches_with_its_workers(searched: Project) -> None:
    """Each step is sent in two shares, and the find is that of one process."""
    ran = search(searched, workers=2)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    document = searched.load()
    assert document["workers"] == {"expected": 2, "seen": 2}
    assert [step["sent"] for step in document["sides"]["canary"]["capacity"]["steps"]] == [10, 20, 20, 20]
    assert searched.canary.seen.total() == searched.legacy.seen.total() == 70


@pytest.mark.skipif(os.name == "nt", reason="kill -9 of another process")
def test_a_worker_that_is_killed_ends_the_search_on_hold(searched: Project) -> None:
    """What a lost worker sent is not known: no GO."""
    write(searched, each="3s")
    port = free_port()
    workers = [start(searched, "--worker", "--master-port", port) for _ in range(2)]
    master = start(
        searched, "--env", "mine", "--profile", "capacity", "--master", "--expect-workers", "2",
        "--master-bind-host", "127.0.0.1", "--master-bind-port", port,
    )  # fmt: skip
    end = time.monotonic() + 90
    while searched.packets < 5 and time.monotonic() < end:
        time.sleep(0.05)
    workers[0].kill()
    out, err = master.communicate(timeout=90)
    for worker in workers:
        worker.communicate(timeout=90)
    assert master.returncode == 6, out + err
    assert "1 of 2 workers" in out
    assert "Traceback" not in err
