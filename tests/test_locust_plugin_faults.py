"""Rows 97 to 108 of the fault matrix as load runs meet them: neither generator nor limiter at fault makes GO."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.load_project import LOCUSTFILE, Project, command, free_port, locust, start

BURNS = {
    "open": "workload: open, rate: 100, duration: 60s, requests: 6000, connections: 20",
    "closed": "workload: closed, requests: 6000, delay: 20ms, connections: 2",
}
LIMITED = "{path: /api/v2/health, algorithm: fixed_window, limit: LIMIT, window: 60s}"
SILENT = """
import gevent
from locust import HttpUser, task

import gonogo.locust_plugin


class Silent(HttpUser):
    side = "canary"

    @task
    def think(self):
        gevent.sleep(0.1)
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    made.close()


def shape(project: Project, profile: str, policies: str = "") -> None:
    """One profile, allowed; policies of the environment."""
    (project.root / "loadtests" / "profiles.yaml").write_text(f"shaped: {{use: u, {profile}}}\n", encoding="utf-8")
    project.write_environment(project.canary.url, project.legacy.url, "shaped")
    if policies:
        path = project.root / "environments" / "mine.yaml"
        path.write_text(path.read_text(encoding="utf-8") + f"policies: [{policies}]\n", encoding="utf-8")


def test_row97_tasks_that_send_nothing_are_hold(project: Project) -> None:
    """Locust's own status for a run without a request is 0; here it is 6."""
    file = project.root / "loadtests" / "silent.py"
    file.write_text(SILENT, encoding="utf-8")
    ran = subprocess.run(
        command("-f", str(file), "--env", "mine", "--profile", "light", "-t", "1"),
        cwd=project.root, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=180, check=False,
    )  # fmt: skip
    assert ran.returncode == 6, ran.stdout + ran.stderr
    assert "canary: nothing was sent" in ran.stdout
    assert project.packets == 0


@pytest.mark.skipif(os.name == "nt", reason="kill -9 of another process")
def test_row99_all_workers_lost_is_hold(project: Project) -> None:
    """The last worker takes its samples with it; the master does not wait for ever."""
    shape(project, "workload: open, rate: 20, duration: 20s, requests: 400, connections: 4, proves: [P2, P22]")
    port = free_port()
    worker = start(project, "--worker", "--master-port", port)
    master = start(
        project, "--env", "mine", "--profile", "shaped", "--master", "--expect-workers", "1",
        "--master-bind-port", port,
    )  # fmt: skip
    end = time.monotonic() + 90
    while project.packets < 10 and time.monotonic() < end:
        time.sleep(0.05)
    worker.kill()
    out, err = master.communicate(timeout=90)
    worker.communicate(timeout=90)
    assert master.returncode == 6, out + err
    assert "1 of 1 workers are missing" in out


def test_row101_a_generator_that_cannot_keep_its_rate_is_hold(project: Project) -> None:
    """One connection to a side that takes 200 ms sends five a second, not forty."""
    shape(project, "workload: open, rate: 40, duration: 2s, requests: 80, connections: 1, proves: [P2]")
    project.canary.delay = project.legacy.delay = 0.2
    ran = locust(project.root, "--env", "mine", "--profile", "shaped")
    assert ran.returncode == 6, ran.stdout + ran.stderr
    assert "the generator kept less than 90%" in ran.stdout


def test_row102_refused_credentials_stop_after_five(project: Project) -> None:
    """401 on each of the first five requests a side is enough to know; measured at the servers."""
    project.canary.status = project.legacy.status = 401
    ran = locust(project.root, "--env", "mine", "--profile", "stress")
    assert ran.returncode == 6, ran.stdout + ran.stderr
    assert "the credentials are not accepted" in ran.stdout
    assert max(project.canary.seen.total(), project.legacy.seen.total()) <= 5


@pytest.mark.parametrize("workload", BURNS)
def test_row103_a_burn_of_errors_stops_at_once(project: Project, workload: str) -> None:
    """From the first error at the server to the last request there, of a run of a minute, whatever the workload."""
    shape(project, f"{BURNS[workload]}, proves: [P2, P22], abort_error_ratio: 0.3")
    project.canary.status = 500
    ran = locust(project.root, "--env", "mine", "--profile", "shaped")
    assert ran.returncode != 0, ran.stdout + ran.stderr
    assert "the run ended early" in ran.stdout
    for service in (project.canary, project.legacy):
        assert max(service.times) - min(project.canary.times) <= 20
        assert service.seen.total() < 2000  # of six thousand


