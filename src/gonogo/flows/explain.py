"""Checklists into lists and explanations for people. Nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

from gonogo.config.checklist import load_checklists
from gonogo.config.complain import nearest
from gonogo.config.environment import environment_names, load_environment
from gonogo.config.names import named
from gonogo.flows.book import DEFAULT_ENVIRONMENT, fault_table
from gonogo.judges import JUDGES
from gonogo.model.check import Check, Mode, Phase
from gonogo.model.commands import with_known
from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import plain
from gonogo.model.units import show_number
from gonogo.probes import PROBES
from gonogo.reporting.view import at_of, title_of

_LONG = 400  # characters of an explanation in one line
_WIDE = 110  # and of one part, where it has a line for each


def select(
    root: Path, *, system: str | None = None, phase: str | None = None, environment: str | None = None
) -> tuple[Check, ...]:
    """Checks of the project, narrowed; ConfigError for a name that nothing has."""
    checks = load_checklists(root / "checks", PROBES, JUDGES)
    systems = sorted({check.system for check in checks})
    if system is not None and system not in systems:
        raise ConfigError(f"no checklist is for system {system!r}{nearest(system, systems)} (there is {_and(systems)})")
    phases = [one.value for one in Phase]
    if phase is not None and phase not in phases:
        raise ConfigError(f"there is no phase {phase!r}{nearest(phase, phases)} (there is {_and(phases)})")
    found = load_environment(environment, root / "environments") if environment else None
    return tuple(
        check
        for check in sorted(checks, key=lambda one: phases.index(one.phase.value))
        if system in (None, check.system)
        and phase in (None, check.phase.value)
        and (found is None or check.system == found.system)
    )


def listing(checks: Sequence[Check], language: str = "en") -> str:
    """One line an item, by phase, and a last line that counts."""
    if not checks:
        return "no items\n"
    wide = max(len(check.id) for check in checks)
    lines = []
    for check in checks:
        mark = "sign-off" if check.mode is Mode.SIGNOFF else check.severity.value
        head = f"{check.id:<{wide}}  {check.phase:<10} {at_of(check) or '-':<6} {check.area:<10} {mark:<8}"
        lines.append(f"{head}  {title_of(check, language)}")
    return "\n".join([*lines, f"{len(checks)} item{'s' * (len(checks) != 1)}"]) + "\n"


def listed(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """The same as JSON."""
    return [
        {
            "id": check.id,
            "title": dict(check.title),
            "system": check.system,
            "phase": check.phase.value,
            "at": at_of(check),
            "area": check.area.value,
            "owner": check.owner,
            "severity": check.severity.value,
            "mode": check.mode.value,
            "action": check.action,
            "probes": {name: _written(spec.kind, spec.options) for name, spec in check.probes.items()},
            "pass": [_written(rule.kind, rule.options) for rule in check.rules],
            "remedy": check.remedy,
            "source": check.source,
            "file": str(check.origin),
        }
        for check in checks
    ]


def explain(root: Path, item: str, environment: str | None = None) -> str:
    """An item, its rule, where its evidence comes from, its limits there, what turns it red and what to do then."""
    checks = {check.id: check for check in load_checklists(root / "checks", PROBES, JUDGES)}
    if item not in checks:
        raise ConfigError(f"there is no item {item!r}{nearest(item, checks)}; `gonogo list` lists them")
    check = checks[item]
    place = _environment(root, check, environment)
    facts = list(_facts(check, place))
    if place is not None:
        for name, fault in fault_table(place, root).items():
            if check.id in fault.turns:
                facts.append(("turns red", f"{name}: {fault.what}"))
    remedy = check.remedy if place is None or environment is None else with_known(check.remedy, place)
    facts += [("next step", remedy), ("source", f"{check.source} ({check.origin})")]
    lines = [f"{check.id}  {title_of(check, 'en')}"]
    last = ""
    for label, text in facts:
        head, *more = text.splitlines()
        lines.append(f"  {'' if label == last else label:<10}  {head}")
        lines += [f"{'':<14}{line}" for line in more]
        last = label
    return "\n".join(lines) + "\n"


def _environment(root: Path, check: Check, name: str | None) -> Environment | None:
    folder = root / "environments"
    if name is not None:
        found = load_environment(name, folder)
        if found.system != check.system:
            raise ConfigError(f"{check.id} is of system {check.system!r}, {name} of {found.system!r}", found.origin)
        return found
    if DEFAULT_ENVIRONMENT not in environment_names(folder):
        return None
    found = load_environment(DEFAULT_ENVIRONMENT, folder)
    companions = (load_environment(also, folder) for also in found.also)
    return next((one for one in (found, *companions) if one.system == check.system), None)


def _facts(check: Check, place: Environment | None) -> Iterator[tuple[str, str]]:
    if "ko" in check.title:
        yield "Korean", check.title["ko"]
    yield "when", f"{check.phase}, {at_of(check) or 'at any time'}"
    yield "who", f"{check.owner}; {check.area}, {check.severity}"
    if check.action is not None:
        yield "changes", f"enters a run only with --allow-action {check.action}"
    for name, spec in check.probes.items():
        where = f" at {_target(spec.kind, spec.options, place)}" if place is not None else ""
        head = "" if name == "it" else f"{name}: "
        yield "looks at", head + _told(_written(spec.kind, spec.options), where)
    if check.mode is Mode.SIGNOFF and (place is None or place.start is None):
        command = f"gonogo signoff {check.id} --env NAME --release VERSION --by WHO --until WHEN --link URL"
        yield "sign off", command if place is None else with_known(command, place)
    if not check.probes:
        yield "looks at", "the verdicts of the other items"
    if check.eventually is not None:
        yield "patience", _flow(plain(check.eventually))
    for rule in check.rules:
        yield "passes if", _told({rule.kind: _short(rule.options)}, f" ({rule.origin})")
    if place is not None:
        for name in dict.fromkeys(one for rule in check.rules for one in named(rule.options, "ObjectiveName")):
            if name in place.objectives:
                limit = place.objectives[name]
                shown = f"{name} {limit.comparator.symbol} {show_number(limit.limit)} {limit.unit}"
                yield "limit", f"{shown}, at least {limit.min_samples} samples, on {place.name} ({limit.origin})"


def _target(kind: str, options: Any, place: Environment) -> str:
    """Where this look goes in this environment."""
    if kind not in PROBES:
        raise ConfigError(f"there is no probe {kind!r}")
    sides = [place.sides[name].url for name in PROBES[kind].sides(options) if name in place.sides]
    ends = [
        place.back_ends[name].address or f"{name} (its own default address)"
        for name in PROBES[kind].back_ends
        if name in place.back_ends
    ]
    if kind == "signoff":
        return place.signoffs
    return ", ".join([*ends, *sides]) or place.name


def _written(kind: str, options: Any) -> dict[str, Any]:
    """A probe or rule as a checklist would write it: without what stands at its default."""
    if not is_dataclass(options):
        return {kind: plain(options)}
    return {kind: {name: plain(getattr(options, name)) for name in _given(options)}}


def _given(options: Any) -> Iterator[str]:
    """Names of the fields that are not at their default."""
    for one in fields(options):
        default = one.default_factory() if one.default_factory is not MISSING else one.default
        if getattr(options, one.name) != default:
            yield one.name


def _flow(value: Any) -> str:
    """A value in YAML's flow style, for reading."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)


