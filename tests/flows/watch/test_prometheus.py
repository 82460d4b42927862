"""Prometheus' answers into samples of both sides: what was counted, what was not seen, and what is no measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.canary_sim import MINUTE, RULEBOOK, START, rule

from gonogo.config.environment import load_environment
from gonogo.flows.watch import prometheus
from gonogo.flows.watch.prometheus import PrometheusSampler
from gonogo.model.environment import BackEnd, Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause
from gonogo.model.rulebook import Queries, Rulebook, Source, SourceKind
from gonogo.model.units import Unit
from gonogo.model.watch import CANARY, STABLE, Bucket, SideSample
from gonogo.probes.base import Vantage
from gonogo.probes.failure import Failure

QUERIES = Queries(
    sides={CANARY: 'track="canary"', STABLE: 'track="stable"'},
    requests="r{{side}}",
    errors='r{status=~"5..",{side}}',
    successes='r{status=~"2..",{side}}',
    latency="b{{side}}",
    counts={"llm_parsing": "f{{side}}"},
    gauges={"memory": "m{{side}}"},
)
BOOK: Rulebook = replace(
    RULEBOOK, every=MINUTE, source=Source(kind=SourceKind.PROMETHEUS, lag=timedelta(0), queries=QUERIES)
)
EDGES = ("0.5", "2.5", "+Inf")


class Server:
    """Answers by the first letter of a query; a minute's growth stands in `grows`, the pod in its labels."""

    def __init__(self) -> None:
        self.grows: dict[str, dict[tuple[tuple[str, str], ...], int]] = {
            "r": {(("status", "200"),): 58, (("status", "500"),): 2},
            "b": {(("le", "0.5"),): 50, (("le", "2.5"),): 59, (("le", "+Inf"),): 60},
            "f": {(): 1},
        }
        self.fails: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.absent: tuple[str, ...] = ()
        self.gap = 0.0  # seconds before the end without a scrape
        self.apart = 60.0  # scrapes

    def samples(self, query: str, at: datetime, _: Vantage) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
        self.asked.append(query)
        if query[0] in self.fails:
            raise self.fails[query[0]]
        end = at.timestamp() - self.gap
        rows = []
        for labels, count in self.grows[query[0]].items():
            status = dict(labels).get("status", "")
            wanted = '"5.."' not in query and '"2.."' not in query
            if wanted or f'"{status[:1]}.."' in query:
                points = [(end - self.apart * n, 1000.0 - count * n) for n in (2, 1, 0)]
                rows.append(({"pod": "p", "track": "t", **dict(labels)}, points))
        return rows

    def number(self, query: str, _: datetime, __: Vantage) -> float:
        if query[0] in self.fails:
            raise self.fails[query[0]]
        if query in self.absent:
            raise Failure(Cause.NO_DATA, f"0 series where one is expected, for {query}")
        return 0.4


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(prometheus, "read_samples", made.samples)
    monkeypatch.setattr(prometheus, "read_number", made.number)
    return made


@pytest.fixture
def sampler(server: Server) -> Iterator[PrometheusSampler]:
    del server
    environment = Environment(
        name="e", system="factory", describe="d", back_ends={"prometheus": BackEnd(address="http://127.0.0.1:1")}
    )
    vantage = Vantage(environment=environment, release=None, now=START, t0=None, reveal=str)
    yield PrometheusSampler(vantage, BOOK, START)
    vantage.close()


def canary(sampler: PrometheusSampler, late: int = 0) -> SideSample:
    """The first sample; asked for `late` intervals later, so that nobody waits for it any more."""
    (sample, *_) = sampler.take(None, START + (1 + late) * MINUTE).samples
    assert (sample.since, sample.until) == (START, START + MINUTE)
    return sample.sides[CANARY]


