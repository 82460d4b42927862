"""A checklist run: one look at everything that is due, judged, decided and written down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from gonogo.config.addresses import resolve_addresses
from gonogo.config.raw import overlaid
from gonogo.config.secrets import Secrets
from gonogo.config.waivers import load_waivers
from gonogo.flows.book import Book, digests
from gonogo.flows.clock import Clock, SystemClock
from gonogo.flows.collecting import Collector, Watcher
from gonogo.flows.judging import judge_all, reached_sides
from gonogo.flows.load.alone import LoadsAlone
from gonogo.flows.planning import make_plan, scene_of, t0_look, time_doubts
from gonogo.flows.recorded import Recorded
from gonogo.flows.started import Started, Starter, Starters
from gonogo.flows.watch.told import WatchesTold
from gonogo.gate.decide import decide
from gonogo.model.check import Check, Eventually
from gonogo.model.errors import Origin
from gonogo.model.evidence import Evidence, Seen, Unseen
from gonogo.model.run import Plan, PlannedLook, Run
from gonogo.model.secret import Redactor, scan
from gonogo.model.units import show_duration
from gonogo.model.verdict import Outcome, Verdict
from gonogo.probes import PROBES
from gonogo.probes.base import Vantage
from gonogo.reporting.files import EvidenceWriter, make_folder, write_plan

_HASTE = timedelta(seconds=2)  # patience with what a fault was switched on for
LONGEST_GAP = timedelta(hours=2)  # between the last look and the verdict; more than a clock that is put right


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """Everything that was seen, on disk and in memory. `problems` each make HOLD."""

    plan: Plan
    evidence: Mapping[str, Evidence]
    folder: Path
    started: datetime
    root: Path
    redactor: Redactor
    problems: tuple[str, ...] = ()


def scenes(book: Book, phases: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The phases of one run each: those that share a scene (all of them, where nothing is rehearsed)."""
    split: dict[str, tuple[str, ...]] = {}
    for phase in phases:
        scene = scene_of(book, phase)
        split[scene] = (*split.get(scene, ()), phase)
    return split


def collect(
    book: Book,
    phases: Sequence[str],
    *,
    clock: Clock | None = None,
    watch: Callable[[int], Watcher] | None = None,
    starter: Starter | None = None,
    starters: Starters | None = None,
) -> Collected:
    """Bring the environment up if it is a rehearsed one, plan, look, and write plan.json and evidence.jsonl.

    `phases` share a scene. A `starter` that is already up is switched and left running; one that is made here is
    told to `starters`, whose end ends it.
    """
    clock = clock or SystemClock()
    with ExitStack() as stack:
        book, ready = _bring_up(book, phases, starter, starters, stack)
        secrets = Secrets(book.environment, {} if ready is None else ready.secrets)
        redactor = Redactor(secrets.values())
        records = Recorded(environment=book.environment, root=book.root)
        records.check(tuple(phases))
        vantage = Vantage(
            environment=book.environment,
            release=book.release,
            now=clock.now(),
            t0=None,
            reveal=secrets.reveal,
            base=str(book.base),
            loads=LoadsAlone(book=book, ready=ready),
            watches=WatchesTold(book=book, rehearsed=ready is not None),
            records=records,
        )
        stack.callback(vantage.close)
        collector = Collector(vantage=vantage, clock=clock, redact=lambda e: redact(e, redactor))
        first = _find_t0(book, phases, collector)
        plan = make_plan(book, tuple(phases), _t0(book, first), vantage.now)
        vantage.t0 = plan.t0
        folder = make_folder(book.reports, plan)
        problems = (*write_plan(folder, plan, redactor), *time_doubts(plan, sought=bool(first)))
        with EvidenceWriter(folder, plan.run_id) as writer:
            watcher = watch(len(plan.looks)) if watch else None
            collector = replace(collector, watcher=watcher, keep=writer.write, asked_at=_asked_at(plan))
            evidence = _look(plan, collector, first)
            _retake(plan, collector, evidence, clock)
        problems = (*problems, *writer.problems)
        return Collected(
            plan=plan,
            evidence=evidence,
            folder=folder,
            started=vantage.now,
            root=book.root,
            redactor=redactor,
            problems=tuple(problems),
        )


def conclude(
    collected: Collected,
    outcomes: Sequence[Outcome],
    *,
    executed: Iterable[str] | None = None,
    problems: Sequence[str] = (),
    now: datetime | None = None,
) -> Run:
    """Outcomes into a decided run. `executed` are the ids that really ran; None: all of them."""
    ended = SystemClock().now()
    found = [*collected.problems, *problems]
    if digests(collected.root) != dict(collected.plan.digests):
        found.append("configuration changed while the run was under way")
    if now is not None and ended - now > LONGEST_GAP:
        found.append(f"decided {show_duration(ended - now)} after the last look: was this machine asleep?")
    plan = collected.plan
    ran = set(plan.ids if executed is None else executed)
    narrowed = tuple(sorted(set(plan.ids) - ran))
    gated = decide(
        outcomes,
        manifest_ids=plan.ids,
        executed_ids=ran,
        not_due=plan.not_due,
        narrowed=bool(narrowed),
        waivers=plan.waivers,
        environment_name=plan.environment.name,
        release=plan.release,
        now=now or ended,
        problems=tuple(found),
    )
    return Run(
        plan=plan,
        evidence=collected.evidence,
        outcomes=tuple(outcomes),
        gated=gated,
        started=collected.started,
        ended=ended,
        now=now or ended,
        folder=collected.folder,
        narrowed=narrowed,
        problems=tuple(found),
    )


