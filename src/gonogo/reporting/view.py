"""A judged run into the rows, areas and sentences that every report shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from gonogo.model.check import Area, Check, Mode, Severity
from gonogo.model.evidence import Evidence, Seen, Unseen
from gonogo.model.run import Run
from gonogo.model.units import show_duration
from gonogo.model.verdict import Blame, Outcome, Verdict, Waiver
from gonogo.reporting.next_step import is_blind, next_step, silent_back_end

WORDS: Mapping[Verdict, str] = {Verdict.PASS: "PASS", Verdict.FAIL: "FAIL", Verdict.INCONCLUSIVE: "HOLD"}
AT_MOST_DETAILS = 8
_AT_MOST_SOURCES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One item of the manifest, ready to be shown. Texts are as the server gave them: escape them."""

    id: str
    title: str
    verdict: Verdict
    phase: str
    area: Area
    owner: str
    advisory: bool
    signoff_item: bool
    at: str | None
    reason: str
    rule: str
    observed: str
    samples: int | None
    details: tuple[str, ...]
    decidable: str | None
    remedy: str
    sources: tuple[str, ...]
    looks: tuple[str, ...]
    attempts: int
    waiver: Waiver | None
    signoff: Mapping[str, Any] | None
    system: str
    blind: bool = False  # undecided because a look showed nothing: what to do on a failure is not what to do next
    silent: str = ""  # the back end whose silence alone fails it: nothing was seen that the remedy is for
    blame: Blame | None = None
    ran: bool = True  # False: due, and deselected, or the run ended before it; what its look saw proves nothing

    @property
    def word(self) -> str:
        """PASS, FAIL or HOLD."""
        return WORDS[self.verdict]

    @property
    def next_step(self) -> str:
        """The cause's, where one is told; else the remedy; where nothing was seen, first that it has to be seen.
        Nobody rolls back for want of a metric.
        """
        return self.blame.next_step if self.blame is not None else next_step(self.remedy, self.silent, blind=self.blind)

    @property
    def saw(self) -> str:
        """Where it was looked, in one line; the first few where there are many."""
        if len(self.sources) <= _AT_MOST_SOURCES:
            return ", ".join(self.sources)
        more = len(self.sources) - _AT_MOST_SOURCES + 1
        return f"{', '.join(self.sources[: _AT_MOST_SOURCES - 1])} and {more} more in verdict.json"

    @property
    def beside(self) -> tuple[str, ...]:
        """The details that stand below the reason: none that a cause has beside it, or that the reason says whole."""
        if self.blame is not None or all(line in self.reason for line in self.details):
            return ()
        return self.details

    @property
    def waits_for(self) -> str | None:
        """When it becomes decidable, unless the reason says so already."""
        return None if self.decidable is not None and self.decidable in self.reason else self.decidable

    @property
    def marks(self) -> tuple[str, ...]:
        """What a reader has to know beside the verdict."""
        found = [] if self.ran else ["due, and did not run"]
        if self.advisory:
            found.append("advisory")
        if self.signoff_item:
            found.append("sign-off")
        if self.waiver is not None:
            until = self.waiver.until.date().isoformat()
            found.append(f"waived by {self.waiver.owner} until {until}: {self.waiver.reason}")
        if self.attempts > 1 and self.verdict is not Verdict.PASS:  # an item that is given time may need several
            found.append(f"looked at {self.attempts} times")
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaView:
    """One line of the board with its items."""

    area: Area
    rows: tuple[Row, ...]

    @property
    def passed(self) -> int:
        """How many of its items passed."""
        return sum(row.verdict is Verdict.PASS for row in self.rows)

    @property
    def percent(self) -> int:
        """Readiness, rounded down: 100 means all of them."""
        return 100 * self.passed // len(self.rows) if self.rows else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A run, ready to be shown."""

    run: Run
    rows: tuple[Row, ...]
    areas: tuple[AreaView, ...]
    headline: str
    sentence: str
    shared: tuple[str, ...]
    not_due: tuple[tuple[str, str], ...]

    @property
    def open_rows(self) -> tuple[Row, ...]:
        """Items that did not pass, in the order of the manifest: failures, what is undecided, what did not run."""
        fails = [row for row in self.rows if row.verdict is Verdict.FAIL]
        held = sorted((row for row in self.rows if row.verdict is Verdict.INCONCLUSIVE), key=lambda row: not row.ran)
        return (*fails, *held)

    @property
    def blames(self) -> tuple[tuple[Row, Blame], ...]:
        """What the playbooks blame, each once: the named cause first, then what none is named for."""
        told: dict[str, tuple[Row, Blame]] = {}
        for row in self.rows:
            if row.blame is not None:
                told.setdefault(row.blame.says, (row, row.blame))
        return tuple(sorted(told.values(), key=lambda one: one[1].name is None))

    @property
    def other_reasons(self) -> tuple[str, ...]:
        """The gate's reasons that the open items do not say themselves."""
        said = {f"{row.id}: {row.reason if row.ran else 'did not run'}" for row in self.rows}
        return tuple(reason for reason in self.run.gated.reasons if reason not in said)

    @property
    def not_asked(self) -> str:
        """Items that change something and were left out, each with what would ask for it; empty without any."""
        return ", ".join(f"{one} (--allow-action {action})" for one, action in self.run.plan.not_asked.items())

    @property
    def percent(self) -> int:
        """Readiness of the whole, rounded down."""
        passed = sum(row.verdict is Verdict.PASS for row in self.rows)
        return 100 * passed // len(self.rows) if self.rows else 0


