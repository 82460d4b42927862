"""planning: the manifest grows with the timeline, holds every item once, and every look once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.flows.book import Book
from gonogo.flows.planning import make_plan, manifest, t0_look
from gonogo.model.check import Area, Check, Phase, ProbeSpec
from gonogo.model.environment import BackEnd, Environment, Guards, Release, Side, Start
from gonogo.model.errors import ConfigError
from gonogo.model.run import Plan
from gonogo.probes.google.monitoring import PROBE as MONITORING
from gonogo.probes.http.probe import HttpOptions

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
RELEASE = Release(version="v1.2.3", commit="0123456789abcdef", image="x/shop:v1.2.3")
SIDES = {name: Side(url=f"http://{name}.example", service=name) for name in ("stable", "canary")}
HOURS = st.integers(-72, 72).map(lambda hours: timedelta(hours=hours))


def check(name: str, *paths: str, side: str = "stable", phase: Phase = Phase.PREDEPLOY, **more: Any) -> Check:
    probes = {
        f"p{number}": ProbeSpec(kind="http", options=HttpOptions(side=side, path=path))
        for number, path in enumerate(paths or ("/health",))
    }
    return Check(
        id=name, title={"en": name}, system="shop", phase=phase, area=Area.TEAM, owner="Kim", remedy="x", source="x",
        **{"probes": probes, **more},
    )  # fmt: skip


def book(*checks: Check, **more: Any) -> Book:
    environment = Environment(name="shop", system="shop", describe="", sides={"stable": SIDES["stable"]})
    made = Book(
        environment=environment, checks=checks, release=RELEASE, waivers=(), faults=(), actions=(), at=None,
        root=Path(), reports=Path("out"),
    )  # fmt: skip
    return replace(made, **more)


def plan(made: Book, t0: datetime | None = None) -> Plan:
    return make_plan(made, ("predeploy",), t0, NOW)


@given(
    offsets=st.lists(st.none() | HOURS, min_size=1, max_size=12),
    early=HOURS,
    late=HOURS,
)
def test_what_is_due_only_grows_with_at(offsets: list[timedelta | None], early: timedelta, late: timedelta) -> None:
    """Monotone in --at; due and not due are all items, each in one of the two; what has no place is always due."""
    early, late = sorted((early, late))
    checks = tuple(check(f"c{number}", at=at) for number, at in enumerate(offsets))
    before = manifest(book(*checks, at=early), ["predeploy"], None, NOW)
    after = manifest(book(*checks, at=late), ["predeploy"], None, NOW)
    assert {c.id for c in before.due} <= {c.id for c in after.due}
    for split in (before, after):
        ids = [c.id for c in split.due]
        assert sorted([*ids, *split.not_due]) == sorted(c.id for c in checks)
        assert not set(ids) & set(split.not_due)
    assert {c.id for c in checks if c.at is None} <= {c.id for c in before.due}
    assert all(at is not None and at > late for at in after.not_due.values())


@given(hours=st.integers(-72, 72), offset=HOURS)
def test_at_and_the_time_since_t0_are_the_same_place(hours: int, offset: timedelta) -> None:
    """`--at T+5h` plans what a run 5 h after T0 plans."""
    place = timedelta(hours=hours)
    one = check("one", at=offset)
    by_at = manifest(book(one, at=place), ["predeploy"], None, NOW)
    by_t0 = manifest(book(one), ["predeploy"], NOW - place, NOW)
    assert by_at == by_t0
    assert bool(by_at.due) == (offset <= place)


def test_at_wins_over_t0_and_nothing_known_is_everything() -> None:
    """The user's word counts; without a word and without T0 the manifest is whole."""
    one = check("one", at=timedelta(hours=24))
    assert not manifest(book(one, at=timedelta(hours=1)), ["predeploy"], NOW - timedelta(days=9), NOW).due
    assert manifest(book(one), ["predeploy"], None, NOW).due == (one,)
    assert plan(book(one)).at is None
    late = plan(book(one), NOW - timedelta(hours=25, milliseconds=300))
    assert (late.at, late.ids) == (timedelta(hours=25), ("one",))


