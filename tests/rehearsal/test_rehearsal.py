"""The rehearsal starts fast, answers at every address, changes its world in place and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
import yaml

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "environments/rehearsal"]
ADDRESSES = {
    *("ion-stable", "ion-canary", "ion-staging", "lumen", "cloud-run", "cloud-logging", "cloud-monitoring"),
    *("monitoring-rest", "registry", "cloud-sql", "resource-manager", "slack", "forge", "prometheus", "alertmanager"),
    *("provider-status", "postgres", "redis", "metrics-csv", "signoffs", "waivers"),
}
Start = Callable[..., Any]


def test_ready_line_has_every_address_and_secret(shared: Any) -> None:
    """One line of JSON holds the scene, the faults, all addresses and the secrets."""
    assert shared.ready["ready"] is True
    assert shared.ready["pid"] == shared.process.pid
    assert set(shared.ready["addresses"]) == ADDRESSES
    assert set(shared.ready["secrets"]) == {
        "GONOGO_GCP_TOKEN",
        "GONOGO_SLACK_TOKEN",
        "GONOGO_GITHUB_TOKEN",
        "GONOGO_PG_PASSWORD",
    }
    assert all(len(secret) >= 24 for secret in shared.ready["secrets"].values())


def test_every_port_listens_on_loopback_only(shared: Any) -> None:
    """Each network address is 127.0.0.1 and accepts connections in a healthy world."""
    shared.switch("before")
    for name, address in shared.ready["addresses"].items():
        if name in ("metrics-csv", "signoffs", "waivers"):
            assert Path(address).is_file()
            continue
        host, _, port = address.removeprefix("http://").rpartition(":")
        assert host == "127.0.0.1"
        socket.create_connection((host, int(port)), 2).close()


@pytest.mark.parametrize(
    ("name", "path", "wanted"),
    [
        ("ion-stable", "/health", {"status": "healthy"}),
        ("ion-stable", "/api/health", {"status": "healthy", "lumen_gateway": "enabled"}),
        ("ion-canary", "/api/health", {"status": "healthy", "version": "canary"}),
        ("ion-canary", "/api/v2/health", {"status": "healthy"}),
        ("ion-staging", "/health", {"status": "healthy"}),
        ("lumen", "/api/health", {"gemini_api": "connected", "confidence_system": "active"}),
    ],
)
def test_health_endpoints(shared: Any, name: str, path: str, wanted: dict[str, str]) -> None:
    """Every health endpoint of the systems answers 200 with its fields."""
    shared.switch("stage-5")
    status, document = shared.get(name, path)
    assert status == 200
    assert wanted.items() <= document.items()
    assert document["timestamp"]


@pytest.mark.parametrize("side", ["ion-stable", "ion-canary", "ion-staging"])
def test_chat_keeps_korean(shared: Any, side: str) -> None:
    """A Korean message is answered in Korean, with the message itself unharmed."""
    shared.switch("before")
    status, answer = shared.get(side, "/chat", body={"message": "오늘 기분이 어때요?", "user_id": "u1"})
    assert status == 200
    assert answer["success"] is True
    assert "오늘 기분이 어때요?" in answer["response"]
    assert 0.82 <= answer["confidence"] <= 1
    assert answer["persona_used"] in {"Lua", "Elro", "Riri", "Nana"}


def test_canary_metrics_count_what_was_served_and_reset(shared: Any) -> None:
    """The canary's metrics come from its requests, and are zero after a reset."""
    shared.switch("stage-5")
    _, before = shared.get("ion-canary", "/api/v2/canary/metrics")
    assert before["requests_total"] > 100
    assert before["errors_total"] < before["requests_total"] / 100
    assert 0 < before["mean_ms"] <= before["p95_ms"] <= before["max_ms"]
    _, reset = shared.get("ion-canary", "/api/v2/canary/metrics/reset", body={})
    assert reset["status"] == "success"
    assert reset["message"]
    assert reset["timestamp"]
    _, after = shared.get("ion-canary", "/api/v2/canary/metrics")
    assert after["requests_total"] == after["errors_total"] == 0


