"""Units, times and places of readings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gonogo.judges.reading import missing, moment, place, quantity, read, short, unit_of
from gonogo.model.errors import Origin
from gonogo.model.evidence import Cause, Evidence, Unseen
from gonogo.model.units import Unit
from gonogo.model.verdict import Case, Finding, Verdict


@pytest.mark.parametrize(
    ("expression", "unit"),
    [
        ("elapsed_ms", Unit.MS),
        ("json.age_s", Unit.S),
        ("size_bytes", Unit.BYTES),
        ("resources.memory_mb", Unit.MB),
        ("error_ratio", Unit.RATIO),
        ("row_count", Unit.COUNT),
        ("max(requests[].elapsed_ms)", Unit.MS),
        ("percentile(requests[].elapsed_ms, `95`)", Unit.MS),
        ("divide(error_count, total_count)", None),
        ("length(requests[?elapsed_ms > `5`])", None),
        ("requests[?elapsed_ms > `5`].x_ms | [0]", None),
        ("mean", None),
        ("elapsed_msec", None),
        ("`5`", None),
    ],
)
def test_unit_of(expression: str, unit: Unit | None) -> None:
    """A suffix tells a unit, unless the value is computed from something else."""
    assert unit_of(expression) is unit


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (412, Unit.MS, "412 ms"),
        (2.5, Unit.S, "2.5 s"),
        (108000.9419, Unit.S, "108001 s (30 h)"),
        (5400, Unit.S, "5400 s (1.5 h)"),
        (8424012, Unit.S, "97.5 days"),
        (0.05, Unit.RATIO, "0.05"),
        (3, Unit.COUNT, "3"),
        (3, None, "3"),
        (12, Unit.PER_HOUR, "12 per hour"),
        (0.5, Unit.PER_SECOND, "0.5 per second"),
        (500, Unit.MB, "500 MB"),
        (7, Unit.BYTES, "7 bytes"),
    ],
)
def test_quantity(value: float, unit: Unit | None, text: str) -> None:
    """Numbers with their units; ratios and counts are bare."""
    assert quantity(value, unit) == text


@pytest.mark.parametrize(
    ("value", "when"),
    [
        ("2026-11-20T09:00:00Z", datetime(2026, 11, 20, 9, tzinfo=UTC)),
        ("2026-11-20T18:00:00+09:00", datetime(2026, 11, 20, 9, tzinfo=UTC)),
        ("2026-11-20T09:00:00", datetime(2026, 11, 20, 9, tzinfo=UTC)),
        (datetime(2026, 11, 20, 9, tzinfo=UTC), datetime(2026, 11, 20, 9, tzinfo=UTC)),
        ("yesterday", None),
        (12, None),
        (None, None),
    ],
)
def test_moment(value: Any, when: datetime | None) -> None:
    """Row 120: a time without an offset is UTC, whatever the zone of the machine."""
    assert moment(value) == when


def test_places(make_case: Callable[..., Case]) -> None:
    """A rule stands at its file and line; options of no rule at those of the check."""
    options = object()
    case = make_case({}, options=options)
    assert place(options, case) == "canary.yaml:12"
    assert place(object(), case) == "canary.yaml:12"
    assert short(Origin(file="x.yaml")) == "x.yaml"


def test_only_what_is_named_has_to_be_seen(see: Callable[..., Evidence], make_case: Callable[..., Case]) -> None:
    """A rule on one look is not held up by another look that failed."""
    case = make_case({"health": see({"status": 200}), "chat": see(Unseen(cause=Cause.NO_DATA, detail="none"))})
    reading = read("health.status", case, "rule")
    assert not isinstance(reading, Finding)
    assert reading.value == 200
    blocked = read("chat.status", case, "rule")
    assert isinstance(blocked, Finding)
    assert blocked.verdict is Verdict.INCONCLUSIVE
    whole = read("length(@)", case, "rule")
    assert isinstance(whole, Finding)


def test_nothing_was_looked_at(make_case: Callable[..., Case]) -> None:
    """Row 35: no evidence is not decidable."""
    finding = read("a", make_case(None), "rule")
    assert isinstance(finding, Finding)
    assert finding.verdict is Verdict.INCONCLUSIVE


def test_bad_expression(make_case: Callable[..., Case]) -> None:
    """Row 50: an expression that cannot be read names itself."""
    finding = read("a.[", make_case({"a": 1}), "rule")
    assert isinstance(finding, Finding)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "a.[" in finding.reason


def test_a_page_in_place_of_json_is_named(see: Callable[..., Evidence], make_case: Callable[..., Case]) -> None:
    """A login page with status 200 holds no status; that it is a page is what helps."""
    page = {"status": 200, "json": None, "content_type": "text/html", "text": "<html>"}
    reading = read("json.status", make_case({"it": see(page, side="stable")}), "rule")
    assert not isinstance(reading, Finding)
    assert missing(reading, "rule").reason == ("json.status is missing: the answer is text/html, not JSON (http look)")
    whole = {**page, "json": {"state": "up"}, "content_type": "application/json"}
    reading = read("json.status", make_case({"it": see(whole, side="stable")}), "rule")
    assert not isinstance(reading, Finding)
    assert missing(reading, "rule").reason == "json.status is missing: json has no status; it has state (http look)"


ROWS = {"rows": [{"instances": 20, "failed": 0}], "row_count": 1, "elapsed_ms": 3}


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("row[0].failed", "row[0].failed is missing: the document has no row; it has rows, row_count, elapsed_ms"),
        ("rows[0].faild", "rows[0].faild is missing: rows[0] has no faild; it has instances, failed"),
        ("divide(row[0].failed, rows[0].instances)", "the document has no row; it has rows, row_count, elapsed_ms"),
        ("divide(rows[0].failed, rows[0].instance)", "rows[0] has no instance; it has instances, failed"),
    ],
)
def test_a_name_of_the_checklists_own_that_is_not_there_is_no_fault_of_the_database(
    see: Callable[..., Evidence], make_case: Callable[..., Case], expression: str, says: str
) -> None:
    """`rows` and the columns are what the statement asked for: HOLD, with the expression and what there is."""
    case = make_case({"it": see(ROWS, kind="postgres", side="postgres")})
    reading = read(expression, case, "rule")
    finding = reading if isinstance(reading, Finding) else missing(reading, "rule")
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert expression in finding.reason
    assert says in finding.reason
    assert says.rpartition(": ")[2] in (finding.decidable or "")


def test_names_of_looks_are_the_checklists_own(see: Callable[..., Evidence], make_case: Callable[..., Case]) -> None:
    """Where looks have names, the first name is one of them; below it the side's answer begins."""
    looks = {"bot": see({"json": {"text": "hello"}}, side="stable"), "bi": see({"json": {}}, side="stable")}
    for expression, verdict in (("bott.json.text", Verdict.INCONCLUSIVE), ("bot.json.txt", Verdict.FAIL)):
        reading = read(expression, make_case(looks), "rule")
        assert not isinstance(reading, Finding)
        assert missing(reading, "rule").verdict is verdict


