"""The control rule, freshness and completeness of evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gonogo.judges.seeing import trouble, unseen
from gonogo.model.check import ProbeSpec
from gonogo.model.evidence import Cause, Evidence, Unseen
from gonogo.model.verdict import Case, Verdict

FAIL, HOLD = Verdict.FAIL, Verdict.INCONCLUSIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    filter: str = ""
    severity: str | None = None
    back_end: str | None = None


@pytest.mark.parametrize(
    ("cause", "side", "reached", "verdict", "text"),
    [
        pytest.param("unreachable", "canary", {"stable", "lumen"}, FAIL, "canary alone does not answer", id="row1"),
        pytest.param("unreachable", "canary", {"stable"}, FAIL, "canary does not answer", id="row1-two-silent"),
        pytest.param("unreachable", "canary", set(), HOLD, "observer or network: no side answered", id="row2"),
        pytest.param("timeout", "canary", {"lumen"}, FAIL, "while lumen answered", id="row5"),
        pytest.param("timeout", "canary", set(), HOLD, "observer or network", id="row5-both"),
        pytest.param("timeout", "canary", {"canary"}, FAIL, "while its other paths did", id="row6-own-paths"),
        pytest.param("broken", "canary", set(), FAIL, "broken answer", id="row23"),
        pytest.param("broken", None, {"stable"}, HOLD, "broken answer", id="row23-observer"),
        pytest.param("denied", "canary", {"stable"}, HOLD, "access denied", id="row48-side"),
        pytest.param("denied", None, {"stable"}, HOLD, "access denied", id="row48"),
        pytest.param("limited", "canary", {"stable"}, HOLD, "rate limited", id="row30"),
        pytest.param("full", "postgres", {"stable"}, HOLD, "full, it takes no more: ", id="row30-no-session-left"),
        pytest.param("partial", None, {"stable"}, HOLD, "only a part", id="row43"),
        pytest.param("no_data", None, {"stable"}, HOLD, "no data", id="row35"),
        pytest.param("refused", "canary", {"stable"}, HOLD, "a guard forbids", id="row15"),
        pytest.param("unavailable", None, {"stable"}, HOLD, "the observer failed", id="row80"),
        pytest.param("unreachable", None, {"stable"}, HOLD, "not reachable", id="row52-observer"),
        pytest.param("timeout", None, {"stable"}, HOLD, "no answer in time", id="row49"),
    ],
)
def test_control_rule(
    *,
    see: Callable[..., Evidence],
    make_case: Callable[..., Case],
    cause: str,
    side: str | None,
    reached: set[str],
    verdict: Verdict,
    text: str,
) -> None:
    """One side alone failing is its fault; everything that the observer may have caused is not decidable."""
    evidence = see(Unseen(cause=Cause(cause), detail="refused by 10.0.0.9:443"), side=side)
    finding = unseen(make_case(evidence, reached=frozenset(reached)), evidence)
    assert finding.verdict is verdict
    assert text in finding.reason
    assert "10.0.0.9:443" in finding.reason
    assert "http look" in finding.reason
    assert finding.rule == f"an answer from {side or 'http'}"


def test_the_observer_is_not_blamed_where_others_answer(
    see: Callable[..., Evidence], make_case: Callable[..., Case]
) -> None:
    """Row 2: with Prometheus and S3 seen, the network is not gone; of the side itself nothing is decided."""
    evidence = see(Unseen(cause=Cause.UNREACHABLE, detail="refused by 10.0.0.9:5432"), side="postgres")
    finding = unseen(make_case(evidence, beside=frozenset({"prometheus", "object_store"})), evidence)
    assert finding.verdict is HOLD
    assert finding.reason == (
        "postgres does not answer: refused by 10.0.0.9:5432 (http look), while object_store, prometheus answered and no"
        " other side was seen: postgres or the way to it"
    )


def test_unseen_is_for_what_was_not_seen(see: Callable[..., Evidence], make_case: Callable[..., Case]) -> None:
    """Asking it of a complete answer is an error of the caller."""
    evidence = see({})
    with pytest.raises(TypeError, match="shows nothing"):
        unseen(make_case(evidence), evidence)


@pytest.mark.parametrize(
    ("kind", "age", "text"),
    [
        pytest.param("cloud_monitoring", timedelta(minutes=10), None, id="row39-at-the-limit"),
        pytest.param(
            "cloud_monitoring", timedelta(minutes=10, seconds=1), "601s old, at most 10m", id="row39-over-the-limit"
        ),
        pytest.param("prometheus", timedelta(minutes=5), None, id="row39-default"),
        pytest.param("prometheus", timedelta(minutes=5, seconds=1), "301s old, at most 5m", id="row39-default-over"),
        pytest.param("csv_file", timedelta(minutes=2), None, id="row39-csv"),
        pytest.param("csv_file", timedelta(minutes=3), "3m old, at most 2m", id="row39-csv-over"),
        pytest.param("prometheus", timedelta(seconds=-60), None, id="row47-at-the-limit"),
        pytest.param("prometheus", timedelta(seconds=-61), "clock skew", id="row47-over-the-limit"),
    ],
)
def test_freshness(
    *,
    see: Callable[..., Evidence],
    make_case: Callable[..., Case],
    now: datetime,
    kind: str,
    age: timedelta,
    text: str | None,
) -> None:
    """The newest sample is at most max_age old and not from the future; both ages are named."""
    finding = trouble(make_case(see({"count": 1}, kind=kind, newest=now - age)), ["it"])
    if text is None:
        assert finding is None
    else:
        assert finding is not None
        assert finding.verdict is HOLD
        assert text in finding.reason


def test_freshness_by_the_named_back_end(
    see: Callable[..., Evidence], make_case: Callable[..., Case], now: datetime
) -> None:
    """A look that names its back end is held against that back end's max_age."""
    evidence = see({}, kind="csv_file", newest=now - timedelta(minutes=8))
    probes = {"it": ProbeSpec(kind="csv_file", options=Options(back_end="cloud_monitoring"))}
    assert trouble(make_case(evidence, probes=probes), ["it"]) is None


