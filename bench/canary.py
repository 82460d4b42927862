"""The canary judge on simulated watches beside two peers: false alarms, false GO, minutes to a decision."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path

import canary_kills
import numpy as np
from canary_judges import KayentaLike, Ours, ThreeInARow
from canary_world import Array, Cell, World

from gonogo.judges.canary.judge import CanaryJudge

LEAST_RUNS = 200
CELLS: Mapping[str, Cell] = {
    "equal": Cell(),
    "near_limit": Cell(errors=0.004, median=83.5),  # p95 190 ms
    "noisy": Cell(restless=0.15),
    "go_errors": Cell(canary_errors=0.006),
    "go_latency": Cell(canary_median=92.0, median=92.0),  # p95 209 ms on both sides: no alarm helps
    "go_memory": Cell(memory=0.86),
    "go_leak": Cell(leak=0.02),
    "errors_5": Cell(minutes=120, canary_errors=0.05),
    "errors_1": Cell(minutes=480, canary_errors=0.01),
    "errors_06": Cell(minutes=720, canary_errors=0.006),
    "tail_x2": Cell(minutes=120, tail=2.0),
    "tail_50": Cell(minutes=120, tail=1.5),
    "tail_20": Cell(minutes=240, tail=1.2),
    "leak_1": Cell(minutes=480, leak=0.01),
    "leak_2": Cell(minutes=480, leak=0.02),
    "late_x2": Cell(minutes=480, onset=360, canary_median=160.0),
}
_AT_MOST = {
    "errors_5": 2, "errors_1": 12, "errors_06": 45, "tail_x2": 3, "tail_50": 5, "tail_20": 8,
    "leak_1": 150, "leak_2": 120, "late_x2": 5,
}  # fmt: skip
_WHAT = {
    "errors_5": "errors 5 %", "errors_1": "errors 1 %", "errors_06": "errors 0.6 %",
    "tail_x2": "the slowest tenth twice as slow", "tail_50": "the slowest tenth +50 %",
    "tail_20": "the slowest tenth +20 %", "leak_1": "memory +1 % an hour", "leak_2": "memory +2 % an hour",
    "late_x2": "latency x2 after 6 h of health",
}  # fmt: skip

# name -> (bound, whether the figure is at most or at least it, what it is)
BOUNDS: Mapping[str, tuple[float, str, str]] = {
    "false_alarm_equal": (0.01, "<=", "share of healthy canaries alarmed within 24 h: the two sides alike"),
    "false_alarm_near_limit": (0.01, "<=", "the same: 0.4 % errors and p95 190 ms on both sides"),
    "false_alarm_noisy": (0.01, "<=", "the same: hosts now 15 % faster, now 15 % slower"),
    "false_go_errors": (0.01, "<=", "share of canaries that got GO within 24 h with errors truly at 0.6 %"),
    "false_go_latency": (0.01, "<=", "the same: p95 truly 209 ms on both sides"),
    "false_go_memory": (0.01, "<=", "the same: memory truly at 86 %"),
    "false_go_leak": (0.01, "<=", "the same: memory +2 % an hour"),
    **{f"minutes_{name}": (most, "<=", f"median minutes to NO-GO: {_WHAT[name]}") for name, most in _AT_MOST.items()},
    "minutes_go_p90": (75, "<=", "minutes until nine of ten healthy canaries have GO"),
    "judge_ms": (5, "<=", "ms to judge one more sample after a day of one-minute samples"),
    **canary_kills.BOUNDS,
}


def measure(runs: int, *, quick: bool) -> tuple[dict[str, list[float]], dict[str, float], dict[str, str]]:
    """Raw figures by name (of ours, K10 and REQ), the figures, and versions."""
    raw: dict[str, list[float]] = {}
    figures: dict[str, float] = {}
    with ProcessPoolExecutor(2) as pool:
        names = [name for name in CELLS if not quick or CELLS[name].minutes < 1440]
        for name, found in zip(names, pool.map(partial(_cell, runs), names), strict=True):
            print(
                f"bench: {name}: {', '.join(f'{who} {one[0]:.3g} (median {one[1]:.3g})' for who, one in found.items())}"
            )
            raw |= {f"{name}_{who}": list(one) for who, one in found.items()}
            figures |= _figures(name, found)
    figures["judge_ms"] = _judge_ms()
    figures |= canary_kills.figures(20 if quick else canary_kills.KILLS)
    raw |= {name: [figures[name]] for name in canary_kills.BOUNDS}
    raw["judge_ms"] = [figures["judge_ms"]]
    versions = {name: version(name) for name in ("gonogo", "numpy")}
    return raw, {name: round(value, 4) for name, value in figures.items()}, versions


def table(raw: Mapping[str, list[float]]) -> str:
    """Per kind of canary and judge: the share of the watches that were alarmed, and the median minute of it."""
    lines = ["| canary | ours | Kayenta-like, every 10 min | three in a row, every minute |", "|---|---|---|---|"]
    for name in CELLS:
        if f"{name}_ours" in raw:
            cells = [_cell_text(raw[f"{name}_{who}"]) for who in ("ours", "K10", "REQ")]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell_text(found: list[float]) -> str:
    share, median = found
    return f"{share:.1%}" + (f", {median:.0f} min" if median >= 0 else "")


def _figures(name: str, found: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    alarmed, median = found["ours"]
    if name.startswith("go_"):
        return {f"false_{name}": found["ours_go"][0]}
    if name in _AT_MOST:
        return {f"minutes_{name}": median}
    made = {f"false_alarm_{name}": alarmed}
    if name == "equal":
        made["minutes_go_p90"] = found["ours_go_p90"][1]
    return made


def _cell(runs: int, name: str) -> dict[str, tuple[float, float]]:
    """Judge -> share of the runs that were alarmed (or got GO), and the median minute of it since the onset."""
    cell = CELLS[name]
    ours = Ours(runs)
    peers: dict[str, KayentaLike | ThreeInARow] = {"K10": KayentaLike(runs), "REQ": ThreeInARow(runs)}
    for minute in World(cell=cell, runs=runs, seed=sum(map(ord, name))).minutes():
        ours.feed(minute)
        for peer in peers.values():
            peer.feed(minute)
        if (
            name in _AT_MOST
            and np.isfinite(ours.alarm).all()
            and all(np.isfinite(p.alarm).all() for p in peers.values())
        ):
            break
    made = {"ours": _said(ours.alarm, cell.onset), "ours_go": _said(ours.go, 0)}
    made["ours_go_p90"] = (made["ours_go"][0], float(np.quantile(ours.go, 0.9, method="inverted_cdf")))
    return made | {who: _said(peer.alarm, cell.onset) for who, peer in peers.items()}


def _said(at: Array, onset: int) -> tuple[float, float]:
    late = np.where(at > onset, at - onset, math.inf) if onset else at
    middle = float(np.quantile(late, 0.5, method="inverted_cdf"))
    return float(np.isfinite(at).mean()), middle if math.isfinite(middle) else -1.0


def _judge_ms() -> float:
    """One sample more, after a day of them, by the whole judge."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests import canary_sim  # noqa: PLC0415 - after the path is set

    judge, samples = CanaryJudge(canary_sim.RULEBOOK), list(canary_sim.watch(1, 1500, canary_sim.World()))
    for sample in samples[:1440]:
        judge.feed(sample)
    began = time.perf_counter()
    for sample in samples[1440:]:
        judge.feed(sample)
    return (time.perf_counter() - began) * 1000 / 60
