"""Every fault against every phase it shows in, into proof.json: what is green on health and red by which fault.

Health is looked at ten times a phase.

    python tests/proof/run_proof.py [--fault NAME ...] [--jobs N] [--out FILE]

Exit status 0 when every item is green on health and red by a named fault, 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gonogo.flows.book import Book, Request, fault_table, open_books
from gonogo.flows.judging import judge_all, sums_up
from gonogo.flows.look import collect
from gonogo.flows.started import Starter
from gonogo.model.check import Check, Mode
from gonogo.model.verdict import Verdict

ROOT = Path(__file__).resolve().parents[2]
PHASES = ("predeploy", "canary", "postdeploy", "daily", "incident", "rollback")
HEALTHY = 10  # healthy runs of each phase; an item is green if it passed in all of them
MOST_ALSO = 10  # a fault that turns more than this beside the item proves nothing about it
_LIMITS = ("below", "at_most", "above", "at_least", "objective")


@dataclass(kw_only=True)
class Proof:
    """What the runs showed."""

    green: dict[str, bool] = field(default_factory=dict)
    red_by: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def has_limit(check: Check) -> bool:
    """True if some rule of the check holds a number against a limit."""
    limited = [rule for rule in check.rules if rule.kind == "expect"]
    return any(getattr(rule.options, name) is not None for rule in limited for name in _LIMITS)


def proven_by(check: Check, faults: dict[str, dict[str, Any]]) -> bool:
    """True if a fault is narrow enough, and for a limit a real failure, to prove that the check can turn red."""
    if sums_up(check):
        return bool(faults)
    return any(
        len(one["also"]) <= MOST_ALSO and (one["verdict"] == "fail" or not has_limit(check)) for one in faults.values()
    )


class Prover:
    """Rehearsals side by side, working off one list of runs: a fault, or health, in one phase."""

    def __init__(self, book: Book, names: Sequence[str]) -> None:
        self.book = book
        self.table = fault_table(book.environment, book.root)
        self.proof = Proof()
        self.results: list[tuple[str | None, str, dict[str, Verdict]]] = []
        self._lock = threading.Lock()
        self._tasks: queue.SimpleQueue[tuple[str | None, str]] = queue.SimpleQueue()
        tasks: list[tuple[str | None, str]] = [(None, phase) for phase in PHASES * HEALTHY]
        seen = [name for name in names if self.table[name].turns]  # others show in load runs only
        tasks += [(name, phase) for name in seen for phase in self.table[name].phases]
        self.count = len(tasks)
        for task in tasks:
            self._tasks.put(task)

    def run(self, jobs: int) -> Proof:
        """Everything, by `jobs` rehearsals."""
        threads = [threading.Thread(target=self._work) for _ in range(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if len(self.results) < self.count:
            self.proof.problems.append(f"{self.count - len(self.results)} of {self.count} runs did not end")
        for name, phase, found in sorted(self.results, key=lambda one: (one[0] or "", one[1])):
            self._note(name, phase, found)
        return self.proof

    def _work(self) -> None:
        starter = Starter(self.book.environment, self.book.root)
        try:
            starter.up("", ())
            while True:
                name, phase = self._tasks.get_nowait()
                self._one(starter, name, phase)
        except queue.Empty:
            return
        except Exception as error:  # noqa: BLE001 - one broken rehearsal must not hide the others
            with self._lock:
                self.proof.problems.append(f"a rehearsal broke: {error}")
        finally:
            starter.end()

    def _one(self, starter: Starter, name: str | None, phase: str) -> None:
        began = time.monotonic()
        collected = collect(replace(self.book, faults=(name,) if name else ()), (phase,), starter=starter)
        now = max(e.ended for e in collected.evidence.values())
        found = {o.check.id: o.verdict for o in judge_all(collected.plan, collected.evidence, now)}
        red = sum(verdict is not Verdict.PASS for verdict in found.values())
        with self._lock:
            self.results.append((name, phase, found))
            took = time.monotonic() - began
            done = f"[{len(self.results)}/{self.count}]"
            print(f"{done} {name or 'health'} in {phase}: {red} red, {took:.1f} s", flush=True)

    def _note(self, name: str | None, phase: str, found: dict[str, Verdict]) -> None:
        if name is None:
            for one, verdict in found.items():
                self.proof.green[one] = self.proof.green.get(one, True) and verdict is Verdict.PASS
            return
        red = [one for one, verdict in found.items() if verdict is not Verdict.PASS]
        for one in red:
            also = [other for other in red if other != one]
            self.proof.red_by.setdefault(one, {})[name] = {"verdict": found[one].value, "also": also}
        missed = [one for one in self.table[name].turns if one in found and one not in red]
        if missed:
            self.proof.problems.append(f"fault {name} in {phase} did not turn {', '.join(missed)}")
        if not red:
            self.proof.problems.append(f"fault {name} in {phase} turned nothing")


def document(proof: Proof, checks: Iterable[Check]) -> dict[str, Any]:
    """proof.json."""
    ids = [check.id for check in checks]
    return {
        "items": {one: {"green": proof.green.get(one, False), "red_by": proof.red_by.get(one, {})} for one in ids},
        "problems": proof.problems,
    }


def judge(proof: Proof, checks: Iterable[Check]) -> list[str]:
    """What is not proven, in words."""
    found = list(proof.problems)
    for check in checks:
        if not proof.green.get(check.id, False):
            found.append(f"{check.id} is not green on health")
        if not proven_by(check, proof.red_by.get(check.id, {})):
            what = "fail with at most" if has_limit(check) else "turn red with at most"
            seen = {name: (one["verdict"], len(one["also"])) for name, one in proof.red_by.get(check.id, {}).items()}
            signed = " (sign-off)" if check.mode is Mode.SIGNOFF else ""
            found.append(f"{check.id}{signed}: no fault makes it {what} {MOST_ALSO} others; seen {seen or 'none'}")
    return found


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fault", action="append", help="only this one, repeatable")
    parser.add_argument("--jobs", type=int, default=6, help="rehearsals side by side")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "out" / "proof.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        request = Request(root=ROOT, actions=("metrics-reset",), out=Path(scratch))
        book = open_books(request)[0]
        table = fault_table(book.environment, ROOT)
        proof = Prover(book, args.fault or list(table)).run(args.jobs)
    checks = [check for check in book.checks if check.phase in PHASES]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(document(proof, checks), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    found = proof.problems if args.fault else judge(proof, checks)
    for line in found:
        print(line)
    proven = sum(proof.green.get(c.id, False) and proven_by(c, proof.red_by.get(c.id, {})) for c in checks)
    print(f"{proven} of {len(checks)} items proven green and red ({args.out})")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