def view(run: Run, language: str = "en") -> View:
    """Rows in the order of the manifest; titles in `language` (English where there is no such title)."""
    rows = _rows(run, language)
    areas = tuple(
        AreaView(area=area, rows=tuple(row for row in rows if row.area is area))
        for area in Area
        if any(row.area is area for row in rows)
    )
    return View(
        run=run,
        rows=rows,
        areas=areas,
        headline=_headline(run),
        sentence=_sentence(rows, run),
        shared=_shared(rows, run.evidence),
        not_due=tuple((one, show_offset(at)) for one, at in run.gated.not_due.items()),
    )


_LAST: list[tuple[tuple[Any, ...], tuple[Row, ...]]] = []


def _rows(run: Run, language: str) -> tuple[Row, ...]:
    """Made once for all reports of a run. The entry holds what its key compares by identity."""
    of = (run.plan, run.outcomes, run.evidence, run.gated.waived, run.narrowed, language)
    for known, rows in _LAST:
        if all(one is other for one, other in zip(known, of, strict=True)):
            return rows
    judged = {outcome.check.id: outcome for outcome in run.outcomes}
    made = tuple(_row(check, judged.get(check.id), run, language) for check in run.plan.checks)
    _LAST[:] = [(of, made)]
    return made


def title_of(check: Check, language: str) -> str:
    """The title in this language, in English, or the id."""
    return check.title.get(language) or check.title.get("en") or check.id


def show_offset(at: timedelta | None) -> str:
    """A place on the timeline: `T-48h`, `T0`, `T+30m`; an item without one is due at any time."""
    if at is None:
        return "any time"
    if not at:
        return "T0"
    sign, size = ("-", -at) if at < timedelta(0) else ("+", at)
    hours = size.total_seconds() / 3600
    return f"T{sign}{hours:.0f}h" if hours % 1 == 0 and hours < 7 * 24 else f"T{sign}{show_duration(size)}"


def at_of(check: Check) -> str | None:
    """Where the item stands on its phase's timeline, as its checklist spells it."""
    spelled = check.raw.get("at")
    if isinstance(spelled, str):
        return str(spelled)
    return None if check.at is None else show_offset(check.at)