@pytest.mark.parametrize(
    ("name", "path", "secret", "key"),
    [
        ("registry", "/v2/naeda-genesis/ion/ion-api/manifests/v1.3.0", "GONOGO_GCP_TOKEN", "layers"),
        ("cloud-sql", "/v1/projects/naeda-genesis/instances/ion-db/backupRuns", "GONOGO_GCP_TOKEN", "items"),
        ("resource-manager", "/v3/projects/naeda-genesis", "GONOGO_GCP_TOKEN", "state"),
        ("forge", "/repos/naeda/ion-api/pulls/42", "GONOGO_GITHUB_TOKEN", "merged"),
    ],
)
def test_back_ends_want_their_token(shared: Any, name: str, path: str, secret: str, key: str) -> None:
    """With its bearer token a back end answers; without it, 401."""
    shared.switch("before")
    status, document = shared.get(name, path, secret)
    assert status == 200
    assert key in document
    status, _ = shared.get(name, path, "none")
    assert status == 401


def test_slack_says_invalid_auth_with_200(shared: Any) -> None:
    """As the real one does, Slack answers a wrong token with 200 and ok: false."""
    assert shared.get("slack", "/api/auth.test", "none") == (200, {"ok": False, "error": "invalid_auth"})


def test_slack_pages(shared: Any) -> None:
    """Channels come in pages with a cursor, and all of them come."""
    shared.switch("before")
    names: list[str] = []
    cursor = ""
    while True:
        _, page = shared.get("slack", f"/api/conversations.list?limit=3&cursor={cursor}", "GONOGO_SLACK_TOKEN")
        assert page["ok"] is True
        assert len(page["channels"]) <= 3
        names += [channel["name"] for channel in page["channels"]]
        cursor = page["response_metadata"]["next_cursor"]
        if not cursor:
            break
    assert {"production-alerts", "production-logs", "announcements", "incident-response", "operations"} <= set(names)


def _connect(ready: dict[str, Any]) -> psycopg.Connection[Any]:
    host, port = ready["addresses"]["postgres"].split(":")
    password = ready["secrets"]["GONOGO_PG_PASSWORD"]
    return psycopg.connect(
        host=host, port=int(port), dbname="ion", user="ion_reader", password=password, connect_timeout=30
    )


