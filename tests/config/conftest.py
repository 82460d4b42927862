"""Registries of two probes and three judges, and readers of a file by its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, NewType

import pytest

from gonogo.config.checklist import check_against, load_checklists
from gonogo.config.environment import read_environment
from gonogo.config.faults import load_faults
from gonogo.config.parse import read_file
from gonogo.config.release import load_release
from gonogo.config.waivers import load_waivers
from gonogo.model.environment import Environment, Objective, Side
from gonogo.model.units import Unit

# Configuration knows them by their names, not by their module.
ObjectiveName = NewType("ObjectiveName", str)
Expression = NewType("Expression", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What configuration asks of an entry of a registry."""

    options: type
    sides: Callable[[Any], tuple[str, ...]] = lambda _: ()
    back_ends: tuple[str, ...] = ()
    sums_up: bool = False
    acts: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """One request."""

    side: str
    path: str = "/"
    body: Mapping[str, Any] | None = None
    times: int = 1
    every: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signoff:
    """Records of one id."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """A value held against what is expected."""

    value: Expression
    equals: str | int | float | bool | None = None
    below: float | None = None
    one_of: tuple[str, ...] = ()
    objective: ObjectiveName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """No options."""


PROBES = {
    "http": Entry(options=Http, sides=lambda options: (options.side,)),
    "cloud_run_services": Entry(options=Nothing, back_ends=("cloud_run",)),
    "signoff": Entry(options=Signoff),
}
JUDGES = {
    "expect": Entry(options=Expect),
    "signed": Entry(options=Nothing),
    "summary": Entry(options=Nothing, sums_up=True),
}
ENVIRONMENT = Environment(
    name="ion-staging",
    system="ion",
    describe="a staging",
    sides={"stable": Side(url="https://ion.example"), "canary": Side(url="https://canary.ion.example")},
    objectives={"chat_p95": Objective(unit=Unit.S, below=2)},
)


@pytest.fixture
def probes() -> dict[str, Entry]:
    return PROBES


@pytest.fixture
def judges() -> dict[str, Entry]:
    return JUDGES


@pytest.fixture
def environment() -> Environment:
    return ENVIRONMENT


@pytest.fixture
def load() -> Callable[[Path], Any]:
    """Loads a file as what its name says it is: environment, checklist, release, waivers or faults."""

    def load_file(path: Path) -> Any:
        kind = path.stem.split("-")[1] if path.stem.startswith("row") else path.stem.split("-")[0]
        match kind:
            case "environment":
                return read_environment(read_file(path, path.name))
            case "checklist":
                checks = load_checklists([path], PROBES, JUDGES, root=path.parent, check_expression=_expression)
                return check_against(ENVIRONMENT, checks, PROBES, JUDGES)
            case "release":
                return load_release(path)
            case "waivers":
                return load_waivers(path)
            case "faults":
                return load_faults(path)
            case _:
                raise AssertionError(f"{path.name} does not say what it is")

    return load_file


def _expression(text: str) -> None:
    if text.endswith("."):
        raise ValueError("an identifier is missing at the end")
