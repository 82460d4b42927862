"""Runs a comparison by name, writes reports/out/bench/NAME.json and prints its table."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import checks
import measure

BENCHES = {"checks": checks}
OUT = Path(__file__).resolve().parents[1] / "reports" / "out" / "bench"
LEAST_RUNS = 5


def main() -> int:
    """0 if every figure keeps its bound, else 1."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure ours and the peers in the same run.")
    parser.add_argument("name", choices=sorted(BENCHES), help="which comparison")
    parser.add_argument("--runs", type=int, default=LEAST_RUNS, help=f"runs of each command, {LEAST_RUNS} or more")
    asked = parser.parse_args()
    if asked.runs < LEAST_RUNS:
        parser.error(f"--runs is {LEAST_RUNS} or more")
    bench = BENCHES[asked.name]
    machine = measure.machine()
    raw, figures, versions = bench.measure(asked.runs)
    OUT.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "versions": versions, "runs": raw, "figures": figures}
    path = OUT / f"{asked.name}.json"
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(", ".join(f"{key} {value}" for key, value in {**machine, **versions}.items()), end="\n\n")
    print("| figure | measured | bound | what |\n|---|---|---|---|")
    kept = True
    for name, (bound, sign, what) in bench.BOUNDS.items():
        is_kept = figures[name] <= bound if sign == "<=" else figures[name] >= bound
        kept = kept and is_kept
        print(f"| {name} | {figures[name]:.2f}{'' if is_kept else ' (missed)'} | {sign} {bound:g} | {what} |")
    print("\n| command | median of the runs | runs |\n|---|---|---|")
    for name, runs in raw.items():
        print(f"| {name} | {measure.median(runs):.3f} | {' '.join(f'{one:.3f}' for one in runs)} |")
    print(f"\n{path}")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