def _row(check: Check, judged: Outcome | None, run: Run, language: str) -> Row:
    # A pass of an item that was deselected would make a narrowed run look complete; a failure is told in any case.
    ran = judged is not None and (check.id not in run.narrowed or judged.verdict is Verdict.FAIL)
    outcome = judged if judged is not None and ran else _did_not_run(check)
    worst = [finding for finding in outcome.findings if finding.verdict is outcome.verdict] or list(outcome.findings)
    looks = [run.evidence[key] for key in dict.fromkeys(outcome.evidence) if key in run.evidence]
    return Row(
        id=check.id,
        title=title_of(check, language),
        verdict=outcome.verdict,
        phase=check.phase.value,
        area=check.area,
        owner=check.owner,
        advisory=check.severity is Severity.ADVISORY,
        signoff_item=check.mode is Mode.SIGNOFF,
        at=at_of(check),
        reason=outcome.reason,
        rule="; ".join(finding.rule for finding in outcome.findings),
        observed="; ".join(finding.observed for finding in worst),
        samples=next((finding.samples for finding in worst if finding.samples is not None), None),
        details=tuple(line for lines in dict.fromkeys(one.details for one in worst) for line in lines),
        decidable=next((finding.decidable for finding in worst if finding.decidable), None),
        remedy=check.remedy,
        sources=tuple(dict.fromkeys(_source(one) for one in looks)),
        looks=outcome.evidence,
        attempts=outcome.attempts,
        waiver=run.gated.waived.get(check.id),
        signoff=_signoff(looks),
        system=check.system,
        blame=next((finding.blame for finding in worst if finding.blame is not None), None) if ran else None,
        blind=is_blind(outcome, looks),
        silent=silent_back_end(outcome, looks, run.plan.environment),
        ran=ran,
    )


def _did_not_run(check: Check) -> Outcome:
    reason = "due, and did not run: deselected, or the run ended before it"
    return Outcome(check=check, verdict=Verdict.INCONCLUSIVE, reason=reason)


def _source(evidence: Evidence) -> str:
    return f"{evidence.source} at {evidence.ended:%H:%M:%SZ}"


def _signoff(looks: list[Evidence]) -> Mapping[str, Any] | None:
    for one in looks:
        match one.outcome:
            case Seen(data={"newest": Mapping() as newest}) if one.kind == "signoff":
                return newest
            case _:
                pass
    return None


def _headline(run: Run) -> str:
    plan = run.plan
    release = f"release {plan.release.version} ({plan.release.commit[:7]})" if plan.release else "no release given"
    minutes = plan.at // timedelta(minutes=1) if plan.at is not None else None
    at = f", at {show_offset(timedelta(minutes=minutes))}" if minutes is not None else ""
    faults = f", with fault {', '.join(plan.faults)}" if plan.faults else ""
    return f"{plan.system} on {plan.environment.name}, {' and '.join(plan.phases)}, {release}{at}{faults}"


def _sentence(rows: tuple[Row, ...], run: Run) -> str:
    count = {verdict: sum(row.verdict is verdict for row in rows) for verdict in Verdict}
    parts = [f"{count[Verdict.PASS]} of {len(run.plan.checks)} due items passed"]
    if count[Verdict.FAIL]:
        parts.append(f"{count[Verdict.FAIL]} failed")
    idle = sum(not row.ran for row in rows)
    if count[Verdict.INCONCLUSIVE] > idle:
        parts.append(f"{count[Verdict.INCONCLUSIVE] - idle} undecided")
    if run.gated.waived:
        parts.append(f"{len(run.gated.waived)} waived")
    if idle:
        parts.append(f"{idle} did not run")
    if run.gated.not_due:
        parts.append(f"{len(run.gated.not_due)} not due yet")
    return ", ".join(parts)


def _shared(rows: tuple[Row, ...], evidence: Mapping[str, Evidence]) -> tuple[str, ...]:
    """What several open items could not see, by side, else by source and cause: the thing to mend first."""
    waiting: dict[str, tuple[set[str], str]] = {}
    for row in rows:
        for key in row.looks if row.verdict is not Verdict.PASS else ():
            one = evidence.get(key)
            if one is not None and isinstance(one.outcome, Unseen):
                detail = one.outcome.detail.removeprefix(f"{one.source}: ")
                text = f"{one.side or one.source}: {one.outcome.cause.value.replace('_', ' ')}, {detail}"
                waiting.setdefault(one.side or text, (set(), text))[0].add(row.id)
    most = sorted(waiting.values(), key=lambda group: -len(group[0]))
    return tuple(f"{len(ids)} items wait for {text}" for ids, text in most if len(ids) > 1)
