"""The JSON Schema of load.json against what `load_document` writes."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest

from gonogo.model.capacity import Capacity, CapacityStep, StepVerdict
from gonogo.model.environment import Release
from gonogo.model.load import (
    Event,
    Histogram,
    LatencySummary,
    LoadRecord,
    Moment,
    OutcomeClass,
    Profile,
    Series,
    SideRecord,
    Workload,
)
from gonogo.model.load_verdict import Judged, Slo
from gonogo.model.ratelimit import Algorithm, Inferred, Policy, PropertyResult, Shown
from gonogo.model.sealed import is_whole, sealed
from gonogo.model.units import Unit
from gonogo.model.verdict import Decision
from gonogo.reporting.load.document import load_document
from gonogo.reporting.load.schema import load_schema

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def document() -> dict[str, Any]:
    """A load.json with everything that one can hold."""
    limit = Policy(path="/chat", algorithm=Algorithm.SLIDING_LOG, limit=20, window=timedelta(minutes=1))
    event = Event(
        side="canary", endpoint="POST /chat", intended=0.0, sent=0.0, received=0.1, status=429,
        outcome=OutcomeClass.LIMITED, headers=(("retry-after", "3"),),
    )  # fmt: skip
    moment = Moment(index=1, outcome=OutcomeClass.ACCEPTED, count=2, p50=1.0, p95=2.0, p99=2.0, max=2.0)
    side = SideRecord(
        side="canary", requested_rate=None, achieved_rate=9.5, requests=3,
        outcomes={OutcomeClass.ACCEPTED: LatencySummary(count=2, min=1.0, mean=1.5, max=2.0)},
        histograms=(Histogram(endpoint="POST /chat", outcome=OutcomeClass.ACCEPTED, encoded="x"),),
        statuses={200: 2, 0: 1}, errors={"reset": 1},
        series=Series(interval_ms=100, begins=0.0, ends=0.3, moments=(moment,), sent={0: 3}, requested={0: 3}),
    )  # fmt: skip
    record = LoadRecord(
        run_id="abc", environment="ion-canary", started=NOW, ended=NOW, sides=(side,), events=(event,),
        profile=Profile(name="burst", use="a test", workload=Workload.CLOSED, requests=3, proves=("P2",)),
        release=Release(version="v1.2.3", commit="c0ffee", image="x"), policies={"canary": limit},
    )  # fmt: skip
    step = CapacityStep(
        rate=100.0, sent=500, achieved=99.9, p50=1.0, p95=None, p99=None, error_ratio=0.0, accepted_ratio=1.0,
        verdict=StepVerdict.KEPT, reason="kept",
    )  # fmt: skip
    found = PropertyResult(id="P2", side="canary", path="/chat", verdict=Shown.FAIL, reason="early", would_fail="one")
    both = PropertyResult(id="P26", side="canary and legacy", path="/chat", verdict=Shown.PASS, reason="alike")
    slo = Slo(
        name="canary_p95", side="canary", value=2.0, comparator="<", limit=5.0, unit=Unit.S, samples=2,
        verdict=Shown.PASS, reason="ok", against="legacy",
    )  # fmt: skip
    judged = Judged(
        decision=Decision.NO_GO, reasons=("canary: early",), findings=(found,), slos=(slo,), beside=(both,),
        capacities=(Capacity(side="canary", steps=(step,), rate=100.0, low=90.0, said="it holds"),),
    )  # fmt: skip
    inferred = Inferred(algorithm=Algorithm.GCRA, limit=10, window=timedelta(seconds=10), notes=("a guess",))
    return sealed(load_document(record, judged, {"canary": "POST /chat"}, {"canary": inferred}))


def test_everything_that_is_written_stands_in_the_schema(document: dict[str, Any]) -> None:
    """No key of load.json is without its place, nor is a declared limiter's."""
    jsonschema.Draft202012Validator.check_schema(load_schema())
    jsonschema.validate(document, load_schema())
    assert is_whole(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "gonogo/load/2"),
        (("decision",), "MAYBE"),
        (("exit_status",), 2),
        (("digest",), "abc"),
        (("unheard-of",), 1),
        (("sides", "canary", "requests"), -1),
        (("sides", "canary", "requests"), "3"),
        (("sides", "canary", "outcomes", "accepted", "count"), None),
        (("sides", "canary", "rate_limit", 0, "verdict"), "passed"),
        (("sides", "canary", "statuses", "many"), 3),
        (("timeline", 0, "headers", 0), ["retry-after"]),
        (("timeline", 0, "outcome"), "rejected"),
        (("policies", "canary", "algorithm"), "token"),
    ],
)
def test_what_is_not_written_does_not_stand_in_it(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    """Another schema, a word that there is not, a number out of its range, a key that nobody writes."""
    wrong = copy.deepcopy(document)
    place: Any = wrong
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, load_schema())
    assert not is_whole(wrong)