def test_a_sample_holds_what_a_side_counted(sampler: PrometheusSampler, server: Server) -> None:
    side = canary(sampler)
    assert (side.requests, side.errors, side.successes, side.counts) == (60, 2, 58, {"llm_parsing": 1})
    assert side.latency == (
        Bucket(low=0, high=500, count=50),
        Bucket(low=500, high=2500, count=9),
        Bucket(low=2500, high=None, count=1),
    )
    assert side.gauges == {"memory": 0.4}
    assert side.unseen == {}
    assert 'r{track="canary"}[360s]' in server.asked
    assert 'r{status=~"5..",track="stable"}[360s]' in server.asked


@pytest.mark.parametrize(
    ("every", "said"),
    [
        (10, "scrapes come every 30s, and a sample is taken every 10s: one without a scrape sees nothing; --every 30s"),
        (30, None),
        (60, None),
    ],
)
def test_samples_that_come_sooner_than_scrapes_are_said_at_the_start(
    sampler: PrometheusSampler, server: Server, every: int, said: str | None
) -> None:
    """Half of the samples would be of nothing, and the log would not say why."""
    server.apart = 30.0
    book = replace(BOOK, every=timedelta(seconds=every))
    assert prometheus.slow_scrapes(sampler._vantage, book) == said
    server.fails["r"] = Failure(Cause.TIMEOUT, "no answer")
    assert prometheus.slow_scrapes(sampler._vantage, book) is None


def test_row_48_what_could_not_be_seen_stands_there_with_its_reason(sampler: PrometheusSampler, server: Server) -> None:
    server.fails = {letter: Failure(Cause.DENIED, f"{letter} answered 403") for letter in "bfm"}
    side = canary(sampler)
    assert (side.requests, side.latency, side.counts, side.gauges) == (60, None, {}, {})
    assert side.unseen == {
        "latency": "denied: b answered 403",
        "llm_parsing": "denied: f answered 403",
        "memory": "denied: m answered 403",
    }


def test_row_35_no_series_of_requests_is_nothing_seen(sampler: PrometheusSampler, server: Server) -> None:
    """Asked for again for some intervals, then a sample in which nothing was seen."""
    server.grows["r"] = {}
    taken = sampler.take(None, START + MINUTE)
    assert taken.samples == ()
    assert 'no series for r{track="canary"}' in taken.notes[0]
    side = canary(sampler, late=6)
    assert (side.requests, side.errors, side.latency, side.counts) == (None, None, None, {})


def test_row_35_no_series_of_errors_is_no_error(sampler: PrometheusSampler, server: Server) -> None:
    """A counter with labels appears with its first event; the requests were counted."""
    server.grows["r"] = {(("status", "200"),): 60}
    server.grows["f"] = {}
    side = canary(sampler)
    assert (side.requests, side.errors, side.counts, side.unseen) == (60, 0, {"llm_parsing": 0}, {})


def test_a_metric_that_nobody_exports_is_no_quiet_hour(sampler: PrometheusSampler, server: Server) -> None:
    """Its name may be wrong: no failure among so many requests would be proven by nothing."""
    server.grows["f"] = {}
    server.absent = ("count(f)",)
    side = canary(sampler)
    assert side.counts == {}
    assert side.unseen == {"llm_parsing": "no_data: nobody exports f; a counter is there from 0 on"}


