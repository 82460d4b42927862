"""A PromQL query into a document, by the HTTP API of Prometheus or of what speaks its language."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.model.units import show_duration
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import Observer, cause_of, observe
from gonogo.probes.json_strict import parse_json

_FINEST = timedelta(seconds=15)
_STEPS = 240  # of a range, when the checklist names none
_SHOWN = 5
_SELECTOR = r"(?P<name>[a-zA-Z_:][\w:]*)\s*(?:\{(?:\"(?:[^\"\\]|\\.)*\"|[^}\"])*\})?"
_TEXT = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"  # a label's value may hold anything
_RANGE = re.compile(rf"{_TEXT}|(?P<selector>{_SELECTOR})\s*\[")
_RATED = re.compile(rf"\b(?:rate|irate|increase)\s*\(\s*{_SELECTOR}\s*\[")
_NO_METADATA = (400, 401, 403, 404, 405, 422, 500, 501, 503)  # some that speak PromQL keep none


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus:
    """`query` now, or over the last `over` every `step`.

    `series` is how many series there have to be; a value below `lowest` or above `highest` is none of this measure,
    but of another unit. What fits neither is no evidence.
    """

    query: str
    over: timedelta | None = None
    step: timedelta | None = None
    series: int | None = None
    lowest: float | None = None
    highest: float | None = None

    def __post_init__(self) -> None:
        if not self.query.strip():
            raise ConfigError("query is empty")
        if self.step is not None and self.over is None:
            raise ConfigError("step is for a range; say over how long with `over`")
        if any(each is not None and each <= timedelta(0) for each in (self.over, self.step)):
            raise ConfigError("over and step are longer than 0")
        if self.series is not None and self.series < 1:
            raise ConfigError("series is a number from 1 up")
        if self.lowest is not None and self.highest is not None and self.lowest >= self.highest:
            raise ConfigError("lowest is below highest")


def look(options: Prometheus, vantage: Vantage) -> Sight:
    """{result: [{labels, value, t}], warnings}, with `points` in each series of a range. `value` (and `points`)
    stand at the top only if there is exactly one series. The newest sample's time is the evidence's.
    """
    observer = Observer(vantage=vantage, name="prometheus")
    return observe(f"{observer.url} {options.query}", lambda: _query(options, observer))


def _query(options: Prometheus, observer: Observer) -> Seen | Unseen:
    params = {"query": options.query}
    path = "/api/v1/query"
    now = observer.vantage.now
    step = options.step or max(_FINEST, (options.over or timedelta(0)) / _STEPS)
    if options.over is not None:
        path = "/api/v1/query_range"
        start = now - options.over
        params |= {"start": _stamp(start), "end": _stamp(now), "step": f"{step.total_seconds():g}"}
    _check_counters(observer, options.query)
    document = ask(observer, path, params, options.query)
    data = document["data"]
    notes = tuple(f"prometheus: {info}" for info in document.get("infos") or ())
    series = [_one(each, options.query) for each in _series(data, options.query)]
    if not series:
        return Unseen(cause=Cause.NO_DATA, detail=f"no series for {options.query}")
    _check(options, series)
    if options.over is None:
        _check_fresh(observer, options.query)
    newest = max(each["at"] for each in series)
    if options.over is not None and now - newest > max(2 * step, observer.back_end.max_age):
        age = show_duration(timedelta(seconds=round((now - newest).total_seconds())))
        return Unseen(
            cause=Cause.PARTIAL,
            detail=f"stale: the newest sample is {age} old, the step {show_duration(step)}, for {options.query}",
        )
    result = [{key: value for key, value in each.items() if key != "at"} for each in series]
    found: dict[str, Any] = {"result": result, "warnings": []}
    if len(result) == 1:
        found |= {key: result[0][key] for key in ("value", "points") if key in result[0]}
    return Seen(data=found, newest=newest, notes=notes)


def _check(options: Prometheus, series: Sequence[Mapping[str, Any]]) -> None:
    """Failure for another number of series than declared, or a value that the measure cannot have."""
    if options.series is not None and len(series) != options.series:
        named = ", ".join(_named(each["labels"]) for each in series[:_SHOWN])
        text = f"{len(series)} series where {options.series} are expected: {named}"
        raise Failure(Cause.PARTIAL, f"{text}, for {options.query}")
    low = -math.inf if options.lowest is None else options.lowest
    high = math.inf if options.highest is None else options.highest
    for each in series:
        for value in [point["value"] for point in each.get("points", ())] or [each["value"]]:
            if not low <= value <= high:
                text = f"{_named(each['labels'])} is {value:g}, outside {low:g} to {high:g}: another unit?"
                raise Failure(Cause.PARTIAL, f"{text}, for {options.query}")


def _check_fresh(observer: Observer, query: str) -> None:
    """Failure where what a range holds has ended: a target that died hours ago has grown in the last day, too."""
    for selector in dict.fromkeys(found["selector"] for found in _RANGE.finditer(query) if found["selector"]):
        told = ask(observer, "/api/v1/query", {"query": f"count({selector})"}, query)
        if not told["data"]["result"]:
            raise Failure(Cause.PARTIAL, f"stale: nothing of {selector} was scraped in the last minutes, for {query}")


def _check_counters(observer: Observer, query: str) -> None:
    """ConfigError for a rate of what the server knows as a gauge; what it knows nothing of is left alone."""
    for name in dict.fromkeys(found["name"] for found in _RATED.finditer(query)):
        known: dict[tuple[str, str], frozenset[str]] = observer.vantage.shared("prometheus kinds", dict)
        kinds = known.get((observer.url, name))
        if kinds is None:  # asked without the lock of what is shared: a server that hangs would hold up every look
            kinds = known[observer.url, name] = _kinds(observer, name)
        if kinds and kinds <= {"gauge"}:
            raise ConfigError(f"prometheus: {name} is a gauge, and a rate is of a counter, in the query: {query}")


def _kinds(observer: Observer, name: str) -> frozenset[str]:
    """The types under which its targets export a metric."""
    answer = observer.get("/api/v1/metadata", {"metric": name}, allow=_NO_METADATA)
    if answer.status != 200 or not answer.is_json:
        return frozenset()
    document = parse_json(answer.body, observer.url)
    return frozenset(str(each["type"]) for each in document["data"].get(name, ()))


def read_samples(query: str, at: datetime, vantage: Vantage) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
    """Labels and raw samples (epoch seconds, value) of every series of a range selector at a moment; none is an
    answer. Failure where the answer cannot be relied on, ConfigError for a query that is none.
    """
    data = _at(query, at, vantage)
    if data["resultType"] != "matrix":
        raise Failure(Cause.BROKEN, f"a result of type {data['resultType']} is no range: {query}")
    rows = []
    for series in data["result"]:
        points = [(float(stamp), float(text)) for stamp, text in series.get("values") or ()]
        if not all(math.isfinite(value) for _, value in points):
            raise Failure(Cause.PARTIAL, f"{_named(series['metric'])} holds a value that is no number, in {query}")
        rows.append((dict(series["metric"]), points))
    return rows


def read_number(query: str, at: datetime, vantage: Vantage) -> float:
    """The one number that a query comes to at a moment; Failure where it is none, or several."""
    found = [_one(each, query) for each in _series(_at(query, at, vantage), query)]
    if len(found) != 1:
        cause = Cause.PARTIAL if found else Cause.NO_DATA
        raise Failure(cause, f"{len(found)} series where one is expected, for {query}")
    return float(found[0]["value"])


def _at(query: str, at: datetime, vantage: Vantage) -> Mapping[str, Any]:
    observer = Observer(vantage=vantage, name="prometheus")
    data: Mapping[str, Any] = ask(observer, "/api/v1/query", {"query": query, "time": _stamp(at)}, query)["data"]
    return data


def ask(observer: Observer, path: str, params: Mapping[str, str], query: str = "") -> Mapping[str, Any]:
    """A successful answer without warnings. Bad PromQL is the checklist's fault: ConfigError with its position."""
    answer = observer.get(path, params, allow=(400, 422, 503))
    document = parse_json(answer.body, f"{observer.url}{path}") if answer.is_json or answer.status == 200 else {}
    if not isinstance(document, Mapping) or document.get("status") != "success" or answer.status != 200:
        kind, said = (
            (str(document.get("errorType")), str(document.get("error"))[:300])
            if isinstance(document, Mapping) and document.get("status") == "error"
            else ("", f"{observer.url}{path} answered {answer.status}")
        )
        if kind == "bad_data" and "parse error" in said:
            raise ConfigError(f"prometheus: {said}, in the query: {query}")
        causes = {"timeout": Cause.TIMEOUT, "canceled": Cause.TIMEOUT, "execution": Cause.PARTIAL}
        raise Failure(causes.get(kind, cause_of(answer)), f"prometheus: {kind} {said}: {query}".strip())
    warnings = document.get("warnings") or ()
    if warnings:
        raise Failure(Cause.PARTIAL, f"prometheus warns: {'; '.join(map(str, warnings))[:300]}: {query}")
    return document