def _asked_at(plan: Plan) -> dict[str, Origin]:
    """Where the first item that uses it asks for each look."""
    asked: dict[str, Origin] = {}
    for check in plan.checks:
        for name, key in plan.uses[check.id].items():
            asked.setdefault(key, check.probes[name].origin)
    return asked


def leaks(collected: Collected) -> tuple[str, ...]:
    """Files of the run's folder that hold a secret, in words."""
    return tuple(f"a secret stands in {path}" for path in scan(collected.folder, collected.redactor))


def redact(evidence: Evidence, redactor: Redactor) -> Evidence:
    """Evidence with every secret scrubbed from every text of it."""
    match evidence.outcome:
        case Seen() as seen:
            outcome: Seen | Unseen = replace(
                seen, data=redactor.scrub_json(seen.data), notes=tuple(map(redactor.scrub, seen.notes))
            )
        case Unseen() as unseen:
            data = None if unseen.data is None else redactor.scrub_json(unseen.data)
            outcome = replace(unseen, detail=redactor.scrub(unseen.detail), data=data)
    attempts = tuple(replace(attempt, ended=redactor.scrub(attempt.ended)) for attempt in evidence.attempts)
    return replace(evidence, source=redactor.scrub(evidence.source), outcome=outcome, attempts=attempts)


def _bring_up(
    book: Book, phases: Sequence[str], starter: Starter | None, starters: Starters | None, stack: ExitStack
) -> tuple[Book, Started | None]:
    if book.environment.start is None:
        return book, None
    scene = scene_of(book, phases[0])
    if starter is None:
        starter = Starter(book.environment, book.root)
        stack.callback(starter.end)
        if starters is not None:
            starters.add(starter)
        ready = starter.up(scene, book.faults)
    else:
        ready = starter.switch(scene, book.faults)
    environment = resolve_addresses(overlaid(book.environment, ready.declares), ready.addresses)
    waivers = load_waivers(Path(environment.waivers)) if environment.waivers and not book.waivers else book.waivers
    return replace(book, environment=environment, waivers=waivers), ready


def _find_t0(book: Book, phases: Sequence[str], collector: Collector) -> dict[str, Evidence]:
    look = t0_look(book, phases)
    if look is None:
        return {}
    return collector.take_all([PlannedLook(key=look.key, kind=look.kind, options=look.options, scene=look.scene)])


def _t0(book: Book, first: Mapping[str, Evidence]) -> datetime | None:
    if book.release is not None and book.release.t0 is not None:
        return datetime.fromisoformat(book.release.t0)
    for evidence in first.values():
        match evidence.outcome:
            case Seen(data=data) if data.get("serving_created"):
                return datetime.fromisoformat(str(data["serving_created"]))
            case _:
                pass
    return None


def _retake(plan: Plan, collector: Collector, evidence: dict[str, Evidence], clock: Clock) -> None:
    patient = [check for check in plan.checks if check.eventually is not None]
    if plan.faults:  # what is rehearsed does not get better by waiting
        patient = [replace(check, eventually=_hasty(check.eventually)) for check in patient if check.eventually]

    def passes(check: Check) -> bool:
        reached = reached_sides(evidence.values())
        return all(
            o.verdict is Verdict.PASS for o in judge_all(plan, evidence, clock.now(), only=[check], reached=reached)
        )

    if patient:
        collector.retake(patient, plan.uses, {look.key: look for look in plan.looks}, evidence, passes)


def _hasty(patience: Eventually) -> Eventually:
    return Eventually(within=min(patience.within, _HASTE), every=min(patience.every, _HASTE / 4))


def _look(plan: Plan, collector: Collector, first: Mapping[str, Evidence]) -> dict[str, Evidence]:
    """All looks at once, and after them, one by one, those of items that change something or disturb the others."""
    acting = {key for check in plan.checks if check.action is not None for key in plan.uses[check.id].values()}
    acting |= {look.key for look in plan.looks if PROBES[look.kind].last(look.options, plan.environment)}
    evidence: dict[str, Evidence] = {}
    for look in plan.looks:
        if look.key in first:
            evidence[look.key] = first[look.key]
            collector.done(first[look.key])
    evidence.update(collector.take_all([x for x in plan.looks if x.key not in evidence and x.key not in acting]))
    for look in plan.looks:
        if look.key in acting:
            evidence.update(collector.take_all([look]))
    return evidence