def test_postgres_is_real_and_read_only(shared: Any) -> None:
    """The reader may read, and the server itself refuses that it writes."""
    shared.switch("deployed")
    with _connect(shared.ready) as connection:
        assert connection.execute("select count(*) from conversations").fetchone() == (200,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("create table t (n int)")


def test_postgres_faults(shared: Any) -> None:
    """database-down refuses, database-full has no connection left, and both are over with the next world."""
    shared.switch("deployed", "database-down")
    with pytest.raises(psycopg.OperationalError, match="refused"):
        _connect(shared.ready)
    shared.switch("deployed", "database-full")
    with pytest.raises(psycopg.OperationalError, match="too many connections"):
        _connect(shared.ready)
    shared.switch("deployed")
    with _connect(shared.ready) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_redis_faults(shared: Any) -> None:
    """redis-down refuses, redis-refuses wants a password, and both are over with the next world."""
    host, port = shared.ready["addresses"]["redis"].split(":")

    def ping() -> bool:
        with redis.Redis(host=host, port=int(port), socket_timeout=30, retry=None) as client:
            return bool(client.ping())

    shared.switch("deployed", "redis-down")
    with pytest.raises(redis.ConnectionError):
        ping()
    shared.switch("deployed", "redis-refuses")
    with pytest.raises(redis.AuthenticationError):
        ping()
    shared.switch("deployed")
    assert ping()


def test_switch_keeps_ports_and_process(shared: Any) -> None:
    """Another scene with faults answers at the same addresses, with the same secrets."""
    before = shared.switch("before")
    after = shared.switch("stage-5", "canary-degraded", "api-down")
    assert (after["scene"], after["faults"]) == ("stage-5", ["api-down", "canary-degraded"])
    assert (after["addresses"], after["secrets"]) == (before["addresses"], before["secrets"])
    assert shared.get("ion-canary", "/api/health")[1]["status"] == "degraded"
    with pytest.raises(OSError, match="refused"):
        shared.get("ion-stable", "/health")
    shared.switch("stage-5")
    assert shared.get("ion-stable", "/health")[0] == 200


def test_switch_to_an_unknown_fault_keeps_the_world(shared: Any) -> None:
    """A wrong line is answered with its error, and the old world goes on."""
    shared.switch("before")
    wrong = shared.switch("before", "api-dwon")
    assert wrong["ready"] is False
    assert "did you mean 'api-down'?" in wrong["error"]
    assert shared.get("ion-stable", "/health")[0] == 200


def test_declares_only_what_a_fault_asks_for(shared: Any) -> None:
    """A fault of what people wrote down is declared as a part of the environment file."""
    assert shared.switch("before")["declares"] == {}
    assert shared.switch("before", "contacts-incomplete")["declares"] == {"contacts": {"pagerduty": ""}}


def test_sign_offs_and_waivers(shared: Any) -> None:
    """A healthy world has nine valid sign-offs for this release and no waiver."""
    shared.switch("before")
    lines = Path(shared.ready["addresses"]["signoffs"]).read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert len({record["id"] for record in records}) == 9
    assert {(record["environment"], record["release"]) for record in records} == {("local", "1.3.0")}
    assert yaml.safe_load(Path(shared.ready["addresses"]["waivers"]).read_text(encoding="utf-8")) == []


def _children(pid: int) -> list[int]:
    """All descendants of a process, by /proc."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found, wave = [], [pid]
    while wave:
        wave = [child for child, parent in parents.items() if parent in wave]
        found += wave
    return found


def _alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="counts processes by /proc")
@pytest.mark.parametrize(
    "how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, None], ids=["kill", "term", "int", "eof"]
)
def test_leaves_nothing(start: Start, how: signal.Signals | None) -> None:
    """After a kill, a signal or the end of standard input there is no child process and no folder."""
    program = start()
    children = _children(program.process.pid)
    assert len(children) >= 3  # the reaper, PostgreSQL with its own, Redis
    assert program.folder.is_dir()
    if how is None:
        program.process.stdin.close()
    else:
        os.kill(program.process.pid, how)
    program.process.wait(60)
    until = time.monotonic() + 60
    while (_alive(children) or program.folder.exists()) and time.monotonic() < until:
        time.sleep(0.05)
    assert _alive(children) == []
    assert not program.folder.exists()
    if how is not signal.SIGKILL:
        assert program.process.returncode == 0


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False
    )


def test_list_faults() -> None:
    """--list-faults prints every name of faults.yaml with its sentence."""
    known = yaml.safe_load((ROOT / "environments/rehearsal/faults.yaml").read_text(encoding="utf-8"))
    done = _run("--list-faults")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [f"{name}: {entry['what']}" for name, entry in known.items()]
    assert "api-down: The stable side refuses connections" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fault", "api-dwon"], "there is no fault 'api-dwon'; did you mean 'api-down'?"),
        (["--scene", "deploied"], "there is no scene 'deploied'; did you mean 'deployed'?"),
        (["--falt", "api-down"], "unrecognized arguments: --falt"),
    ],
)
def test_unknown_names_exit_4(words: list[str], said: str) -> None:
    """A name that does not exist ends with 4 and the nearest one, and nothing is started."""
    done = _run(*words)
    assert done.returncode == 4
    assert said in done.stderr
    assert done.stdout == ""
