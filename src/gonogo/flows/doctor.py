"""An environment into what can be read there, as whom, and what cannot be reached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from gonogo.config.complain import nearest
from gonogo.config.environment import resolve_addresses
from gonogo.config.secrets import Secrets
from gonogo.flows.book import Book, Request, open_books
from gonogo.flows.clock import SystemClock
from gonogo.flows.collecting import Collector
from gonogo.flows.recorded import Recorded
from gonogo.flows.started import Starter
from gonogo.model.check import Check
from gonogo.model.environment import Auth, AuthKind, Environment
from gonogo.model.errors import ConfigError, GonogoError
from gonogo.model.evidence import Cause, Evidence, Seen, Unseen
from gonogo.model.run import PlannedLook
from gonogo.model.secret import Redactor
from gonogo.probes import PROBES
from gonogo.probes.base import Vantage
from gonogo.probes.failure import Failure

_AT_MOST = 5  # distinct looks of one kind: enough to meet a channel or table that is closed to us
_THREADS = 16
_SINCE = timedelta(hours=1)  # stands in for T0: what is asked since then is asked too
_MAY_BE_EMPTY = frozenset({"cloud_monitoring", "prometheus"})  # no traffic, no points: nothing is wrong with reading
_GOOGLE = frozenset({"cloud_run", "cloud_logging", "cloud_monitoring", "dashboards"})  # their clients bring credentials
_STATES = {
    Cause.NO_DATA: "not there",
    Cause.DENIED: "denied",
    Cause.UNREACHABLE: "unreachable",
    Cause.TIMEOUT: "unreachable",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One look. `state`: ok, denied, unreachable, not there, odd or not set up."""

    place: str  # the side or back end
    state: str
    text: str
    who: str
    phases: tuple[str, ...] = ()  # those that look there; none: all of them


def examine(root: Path, name: str, release: Path | None = None, phase: str | None = None) -> tuple[Finding, ...]:
    """Health of every side, and of every back end what the checklist, or one phase of it, reads there.

    Nothing is changed. A rehearsed environment is started for it, as that phase meets it, and ended again.
    ConfigError for bad configuration, and for a phase in which the system has no item.
    """
    (book,) = open_books(Request(root=root, environments=(name,), release=release))
    checks = _checks(book, phase)
    with ExitStack() as stack:
        environment, given = _up(book, stack, phase or "postdeploy")
        secrets = Secrets(environment, given)
        redactor = Redactor(_known(secrets, environment))
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
        asked = list(_looks(checks, environment))
        with ThreadPoolExecutor(_THREADS) as pool:
            found = list(pool.map(lambda one: _take(collector, one.look), asked))
        who = {place: _who(place, environment, vantage, secrets) for place in {one.place for one in asked}}
    return tuple(
        Finding(place=one.place, state=state, text=redactor.scrub(text), who=who[one.place], phases=tuple(one.phases))
        for one, (state, text) in zip(asked, found, strict=True)
    )


def healthy(findings: Sequence[Finding]) -> bool:
    """True if there was something to look at and all of it could be read."""
    return bool(findings) and all(finding.state == "ok" for finding in findings)


def show(findings: Sequence[Finding]) -> str:
    """By place: as whom, and one line a look."""
    lines: list[str] = []
    place = ""
    for finding, times in Counter(findings).items():
        if finding.place != place:
            place = finding.place
            lines.append(f"{place}  as {finding.who}")
        said = finding.who.partition("nobody: ")[2]  # in the line above already
        text = finding.text.removesuffix(f": {said}") if said else finding.text
        phases = f" (for {' and '.join(finding.phases)})" if finding.phases and finding.state != "ok" else ""
        lines.append(f"  {finding.state:<11}  {text}" + (f" ({times} looks)" if times > 1 else "") + phases)
    bad = [finding for finding in findings if finding.state != "ok"]
    lines.append(f"{len(findings) - len(bad)} of {len(findings)} looks can be taken")
    if bad and all(finding.state == "not there" and finding.phases for finding in bad):
        lines.append("what is not there may come with its phase: --phase NAME looks at what one phase needs")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    place: str
    look: PlannedLook
    phases: list[str] = field(default_factory=list)


