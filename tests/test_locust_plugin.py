"""Load runs as a user starts them: Locust in a process of its own, its exit status the decision."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.load_project import ROOT, Project, command, free_port, locust, start


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    made.close()


def test_gentle_against_the_rehearsal_is_go(tmp_path: Path) -> None:
    """Without --env the rehearsal is loaded: three requests a side, GO, load.json."""
    ran = locust(ROOT, "--profile", "gentle", "--delay", "2s", "--reports", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-2].startswith("GO  local, gentle")
    (path,) = tmp_path.glob("*/load.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["decision"] == "GO"
    assert {side: made["requests"] for side, made in document["sides"].items()} == {"canary": 3, "legacy": 3}
    assert document["sides"]["canary"]["outcomes"]["accepted"]["count"] == 3


def test_a_canary_that_rejects_early_is_no_go(tmp_path: Path) -> None:
    """429 below the limit on the canary alone is the canary's fault."""
    ran = locust(ROOT, "--profile", "gentle", "--fault", "canary-rate-limited", "--reports", str(tmp_path))
    assert ran.returncode == 1, ran.stderr
    assert "P2" in ran.stdout
    (path,) = tmp_path.glob("*/load.json")
    canary = json.loads(path.read_text(encoding="utf-8"))["sides"]["canary"]
    assert canary["outcomes"]["limited"]["count"] == 2
    assert canary["outcomes"]["accepted"]["count"] == 1


def test_never_more_than_the_profile_at_the_server(project: Project) -> None:
    """Ten a side means ten at each server, and POST with a body arrives as given."""
    ran = locust(
        project.root, "--env", "mine", "--profile", "light", "--method", "POST", "--body", '{"user_id": "루아"}',
        "--canary-path", "/api/v2/recommend/personalized", "--legacy-path", "/chat",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert dict(project.canary.seen) == {"/api/v2/recommend/personalized": 10}
    assert dict(project.legacy.seen) == {"/chat": 10}
    assert {body for _, body in project.canary.bodies} == {'{"user_id": "루아"}'.encode()}
    assert ran.stdout.count("canary ") >= 10


def test_json_is_all_of_standard_output(project: Project) -> None:
    """With --json standard output is one JSON document with average, min, max, success rate and errors a side."""
    ran = locust(project.root, "--env", "mine", "--requests", "3", "--delay", "500ms", "--profile", "light", "--json")
    assert ran.returncode == 0, ran.stderr
    document = json.loads(ran.stdout)
    assert document["decision"] == "GO"
    canary = document["sides"]["canary"]
    assert canary["success_rate"] == 1.0
    assert canary["errors"] == 0
    assert canary["min_ms"] <= canary["average_ms"] <= canary["max_ms"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--profile", "heavy"), 7, "does not allow the profile 'heavy'"),
        (("--profile", "gentle", "--requests", "4"), 7, "mine allows 'gentle' with at most 3 requests a side, not 4"),
        (("--profile", "gentle", "--delay", "1s"), 7, "mine allows 'gentle' with a delay of at least 2s, not 1s"),
        (("--profile", "gentle", "--requests", "0"), 4, "locust: --requests is a number from 1 up, not 0"),
        (("--requests", "501"), 7, "allows no profile with 501 requests"),
        (("--profile", "gentle", "--host", "http://127.0.0.1:9"), 7, "no side of mine"),
        (("--profile", "gentle", "--canary-path", "//elsewhere.example/x"), 7, "names a host"),
        (("--profile", "gentel"), 4, "did you mean 'gentle'?"),
        (("--profile", "gentle", "--delay", "2"), 4, "not a duration"),
        (("--profile", "gentle", "--method", "BREW"), 4, "--method"),
        (("--profile", "gentle", "--body", "{"), 4, "--body is not JSON"),
        (("--profile", "gentle", "--requests", "many"), 4, "invalid int"),
        (("--profile", "gentle", "--fault", "x"), 4, "no faults to rehearse"),
    ],
)
def test_refused_before_a_packet(project: Project, arguments: tuple[str, ...], status: int, said: str) -> None:
    """What an environment does not allow ends with 7, what cannot be read with 4: one line, nothing sent."""
    ran = locust(project.root, "--env", "mine", *arguments)
    assert ran.returncode == status, ran.stderr
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert project.packets == 0
    assert not (project.root / "reports").exists()


@pytest.mark.parametrize("more", [(), ("--processes", "2")])
def test_a_host_without_an_address_is_hold_at_once(project: Project, more: tuple[str, ...]) -> None:
    """No name server, no load: one line, and no run that Locust begins again and again."""
    project.write_environment("http://nowhere.invalid", project.legacy.url)
    port = free_port()
    ports = ("--master-bind-port", port, "--master-port", port) if more else ()
    ran = locust(project.root, "--env", "mine", "--profile", "light", *more, *ports, timeout=120)  # workers end, too
    assert ran.returncode == 6, ran.stdout + ran.stderr
    assert "nowhere.invalid: no address" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert project.packets == 0


def test_reports_that_cannot_be_kept_are_told_before_a_packet(project: Project) -> None:
    """Half an hour of load without a record is worth nothing."""
    (project.root / "file").write_text("", encoding="utf-8")
    ran = locust(project.root, "--env", "mine", "--profile", "gentle", "--reports", "file/out")
    assert ran.returncode == 4, ran.stderr
    assert "file/out: reports cannot be kept there (Not a directory)" in ran.stderr
    assert project.packets == 0


