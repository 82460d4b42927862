"""Configuration into books: all that one environment's run needs to know before anything is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from gonogo.config.checklist import check_against, load_checklists
from gonogo.config.faults import load_faults
from gonogo.config.release import load_release
from gonogo.config.waivers import load_waivers
from gonogo.flows.companions import Member, members
from gonogo.judges import JUDGES
from gonogo.model.check import Check
from gonogo.model.commands import with_known
from gonogo.model.environment import Environment, Release
from gonogo.model.errors import ConfigError, SafetyRefusal
from gonogo.model.verdict import Waiver
from gonogo.probes import PROBES

DEFAULT_ENVIRONMENT = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked for on the command line."""

    root: Path
    environments: tuple[str, ...] = (DEFAULT_ENVIRONMENT,)
    system: str | None = None
    at: timedelta | None = None
    release: Path | None = None
    faults: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    out: Path | None = None

    @property
    def reports(self) -> Path:
        """Folder that holds one folder a run."""
        return self.out or self.root / "reports" / "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """One environment with the checks of its system, its release and its waivers. Nothing has been sent."""

    environment: Environment
    checks: tuple[Check, ...]
    release: Release | None
    waivers: tuple[Waiver, ...]
    faults: tuple[str, ...]
    actions: tuple[str, ...]
    at: timedelta | None
    root: Path
    reports: Path
    digests: Mapping[str, str] = field(default_factory=dict)
    group: str = ""  # the name given with --env that brought it in

    @property
    def base(self) -> Path:
        """The folder that relative file names of the environment start from."""
        return self.root / "environments"

    def candidates(self, phases: Iterable[str]) -> tuple[Check, ...]:
        """Checks of these phases; one that changes something only if its action was asked for."""
        wanted = set(phases)
        return tuple(c for c in self.checks if c.phase in wanted and (c.action is None or c.action in self.actions))

    def not_asked(self, phases: Iterable[str]) -> dict[str, str]:
        """Id -> action, of the checks of these phases that change something and whose action was not asked for."""
        wanted = set(phases)
        return {c.id: c.action for c in self.checks if c.phase in wanted and c.action and c.action not in self.actions}


def open_books(request: Request, *, also: bool = False) -> tuple[Book, ...]:
    """One book an environment, in the order asked for, `also` with those that they bring in.

    ConfigError or SafetyRefusal before anything is sent.
    """
    if len(set(request.environments)) != len(request.environments):
        raise ConfigError("an environment is named twice with --env")
    checks = load_checklists(request.root / "checks", PROBES, JUDGES)
    systems = sorted({check.system for check in checks})
    if request.system is not None and request.system not in systems:
        raise ConfigError(f"no checklist is for system {request.system!r}{_nearest(request.system, systems)}")
    found = members(request.environments, request.root / "environments", also=also, system=request.system)
    _refuse_release_of_many(request, found)
    here = {one.environment.system for one in found}
    known = sorted({check.action for check in checks if check.action and check.system in here})
    for action in request.actions:
        if action not in known:
            raise ConfigError(f"no checklist item has the action {action!r}{_nearest(action, known)}")
    faults = _known_faults(request, found)
    return tuple(_open(request, one, checks, faults) for one in found)


def _open(request: Request, member: Member, checks: Sequence[Check], faults: Mapping[str, tuple[str, ...]]) -> Book:
    environment = member.environment
    mine = tuple(check for check in checks if check.system == environment.system)
    if not mine:
        raise ConfigError(
            f"no checklist in checks/ is for system {environment.system!r} of {environment.name}", environment.origin
        )
    actions = tuple(action for action in request.actions if action in {check.action for check in mine})
    _refuse_actions(actions, environment)
    release_file = request.release or (environment.release and request.root / "environments" / environment.release)
    waiver_file = environment.waivers
    has_waiver_file = waiver_file is not None and not waiver_file.startswith("address:")
    release = load_release(Path(release_file)) if release_file else None
    waivers = load_waivers(request.root / str(waiver_file)) if has_waiver_file else ()
    _refuse_idle_waivers(waivers, environment, release, mine)
    mine = check_against(environment, mine, PROBES, JUDGES)
    for spec in {id(spec.options): spec for check in mine for spec in check.probes.values()}.values():
        try:
            PROBES[spec.kind].refuse(spec.options, environment, request.root / "environments")
        except ConfigError as error:  # what is wrong is seen in the environment, and is as likely wrong in the item
            raise ConfigError(f"{error} (asked for at {spec.origin})") from None
    mine = tuple(replace(check, remedy=with_known(check.remedy, environment, release)) for check in mine)
    return Book(
        environment=environment,
        checks=mine,
        release=release,
        waivers=waivers,
        faults=faults[environment.name],
        actions=actions,
        at=request.at,
        root=request.root,
        reports=request.reports,
        digests=digests(request.root),
        group=member.group,
    )


def digests(root: Path) -> dict[str, str]:
    """SHA-256 of every configuration file, by its path from the root."""
    found: dict[str, str] = {}
    for folder in ("environments", "checks"):
        for path in sorted(path for kind in ("*.y*ml", "*.json") for path in (root / folder).rglob(kind)):
            found[path.relative_to(root).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def fault_table(environment: Environment, root: Path) -> Mapping[str, Any]:
    """Faults that this environment can rehearse: name -> what, phases, turns; empty without a start command."""
    if environment.start is None or environment.start.faults is None:
        return {}
    table: Mapping[str, Any] = load_faults(root / "environments" / environment.start.faults)
    return table


def _known_faults(request: Request, found: Sequence[Member]) -> dict[str, tuple[str, ...]]:
    """The faults of each environment: a fault is of those whose table has it, and the others stay healthy."""
    if not request.faults:
        return {one.environment.name: () for one in found}
    tables = {one.environment.name: fault_table(one.environment, request.root) for one in found}
    for name, table in tables.items():
        if not table:
            raise ConfigError(f"{name} has no faults to rehearse; --fault is for rehearsed environments")
    for fault in request.faults:
        if not any(fault in table for table in tables.values()):
            raise ConfigError(
                f"{' and '.join(tables)} {'has' if len(tables) == 1 else 'have'} no fault {fault!r}"
                f"{_nearest(fault, [one for table in tables.values() for one in table])};"
                f" `gonogo rehearse --env {next(iter(tables))} --list-faults` lists them"
            )
    return {name: tuple(fault for fault in request.faults if fault in table) for name, table in tables.items()}


def _refuse_actions(actions: Sequence[str], environment: Environment) -> None:
    for action in actions:
        if action not in environment.guards.actions:
            raise SafetyRefusal(
                f"{environment.name} does not allow the action {action!r} (guards.actions)", environment.origin
            )


def _refuse_release_of_many(request: Request, found: Sequence[Member]) -> None:
    systems = list(dict.fromkeys(one.environment.system for one in found))
    if request.release is not None and len(systems) > 1:
        names = " and ".join(one.environment.name for one in found)
        raise ConfigError(
            f"--release is of one system, and {names} are of several: add --system {' or '.join(systems)}"
        )


def _refuse_idle_waivers(
    waivers: Sequence[Waiver], environment: Environment, release: Release | None, checks: Sequence[Check]
) -> None:
    """A waiver of this release that names no item would be missed only when it is needed; old ones may stay."""
    ids = [check.id for check in checks]
    for waiver in waivers:
        ours = release is not None and (waiver.environment, waiver.release) == (environment.name, release.version)
        if ours and waiver.id not in ids:
            from difflib import get_close_matches  # noqa: PLC0415

            near = "".join(f"; did you mean {one!r}?" for one in get_close_matches(waiver.id, ids, n=1))
            raise ConfigError(f"{environment.waivers}: no item {waiver.id!r} can be waived{near}")


def _nearest(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only needed once something is wrong

    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there is {', '.join(sorted(known)) or 'none'}"
