"""Books and the items that were selected into runs, and into what each item has to say for itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any

from gonogo.config.checklist import check_expressions
from gonogo.config.secrets import check_secrets
from gonogo.flows.abreast import abreast
from gonogo.flows.book import Book, fault_table
from gonogo.flows.collecting import Watcher
from gonogo.flows.items import Item
from gonogo.flows.judging import judge_all, waiver_of
from gonogo.flows.look import Collected, collect, conclude, leaks, scenes
from gonogo.flows.planning import t0_look
from gonogo.flows.started import Starters
from gonogo.judges.expression import check_syntax
from gonogo.model.check import Severity
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import plain
from gonogo.model.run import Run
from gonogo.model.units import show_duration
from gonogo.model.verdict import Outcome, Verdict
from gonogo.probes import PROBES
from gonogo.reporting.escape import ci_log, visible
from gonogo.reporting.next_step import is_blind, next_step, silent_back_end


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an item has to say. `how`: pass, fail, hold, advisory, waived or not_due."""

    how: str
    text: str
    facts: Mapping[str, str] = field(default_factory=dict)  # for JUnit properties


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One run to be: phases of a book that share a scene."""

    collected: Collected
    outcomes: tuple[Outcome, ...]
    keys: Mapping[str, str]  # id -> key, of all items that were there to be selected


def look_at(
    books: Sequence[Book],
    items: Sequence[Item],
    selected: Iterable[str],
    watch: Callable[[int, str], Watcher] | None = None,
) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """One part an environment and scene, and problems, each of which makes HOLD; systems are looked at side by side.

    A phase is in the manifest, whole, if any item of it is selected. An environment of which nothing is selected is
    left out where another one came with it: silently if it has no item of the phases, with a problem if it has.
    ConfigError for a secret that any of the environments lacks, one that is asked for by itself and of which nothing
    is selected, or an expression that is none, before the first of them is looked at.
    """
    wanted = set(selected)
    chosen = {book.environment.name: _phases(book, items, wanted) for book in books}
    problems = _left_out(books, chosen)
    _refuse_idle_faults(books, chosen)
    books = [book for book in books if chosen[book.environment.name]]
    for book in books:
        if book.environment.start is None:  # a started one brings its own
            check_secrets(book.environment, _asked(book, chosen[book.environment.name]))
        check_expressions(book.candidates(chosen[book.environment.name]), check_syntax)
    threading.Thread(target=_import_what_follows, name="gonogo-imports", daemon=True).start()
    by_system: dict[str, list[Book]] = {}
    for book in books:
        by_system.setdefault(book.environment.system, []).append(book)
    starters = Starters()
    works = [
        partial(_looked_at, [(book, chosen[book.environment.name]) for book in mine], items, watch, starters)
        for mine in by_system.values()
    ]
    parts = [part for found in abreast(works, starters.end) for part in found]
    order = [book.environment.name for book in books]
    return tuple(sorted(parts, key=lambda part: order.index(part.collected.plan.environment.name))), problems


def _asked(book: Book, phases: Sequence[str]) -> frozenset[str]:
    """Back ends that a run of these phases asks: at 3 a.m. nobody has to set the password of a restore rehearsal."""
    first = t0_look(book, phases)
    kinds = {spec.kind for check in book.candidates(phases) for spec in check.probes.values()}
    kinds |= {first.kind} if first is not None else set()
    return frozenset(name for kind in kinds for name in PROBES[kind].back_ends)


def _phases(book: Book, items: Iterable[Item], wanted: Collection[str]) -> tuple[str, ...]:
    """Phases of which an item is selected, in the order of the checklists."""
    return tuple(dict.fromkeys(item.check.phase for item in items if item.book is book and item.key in wanted))


def _left_out(books: Sequence[Book], chosen: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    phases = {phase for found in chosen.values() for phase in found}
    problems: list[str] = []
    for book in books:
        name = book.environment.name
        if chosen[name]:
            continue
        if not any(chosen[one.environment.name] for one in books if one.group == book.group):
            # The others' GO would look like its own.
            raise ConfigError(f"nothing of {name} is selected, and --env asks for it: leave out --env {name}")
        if book.candidates(phases):
            others = " or ".join(dict.fromkeys(one.environment.system for one in books if chosen[one.environment.name]))
            problems.append(
                f"nothing of {name} is selected, which comes with {book.group}: --system {others} leaves it out"
            )
    return tuple(problems)


def _looked_at(
    mine: Sequence[tuple[Book, Sequence[str]]],
    items: Iterable[Item],
    watch: Callable[[int, str], Watcher] | None,
    starters: Starters,
) -> list[Part]:
    """The environments of one system, one after the other: they may share back ends."""
    parts: list[Part] = []
    for book, phases in mine:
        keys = {item.check.id: item.key for item in items if item.book is book}
        told = None if watch is None else _named(watch, book.environment.name)
        for group in scenes(book, phases).values():
            collected = collect(book, group, watch=told, starters=starters)
            now = max((e.ended for e in collected.evidence.values()), default=collected.started)
            outcomes = judge_all(collected.plan, collected.evidence, now)
            ids = {check.id for check in book.candidates(group)}
            parts.append(
                Part(collected=collected, outcomes=outcomes, keys={one: key for one, key in keys.items() if one in ids})
            )
    return parts


def _named(watch: Callable[[int, str], Watcher], name: str) -> Callable[[int], Watcher]:
    return lambda total: watch(total, name)


def _import_what_follows() -> None:
    """Judges' expressions and the reports are loaded while probes are out, when this process only waits."""
    for module in ("gonogo.judges.functions", "gonogo.reporting.reports", "gonogo.reporting.terminal"):
        import_module(module)