def _told(value: Mapping[str, Any], aside: str) -> str:
    """In one line, or, where that would be long, a line for each part of it."""
    flow = _flow(value)
    if len(flow) <= _LONG and "\n" not in flow:
        return flow + aside
    ((kind, options),) = value.items()
    return "\n".join([f"{kind}{aside}", *(f"  {line}" for line in _block(options))])


def _block(value: Any) -> Iterator[str]:
    """A value in YAML's block style, what is short of it in flow style; no line of a text is lost."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _entry(f"{key}:", item)
    elif isinstance(value, list):
        for item in value:
            yield from _entry("-", item)
    else:
        yield from _flow(value).splitlines()


def _entry(head: str, item: Any) -> Iterator[str]:
    flow = _flow(item)
    if (len(flow) <= _WIDE and "\n" not in flow) or not isinstance(item, Mapping | list | str):
        yield f"{head} {flow}"
    elif isinstance(item, str):
        lines = flow.splitlines()
        yield f"{head} |" if len(lines) > 1 else f"{head} {flow}"
        yield from (f"  {line}" for line in lines if len(lines) > 1)
    elif head == "-":
        first, *rest = _block(item)
        yield f"- {first}"
        yield from (f"  {line}" for line in rest)
    else:
        yield head
        yield from (f"  {line}" for line in _block(item))


def _short(value: Any) -> Any:
    """As it would be written, at every depth: without what stands at its default."""
    if is_dataclass(value):
        return {name: _short(getattr(value, name)) for name in _given(value)}
    if isinstance(value, Mapping):
        return {str(key): _short(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_short(item) for item in value]
    return plain(value)


def _and(names: Sequence[str]) -> str:
    return ", ".join(names)