@pytest.mark.parametrize(
    "options",
    [Options(filter="x=1"), Options(severity="ERROR"), {"severity": "ERROR"}],
    ids=["filter", "severity", "recorded"],
)
def test_no_news_of_errors_is_good_news(
    see: Callable[..., Evidence], make_case: Callable[..., Case], now: datetime, options: Options
) -> None:
    """The newest of selected entries may be old: a healthy system has none."""
    evidence = see({}, kind="cloud_logging", newest=now - timedelta(hours=5))
    assert trouble(make_case(evidence, probes={"it": ProbeSpec(kind="cloud_logging", options=options)}), ["it"]) is None
    unselected = {"it": ProbeSpec(kind="cloud_logging", options=Options())}
    assert trouble(make_case(evidence, probes=unselected), ["it"]) is not None


def test_a_late_look_is_fresh(see: Callable[..., Evidence], make_case: Callable[..., Case], now: datetime) -> None:
    """What was looked at ten minutes into the run may hold samples newer than the run's start."""
    late = now + timedelta(minutes=10)
    assert trouble(make_case(see({}, ended=late, newest=late)), ["it"]) is None
    stale = trouble(make_case(see({}, ended=late, newest=late - timedelta(minutes=6))), ["it"])
    assert stale is not None
    assert stale.reason.startswith("stale")


@pytest.mark.parametrize(
    ("age", "fresh"),
    [
        pytest.param(timedelta(hours=1), True, id="row122-at-the-limit"),
        pytest.param(timedelta(hours=1, seconds=1), False, id="row122-over-the-limit"),
    ],
)
def test_old_evidence(
    see: Callable[..., Evidence], make_case: Callable[..., Case], now: datetime, age: timedelta, fresh: bool
) -> None:
    """Row 122: evidence of another hour does not decide."""
    finding = trouble(make_case(see({}, ended=now - age)), ["it"])
    assert (finding is None) is fresh
    if finding is not None:
        assert finding.verdict is HOLD
        assert "at most 1h" in finding.reason


@pytest.mark.parametrize(
    ("document", "side", "verdict", "text"),
    [
        pytest.param({"a": float("nan")}, "canary", FAIL, "a is nan", id="row25"),
        pytest.param({"a": [float("inf")]}, None, HOLD, "a[0] is inf", id="row36"),
        pytest.param({"warnings": ["results truncated"]}, None, HOLD, "results truncated", id="row43"),
        pytest.param({"warnings": []}, None, None, "", id="row43-none"),
        pytest.param({"complete": False}, None, HOLD, "only a part", id="row44"),
        pytest.param({"complete": True}, None, None, "", id="row44-whole"),
        pytest.param({"complete": False, "warnings": ["x"]}, "canary", None, "", id="a-side-may-say-what-it-likes"),
    ],
)
def test_completeness(
    make_case: Callable[..., Case], document: dict[str, Any], side: str | None, verdict: Verdict | None, text: str
) -> None:
    """Half an answer is not evidence."""
    finding = trouble(make_case(document, side=side), ["it"])
    assert (finding.verdict if finding else None) is verdict
    assert text in (finding.reason if finding else "")


def test_the_worst_is_told(see: Callable[..., Evidence], make_case: Callable[..., Case]) -> None:
    """Of several looks, a failing side is told before a missing observer."""
    observer = see(Unseen(cause=Cause.NO_DATA, detail="no series"))
    canary = replace(see(Unseen(cause=Cause.BROKEN, detail="11 of 100 bytes")), side="canary")
    finding = trouble(make_case({"metrics": observer, "canary": canary}), ["metrics", "canary"])
    assert finding is not None
    assert finding.verdict is FAIL
    assert "11 of 100 bytes" in finding.reason
    gone = trouble(make_case({"metrics": observer}), ["nowhere"])
    assert gone is not None
    assert "'nowhere' is missing" in gone.reason


def test_the_source_is_said_once(see: Callable[..., Evidence], make_case: Callable[..., Case]) -> None:
    """Details that name their source already are not followed by it again."""
    source = "Cloud Run ion-api at run.googleapis.com"
    evidence = see(Unseen(cause=Cause.DENIED, detail=f"{source}: PERMISSION_DENIED"), kind="cloud_run", source=source)
    assert unseen(make_case(evidence), evidence).reason == f"access denied: {source}: PERMISSION_DENIED"


def test_each_cause_says_what_it_waits_for(see: Callable[..., Evidence], make_case: Callable[..., Case]) -> None:
    """Refused access and a metric without points are mended by different people."""
    waits = {}
    for cause in Cause:
        evidence = see(Unseen(cause=cause, detail="d"), kind="cloud_run")
        waits[cause] = unseen(make_case(evidence), evidence).decidable
    assert waits[Cause.DENIED] == "when it lets this account read; `gonogo doctor --env ion-canary` tells which"
    assert waits[Cause.NO_DATA] == "when there is data"
    assert len(set(waits.values())) == len(Cause)