def test_row_39_a_counter_that_is_scraped_no_more_is_no_quiet_hour(
    sampler: PrometheusSampler, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its samples of earlier are no zero of now, as the samples of requests that go on are none of its."""

    def samples(query: str, at: datetime, vantage: Vantage) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
        rows = server.samples(query, at, vantage)
        return [(labels, points[:-1]) for labels, points in rows] if query[0] in "bf" else rows

    monkeypatch.setattr(prometheus, "read_samples", samples)
    server.absent = ("count(f)",)
    side = canary(sampler)
    assert (side.requests, side.errors, side.counts, side.latency) == (60, 2, {}, None)
    assert side.unseen == {
        "llm_parsing": "no_data: nobody exports f; a counter is there from 0 on",
        "latency": "partial: 60 requests, and no bucket was scraped in their time",
    }


def test_a_label_that_no_series_has_is_no_quiet_hour(sampler: PrometheusSampler, server: Server) -> None:
    """The status may stand in a label of another name: all errors would be none."""
    server.grows["r"] = {(("code", "200"),): 60}
    side = canary(sampler)
    assert (side.requests, side.errors) == (60, None)
    assert side.unseen["errors"] == "no_data: no series of r has a label status"


def test_row_39_an_interval_without_a_scrape_is_not_seen(sampler: PrometheusSampler, server: Server) -> None:
    server.gap = 60
    side = canary(sampler, late=6)
    assert side.requests is None
    assert "nothing was scraped in the 1m of it" in side.unseen["requests"]


def test_row_47_what_is_scraped_late_would_be_counted_nowhere(sampler: PrometheusSampler, server: Server) -> None:
    """The other clock is 50 s behind, and scrapes come every 20 s: nothing of the interval's end was there yet."""
    server.apart, server.gap = 20.0, 50.0
    side = canary(sampler, late=6)
    assert side.requests is None
    assert "the newest sample is 50 s before its end" in side.unseen["requests"]


def test_row_45_more_events_than_requests_are_of_something_else(sampler: PrometheusSampler, server: Server) -> None:
    server.grows["f"] = {(): 61}
    assert canary(sampler).unseen == {"llm_parsing": "61 llm_parsing of 60 requests: they do not count the same"}


def test_row_45_milliseconds_are_no_seconds(sampler: PrometheusSampler, server: Server) -> None:
    server.grows["b"] = {(("le", "500"),): 50, (("le", "2500"),): 59, (("le", "+Inf"),): 60}
    assert canary(sampler).unseen == {"latency": "buckets up to 2500 s: are these ms? latency_unit says so"}


def test_a_label_may_hold_any_pattern() -> None:
    """Brackets inside of quotes are a value's, not PromQL's."""
    from gonogo.config.rules import check_rulebook

    origin = load_environment("local", Path(__file__).parents[3] / "environments").origin
    book = queries(errors='r{{side}, status=~"5(0|1)[0-9]{1}"}', gauges={"cpu": "c{{side}}", "memory": "m{{side}}"})
    check_rulebook(book, lambda *_: origin)


def queries(**changed: Any) -> Rulebook:
    source = replace(BOOK.source, queries=replace(QUERIES, **changed))
    return replace(BOOK, source=source)


@pytest.mark.parametrize(
    ("book", "why"),
    [
        (queries(sides={CANARY: "a"}), "the matchers of canary and stable"),
        (queries(sides={CANARY: 'a="b"', STABLE: 'a="b"'}), "both sides are the same series"),
        (queries(requests="r"), "holds {side} once"),
        (queries(requests="rate(r{{side}}[5m])"), "is a selector alone"),
        (queries(requests="r{{side}}[5m]"), "is a selector alone"),
        (queries(errors='r{{side}} or r{a="b"}'), "is a selector alone"),
        (queries(counts={"llm_parsing": "f"}), "counts.llm_parsing: 'f' holds {side} once"),
        (queries(gauges={"memory": "m"}), "does not say of which side"),
        (queries(latency_unit=Unit.RATIO), "le is in s or ms"),
        (replace(BOOK, go=(rule("llm_parse_ratio <= 0.005"),)), "no query tells llm_parse_ratio; did you mean"),
        (replace(BOOK, source=Source(kind=SourceKind.PROMETHEUS)), "kind prometheus names its `queries`"),
        (replace(BOOK, source=Source(queries=QUERIES)), "and no other kind has any"),
    ],
)
def test_queries_that_could_never_tell_are_a_configuration_error(book: Rulebook, why: str) -> None:
    from gonogo.config.rules import check_rulebook

    origin = load_environment("local", Path(__file__).parents[3] / "environments").origin
    with pytest.raises(ConfigError) as caught:
        check_rulebook(book, lambda *_: origin)
    assert why in str(caught.value)