def test_row103_a_canary_that_burns_is_no_go_and_an_interrupted_request_no_error(project: Project) -> None:
    """The legacy side is slow and under way when the run ends: that is not its error."""
    proves = "proves: [latency, errors], abort_error_ratio: 0.3"
    shape(project, f"workload: open, rate: 50, duration: 60s, requests: 3000, connections: 500, {proves}")
    project.canary.status, project.legacy.delay = 500, 10
    ran = locust(project.root, "--env", "mine", "--profile", "shaped")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "why:    canary /api/v2/health: errors: " in ran.stdout
    legacy = project.load()["sides"]["legacy"]
    assert legacy["outcomes"]["error"]["count"] == 0
    assert legacy["errors"] == {"the run was stopped": legacy["requests"]}


def test_row104_a_storm_of_429_leaves_the_accepted_latency_alone(project: Project) -> None:
    """Fast rejections are a class of their own: the median of what was accepted stays that of the work."""
    project.canary.plan = project.legacy.plan = lambda _, number: (429, 0.0) if number % 4 else (200, 1.0)
    ran = locust(project.root, "--env", "mine", "--profile", "stress", "--requests", "20")
    assert ran.returncode == 6, ran.stdout + ran.stderr  # both sides reject what nobody declared
    outcomes = project.load()["sides"]["canary"]["outcomes"]
    assert (outcomes["accepted"]["count"], outcomes["limited"]["count"]) == (5, 15)
    assert outcomes["accepted"]["p50"] >= 1000
    assert outcomes["limited"]["p50"] < 800


def test_row105_the_web_ui_is_this_machines_alone(project: Project) -> None:
    """It starts load, so it answers on 127.0.0.1 and on no other address; another one is refused."""
    port = free_port()
    running = subprocess.Popen(
        [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--env", "mine", "--web-port", port],
        cwd=project.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    try:
        end = time.monotonic() + 90
        while not answers("127.0.0.1", port) and time.monotonic() < end:
            time.sleep(0.1)
        assert answers("127.0.0.1", port)
        assert not answers("127.0.0.2", port)  # 0.0.0.0 would answer there, too
    finally:
        running.terminate()
        running.communicate(timeout=90)
    assert project.packets == 0
    ran = subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--env", "mine", "--web-host", "0.0.0.0"],  # noqa: S104
        cwd=project.root, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=180, check=False,
    )  # fmt: skip
    assert ran.returncode == 7, ran.stderr
    assert "127.0.0.1 only" in ran.stderr


def test_row105_a_headless_run_opens_no_port(project: Project) -> None:
    """While it sends, nobody answers on the port of the web UI."""
    port = free_port()
    running = start(project, "--env", "mine", "--profile", "light", "--web-port", port)
    end = time.monotonic() + 90
    while project.packets < 2 and time.monotonic() < end:
        time.sleep(0.05)
    assert not answers("127.0.0.1", port)
    out, err = running.communicate(timeout=90)
    assert running.returncode == 0, out + err


def test_row106_a_canary_without_its_limiter(project: Project) -> None:
    """Forty requests where ten a minute are declared, and not one reject: the run is no GO and says so."""
    shape(
        project,
        "workload: closed, requests: 40, delay: 0s, proves: [P1, P2, P3, P22], connections: 1",
        LIMITED.replace("LIMIT", "10"),
    )
    ran = locust(project.root, "--env", "mine", "--profile", "shaped", "--legacy-path", "/other")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "canary /api/v2/health: P" in ran.stdout


def test_row107_a_limit_that_the_profile_does_not_reach(project: Project) -> None:
    """Ten requests say nothing of a limit of a thousand: what has to be seen to be enforced is HOLD."""
    shape(project, "workload: closed, requests: 10, delay: 0s, proves: [P3, P22]", LIMITED.replace("LIMIT", "1000"))
    ran = locust(project.root, "--env", "mine", "--profile", "shaped", "--legacy-path", "/other")
    assert ran.returncode == 6, ran.stdout + ran.stderr
    assert "canary /api/v2/health: P3" in ran.stdout


def answers(host: str, port: str) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, int(port))) == 0


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C of another process")
def test_ctrl_c_at_a_terminal_keeps_what_the_workers_saw(project: Project) -> None:
    """It reaches master and workers at once; what was sent by then is in the record, to the last request."""
    shape(project, "workload: closed, requests: 4000, delay: 20ms, connections: 2, proves: [P2, P22]")
    port = free_port()
    ports = ("--master-bind-port", port, "--master-port", port)
    running = subprocess.Popen(
        command("--processes", "2", "--env", "mine", "--profile", "shaped", *ports), cwd=project.root,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        start_new_session=True,
    )  # fmt: skip
    end = time.monotonic() + 90
    while project.packets < 20 and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)
    out, _ = running.communicate(timeout=90)
    assert running.returncode == 6, out
    assert "it was interrupted" in out
    document = project.load()
    for side, service in (("canary", project.canary), ("legacy", project.legacy)):
        assert document["sides"][side]["outcomes"]["accepted"]["count"] == service.seen.total()