def _series(data: Mapping[str, Any], query: str) -> Sequence[Mapping[str, Any]]:
    match data["resultType"]:
        case "vector" | "matrix":
            rows: Sequence[Mapping[str, Any]] = data["result"]
            return rows
        case "scalar":
            return [{"metric": {}, "value": data["result"]}]
        case other:
            raise Failure(Cause.BROKEN, f"a result of type {other} has no number: {query}")


def _one(series: Mapping[str, Any], query: str) -> dict[str, Any]:
    labels = dict(series["metric"])
    if series.get("histogram") or series.get("histograms"):
        raise Failure(Cause.BROKEN, f"{_named(labels)} is a native histogram, not a number: {query}")
    samples = series["values"] if "values" in series else [series["value"]]
    points = []
    for stamp, text in samples:
        value = float(text)
        if not math.isfinite(value):
            raise Failure(Cause.PARTIAL, f"{_named(labels)} is {text}, in {query}")
        points.append((datetime.fromtimestamp(float(stamp), UTC), value))
    at, value = points[-1]
    found = {"labels": labels, "value": value, "t": at.isoformat(), "at": at}
    if "values" in series:
        found["points"] = [{"t": when.isoformat(), "value": each} for when, each in points]
    return found


def _named(labels: Mapping[str, str]) -> str:
    inside = ", ".join(f'{key}="{value}"' for key, value in sorted(labels.items()) if key != "__name__")
    return f"{labels.get('__name__', '')}{{{inside}}}"


def _stamp(moment: datetime) -> str:
    return f"{moment.timestamp():.3f}"


PROMETHEUS = Probe(options=Prometheus, look=look, back_ends=("prometheus",))
