"""Runs a comparison by name, writes reports/out/bench/NAME.json and prints its table."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path

import canary
import checks
import load
import measure
import systems

LEAST_RUNS = {"canary": canary.LEAST_RUNS, "checks": 5, "load": load.LEAST_RUNS, "systems": systems.LEAST_RUNS}
OUT = Path(__file__).resolve().parents[1] / "reports" / "out" / "bench"


def main() -> int:
    """0 if every figure keeps its bound, else 1; a figure that could not be measured does not keep it."""
    asked = _asked()
    machine = measure.machine()
    modules = {"canary": canary, "checks": checks, "load": load, "systems": systems}
    bounds = modules[asked.name].BOUNDS
    if asked.name == "checks":
        raw, figures, versions = checks.measure(asked.runs)
    elif asked.name == "systems":
        raw, figures, versions = systems.measure(asked.runs)
    elif asked.name == "canary":
        raw, figures, versions = canary.measure(asked.runs, quick=asked.quick)
    else:
        raw, figures, versions = load.measure(asked.runs, asked.only, quick=asked.quick)
        machine["load_after"] = round(os.getloadavg()[0], 1)
    OUT.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "versions": versions, "runs": raw, "figures": figures}
    path = OUT / f"{asked.name}.json"
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(", ".join(f"{key} {value}" for key, value in {**machine, **versions}.items()), end="\n\n")
    print("| figure | measured | bound | what |\n|---|---|---|---|")
    kept = True
    for name, (bound, sign, what) in bounds.items():
        if name not in figures:
            kept = kept and bool(asked.only or asked.quick)
            print(f"| {name} | absent | {sign} {bound:g} | {what} |")
            continue
        is_kept = figures[name] <= bound if sign == "<=" else figures[name] >= bound
        kept = kept and is_kept
        print(f"| {name} | {_shown(figures[name])}{'' if is_kept else ' (missed)'} | {sign} {bound:g} | {what} |")
    print("\n" + (canary.table(raw) if asked.name == "canary" else _table(raw)))
    print(f"\n{path}")
    return 0 if kept else 1


def _table(raw: Mapping[str, list[float]]) -> str:
    rows = [
        f"| {name} | {_shown(measure.median(runs))} | {' '.join(map(_shown, runs))} |" for name, runs in raw.items()
    ]
    return "\n".join(["| runs of | median | runs |", "|---|---|---|", *rows])


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure ours and the peers in the same run.")
    parser.add_argument("name", choices=sorted(LEAST_RUNS), help="which comparison")
    parser.add_argument(
        "--runs", type=int, help="runs of each command; checks and systems: 5 or more, load: 3, canary: 200"
    )
    parser.add_argument("--only", action="append", default=[], choices=load.PARTS, help="load: this part, repeatable")
    parser.add_argument("--quick", action="store_true", help="load, canary: a shorter first look")
    asked = parser.parse_args()
    least = LEAST_RUNS[asked.name]
    asked.runs = least if asked.runs is None else asked.runs
    if asked.runs < least:
        parser.error(f"--runs is {least} or more")
    if (asked.name != "load" and asked.only) or (asked.name in ("checks", "systems") and asked.quick):
        parser.error("--only is for load, --quick for load and canary")
    return asked


def _shown(value: float) -> str:
    """Rates without decimals, small figures with three."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3f}"


if __name__ == "__main__":
    raise SystemExit(main())
