"""Requests a second of the fleet, wrk and k6 against nginx, plain and over TLS, and the open rates that they keep."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from load_gear import Gear
from load_locust import PATH, fleet
from load_nginx import Nginx
from measure import median

CONNECTIONS = 40
KEPT_P99_MS = 10.0
_STEP = 1.05  # between neighbouring open rates
_STRIDE = 6  # steps at first, until a rate is not kept
_BASE = 1000.0
_COUNTED = 0.999  # of the arrivals that a rate promises
_SCRIPT = """\
import http from 'k6/http';
export const options = {options};
export default function () {{ http.get('{url}'); }}
export function handleSummary(data) {{ return {{'summary.json': JSON.stringify(data.metrics)}}; }}
"""

Raw = dict[str, list[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What came of an open rate: arrivals counted at nginx, those that were dropped, and p99 in ms."""

    counted: int
    dropped: int
    p99_ms: float


def closed(gear: Gear, server: Nginx, runs: int, seconds: int) -> Raw:
    """Requests a second over 40 connections, counted at nginx, peers in turn."""
    senders: dict[str, Callable[[], None]] = {"fleet": partial(_fleet, gear, server, server.plain, seconds)}
    if gear.has("wrk"):
        senders["wrk"] = partial(_wrk, gear, server.plain, seconds)
    if gear.has("k6"):
        senders["k6"] = partial(_k6_closed, gear, server.plain, seconds)
    senders["fleet_tls"] = partial(_fleet, gear, server, server.tls, seconds)
    if gear.has("wrk"):
        senders["wrk_tls"] = partial(_wrk, gear, server.tls, seconds)
    raw: Raw = {f"{name}_rps": [] for name in senders}
    for _ in range(runs):
        for name, send in senders.items():
            before = server.count()
            send()
            raw[f"{name}_rps"].append(round((server.count() - before) / seconds, 1))
    return raw


def closed_figures(raw: Raw) -> dict[str, float]:
    """Ratios of medians, as far as both sides were measured."""
    pairs = {
        "fleet_wrk_ratio": ("fleet_rps", "wrk_rps"),
        "fleet_k6_ratio": ("fleet_rps", "k6_rps"),
        "fleet_wrk_tls_ratio": ("fleet_tls_rps", "wrk_tls_rps"),
    }
    return {name: median(raw[ours]) / median(raw[peer]) for name, (ours, peer) in pairs.items() if peer in raw}


def ceilings(gear: Gear, server: Nginx, seconds: int) -> Raw:
    """The highest open rate of each that nginx counts in full, nothing dropped, p99 below 10 ms."""
    raw: Raw = {}
    if gear.has("k6"):
        raw["k6_open_rps"] = [ceiling(partial(_keeps, partial(_k6_open, gear, server, seconds), seconds), 36)]
    raw["fleet_open_rps"] = [ceiling(partial(_keeps, partial(_fleet_open, gear, server, seconds), seconds), 78)]
    return raw


def ceiling(keeps: Callable[[int], bool], first: int) -> float:
    """The highest rate that is kept: in strides from the `first` step, then one by one; 0 if not even the least is."""
    low = first
    while not keeps(low):
        if low <= 0:
            return 0.0
        low = max(0, low - _STRIDE)
    high = low + _STRIDE
    while low >= first and keeps(high):
        low, high = high, high + _STRIDE
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if keeps(middle) else (low, middle)
    return float(rate_of(low))


def _keeps(send: Callable[[int], Kept], seconds: int, step: int) -> bool:
    """Two of three runs at this rate are sent in full with p99 below 10 ms."""
    rate = rate_of(step)
    kept = lost = 0
    while max(kept, lost) < 2:
        found = send(rate)
        full = found.counted >= _COUNTED * rate * seconds and not found.dropped
        good = full and found.p99_ms < KEPT_P99_MS
        kept, lost = kept + good, lost + (not good)
    return kept == 2


def rate_of(step: int) -> int:
    """Arrivals a second of a step."""
    return round(_BASE * _STEP**step)


def _fleet(gear: Gear, server: Nginx, url: str, seconds: int) -> None:
    """The record has to hold every request that nginx saw, each of them accepted."""
    before = server.count()
    profile = {"workload": "closed", "connections": CONNECTIONS, "duration": f"{seconds}s"}
    ran = fleet(gear, url, profile, ca=server.ca if url.startswith("https") else None)
    seen = server.count() - before
    if not seen == ran.requests == ran.count("accepted"):
        raise RuntimeError(f"nginx counted {seen}, the record {ran.requests}, accepted are {ran.count('accepted')}")


def _wrk(gear: Gear, url: str, seconds: int) -> None:
    words = gear.client("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", url + PATH)
    told = subprocess.run(words, check=True, capture_output=True, encoding="utf-8").stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(told)


def _k6_closed(gear: Gear, url: str, seconds: int) -> None:
    _k6(gear, url, {"vus": CONNECTIONS, "duration": f"{seconds}s"})


def _fleet_open(gear: Gear, server: Nginx, seconds: int, rate: int) -> Kept:
    before = server.count()
    profile = {"workload": "open", "rate": rate, "connections": CONNECTIONS, "duration": f"{seconds}s"}
    ran = fleet(gear, server.plain, profile)
    counted = server.count() - before
    if counted != ran.requests:
        raise RuntimeError(f"nginx counted {counted}, the record {ran.requests}")
    return Kept(counted=counted, dropped=0, p99_ms=ran.side["outcomes"]["accepted"]["p99"])


def _k6_open(gear: Gear, server: Nginx, seconds: int, rate: int) -> Kept:
    """k6 counts latency from the moment of sending, the fleet from the moment that was intended."""
    before = server.count()
    arrivals = {
        "executor": "constant-arrival-rate",
        "rate": rate,
        "timeUnit": "1s",
        "duration": f"{seconds}s",
        "preAllocatedVUs": CONNECTIONS,
        "maxVUs": CONNECTIONS,
    }
    metrics = _k6(gear, server.plain, {"scenarios": {"open": arrivals}, "summaryTrendStats": ["p(99)"]})
    dropped = metrics.get("dropped_iterations", {"values": {"count": 0}})["values"]["count"]
    p99_ms = metrics["http_req_duration"]["values"]["p(99)"]
    return Kept(counted=server.count() - before, dropped=int(dropped), p99_ms=p99_ms)


def _k6(gear: Gear, url: str, options: dict[str, object]) -> dict[str, Any]:
    folder = gear.folder / "k6"
    folder.mkdir(exist_ok=True)
    script = _SCRIPT.format(options=json.dumps(options | {"discardResponseBodies": True}), url=url + PATH)
    Path(folder / "script.js").write_text(script, encoding="utf-8")
    words = gear.client("k6", "run", "--quiet", "--no-usage-report", "--address", "", "script.js")
    subprocess.run(words, check=True, cwd=folder, capture_output=True)
    metrics: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return metrics
