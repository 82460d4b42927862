"""load.json into charts: what each one draws, as plain JSON, and what it says in a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from gonogo.model.units import show_number
from gonogo.reporting.load.capacity_chart import capacity_charts
from gonogo.reporting.load.percentiles import percentile_lines
from gonogo.reporting.load.timeline import timeline_charts

Json = dict[str, Any]
OUTCOMES = ("accepted", "limited", "error")
_RATE_LINES: Mapping[str, Json] = {
    "sent": {"width": 5, "faint": True},
    "requested": {"dash": True, "label": "requested (dashed)"},
}
_PERCENTILES = ("p50", "p95", "p99", "max")
_TIME = "seconds since the start of the run"
_WIDE = 20.0  # highest over typical latency from which a scale is logarithmic
_SEARCH = (
    "Each dot is a step at one rate. The line is the highest rate that was kept, the band is where the truth lies."
)
_MOST_DOTS = 2000  # single requests in one chart
_STEADY = 4  # requests an interval of the chart of rates
_SHARES = 10  # requests that a distribution needs
_FEW = 5  # answers an interval; fewer are shown one by one, where they are known


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One figure. `spec` is what charts.js draws, `says` the same for who sees no picture."""

    title: str
    says: str
    spec: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Figures that belong together, two in a row where there is room."""

    title: str
    note: str
    charts: tuple[Chart, ...]


def sections(document: Mapping[str, Any]) -> tuple[Section, ...]:
    """All figures of a run; a section without a figure says in its note why."""
    sides: Mapping[str, Json] = document["sides"]
    drawn, notes = timeline_charts(document)
    charts = tuple(Chart(title=title, says=says, spec=spec) for title, says, spec in drawn)
    limits = Section(title="Accepted and rejected", note=" ".join(notes), charts=charts)
    open_one = document["profile"]["workload"] == "open"
    since = "from the moment it was due" if open_one else "from its sending"
    made = [
        Section(
            title="Latency over time",
            note=f"By the time of the answer; a request takes {since} until its last byte came.",
            charts=tuple(_latency(document, sides)),
        ),
        Section(
            title="Latency distribution",
            note="How long the given share of requests took at most. What came less than ten times is not drawn.",
            charts=tuple(_distribution(sides)),
        ),
        Section(
            title="Requested and achieved rate",
            note=""
            if open_one
            else "Requests a second. Users wait for their answers: nobody requests a rate, they send what they can.",
            charts=tuple(_rates(sides)),
        ),
    ]
    made = [limits, *made] if charts else [*made, limits]
    searched = tuple(Chart(title=title, says=says, spec=spec) for title, says, spec in capacity_charts(document))
    return (Section(title="Capacity", note=_SEARCH, charts=searched), *made) if searched else tuple(made)


def _latency(document: Mapping[str, Any], sides: Mapping[str, Json]) -> Iterator[Chart]:
    """A chart an outcome class and side; the sides of one class share their scale, so that they can be compared."""
    spans = _spans(sides)
    for outcome in OUTCOMES:
        found = {name: side["series"] for name, side in sides.items() if _count(side.get("series"), outcome)}
        scale = _scale([series["outcomes"][outcome] for series in found.values()])
        for name, series in found.items():
            columns = series["outcomes"][outcome]
            middle = [at + series["interval_s"] / 2 for at in series["at_s"]]
            dots = [
                (round(one["received"], 4), round((one["received"] - one["intended"]) * 1000, 3))
                for one in document.get("timeline", ())
                if one["side"] == name and one["outcome"] == outcome
            ]
            busy = sum(1 for each in columns["count"] if each)
            sparse = 0 < len(dots) <= _MOST_DOTS and sum(columns["count"]) < _FEW * busy
            lines: list[Json] = []
            tables: list[list[Sequence[float | None]]] = []
            if dots and len(dots) <= _MOST_DOTS:
                dots.sort()
                faint = {} if sparse else {"faint": True, "size": 4}
                lines.append({"label": "a request", "color": outcome, "dots": True} | faint)
                tables.append([[at for at, _ in dots], [took for _, took in dots]])
            if not sparse:
                lines += [_line(each, each, columns[each]) for each in _PERCENTILES]
                tables.append([middle, *(columns[each] for each in _PERCENTILES)])
            yield Chart(
                title=f"{name}: {outcome}",
                says=_latency_words(name, outcome, series),
                spec={
                    "x": {"label": _TIME, "range": spans[name]},
                    "y": {"label": "ms"} | scale,
                    "sync": "time",
                    "lines": lines,
                    "tables": tables,
                },
            )


def _distribution(sides: Mapping[str, Json]) -> Iterator[Chart]:
    found = [
        (name, outcome, line)
        for name, side in sides.items()
        for outcome, line in percentile_lines(side.get("histograms", ())).items()
        if side["outcomes"][outcome]["count"] >= _SHARES
    ]
    if not found:
        return
    most = max(line[0][-1] for _, _, line in found)
    highest, lowest = max(max(line[1]) for _, _, line in found), min(line[1][0] for _, _, line in found)
    names = list(sides)
    says = "; ".join(f"{name} {outcome}: {_shares(sides[name]['outcomes'][outcome])}" for name, outcome, _ in found)
    yield Chart(
        title="all sides and outcomes" if len(names) > 1 else "all outcomes",
        says=f"{says}.",
        spec={
            "x": {"label": "share of requests", "log": True, "share": True, "range": [1, max(10, most)]},
            "y": {"label": "ms"} | _bounds(lowest, highest),
            "wide": True,
            "lines": [
                {"label": f"{name} {outcome}", "color": outcome, "dash": names.index(name) > 0, "width": 2}
                | ({"label": f"{name} {outcome} (dashed)"} if names.index(name) else {})
                for name, outcome, _ in found
            ],
            "tables": [[list(line[0]), list(line[1])] for _, _, line in found],
        },
    )


def _shares(one: Mapping[str, Any]) -> str:
    last = f"99 % within {_ms(one['p99'])}" if one["count"] >= 100 else f"the slowest took {_ms(one['max'])}"
    return f"half within {_ms(one['p50'])}, {last}"


def _rates(sides: Mapping[str, Json]) -> Iterator[Chart]:
    found = {name: side["series"] for name, side in sides.items() if side.get("series") and side["series"]["at_s"]}
    spans = _spans(sides)
    drawn = {name: _rate_columns(series) for name, series in found.items()}
    highest = max(
        (each for _, lines in drawn.values() for line in lines.values() for each in line if each), default=1.0
    )
    for name, (middles, lines) in drawn.items():
        if len(middles) < 2:  # the header says it all
            continue
        asked, achieved = sides[name]["requested_rate"], sides[name]["achieved_rate"]
        wanted = "no single rate was requested" if asked is None else f"{asked:.1f}/s requested"
        yield Chart(
            title=name,
            says=f"{name}: {wanted}, {achieved:.1f}/s achieved over the whole run.",
            spec={
                "x": {"label": _TIME, "range": spans[name]},
                "y": {"label": "requests a second", "range": [0, highest * 1.1]},
                "sync": "time",
                "lines": [_line(label, label, values) | _RATE_LINES.get(label, {}) for label, values in lines.items()],
                "tables": [[middles, *lines.values()]],
            },
        )


def _spans(sides: Mapping[str, Json]) -> dict[str, list[float]]:
    """The time that is drawn of each side: the whole run, or its own part where the sides came one after the other."""
    found = {name: side["series"] for name, side in sides.items() if side.get("series")}
    last, own = 0.0, True
    for series in sorted(found.values(), key=lambda series: series["begins_s"]):
        own = own and series["begins_s"] >= last
        last = max(last, series["ends_s"])
    return {name: [each["begins_s"] if own else 0, each["ends_s"] if own else last] for name, each in found.items()}


def _rate_columns(series: Mapping[str, Any]) -> tuple[list[float], dict[str, list[float | None]]]:
    """Middles of intervals, and rates over the part of each in which the side was in use; None where that is too short.

    Neighbours are counted together until they hold enough requests, or else a slow rate would jump between 0 and 2.
    """
    together = math.ceil(_STEADY * len(series["sent"]) / max(1, sum(series["sent"])))
    width, begins, ends = series["interval_s"] * together, series["begins_s"], series["ends_s"]
    starts = series["at_s"][::together]
    covered = [min(at + width, ends) - max(at, begins) for at in starts]

    def rate(counts: Sequence[int]) -> list[float | None]:
        sums = [sum(counts[place : place + together]) for place in range(0, len(counts), together)]
        return [round(n / part, 3) if part >= width / 2 else None for n, part in zip(sums, covered, strict=True)]

    lines = {"sent": rate(series["sent"])}
    if series["requested"] is not None:
        lines["requested"] = rate(series["requested"])
    counted = {outcome: series["outcomes"][outcome]["count"] for outcome in OUTCOMES}
    lines |= {outcome: rate(counts) for outcome, counts in counted.items() if any(counts)}
    return [(max(at, begins) + min(at + width, ends)) / 2 for at in starts], lines


def _line(label: str, color: str, values: Sequence[float | None]) -> Json:
    """A line; where only single intervals have a value, they are dots."""
    return {"label": label, "color": color} | ({"dots": True} if sum(v is not None for v in values) < 2 else {})


def _scale(columns: Sequence[Mapping[str, Any]]) -> Json:
    typical = [each for column in columns for each in column["p50"] if each is not None]
    highest = max((each for column in columns for each in column["max"] if each is not None), default=0.0)
    return _bounds(min(typical) / 2 if highest >= _WIDE * median(typical) else highest, highest) if typical else {}


def _bounds(lowest: float, highest: float) -> Json:
    """From 0, or logarithmic where the worst would press the rest to the ground."""
    if lowest <= 0 or highest < _WIDE * lowest:
        return {"range": [0, max(highest * 1.1, 0.001)]}
    return {"range": [lowest / 1.5, highest * 1.5], "log": True}


def _latency_words(name: str, outcome: str, series: Mapping[str, Any]) -> str:
    columns, width = series["outcomes"][outcome], series["interval_s"]
    p95 = [each for each in columns["p95"] if each is not None]
    worst = max(each for each in columns["max"] if each is not None)
    at = series["at_s"][columns["max"].index(worst)]
    steady = f"p95 from {_ms(min(p95))} to {_ms(max(p95))} in intervals of {show_number(width)} s; "
    many = sum(columns["count"]) >= _FEW * len(p95)
    slowest = f"the slowest took {_ms(worst)}, at {show_number(at)} s"
    return f"{name}, {sum(columns['count'])} {outcome}: {steady if many else ''}{slowest}."


def _count(series: Mapping[str, Any] | None, outcome: str) -> int:
    return 0 if not series else sum(series["outcomes"][outcome]["count"])


def _ms(value: float) -> str:
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms" if value >= 10 else f"{value:.2f} ms"
