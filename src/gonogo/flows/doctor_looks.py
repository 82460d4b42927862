"""A checklist into the distinct looks that only read, by place, with the items that want each; and what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from gonogo.model.check import Check
from gonogo.model.environment import Environment
from gonogo.model.run import PlannedLook
from gonogo.probes import PROBES

Items = list[tuple[str, str]]  # (id, phase)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One look at one place, and whose it is; a side's health is nobody's in particular."""

    place: str
    look: PlannedLook
    items: Items = field(default_factory=list)


def looks(checks: Iterable[Check], environment: Environment) -> Iterator[Asked]:
    """The health of every side, then each distinct look at a back end, place by place. A look at two places comes at
    both, with the same key.
    """
    options: object
    for name, side in environment.sides.items():
        options = PROBES["http"].options(side=name, path=side.health)
        yield Asked(place=name, look=PlannedLook(key=f"side {name}", kind="http", options=options, side=name))
    known: dict[str, list[Asked]] = {}
    found: dict[str, list[Asked]] = {name: [] for name in environment.back_ends}
    for check in checks:
        for kind, wanted in _reading(check):
            of_kind = known.setdefault(kind, [])
            same = [one for one in of_kind if one.look.options == wanted]
            if not same:
                look = PlannedLook(key=f"{kind} {len(of_kind)}", kind=kind, options=wanted)
                same = [Asked(place=name, look=look) for name in PROBES[kind].back_ends]
                of_kind.extend(same)
                for one in same:
                    found.setdefault(one.place, []).append(one)
            for one in same:
                if (check.id, check.phase.value) not in one.items:
                    one.items.append((check.id, check.phase.value))
    for every in found.values():
        yield from every


def untried(checks: Iterable[Check]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(kind, ids of the items that want it) of all that acts, leaves something behind or computes at the service. The
    parts of an item are not named beside it.
    """
    found: dict[str, list[str]] = {}
    for check in checks:
        for kind in dict.fromkeys(spec.kind for spec in check.probes.values() if _is_more_than_reading(spec.kind)):
            ids = found.setdefault(kind, [])
            if not any(check.id.startswith(f"{one}.") for one in ids):
                ids.append(check.id)
    return tuple((kind, tuple(ids)) for kind, ids in sorted(found.items()))


def _reading(check: Check) -> Iterator[tuple[str, object]]:
    if check.action is not None:
        return
    for spec in check.probes.values():
        if _is_more_than_reading(spec.kind):
            continue
        wanted = spec.options
        if getattr(wanted, "as_of", "now") == "incident":  # whether the place can be read needs none
            wanted = replace(wanted, as_of="now")
        yield spec.kind, wanted


def _is_more_than_reading(kind: str) -> bool:
    probe = PROBES[kind]
    return probe.acts is not None or probe.writes or probe.computes