def test_no_row_is_the_databases(see: Callable[..., Evidence], make_case: Callable[..., Case]) -> None:
    """All names are right, and there is nothing: that is what the database says."""
    looks = {"it": see({"rows": [], "row_count": 0}, kind="postgres", side="postgres")}
    reading = read("rows[0].failed", make_case(looks), "rule")
    assert not isinstance(reading, Finding)
    assert missing(reading, "rule").verdict is Verdict.FAIL


def test_an_expression_that_cannot_be_computed_names_what_a_side_lacks(
    see: Callable[..., Evidence], make_case: Callable[..., Case]
) -> None:
    """A side's answer without the field is the side's fault, and the reason says what there is instead."""
    finding = read("divide(json.bad, json.all)", make_case({"it": see({"json": {"all": 3}}, side="stable")}), "rule")
    assert isinstance(finding, Finding)
    assert finding.verdict is Verdict.FAIL
    assert "json has no bad; it has all" in finding.reason


def test_what_an_observer_does_not_know_says_where_it_was_asked_for(make_case: Callable[..., Case]) -> None:
    """An undefined table is either's fault, the statement's or the schema's: HOLD, with the file and the line."""
    finding = read("rows", make_case(Unseen(cause=Cause.MISASKED, detail="no table"), side="postgres"), "rule")
    assert isinstance(finding, Finding)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.reason == "asked for what is not there: no table (http look) (asked for at canary.yaml:12)"


def test_what_people_write_is_not_waited_for(see: Callable[..., Evidence], make_case: Callable[..., Case]) -> None:
    """No incident file is no data that comes by itself."""
    looks = {"it": see(Unseen(cause=Cause.NO_DATA, detail="incident.yaml is not there"), kind="incident")}
    finding = read("elapsed_s", make_case(looks), "rule")
    assert isinstance(finding, Finding)
    assert finding.decidable == "when it is written into the incident file"
