"""Load: the fleet as Locust runs it beside wrk and k6, the truth of its record, and the judges of rate limits."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import load_limits
import load_speed
import load_truth
from awake import awake
from load_gear import Gear, find
from load_locust import fleet
from load_nginx import Nginx, nginx

Raw = dict[str, list[float]]
Found = tuple[Raw, dict[str, float]]

LEAST_RUNS = 3
PARTS = ("closed", "open", "stall", "rate", "reject", "memory", "inference", "validation")
MANY = 5000

# name -> (bound, whether the figure is at most or at least it, what it is)
BOUNDS: Mapping[str, tuple[float, str, str]] = {
    "fleet_wrk_ratio": (0.8, ">=", "requests/s over wrk's: one core, nginx on the other, 40 connections"),
    "fleet_k6_ratio": (4, ">=", "the same over k6's"),
    "fleet_wrk_tls_ratio": (0.5, ">=", "the same over wrk's, over TLS"),
    "open_ceiling_k6_ratio": (5, ">=", "highest open rate sent in full with p99 < 10 ms, over k6's"),
    "stall_p50_error": (0.01, "<=", "5 ms of service, a stall of 1 s every 5 s, 200/s x 15 s: p50 against the truth"),
    "stall_p95_error": (0.01, "<=", "p95 of it"),
    "stall_p99_error": (0.01, "<=", "p99 of it"),
    "rate_count_error": (0, "<=", "50/s x 10 s: arrivals missing or too many at the server"),
    "jitter_p99_ms": (0.5, "<=", "p99 of how far they are from 20 ms apart at the server"),
    "false_429": (0, "<=", "rejects at 50/s by nginx limit_req rate=60r/s burst=5 nodelay"),
    "rss_mb_5000_connections": (130, "<=", f"peak memory of Locust with {MANY} users that wait 1 s"),
    "merge_p99_error": (0, "<=", "p99 of two workers merged, against one that saw the same samples"),
    "infer_algorithm": (0.9, ">=", "share of 500 simulated limiters whose algorithm is named rightly"),
    "infer_limit_p95_error": (0.06, "<=", "p95 of the error of their limit"),
    "mutants_killed": (1, ">=", "share of broken limiters that are caught, on either side"),
    "false_alarms": (0, "<=", "of 500 limiters that keep their policy, those that were blamed"),
}


def measure(runs: int, only: Collection[str], *, quick: bool) -> tuple[Raw, dict[str, float], dict[str, str]]:
    """Raw runs by name, figures by name, and versions. What a missing program would have shown is absent."""
    raw: Raw = {}
    figures: dict[str, float] = {}
    with ExitStack() as stack:
        gear = find(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))))
        gear.folder.chmod(0o755)  # nginx's worker is another user
        for found in _parts(gear, stack, runs, only or PARTS, quick=quick):
            raw.update(found[0])
            figures.update({name: round(value, 4) for name, value in found[1].items()})
        for name, how in gear.missing.items():
            print(f"bench: {name} is not there, its figures are absent: {how}")
        return raw, figures, _versions(gear)


def _parts(gear: Gear, stack: ExitStack, runs: int, only: Collection[str], *, quick: bool) -> list[Found]:
    """What needs no quiet machine comes first, so that speed is measured last, when nothing of before still runs."""
    found: list[Found] = []
    seconds = 2 if quick else 4
    if "inference" in only:
        found.append(load_limits.inference(50 if quick else 500))
    if "validation" in only:
        found.append(load_limits.validation(50 if quick else 500))
    with awake(gear.server_core, gear.client_core):
        if "stall" in only:
            raw, figures, ran = load_truth.stall(gear)
            found += [(raw, figures), load_truth.merged(ran)]
        if "rate" in only:
            found.append(load_truth.precision(gear, 1 if quick else runs + 2))
    if {"closed", "open", "reject", "memory"} & set(only) and gear.has("nginx"):
        server = stack.enter_context(nginx(gear))
        served: dict[str, Callable[[], Found]] = {
            "reject": lambda: load_truth.rejects(gear, server),
            "memory": lambda: _memory(gear, server, seconds),
            "open": lambda: _open(gear, server, seconds // 2),
            "closed": lambda: _closed(gear, server, runs, seconds),
        }
        found += [part() for name, part in served.items() if name in only]
    return found


def _closed(gear: Gear, server: Nginx, runs: int, seconds: int) -> Found:
    raw = load_speed.closed(gear, server, runs, seconds)
    return raw, load_speed.closed_figures(raw)


def _open(gear: Gear, server: Nginx, seconds: int) -> Found:
    raw = load_speed.ceilings(gear, server, seconds)
    if not raw.get("k6_open_rps", [0.0])[0]:  # it is not there, or this machine keeps it from any rate
        return raw, {}
    return raw, {"open_ceiling_k6_ratio": raw["fleet_open_rps"][0] / raw["k6_open_rps"][0]}


def _memory(gear: Gear, server: Nginx, seconds: int) -> Found:
    profile = {"workload": "closed", "connections": MANY, "delay": "1s", "ramp": "1s", "duration": f"{seconds}s"}
    ran = fleet(gear, server.plain, profile)
    if ran.requests < MANY or ran.count("error"):
        raise RuntimeError(f"{ran.requests} requests over {MANY} connections, {ran.count('error')} errors")
    return {"rss_mb_5000_connections": [round(ran.rss_mb, 1)]}, {"rss_mb_5000_connections": ran.rss_mb}


def _versions(gear: Gear) -> dict[str, str]:
    asks = {"nginx": ("nginx", "-v"), "wrk": ("wrk", "-v"), "k6": ("k6", "version")}
    told = {name: version(name) for name in ("gonogo", "locust", "httptools")}
    for name, (program, word) in asks.items():
        if program in gear.programs:
            ran = subprocess.run([gear.programs[program], word], check=False, capture_output=True, encoding="utf-8")
            words = (ran.stdout + ran.stderr).splitlines()[0].replace("nginx version: nginx/", "").split()
            told[name] = words[1] if program in words else words[0]
    return told
