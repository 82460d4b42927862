"""Cases for judges, made of plain documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gonogo.judges import JUDGES
from gonogo.model.check import Area, Check, Phase, ProbeSpec, Rule
from gonogo.model.environment import BackEnd, Environment, Objective, Release, Rollout, Side
from gonogo.model.errors import Origin
from gonogo.model.evidence import Evidence, Seen, Unseen
from gonogo.model.units import Unit
from gonogo.model.verdict import Case, Finding

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HERE = Origin(file="canary.yaml", line=12, column=9)


def _environment() -> Environment:
    return Environment(
        name="ion-canary",
        system="ion",
        describe="a test",
        sides={"canary": Side(url="http://c"), "stable": Side(url="http://s"), "lumen": Side(url="http://l")},
        back_ends={
            "cloud_run": BackEnd(names={"region": "us-central1", "project": "naeda-genesis"}),
            "cloud_monitoring": BackEnd(max_age=timedelta(minutes=10)),
            "metrics_csv": BackEnd(max_age=timedelta(minutes=2)),
        },
        objectives={
            "p95": Objective(unit=Unit.S, below=2, min_samples=20, origin=Origin(file="ion-canary.yaml", line=7)),
            "errors": Objective(unit=Unit.RATIO, at_most=0.01, origin=Origin(file="ion-canary.yaml", line=8)),
            "success": Objective(unit=Unit.RATIO, at_least=0.95, origin=Origin(file="ion-canary.yaml", line=9)),
        },
        names={"personas": ("Lua", "Elro")},
        rollout=Rollout(stage=25),
        origin=Origin(file="ion-canary.yaml", line=1),
    )


@pytest.fixture(scope="session")
def now() -> datetime:
    """The moment that cases are judged at."""
    return NOW


@pytest.fixture(scope="session")
def environment() -> Environment:
    """An environment with three sides, three objectives and a list of names."""
    return _environment()


@pytest.fixture(scope="session")
def see() -> Callable[..., Evidence]:
    """Evidence of a document, or of an Unseen."""

    def make(document: Mapping[str, Any] | Unseen, *, side: str | None = None, **more: Any) -> Evidence:
        newest = more.pop("newest", None)
        kind = more.pop("kind", "http")
        return Evidence(
            look=more.pop("look", "0123456789ab"),
            kind=kind,
            source=more.pop("source", f"{kind} look"),
            started=more.pop("started", NOW),
            ended=more.pop("ended", NOW),
            outcome=document if isinstance(document, Unseen) else Seen(data=document, newest=newest),
            side=side,
            **more,
        )

    return make


@pytest.fixture(scope="session")
def make_case(see: Callable[..., Evidence]) -> Callable[..., Case]:
    """A case of one document ("it"), or of Evidence by name."""

    def make(
        what: Any = None, *, kind: str = "expect", options: Any = None, side: str | None = None, **more: Any
    ) -> Case:
        if what is None:
            evidence: dict[str, Evidence] = {}
        elif isinstance(what, Evidence):
            evidence = {"it": what}
        elif isinstance(what, Mapping) and what and all(isinstance(item, Evidence) for item in what.values()):
            evidence = dict(what)
        else:
            evidence = {"it": see(what, side=side)}
        probes = more.pop("probes", {name: ProbeSpec(kind=e.kind, options=None) for name, e in evidence.items()})
        check = Check(
            id=more.pop("id", "ion-can-health"),
            title={"en": "a check"},
            system="ion",
            phase=Phase.CANARY,
            area=Area.TECHNICAL,
            owner="operations",
            remedy="look",
            source="runbook",
            probes=probes,
            rules=more.pop("rules", (Rule(kind=kind, options=options, origin=HERE),)),
            origin=HERE,
        )
        environment = more.pop("environment", None) or _environment()
        release = more.pop("release", Release(version="v1.2.3", commit="c0ffee", image="ion:v1.2.3"))
        return Case(check=check, environment=environment, release=release, now=NOW, t0=None, evidence=evidence, **more)

    return make


@pytest.fixture(scope="session")
def judge(make_case: Callable[..., Case]) -> Callable[..., Finding]:
    """The finding of one judge on one case."""

    def ask(kind: str, what: Any, *, case: Mapping[str, Any] | None = None, **options: Any) -> Finding:
        made = JUDGES[kind].options(**options)
        finding = JUDGES[kind].judge(made, make_case(what, kind=kind, options=made, **(case or {})))
        assert isinstance(finding, Finding)
        return replace(finding)

    return ask
