"""Plans and evidence survive the way to disk and back."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.model.check import Check
from gonogo.model.environment import BackEnd, Contact, Contacts, Environment, Objective, Rollout, Side, Start
from gonogo.model.errors import Origin
from gonogo.model.evidence import Attempt, Cause, Evidence, Seen, Unseen, plain
from gonogo.model.run import Run
from gonogo.model.units import Unit
from gonogo.model.verdict import Waiver
from gonogo.reporting.codec import (
    Unreadable,
    check_to_json,
    decode,
    dumps,
    evidence_from_json,
    evidence_to_json,
    loads,
    plan_from_json,
    plan_to_json,
)

MOMENTS = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2039, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
DATA = st.dictionaries(st.text(), JSON, max_size=5)
OUTCOMES = st.builds(
    Seen, data=DATA, newest=st.none() | MOMENTS, notes=st.lists(st.text(), max_size=2).map(tuple)
) | st.builds(Unseen, cause=st.sampled_from(Cause), detail=st.text(), data=st.none() | DATA)
ATTEMPTS = st.builds(
    Attempt, started=MOMENTS, took=st.timedeltas(timedelta(0), timedelta(hours=1)), ended=st.text(max_size=10)
)
EVIDENCE = st.builds(
    Evidence,
    look=st.text("0123456789abcdef", min_size=12, max_size=12),
    kind=st.text(min_size=1),
    source=st.text(),
    started=MOMENTS,
    ended=MOMENTS,
    outcome=OUTCOMES,
    side=st.none() | st.text(),
    attempts=st.lists(ATTEMPTS, max_size=3).map(tuple),
)


@given(EVIDENCE)
def test_evidence_round_trips(evidence: Evidence) -> None:
    """What was seen, or how it could not be seen, is the same after the file."""
    assert evidence_from_json(loads(dumps(evidence_to_json(evidence)))) == evidence


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinite_samples_stay_infinite(value: float) -> None:
    """JSON has no infinity; the sample still comes back as what it was, so that it is judged the same."""
    text = dumps({"points": [{"value": value}]})
    assert json.loads(text) == {"points": [{"value": {"$non_finite": str(value)}}]}
    assert loads(text) == {"points": [{"value": value}]}


def test_nan_stays_nan() -> None:
    """NaN comes back as NaN."""
    assert math.isnan(loads(dumps({"v": math.nan}).encode())["v"])


@pytest.mark.parametrize("text", ["{", "NaN", '{"a": Infinity}', b"\xff\xfe{}", "[" * 100_000])
def test_what_is_not_json_is_unreadable(text: str | bytes) -> None:
    """One kind of error for every way in which a file can be broken."""
    with pytest.raises(Unreadable, match="not JSON"):
        loads(text)


@pytest.mark.parametrize("document", [None, [], {}, {"look": 1}, {"seen": None}])
def test_what_is_no_observation_is_unreadable(document: object) -> None:
    """JSON of another shape is not taken for evidence."""
    with pytest.raises(Unreadable, match="not an observation"):
        evidence_from_json(document)


def test_a_plan_round_trips(red: Run) -> None:
    """The plan is the same after the file, its checks by way of their raw form."""
    until = datetime(2026, 12, 1, tzinfo=UTC)
    waiver = Waiver(id="ion-e", environment="local", release="v1", owner="kim", reason="r", until=until)
    plan = replace(
        red.plan, waivers=(waiver,), at=timedelta(hours=1), not_due={"ion-z": timedelta(hours=24), "ion-y": None}
    )
    checks = {check.id: check for check in plan.checks}

    def again(document: dict[str, object]) -> Check:
        check = checks[str(document["id"])]
        assert document == check_to_json(check)
        return check

    assert plan_from_json(loads(dumps(plan_to_json(plan))), again) == plan


def test_a_plan_of_another_schema_is_refused(red: Run) -> None:
    """A file of a newer version is not half understood."""
    with pytest.raises(Unreadable, match="its schema is 99"):
        plan_from_json({**plan_to_json(red.plan), "schema": 99}, lambda _: red.plan.checks[0])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("uses",), []),
        (("uses", "red"), None),
        (("uses", "red", "it"), {}),
        (("phases",), [None]),
        (("system",), 5),
        (("release", "commit"), None),
        (("environment", "name"), 1),
        (("environment", "watch"), {"every": 10**30}),
    ],
)
def test_a_plan_of_other_types_is_none(red: Run, path: tuple[str, ...], value: object) -> None:
    """What a hand or a torn copy left is refused in words, and not taken for a fault of the program later."""
    document = json.loads(dumps(plan_to_json(red.plan)))
    place = document
    for name in path[:-1]:
        place = place.setdefault(name, {})
    place[path[-1]] = value
    with pytest.raises(Unreadable, match="not a plan"):
        plan_from_json(document, lambda _: red.plan.checks[0])


def test_a_check_made_in_python_shows_its_probes(red: Run) -> None:
    """A check without a file to quote stands in the plan with probes and rules."""
    document = check_to_json(replace(red.plan.checks[0], raw={}))
    assert document["probes"] == {"it": {"kind": "http", "options": {"side": "stable"}}}
    assert document["rules"][0]["kind"] == "expect"
    assert decode(Origin, document["origin"]) == red.plan.checks[0].origin


def test_an_environment_round_trips() -> None:
    """Every noun of an environment is decoded by its type hints."""
    environment = Environment(
        name="local",
        system="ion",
        describe="한글",
        sides={"stable": Side(url="http://127.0.0.1:1", service="ion-api")},
        back_ends={"redis": BackEnd(address="127.0.0.1:2", timeout=timedelta(seconds=3), names={"a": "b"})},
        objectives={"p95": Objective(unit=Unit.MS, at_most=300.0, min_samples=5)},
        contacts=Contacts(first=Contact(name="kim", reach="+82", hours="24h"), slack="#x"),
        rollout=Rollout(stage=5, rollback={"p95": Objective(unit=Unit.MS, above=1.0)}),
        names={"personas": ("Lua", "Elro")},
        start=Start(command=("python", "x"), ready_within=timedelta(seconds=20), scenes={"predeploy": "before"}),
    )
    assert decode(Environment, json.loads(json.dumps(plain(environment)))) == environment
