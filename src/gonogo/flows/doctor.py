"""An environment into what can be read there, as whom, and what cannot be reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from gonogo.config.complain import nearest
from gonogo.config.environment import resolve_addresses
from gonogo.config.raw import overlaid
from gonogo.config.secrets import Secrets
from gonogo.flows.book import Book, Request, open_books
from gonogo.flows.clock import SystemClock
from gonogo.flows.collecting import Collector
from gonogo.flows.doctor_looks import looks, untried
from gonogo.flows.doctor_take import take_all
from gonogo.flows.doctor_who import known, who_at
from gonogo.flows.recorded import Recorded
from gonogo.flows.started import Starter
from gonogo.model.check import Check
from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError
from gonogo.model.secret import Redactor
from gonogo.probes.base import Vantage

_AT_MOST = 3  # ids that a line names
_WIDTH = 120  # characters of what could be read
_SINCE = timedelta(hours=1)  # stands in for T0: what is asked since then is asked too
# What these look at is there on any day. The others begin with an event: a canary, a deploy, a rollback, a recovery.
_ALWAYS = frozenset({"predeploy", "daily", "weekly", "monthly", "quarterly", "incident"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One look. `state`: ok, denied, unreachable, not there, odd or not set up. `items` are (id, phase) of those that
    want it; none for the health of a side.
    """

    place: str  # the side or back end
    state: str
    text: str
    who: str
    items: tuple[tuple[str, str], ...] = ()

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases that look there."""
        return tuple(dict.fromkeys(phase for _, phase in self.items))


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was found; `untried` is (kind of look, ids) of all that does more than read."""

    findings: tuple[Finding, ...]
    environment: str = "NAME"
    phase: str | None = None  # the one that was asked for
    untried: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def is_bad(self, finding: Finding) -> bool:
        """Whether it ought to be mended. What is not there is bad in the phase that was asked for and, without one,
        where an item of every day wants it (predeploy, daily, weekly, monthly, quarterly, incident); what only a
        canary, a deploy, a rollback or a recovery brings need not be there before.
        """
        if finding.state == "ok":
            return False
        comes_later = finding.items and self.phase is None and not _ALWAYS.intersection(finding.phases)
        return finding.state != "not there" or not comes_later


def examine(
    root: Path, name: str, release: Path | None = None, phase: str | None = None, faults: Sequence[str] = ()
) -> Examined:
    """Health of every side, and every distinct look that the checklist, or one phase of it, reads a back end with.

    Nothing is changed: what acts or computes at the service is left out. A rehearsed environment is started for it, as
    that phase meets it, with these faults, and ended again. ConfigError for bad configuration, for a phase in which
    the system has no item, and for faults where nothing is rehearsed.
    """
    (book,) = open_books(Request(root=root, environments=(name,), release=release, faults=tuple(faults)))
    checks = _checks(book, phase)
    with ExitStack() as stack:
        environment, given = _up(book, stack, phase or "postdeploy")
        secrets = Secrets(environment, given)
        redactor = Redactor(known(secrets, environment))
        clock = SystemClock()
        now = clock.now()
        vantage = Vantage(
            environment=environment,
            release=book.release,
            now=now,
            t0=now - _SINCE,
            reveal=secrets.reveal,
            base=str(book.base),
            records=Recorded(environment=environment, root=book.root),
        )
        stack.callback(vantage.close)
        collector = Collector(vantage=vantage, clock=clock, redact=lambda evidence: evidence)
        asked = list(looks(checks, environment))
        found = take_all(collector, asked)
        who = {place: who_at(place, environment, vantage, secrets) for place in {one.place for one in asked}}
    findings = tuple(
        Finding(place=one.place, state=state, text=redactor.scrub(text), who=who[one.place], items=tuple(one.items))
        for one, (state, text) in ((one, found[one.look.key]) for one in asked)
    )
    return Examined(findings=findings, environment=name, phase=phase, untried=untried(checks))


def healthy(examined: Examined) -> bool:
    """True if there was something to look at and nothing of it is bad."""
    return bool(examined.findings) and not any(examined.is_bad(finding) for finding in examined.findings)


def show(examined: Examined) -> str:
    """By place: as whom, and one line for each thing that looks came to, with the items that want what is not ok."""
    lines: list[str] = []
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in examined.findings:
        alike.setdefault((finding.place, finding.state, _said(finding)), []).append(finding)
    place = ""
    for (where, state, text), found in alike.items():
        if where != place:
            place = where
            lines.append(f"{place}  as {found[0].who}")
        items = dict.fromkeys(item for finding in found for item in finding.items)
        whose = f"{_whose(tuple(items))}: " if items and state != "ok" else ""
        lines.append(f"  {state:<11}  {whose}{text}" + (f" ({len(found)} looks)" if len(found) > 1 else ""))
    if examined.untried:
        kinds = ", ".join(f"{kind} ({_some(ids)})" for kind, ids in examined.untried)
        lines.append(f"not tried, since it does more than read: {kinds}")
    return "\n".join([*lines, *_summary(examined)]) + "\n"


def _summary(examined: Examined) -> list[str]:
    findings = examined.findings
    good = sum(finding.state == "ok" for finding in findings)
    later = [finding for finding in findings if finding.state != "ok" and not examined.is_bad(finding)]
    lines = [f"{good} of {len(findings)} looks can be taken"]
    if later:
        phases = list(dict.fromkeys(phase for finding in later for phase in finding.phases))
        how = " or ".join(f"--phase {phase}" for phase in phases)
        what = f"{len(later)} {'is' if len(later) == 1 else 'are'} readable, and what is looked for is not there now"
        lines.append(f"{what}: it comes with phase {' and '.join(phases)}, and counts with {how}")
    return lines


def _said(finding: Finding) -> str:
    if finding.state == "ok":
        return finding.text if len(finding.text) <= _WIDTH else f"{finding.text[: _WIDTH - 3]}..."
    said = finding.who.partition("nobody: ")[2]  # in the line above already
    return finding.text.removesuffix(f": {said}") if said else finding.text


def _whose(items: Sequence[tuple[str, str]]) -> str:
    """`a, b (daily), c (weekly)`."""
    phases: dict[str, list[str]] = {}
    for name, phase in items:
        phases.setdefault(phase, []).append(name)
    return ", ".join(f"{_some(ids)} ({phase})" for phase, ids in phases.items())


def _some(ids: Sequence[str]) -> str:
    if len(ids) <= _AT_MOST + 1:
        return ", ".join(ids)
    return f"{', '.join(ids[:_AT_MOST])} and {len(ids) - _AT_MOST} more"


def _checks(book: Book, phase: str | None) -> tuple[Check, ...]:
    if phase is None:
        return book.checks
    names = list(dict.fromkeys(check.phase.value for check in book.checks))
    if phase not in names:
        system = book.environment.system
        raise ConfigError(f"{system} has no phase {phase!r}{nearest(phase, names)} (it has {', '.join(names)})")
    return tuple(check for check in book.checks if check.phase == phase)


def _up(book: Book, stack: ExitStack, phase: str) -> tuple[Environment, Mapping[str, str]]:
    start = book.environment.start
    if start is None:
        return book.environment, {}
    starter = Starter(book.environment, book.root)
    stack.callback(starter.end)
    ready = starter.up(start.scenes.get(phase, ""), book.faults)
    return resolve_addresses(overlaid(book.environment, ready.declares), ready.addresses), ready.secrets
