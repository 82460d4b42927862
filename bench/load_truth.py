"""Whether the record is true: a stall as its users felt it, arrivals when they were due, two workers as one."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from load_gear import Gear
from load_locust import Ran, fleet
from load_nginx import Nginx
from measure import median

from gonogo.flows.load.wire import found_from_json, found_to_json, merge_found
from gonogo.load.fleet import Found
from gonogo.load.record import Book
from gonogo.model.load import OutcomeClass

SERVICE_MS, STALL_EVERY_S, STALL_S, STALL_RATE, STALL_RUN_S = 5, 5, 1, 200, 15
RATE, RATE_RUN_S = 50, 10
_PERCENTILES = (50, 95, 99)

Raw = dict[str, list[float]]
Log = list[list[int]]  # a request each: when it came to the server, when its answer was sent, in ns


def stall(gear: Gear) -> tuple[Raw, dict[str, float], Ran]:
    """p50, p95 and p99 of the record beside what the server knows: from when each arrival was due, whenever it was
    sent, until the server had sent its answer. The difference is the way back and whatever the record gets wrong.
    """
    log: Log = []
    with _server(gear, log, SERVICE_MS, STALL_EVERY_S, STALL_S) as url:
        ran = _arrivals(gear, url, STALL_RATE, STALL_RUN_S)
    if not len(log) == ran.requests == len(ran.timeline) == STALL_RATE * STALL_RUN_S:
        raise RuntimeError(f"the server saw {len(log)}, the record has {ran.requests}")
    due = [ran.started_ns + one["intended"] * 1e9 for one in ran.timeline]
    true = sorted((answered - at) / 1e6 for (_, answered), at in zip(log, due, strict=True))
    raw: Raw = {}
    figures: dict[str, float] = {}
    for percentile in _PERCENTILES:
        told, right = ran.side["outcomes"]["accepted"][f"p{percentile}"], nearest_rank(true, percentile)
        raw[f"stall_p{percentile}_ms"] = [told]
        raw[f"stall_true_p{percentile}_ms"] = [round(right, 3)]
        figures[f"stall_p{percentile}_error"] = abs(told / right - 1)
    return raw, figures, ran


def precision(gear: Gear, runs: int) -> tuple[Raw, dict[str, float]]:
    """How far arrivals at the server are from 20 ms apart (median of the runs), how many are missing (the worst)."""
    raw: Raw = {"rate_arrivals": [], "jitter_p99_ms": []}
    for _ in range(runs):
        log: Log = []
        with _server(gear, log, 0, 0, 0) as url:
            _arrivals(gear, url, RATE, RATE_RUN_S)
        arrived = [one for one, _ in log]
        gaps = [abs((after - before) / 1e6 - 1000 / RATE) for before, after in pairwise(arrived)]
        raw["rate_arrivals"].append(len(log))
        raw["jitter_p99_ms"].append(round(nearest_rank(sorted(gaps), 99), 4))
    wanted = RATE * RATE_RUN_S
    errors = [abs(count / wanted - 1) for count in raw["rate_arrivals"]]
    return raw, {"rate_count_error": max(errors), "jitter_p99_ms": median(raw["jitter_p99_ms"])}


def rejects(gear: Gear, server: Nginx) -> tuple[Raw, dict[str, float]]:
    """429s at a rate that the limiter allows; RuntimeError if it allows everything."""
    if not _limits(server):
        raise RuntimeError("nginx's limiter let a burst pass: it proves nothing")
    ran = _arrivals(gear, server.limited, RATE, RATE_RUN_S)
    if ran.requests != RATE * RATE_RUN_S or ran.count("error"):
        raise RuntimeError(f"{ran.requests} requests, {ran.count('error')} errors")
    return {"false_429": [ran.count("limited")]}, {"false_429": ran.count("limited")}


def merged(ran: Ran) -> tuple[Raw, dict[str, float]]:
    """p99 of two workers that saw every other sample, over the wire and merged, against one that saw all."""
    samples = [int((one["received"] - one["intended"]) * 1e9) for one in ran.timeline]
    if len(samples) < 1000:
        raise RuntimeError(f"only {len(samples)} samples are recorded")
    parts = [found_from_json(json.loads(json.dumps(found_to_json(_found(samples[each::2]))))) for each in range(2)]
    both = merge_found(parts)
    if both is None:
        raise RuntimeError("nothing was merged")
    (one,), (two,) = _found(samples).sides, both.sides
    alone, together = (side.outcomes[OutcomeClass.ACCEPTED] for side in (one, two))
    if alone != together:
        raise RuntimeError(f"{alone} is not {together}")
    raw: Raw = {"one_process_p99_ms": [alone.p99], "two_workers_p99_ms": [together.p99]}
    return raw, {"merge_p99_error": abs(together.p99 / alone.p99 - 1)}


def nearest_rank(ordered: Sequence[float], percentile: float) -> float:
    """The smallest value that at least so many percent do not exceed, of a sorted sequence."""
    return ordered[max(0, -(-len(ordered) * int(percentile) // 100) - 1)]


def _arrivals(gear: Gear, url: str, rate: int, seconds: int) -> Ran:
    profile = {
        "workload": "open",
        "rate": rate,
        "duration": f"{seconds}s",
        "requests": rate * seconds,
        "connections": 4 * rate,
    }
    return fleet(gear, url, profile)


def _found(samples: Sequence[int]) -> Found:
    book = Book("canary")
    book.add("GET /", 200, samples)
    now = datetime.now(UTC)
    side = book.close(requests=len(samples), requested_rate=None, achieved_rate=1.0)
    return Found(started=now, ended=now, sides=(side,), events=(), aborted=None)


def _limits(server: Nginx) -> bool:
    for _ in range(50):
        try:
            urllib.request.urlopen(server.limited, timeout=5).close()  # noqa: S310 - loopback
        except urllib.error.HTTPError as error:
            error.close()
            return error.code == 429
    return False


@contextmanager
def _server(gear: Gear, log: Log, *words: float) -> Iterator[str]:
    """The precise server; what it saw is in `log` afterwards."""
    here = str(Path(__file__).with_name("load_server.py"))
    command = gear.server(sys.executable, here, *map(str, words))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8") as server:
        if server.stdout is None or server.stdin is None:
            raise RuntimeError("the server has no output")
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
            server.stdin.close()
            log.extend(json.loads(server.stdout.read()))
        finally:
            server.kill()