def _refuse_idle_faults(books: Sequence[Book], chosen: Mapping[str, Sequence[str]]) -> None:
    """A fault that no item of this run can show would rehearse nothing and look like health."""
    for name in dict.fromkeys(name for book in books for name in book.faults):
        having = [book for book in books if name in book.faults]
        if any(_can_show(book, chosen[book.environment.name], name) for book in having):
            continue
        book = having[0]
        fault = fault_table(book.environment, book.root)[name]
        if not fault.turns and not fault.is_near_miss:
            shows = "a watch" if fault.watch else "gonogo rollout" if fault.rollout else "load"
            named = ", ".join((*fault.load, *fault.watch, *fault.rollout))
            raise ConfigError(f"the fault {name!r} turns no item; it shows in {shows} alone: {named}")
        actions = sorted({c.action for c in book.checks if c.id in fault.turns and c.action})
        what = f"turns {', '.join(fault.turns)}" if fault.turns else "looks like one, and no item may turn red by it"
        needs = f" with --allow-action {actions[0]}" if actions and not set(actions) & set(book.actions) else ""
        raise ConfigError(
            f"the fault {name!r} cannot show in this run; it {what}: select phase {' or '.join(fault.phases)}{needs}"
        )


def _can_show(book: Book, phases: Sequence[str], name: str) -> bool:
    """Whether these phases have an item that it turns red, or are those in which a near miss is told from a fault."""
    fault = fault_table(book.environment, book.root)[name]
    if fault.is_near_miss:
        return any(phase in fault.phases for phase in phases)
    return any(check.id in fault.turns for check in book.candidates(phases))


def tell(parts: Iterable[Part]) -> dict[str, Told]:
    """What each item says, by key. Plain enough to be handed to another process as JSON."""
    told: dict[str, Told] = {}
    for part in parts:
        plan = part.collected.plan
        for outcome in part.outcomes:
            told[part.keys[outcome.check.id]] = _told(part, outcome)
        for check_id, at in plan.not_due.items():
            text = f"not due before T+{show_duration(at)}" if at is not None else "not due"
            told[part.keys[check_id]] = Told(how="not_due", text=text)
    return told


def _told(part: Part, outcome: Outcome) -> Told:
    check, plan = outcome.check, part.collected.plan
    looks = [part.collected.evidence[key] for key in outcome.evidence if key in part.collected.evidence]
    saw = visible(", ".join(one.source for one in looks) or "the other verdicts")
    silent = silent_back_end(outcome, looks, plan.environment)
    step = next_step(check.remedy, silent, blind=is_blind(outcome, looks))
    text = ci_log(f"{visible(outcome.reason)}\nsaw:  {saw}\nnext: {step} (owner: {check.owner})")
    rules = "; ".join(finding.rule for finding in outcome.findings)
    facts = {"id": check.id, "verdict": outcome.verdict.value, "rule": rules, "area": check.area.value}
    waiver = waiver_of(plan, check.id, part.collected.started)
    match outcome.verdict:
        case Verdict.PASS:
            return Told(how="pass", text=outcome.reason, facts=facts)
        case _ if check.severity is Severity.ADVISORY:
            return Told(how="advisory", text=f"advisory, does not decide: {text}", facts=facts)
        case Verdict.FAIL if waiver is not None:
            return Told(
                how="waived", text=f"waived by {waiver.owner} until {waiver.until:%Y-%m-%d}: {text}", facts=facts
            )
        case Verdict.FAIL:
            return Told(how="fail", text=text, facts=facts)
        case Verdict.INCONCLUSIVE:
            return Told(how="hold", text=f"HOLD: {text}", facts=facts)


def told_to_json(told: Mapping[str, Told]) -> dict[str, Any]:
    """For a worker process."""
    return {key: plain(one) for key, one in told.items()}


def told_from_json(document: Mapping[str, Any]) -> dict[str, Told]:
    """What `told_to_json` wrote."""
    return {key: Told(how=one["how"], text=one["text"], facts=one["facts"]) for key, one in document.items()}


def finish(parts: Iterable[Part], executed: Iterable[str], problems: Sequence[str]) -> tuple[Run, ...]:
    """Runs decided from what really ran, with their reports and, last, their verdicts on disk."""
    from gonogo.reporting.reports import write_all  # noqa: PLC0415 - imported while probes were out

    ran = set(executed)
    runs: list[Run] = []
    for part in parts:
        now = max((e.ended for e in part.collected.evidence.values()), default=part.collected.started)
        ids = [check_id for check_id in part.collected.plan.ids if part.keys[check_id] in ran]
        run = conclude(part.collected, part.outcomes, executed=ids, problems=problems, now=now)
        runs.append(write_all(run, part.collected.redactor, leaks=partial(leaks, part.collected)))
    return tuple(runs)