@given(paths=st.lists(st.lists(st.sampled_from(["/a", "/b", "/c"]), min_size=1, max_size=3), min_size=1, max_size=10))
def test_each_distinct_look_is_planned_once(paths: list[list[str]]) -> None:
    """As many looks as distinct paths, and every probe of every check finds its own among them."""
    made = plan(book(*[check(f"c{number}", *each) for number, each in enumerate(paths)]))
    assert sorted(look.options.path for look in made.looks) == sorted({path for each in paths for path in each})
    options = {look.key: look.options.path for look in made.looks}
    for number, each in enumerate(paths):
        assert [options[key] for key in made.uses[f"c{number}"].values()] == each


def test_looks_of_other_scenes_and_environments_are_others() -> None:
    """The same probe in another scene or environment sees something else."""
    start = Start(command=("x",), scenes={"predeploy": "before", "daily": "deployed"})
    environment = replace(book().environment, start=start)
    both = book(check("one"), check("two", phase=Phase.DAILY), environment=environment)
    made = make_plan(both, ("predeploy", "daily"), None, NOW)
    assert [look.scene for look in made.looks] == ["before", "deployed"]
    assert made.scenes == {"predeploy": "before", "daily": "deployed"}
    renamed = book(check("one"), environment=replace(book().environment, name="other"))
    assert plan(renamed).looks[0].key != plan(book(check("one"))).looks[0].key


def test_every_other_side_is_a_control() -> None:
    """Where a side is looked at over HTTP, the health of the others is too, once, and serves no check."""
    two = replace(book().environment, sides=SIDES)
    made = plan(book(check("one", "/x", side="canary"), environment=two))
    assert {(look.side, look.options.path) for look in made.looks} == {
        ("canary", "/x"),
        ("canary", "/health"),
        ("stable", "/health"),
    }
    assert len(made.controls) == 2
    used = {key for names in made.uses.values() for key in names.values()}
    assert not used & set(made.controls)
    default = check("two", probes={"it": ProbeSpec(kind="http", options=HttpOptions(side="stable"))})
    shared = plan(book(check("one", side="canary"), default, environment=two))
    assert (len(shared.looks), shared.controls) == (2, ())
    assert plan(book(check("one"))).controls == ()
    unsent = check("one", probes={})
    assert plan(book(unsent, environment=two)).controls == ()


def test_actions_enter_only_when_asked_for() -> None:
    """A check that changes something is no candidate without its flag."""
    made = book(check("look"), check("reset", action="reset"))
    assert [c.id for c in made.candidates(["predeploy"])] == ["look"]
    assert [c.id for c in replace(made, actions=("reset",)).candidates(["predeploy"])] == ["look", "reset"]
    assert made.candidates(["daily"]) == ()


def test_the_cap_counts_repeated_requests() -> None:
    """`times: 20` is twenty requests, and one more than allowed is refused."""
    spec = ProbeSpec(kind="http", options=HttpOptions(side="stable", path="/x", times=20))
    many = check("many", probes={"it": spec})
    for allowed, fine in ((20, True), (19, False)):
        made = book(many, environment=replace(book().environment, guards=Guards(max_requests=allowed)))
        if fine:
            assert len(plan(made).looks) == 1
        else:
            with pytest.raises(ConfigError, match="needs 20 requests and shop allows 19"):
                plan(made)


def test_t0_is_looked_for_only_when_somebody_needs_it() -> None:
    """By the serving revision of the stable side (of the canary in its own phase), unless the release says it."""
    environment = replace(book().environment, sides=SIDES, back_ends={"cloud_run": BackEnd()})
    late = check("late", at=timedelta(hours=1))
    look = t0_look(book(late, environment=environment), ["predeploy"])
    assert look is not None
    assert (look.kind, look.options.side) == ("cloud_run", "stable")
    canary = check("late", at=timedelta(hours=1), phase=Phase.CANARY)
    look = t0_look(book(canary, environment=environment), ["canary"])
    assert look is not None
    assert look.options.side == "canary"
    spec = ProbeSpec(kind="cloud_monitoring", options=MONITORING.options(metric="m", side="stable", since_t0=True))
    assert t0_look(book(check("since", probes={"it": spec}), environment=environment), ["predeploy"]) is not None
    assert t0_look(book(check("early", at=timedelta(hours=-1)), environment=environment), ["predeploy"]) is None
    assert t0_look(book(late), ["predeploy"]) is None, "no Cloud Run, no look"
    dated = replace(RELEASE, t0="2026-11-20T08:00:00Z")
    assert t0_look(book(late, environment=environment, release=dated), ["predeploy"]) is None
    nameless = replace(environment, sides={"stable": Side(url="http://x.example")})
    assert t0_look(book(late, environment=nameless), ["predeploy"]) is None
