"""Every fault against every phase it shows in, into proof.json: what is green on health and red by which fault.

Both systems, each on its own rehearsal. Health is looked at three times a phase.

    python tests/proof/run_proof.py [--system NAME] [--fault NAME ...] [--jobs N] [--out FILE]

Exit status 0 when every item is green on health and red by a named fault, 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gonogo.flows.book import Book, Request, fault_table, open_books
from gonogo.flows.judging import judge_all, sums_up
from gonogo.flows.look import collect
from gonogo.flows.started import Starter
from gonogo.model.check import Check, Mode, Phase
from gonogo.model.verdict import Verdict

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("local", "factory-local")
PHASES = tuple(phase.value for phase in Phase)
HEALTHY = 3  # healthy runs of each phase; an item is green if it passed in all of them
MOST_ALSO = 10  # a fault that turns more than this beside the item proves nothing about it
WAITS = {"canary": 5, "predeploy": 4}  # how long a run of a phase waits, beside those of the others
WORTH_A_START = 60  # runs that must be left for another rehearsal of theirs: its start costs as much as some ten runs
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


def books(folder: Path, system: str | None = None) -> tuple[Book, ...]:
    """Each system's rehearsal with every action that its environment allows; runs go to `folder`."""
    request = Request(root=ROOT, environments=ENVIRONMENTS, out=folder)
    found = [book for book in open_books(request) if system in (None, book.environment.system)]
    if not found:
        raise SystemExit(f"no rehearsal is of system {system!r}")
    return tuple(
        replace(book, actions=tuple(sorted({check.action for check in book.checks if check.action}))) for book in found
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One run: a fault, or health (None), in one phase of one environment."""

    environment: str
    fault: str | None
    phase: str


def tasks(book: Book, names: Sequence[str] | None) -> list[Task]:
    """All runs of a book; the phases that wait longest come first, so that nobody waits for them at the end."""
    table = fault_table(book.environment, book.root)
    name = book.environment.name
    phases = [phase for phase in PHASES if book.candidates((phase,))]
    found = [Task(environment=name, fault=None, phase=phase) for phase in phases * HEALTHY]
    seen = [fault for fault in table if table[fault].turns and (names is None or fault in names)]
    found += [Task(environment=name, fault=fault, phase=phase) for fault in seen for phase in table[fault].phases]
    return sorted(found, key=lambda task: -WAITS.get(task.phase, 1))


def _dealt(todo: Mapping[str, Sequence[Task]], jobs: int) -> list[str]:
    """The environment of each rehearsal, by how long all the runs of one wait."""
    left = {name: sum(WAITS.get(task.phase, 1) for task in found) for name, found in todo.items()}
    dealt: list[str] = []
    for _ in range(jobs if any(left.values()) else 0):
        dealt.append(max(left, key=lambda name: left[name] / (dealt.count(name) + 1)))
    return dealt


class Prover:
    """Rehearsals side by side, each working off the list of one environment, then helping with another's."""

    def __init__(self, opened: Sequence[Book], names: Sequence[str] | None = None) -> None:
        self.books = {book.environment.name: book for book in opened}
        self.tables = {name: fault_table(book.environment, book.root) for name, book in self.books.items()}
        self.proof = Proof()
        self.results: list[tuple[Task, dict[str, Verdict]]] = []
        self._lock = threading.Lock()
        self._tasks = {name: deque(tasks(book, names)) for name, book in self.books.items()}
        self.count = sum(len(todo) for todo in self._tasks.values())

    def run(self, jobs: int) -> Proof:
        """Everything, by `jobs` rehearsals."""
        dealt = _dealt(self._tasks, jobs)
        threads = [threading.Thread(target=self._work, args=(name, dealt)) for name in dealt]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if len(self.results) < self.count:
            self.proof.problems.append(f"{self.count - len(self.results)} of {self.count} runs did not end")
        for task, found in sorted(self.results, key=lambda one: (one[0].fault or "", one[0].phase)):
            self._note(task, found)
        return self.proof

    def _work(self, own: str, dealt: Sequence[str]) -> None:
        for name in (own, *(other for other in self._tasks if other != own)):
            if len(self._tasks[name]) < (WORTH_A_START if name != own and name in dealt else 1):
                continue
            starter = Starter(self.books[name].environment, ROOT)
            try:
                starter.up("", ())
                while True:
                    self._one(starter, self._tasks[name].popleft())
            except IndexError:
                continue
            except Exception as error:  # noqa: BLE001 - one broken rehearsal must not hide the others
                with self._lock:
                    self.proof.problems.append(f"a rehearsal of {name} broke: {error}")
            finally:
                starter.end()

    def _one(self, starter: Starter, task: Task) -> None:
        began = time.monotonic()
        book = replace(self.books[task.environment], faults=(task.fault,) if task.fault else ())
        collected = collect(book, (task.phase,), starter=starter)
        now = max((e.ended for e in collected.evidence.values()), default=collected.started)
        found = {o.check.id: o.verdict for o in judge_all(collected.plan, collected.evidence, now)}
        red = [one for one, verdict in found.items() if verdict is not Verdict.PASS]
        with self._lock:
            self.results.append((task, found))
            took = time.monotonic() - began
            done = f"[{len(self.results)}/{self.count}]"
            said = f"{task.fault or 'health'} in {task.phase} of {task.environment}: {len(red)} red, {took:.1f} s"
            print(f"{done} {said}" + (f": {', '.join(red)}" if red and task.fault is None else ""), flush=True)

    def _note(self, task: Task, found: dict[str, Verdict]) -> None:
        if task.fault is None:
            for one, verdict in found.items():
                self.proof.green[one] = self.proof.green.get(one, True) and verdict is Verdict.PASS
            return
        red = [one for one, verdict in found.items() if verdict is not Verdict.PASS]
        for one in red:
            also = [other for other in red if other != one]
            self.proof.red_by.setdefault(one, {})[task.fault] = {"verdict": found[one].value, "also": also}
        turns = self.tables[task.environment][task.fault].turns
        missed = [one for one in turns if one in found and one not in red]
        if missed:
            self.proof.problems.append(f"fault {task.fault} in {task.phase} did not turn {', '.join(missed)}")
        if not red:
            self.proof.problems.append(f"fault {task.fault} in {task.phase} turned nothing")


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
    parser.add_argument("--system", help="only this one")
    parser.add_argument("--fault", action="append", help="only this one, repeatable")
    parser.add_argument("--jobs", type=int, default=12, help="rehearsals side by side")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "out" / "proof.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        opened = books(Path(scratch), args.system)
        proof = Prover(opened, args.fault).run(args.jobs)
    checks = [check for book in opened for check in book.checks]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(document(proof, checks), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    found = proof.problems if args.fault else judge(proof, checks)
    for line in found:
        print(line)
    for book in opened:
        mine = [check for check in checks if check.system == book.environment.system]
        proven = sum(proof.green.get(c.id, False) and proven_by(c, proof.red_by.get(c.id, {})) for c in mine)
        print(f"{book.environment.system}: {proven} of {len(mine)} items proven green and red ({args.out})")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