def test_no_environment_at_all_is_refused(project: Project) -> None:
    """Without --env and without a local environment nothing may be sent anywhere."""
    ran = locust(project.root, "--profile", "gentle")
    assert ran.returncode == 7
    assert "no environment" in ran.stderr
    assert project.packets == 0


def test_refused_credentials_prove_nothing(project: Project) -> None:
    """401 on every request is HOLD, never GO and no fault of the canary."""
    project.canary.status = project.legacy.status = 401
    ran = locust(project.root, "--env", "mine", "--profile", "gentle", "--delay", "2s")
    assert ran.returncode == 6, ran.stdout + ran.stderr
    assert "401 to every request" in ran.stdout


def test_errors_of_the_canary_alone_are_no_go(project: Project) -> None:
    """500 on the canary while legacy answers is NO-GO; the record says it."""
    project.canary.status = 500
    ran = locust(project.root, "--env", "mine", "--profile", "gentle")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert project.load()["sides"]["canary"]["outcomes"]["error"]["count"] == 3


def test_errors_of_both_sides_are_hold(project: Project) -> None:
    """What every side fails is the environment's or the observer's."""
    project.canary.status = project.legacy.status = 500
    ran = locust(project.root, "--env", "mine", "--profile", "gentle")
    assert ran.returncode == 6, ran.stdout + ran.stderr
    assert "every side fails" in ran.stdout


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C of another process")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_is_hold_with_what_was_seen(project: Project, ending: signal.Signals) -> None:
    """An interrupted run keeps its record and is no GO."""
    running = subprocess.Popen(
        command("--env", "mine", "--profile", "gentle"),
        cwd=project.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    end = time.monotonic() + 90
    while project.packets < 2 and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.3)
    running.send_signal(ending)
    out, err = running.communicate(timeout=90)
    assert running.returncode == 6, out + err
    assert "interrupted" in out
    assert project.load()["aborted"] is not None
    assert project.packets < 6


def test_a_master_and_two_workers_send_what_one_would(project: Project) -> None:
    """Past one process the profile's count stays the profile's count, and every answer is in the record."""
    port = free_port()
    (project.root / "loadtests" / "profiles.yaml").write_text(
        "shared: {use: u, workload: open, rate: 40, duration: 2s, requests: 80, connections: 4, proves: [P2, P22]}\n",
        encoding="utf-8",
    )
    project.write_environment(project.canary.url, project.legacy.url, "shared")
    workers = [start(project, "--worker", "--master-port", port) for _ in range(2)]
    ran = locust(
        project.root, "--env", "mine", "--profile", "shared", "--master", "--expect-workers", "2",
        "--master-bind-host", "127.0.0.1", "--master-bind-port", port,
    )  # fmt: skip
    for worker in workers:
        worker.communicate(timeout=90)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (project.canary.seen.total(), project.legacy.seen.total()) == (80, 80)
    document = project.load()
    assert document["workers"] == {"expected": 2, "seen": 2}
    assert document["sides"]["canary"]["outcomes"]["accepted"]["count"] == 80
    assert len(document["timeline"]) == 160


@pytest.mark.skipif(os.name == "nt", reason="kill -9 of another process")
def test_a_killed_worker_is_hold(project: Project) -> None:
    """A worker that is gone takes its samples with it: no GO."""
    port = free_port()
    (project.root / "loadtests" / "profiles.yaml").write_text(
        "shared: {use: u, workload: open, rate: 20, duration: 3s, connections: 4, proves: [P2, P22]}\n",
        encoding="utf-8",
    )
    project.write_environment(project.canary.url, project.legacy.url, "shared")
    workers = [start(project, "--worker", "--master-port", port) for _ in range(2)]
    master = start(
        project, "--env", "mine", "--profile", "shared", "--master", "--expect-workers", "2",
        "--master-bind-host", "127.0.0.1", "--master-bind-port", port,
    )  # fmt: skip
    end = time.monotonic() + 90
    while project.packets < 10 and time.monotonic() < end:
        time.sleep(0.05)
    workers[0].kill()
    out, err = master.communicate(timeout=90)
    for worker in workers:
        worker.communicate(timeout=90)
    assert master.returncode == 6, out + err
    assert "1 of 2 workers are missing" in out


def test_a_worker_that_never_joins_is_hold(project: Project) -> None:
    """The wait for workers ends, and nothing is sent."""
    ran = locust(
        project.root, "--env", "mine", "--profile", "gentle", "--master", "--expect-workers", "2",
        "--expect-workers-max-wait", "1", "--master-bind-host", "127.0.0.1", "--master-bind-port", free_port(),
    )  # fmt: skip
    assert ran.returncode == 6, ran.stdout + ran.stderr
    assert "0 of 2 workers joined within 1 s" in ran.stderr
    assert project.packets == 0


def test_locusts_own_csv_shows_the_same_numbers(project: Project) -> None:
    """What Locust writes of a run counts what the fleet sent."""
    ran = locust(project.root, "--env", "mine", "--profile", "light", "--csv", str(project.root / "own"))
    assert ran.returncode == 0, ran.stderr
    rows = (project.root / "own_stats.csv").read_text(encoding="utf-8").splitlines()
    assert [row.split(",")[:4] for row in rows[1:3]] == [
        ["GET", "canary /api/v2/health", "10", "0"],
        ["GET", "legacy /health", "10", "0"],
    ]