def _checks(book: Book, phase: str | None) -> tuple[Check, ...]:
    checks = tuple(check for check in book.checks if check.action is None)
    if phase is None:
        return checks
    known = list(dict.fromkeys(check.phase.value for check in checks))
    if phase not in known:
        system = book.environment.system
        raise ConfigError(f"{system} has no phase {phase!r}{nearest(phase, known)} (it has {', '.join(known)})")
    return tuple(check for check in checks if check.phase == phase)


def _up(book: Book, stack: ExitStack, phase: str) -> tuple[Environment, Mapping[str, str]]:
    start = book.environment.start
    if start is None:
        return book.environment, {}
    starter = Starter(book.environment, book.root)
    stack.callback(starter.end)
    ready = starter.up(start.scenes.get(phase, ""), ())
    return resolve_addresses(book.environment, ready.addresses), ready.secrets


def _looks(checks: Iterable[Check], environment: Environment) -> Iterator[_Asked]:
    options: object
    for name, side in environment.sides.items():
        options = PROBES["http"].options(side=name, path=side.health)
        yield _Asked(place=name, look=PlannedLook(key=f"side {name}", kind="http", options=options, side=name))
    found: dict[str, dict[str, list[_Asked]]] = {name: {} for name in environment.back_ends}
    for check in checks:
        for spec in (each for each in check.probes.values() if not PROBES[each.kind].writes):
            wanted = spec.options
            if getattr(wanted, "as_of", "now") == "incident":  # whether the place can be read needs none
                wanted = replace(wanted, as_of="now")
            for name in PROBES[spec.kind].back_ends:
                kinds = found.setdefault(name, {}).setdefault(spec.kind, [])
                known = next((one for one in kinds if one.look.options == wanted), None)
                if known is None and len(kinds) < _AT_MOST:
                    key = f"{name} {spec.kind} {len(kinds)}"
                    known = _Asked(place=name, look=PlannedLook(key=key, kind=spec.kind, options=wanted))
                    kinds.append(known)
                if known is not None and check.phase.value not in known.phases:
                    known.phases.append(check.phase.value)
    for kinds_of in found.values():
        for every in kinds_of.values():
            yield from every


def _take(collector: Collector, look: PlannedLook) -> tuple[str, str]:
    try:
        evidence = collector.take(look)
    except GonogoError as error:
        return "not set up", str(error)
    return _state(evidence)


def _state(evidence: Evidence) -> tuple[str, str]:
    match evidence.outcome:
        case Seen():
            return "ok", evidence.source
        case Unseen(cause=cause, detail=detail):
            text = detail if evidence.source in detail else f"{evidence.source}: {detail}"
            if cause is Cause.NO_DATA and evidence.kind in _MAY_BE_EMPTY:
                return "ok", f"{evidence.source}: may be read, holds nothing now ({detail})"
            return _STATES.get(cause, "odd"), text if cause in _STATES else f"{evidence.source}: {cause}, {detail}"


def _who(place: str, environment: Environment, vantage: Vantage, secrets: Secrets) -> str:
    back_end = environment.back_ends.get(place)
    auth = back_end.auth if back_end is not None else environment.sides[place].auth
    user = back_end.names.get("user") if back_end is not None else None
    google = place in _GOOGLE and back_end is not None and not back_end.plaintext
    if auth.kind in (AuthKind.GOOGLE, AuthKind.GOOGLE_ID_TOKEN) or google:
        from gonogo.probes.google.client import principal  # noqa: PLC0415 - only where Google is asked

        try:
            return principal(vantage)
        except (Failure, GonogoError) as error:
            return f"nobody: {error}"
    return (f"{user}, " if user else "") + _bearer(auth, secrets)


def _bearer(auth: Auth, secrets: Secrets) -> str:
    if auth.kind is AuthKind.NONE or auth.secret is None:
        return "nobody in particular (no credentials)"
    how = f"the holder of {auth.secret}" + (f" in {auth.header}" if auth.kind is AuthKind.API_KEY else "")
    try:
        secrets.reveal(auth.secret)
    except GonogoError as error:
        return f"nobody: {error}"
    return how


def _known(secrets: Secrets, environment: Environment) -> tuple[str, ...]:
    """Values of the secrets that are set; one that is not is a finding, not an end."""
    found = []
    sides = {side.auth.secret for side in environment.sides.values()}
    back_ends = {back_end.auth.secret for back_end in environment.back_ends.values()}
    for name in (sides | back_ends) - {None}:
        try:
            found.append(secrets.reveal(str(name)))
        except GonogoError:
            continue
    return tuple(found)
