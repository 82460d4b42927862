"""Somebody's own Locust users: as free as Locust leaves them, within what the environment and the profile allow."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.load_project import Project, Service, command, free_port, start

HEAD = "from locust import FastHttpUser, HttpUser, LoadTestShape, User, task\n\nimport gonogo.locust_plugin\n"
BOTH = """
class Shopper(HttpUser):
    side = "canary"

    @task
    def look(self):
        self.client.get("/items/7?full=1", name="/items/[id]")

    @task
    def chat(self):
        with self.client.post("/chat", json={"message": "hi"}, catch_response=True) as answer:
            if answer.json() != {}:
                answer.failure("an answer that is not empty")


class Visitor(FastHttpUser):
    side = "legacy"

    @task
    def look(self):
        self.client.get("/health")
"""
ONE = """
class One({kind}):
    side = "canary"

    @task
    def look(self):
        {does}
"""
THIRD = "\nclass Third(Shopper):\n    side = 'canary'\n"
CROWD = "{use: u, workload: closed, requests: 20, delay: 0s, connections: 2, proves: [P2, P22, latency, errors]}"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    with (tmp_path / "loadtests" / "profiles.yaml").open("a", encoding="utf-8") as profiles:
        profiles.write(f"crowd: {CROWD}\n")
    made.write_environment(made.canary.url, made.legacy.url, "gentle, light, spike, crowd")
    yield made
    made.close()


def write(project: Project, text: str) -> str:
    file = project.root / "loadtests" / "own.py"
    file.write_text(HEAD + text, encoding="utf-8")
    return str(file)


def run(project: Project, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    arguments = ("--env", "mine", *arguments) if "--env" not in arguments else arguments
    return subprocess.run(
        command("-f", write(project, text), *arguments),
        cwd=project.root, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=180, check=False,
    )  # fmt: skip


def test_both_kinds_feed_the_same_record(project: Project) -> None:
    """HttpUser and FastHttpUser, names and catch_response: at the servers, in load.json and in Locust's CSV alike."""
    ran = run(project, BOTH, "--profile", "crowd", "--csv", str(project.root / "own"))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (project.canary.seen.total(), project.legacy.seen.total()) == (20, 20)
    document = project.load()
    assert document["decision"] == "GO"
    canary = document["sides"]["canary"]
    assert canary["outcomes"]["accepted"]["count"] == canary["requests"] == 20
    assert {each["endpoint"] for each in canary["histograms"]} == {"GET /items/[id]", "POST /chat"}
    assert len(document["timeline"]) == 40
    rows = (project.root / "own_stats.csv").read_text(encoding="utf-8").splitlines()[1:]
    counts = {row.split(",")[1]: int(row.split(",")[2]) for row in rows}
    assert counts["/items/[id]"] == project.canary.seen["/items/7?full=1"]
    assert counts["Aggregated"] == 40


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
def test_a_reject_is_no_failure_and_a_wrong_answer_is_one(project: Project, kind: str) -> None:
    """429 is limited, also in Locust's own tables; what the task calls wrong is an error, whatever its status."""
    project.canary.plan = lambda _, number: (429 if number == 2 else 200, 0.0)
    does = 'with self.client.get("/x", catch_response=True) as a: a.status_code == 200 and a.failure("odd")'
    ran = run(project, ONE.format(kind=kind, does=does), "--profile", "gentle", "--csv", str(project.root / "own"))
    assert ran.returncode == 1, ran.stdout + ran.stderr
    canary = project.load()["sides"]["canary"]
    assert {name: one["count"] for name, one in canary["outcomes"].items()} == {"accepted": 0, "limited": 1, "error": 2}
    assert canary["errors"] == {"CatchResponseError: odd": 2}
    rows = (project.root / "own_stats.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert {tuple(row.split(",")[1:4]) for row in rows} >= {("/x", "2", "2"), ("/x (429)", "1", "0")}


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
def test_a_redirect_counts_and_another_host_gets_nothing(project: Project, kind: str) -> None:
    """A redirect within the side is a request of its own, in the cap too; one that leads away ends the run."""
    other, one = Service(), ONE.format(kind=kind, does='self.client.get("/here")')
    try:
        project.canary.headers = {"Location": "/there"}
        project.canary.plan = lambda path, _: (302 if path == "/here" else 200, 0.0)
        ran = run(project, one, "--profile", "light", "--requests", "6")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert dict(project.canary.seen) == {"/here": 3, "/there": 3}
        assert project.load()["sides"]["canary"]["outcomes"]["accepted"]["count"] == 6
        project.canary.headers = {"Location": f"{other.url}/away"}
        ran = run(project, one, "--profile", "gentle")
        assert ran.returncode == 6, ran.stdout + ran.stderr
        assert "which is not canary; it was not sent" in ran.stdout
        assert other.seen.total() == 0
    finally:
        other.close()


@pytest.mark.parametrize(
    ("text", "arguments", "status", "said"),
    [
        (BOTH, ("--profile", "heavy"), 7, "does not allow the profile 'heavy'"),
        (BOTH, ("--profile", "gentle", "-u", "10"), 7, "allows 1 user a side with 'gentle', not 5 of canary"),
        (BOTH, ("--profile", "gentle", "--host", "http://127.0.0.1:9"), 7, "no side of mine"),
        (BOTH, ("--profile", "spike"), 4, "is open"),
        (BOTH, ("--profile", "gentle", "--method", "POST"), 4, "your own classes say what they send"),
        (BOTH.replace('    side = "canary"\n', ""), (), 4, "Shopper does not say whom it loads"),
        (BOTH.replace('"canary"', '"canari"'), (), 4, "'canari' is not one of canary, legacy"),
        (BOTH.replace('"canary"\n', '"canary"\n    host = "http://127.0.0.1:9"\n'), (), 7, "names the host"),
        (BOTH.replace("HttpUser", "User", 1), (), 4, "neither an HttpUser nor a FastHttpUser"),
        (BOTH + "\nfrom gonogo.locust_plugin import FleetUser\n", (), 4, "do not load together"),
        (BOTH + THIRD, ("--profile", "gentle"), 4, "too few for the classes"),
    ],
)  # fmt: skip
def test_refused_before_a_packet(
    project: Project, text: str, arguments: tuple[str, ...], status: int, said: str
) -> None:
    """One line, nothing sent."""
    ran = run(project, text, *arguments)
    assert ran.returncode == status, ran.stdout + ran.stderr
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert project.packets == 0


def test_another_host_in_a_task_is_not_sent_to(project: Project) -> None:
    """An absolute address of another host ends the run before it is sent."""
    other = Service()
    try:
        does = f'self.client.get("{other.url}/x")'
        ran = run(project, ONE.format(kind="HttpUser", does=does), "--profile", "gentle")
        assert ran.returncode == 6, ran.stdout + ran.stderr
        assert "it was not sent" in ran.stdout
        assert other.seen.total() == project.packets == 0
    finally:
        other.close()


def test_a_task_that_raises_is_no_go_nor_go(project: Project) -> None:
    """What a task stumbles over is told, and never GO."""
    ran = run(project, ONE.format(kind="HttpUser", does='self.client.get("/x"); raise KeyError("user")'))
    assert ran.returncode == 6, ran.stdout + ran.stderr
    assert "3 x a task raised: 'user'" in ran.stdout


def test_two_workers_send_no_more_than_the_profile(project: Project) -> None:
    """The cap is handed out by the master; the parts are one record."""
    port, file = free_port(), write(project, BOTH)
    workers = [start(project, "-f", file, "--worker", "--master-port", port) for _ in range(2)]
    ran = run(project, BOTH, "--profile", "crowd", "--master", "--expect-workers", "2", "--master-bind-port", port)
    for worker in workers:
        worker.communicate(timeout=90)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (project.canary.seen.total(), project.legacy.seen.total()) == (20, 20)
    document = project.load()
    assert document["workers"] == {"expected": 2, "seen": 2}
    assert [document["sides"][side]["outcomes"]["accepted"]["count"] for side in ("canary", "legacy")] == [20, 20]


def test_refused_credentials_stop_own_users_too(project: Project) -> None:
    """401 on each of the first five requests, although the tasks go on asking."""
    project.canary.status = 401
    ran = run(project, ONE.format(kind="FastHttpUser", does='self.client.get("/x")'), "--profile", "light")
    assert ran.returncode == 6, ran.stdout + ran.stderr
    assert "the credentials are not accepted" in ran.stdout
    assert project.canary.seen.total() == 5


def test_run_time_ends_a_run_as_a_profile_does(project: Project) -> None:
    """-t shortens a profile: what was sent until then is judged, and Locust's HTML holds it."""
    page = project.root / "own.html"
    ran = run(project, BOTH, "--profile", "light", "-t", "1", "--html", str(page))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert 0 < project.load()["sides"]["canary"]["requests"] < 10
    assert "/health" in page.read_text(encoding="utf-8")
    assert json.dumps(project.load()["aborted"]) == "null"
