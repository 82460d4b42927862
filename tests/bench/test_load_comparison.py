"""The load comparison itself: its search, its server, what it says when a program is missing."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import load_gear
import load_speed
import load_truth
import pytest
from load_locust import Ran

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.mark.parametrize("last", [20, 29, 30, 31, 36, 41, 42, 55])
def test_the_search_finds_the_highest_step(last: int) -> None:
    asked: list[int] = []

    def keeps(step: int) -> bool:
        asked.append(step)
        return step <= last

    assert load_speed.ceiling(keeps, 30) == load_speed.rate_of(last)
    assert len(asked) < 12


def test_a_search_that_finds_nothing_ends() -> None:
    asked: list[int] = []
    assert load_speed.ceiling(lambda step: bool(asked.append(step)), 30) == 0
    assert asked == [30, 24, 18, 12, 6, 0]


def test_percentiles_are_by_nearest_rank() -> None:
    assert [load_truth.nearest_rank(range(1, 101), each) for each in (50, 95, 99)] == [50, 95, 99]
    assert load_truth.nearest_rank([7.0], 99) == 7.0


def test_a_merge_is_measured_on_recorded_samples() -> None:
    """p99 of two workers, over the wire and back, is that of one."""
    timeline = [{"intended": number / 100, "received": number / 100 + 0.001 * (number % 97)} for number in range(2000)]
    raw, figures = load_truth.merged(Ran(side={}, timeline=timeline, started_ns=0, rss_mb=0.0))
    assert figures == {"merge_p99_error": 0.0}
    assert raw["one_process_p99_ms"] == raw["two_workers_p99_ms"] == [pytest.approx(96, abs=1)]


def test_the_server_keeps_its_own_time() -> None:
    """Answers come after the service time, or with the end of a stall; the log tells both moments."""
    words = [sys.executable, str(BENCH / "load_server.py"), "5", "0.4", "0.2"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        with socket.create_connection(("127.0.0.1", int(server.stdout.readline())), timeout=5) as client:
            for _ in range(60):
                client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert client.recv(1000).startswith(b"HTTP/1.1 200 OK")
        log = json.loads(server.communicate(timeout=5)[0])
    took = sorted((answered - arrived) / 1e6 for arrived, answered in log)
    assert len(took) == 60
    assert took[0] >= 5
    assert took[-1] > 100


def test_what_is_missing_is_told_with_the_way_to_get_it(tmp_path: Path) -> None:
    gear = load_gear.Gear(folder=tmp_path, programs={"taskset": "/t"}, server_core=0, client_core=1)
    assert not gear.has("wrk")
    assert gear.missing == {"wrk": "apt-get install wrk"}
    assert gear.client("wrk", "-c1") == ["/t", "-c", "1", "wrk", "-c1"]
