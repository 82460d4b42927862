"""The shape of a checklist file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gonogo.config.tree import Tree
from gonogo.model.check import Area, Eventually, Mode, Phase, Severity


class Kind(Protocol):
    """What configuration asks of an entry of a registry: the class of its options."""

    @property
    def options(self) -> type:
        """A frozen dataclass."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """A checklist file: one system, one phase, what its items have in common, and the items."""

    system: str
    phase: Phase
    items: Tree
    defaults: Tree | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for every item of the file that does not say otherwise."""

    area: Area | None = None
    owner: str | None = None
    source: str | None = None
    at: str | None = None
    severity: Severity = Severity.BLOCKING


@dataclass(frozen=True, slots=True, kw_only=True)
class Each:
    """A check for each part of the item's look. `{part}` stands for its key and `{title}` for its title."""

    title: Mapping[str, str]
    pass_: Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item as it is written."""

    id: str
    title: Mapping[str, str]
    area: Area
    owner: str
    source: str
    remedy: str
    at: str | None = None
    severity: Severity = Severity.BLOCKING
    mode: Mode = Mode.AUTO
    probe: Tree | None = None
    probes: Tree | None = None
    pass_: Tree | None = None
    each: Each | None = None
    eventually: Eventually | None = None
    action: str | None = None
