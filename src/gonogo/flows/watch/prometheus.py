"""Prometheus' counters, histogram and gauges of both sides into samples, each over exactly one interval."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any, TypeVar

from gonogo.flows.watch.counters import LOOKBACK, NotTold, Series, behind, growth, histogram, known, scraped
from gonogo.flows.watch.intervals import Intervals, whole_second
from gonogo.flows.watch.sampler import Taken
from gonogo.model.errors import GonogoError
from gonogo.model.evidence import Cause
from gonogo.model.rulebook import Queries, Rulebook
from gonogo.model.units import Unit, convert, show_duration
from gonogo.model.watch import CANARY, STABLE, Bucket, Sample, SideSample
from gonogo.probes.base import Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.prometheus import read_number, read_samples

T = TypeVar("T")
_LABEL = re.compile(r"[{,]\s*(\w+)\s*=~?\s*[\"']")  # those that a series has to have
_SOON_S = 0.5  # scrapes are not as even as that
_LONGEST_EDGE_S = 1000.0  # no request takes that long: these seconds are milliseconds


class PrometheusSampler:
    """Intervals of `every`, each looked at once it ended `lag` ago."""

    def __init__(self, vantage: Vantage, rulebook: Rulebook, began: datetime) -> None:
        """ConfigError where there is no back end prometheus."""
        vantage.back_end("prometheus")
        assert rulebook.source.queries is not None  # noqa: S101 - the rulebook was checked
        self._queries = rulebook.source.queries
        self._vantage = vantage
        self._intervals = Intervals(
            rulebook=rulebook, began=whole_second(began), floor=whole_second, sample=self._sample
        )

    def take(self, after: datetime | None, now: datetime) -> Taken:
        """One sample an interval that has ended `lag` ago."""
        return self._intervals.take(after, now)

    def due(self, after: datetime | None) -> datetime | None:
        """A moment after its interval has ended, and `lag` with it."""
        return self._intervals.due(after)

    def _sample(self, since: datetime, until: datetime) -> Sample:
        # A look that was given up may still be out: each sample has a vantage of its own.
        vantage = replace(self._vantage, now=until)
        sides = {name: _Side(self._queries, name, vantage, since, until) for name in (CANARY, STABLE)}
        threads = [threading.Thread(target=side.look, daemon=True) for side in sides.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Sample(seq=1, since=since, until=until, sides={name: side.sample for name, side in sides.items()})


def slow_scrapes(vantage: Vantage, rulebook: Rulebook) -> str | None:
    """One line where the stable side is scraped less often than samples are taken; None where that is not seen."""
    assert rulebook.source.queries is not None  # noqa: S101 - the rulebook was checked
    side = _Side(rulebook.source.queries, STABLE, vantage, vantage.now, vantage.now)
    series = side._told("requests", side._samples, rulebook.source.queries.requests) or []  # noqa: SLF001 - of here
    gaps = [after - before for _, points in series for (before, _), (after, _) in pairwise(points)]
    every = rulebook.every.total_seconds()
    if not gaps or median(gaps) < every + _SOON_S:
        return None
    pace = show_duration(timedelta(seconds=round(median(gaps))))
    took = show_duration(rulebook.every)
    said = f"scrapes come every {pace}, and a sample is taken every {took}"
    return f"{said}: one without a scrape sees nothing; --every {pace}"


@dataclass(slots=True)
class _Side:
    """The looks at one side in one interval."""

    queries: Queries
    name: str
    vantage: Vantage
    since: datetime
    until: datetime
    sample: SideSample = field(default_factory=lambda: SideSample(unseen={"requests": "not looked at"}))
    _unseen: dict[str, str] = field(default_factory=dict)

    def look(self) -> None:
        """All measures of the side; it raises nothing."""
        queries = self.queries
        gauges = {name: self._told(name, self._gauge, query) for name, query in queries.gauges.items()}
        found = self._told("requests", self._requests)
        if found is None:
            requests, named, latency = None, {}, None
        else:
            requests, instances, labels = found
            selectors = {"errors": queries.errors, "successes": queries.successes, **queries.counts}
            named = {
                name: self._told(name, self._events, requests, name, selector, instances, labels)
                for name, selector in selectors.items()
                if selector is not None
            }
            latency = self._told("latency", self._latency, requests, instances) if queries.latency is not None else None
        self.sample = SideSample(
            requests=requests,
            errors=named.pop("errors", None),
            successes=named.pop("successes", None),
            latency=latency,
            gauges={name: value for name, value in gauges.items() if value is not None},
            counts={name: value for name, value in named.items() if value is not None},
            unseen=dict(self._unseen),
        )

    def _told(self, measure: str, see: Callable[..., T], *words: Any) -> T | None:
        """What was seen; None with its reason kept under the measure's name."""
        try:
            return see(*words)
        except Failure as failure:
            self._unseen[measure] = f"{failure.cause}: {' '.join(failure.detail.split())}"
        except NotTold as error:
            self._unseen[measure] = str(error)
        except GonogoError as error:
            self._unseen[measure] = f"refused: {' '.join(str(error).split())}"
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was seen, and the watch goes on
            self._unseen[measure] = f"unavailable: {type(error).__name__}: {error}"
        return None

    def _text(self, text: str) -> str:
        return text.replace("{side}", self.queries.sides[self.name])

    def _samples(self, selector: str) -> Series:
        """Raw samples of the interval and of the time before it."""
        window = self.until - self.since + LOOKBACK
        return read_samples(f"{self._text(selector)}[{window.total_seconds():.0f}s]", self.until, self.vantage)

    def _read(self, selector: str) -> Series:
        """The same; no series at all is none to count with."""
        found = self._samples(selector)
        if not found:
            raise NotTold(f"no_data: no series for {self._text(selector)}")
        return found

    def _requests(self) -> tuple[int, frozenset[str], frozenset[str]]:
        """How many, the instances that were scraped before, and the names of all their labels."""
        series = self._read(self.queries.requests)
        since, until = self.since.timestamp(), self.until.timestamp()
        if not scraped(series, since, until):
            raise NotTold(f"partial: nothing was scraped in the {show_duration(self.until - self.since)} of it")
        late = behind(series, until)
        if late is not None:
            raise NotTold(f"partial: the newest sample is {late:.0f} s before its end: scraped late, or another clock")
        instances = known(series, since)
        count = sum(count for _, count in growth(series, since, until, instances))
        return count, instances, frozenset(label for labels, _ in series for label in labels)

    def _events(
        self, requests: int, name: str, selector: str, instances: frozenset[str], labels: frozenset[str]
    ) -> int:
        """Events among the requests. A counter with labels is not there before the first event: then there was none,
        if its metric is exported at all and has these labels.
        """
        series = self._samples(selector)
        since, until = self.since.timestamp(), self.until.timestamp()
        if not scraped(series, since, until):  # also where nobody exports it any more
            self._check_silence(selector, labels)
        count = sum(n for _, n in growth(series, since, until, instances))
        if count > requests:
            raise NotTold(f"{count} {name} of {requests} requests: they do not count the same")
        return count

    def _check_silence(self, selector: str, labels: frozenset[str]) -> None:
        """NotTold where no sample of a selector is a mistake in it or a lost scrape, and no quiet hour."""
        metric = _metric(selector)
        if metric == _metric(self.queries.requests):
            unknown = sorted(set(_LABEL.findall(self._text(selector))) - labels)
            if unknown:
                raise NotTold(f"no_data: no series of {metric} has a label {', '.join(unknown)}")
            return
        try:
            read_number(f"count({metric})", self.until, self.vantage)
        except Failure as failure:
            if failure.cause is Cause.NO_DATA:
                raise NotTold(f"no_data: nobody exports {metric}; a counter is there from 0 on") from None
            raise

    def _latency(self, requests: int, instances: frozenset[str]) -> tuple[Bucket, ...]:
        unit = self.queries.latency_unit
        series = self._read(str(self.queries.latency))
        if requests and not scraped(series, self.since.timestamp(), self.until.timestamp()):
            raise NotTold(f"partial: {requests} requests, and no bucket was scraped in their time")
        edges = [float(labels["le"]) for labels, _ in series if labels.get("le", "+Inf") != "+Inf"]
        if unit is Unit.S and max(edges, default=0.0) > _LONGEST_EDGE_S:
            raise NotTold(f"buckets up to {max(edges):g} s: are these ms? latency_unit says so")
        grown = growth(series, self.since.timestamp(), self.until.timestamp(), instances)
        return histogram(grown, convert(1.0, unit, Unit.MS))

    def _gauge(self, query: str) -> float:
        return read_number(self._text(query), self.until, self.vantage)


def _metric(selector: str) -> str:
    return selector.partition("{")[0].strip()
