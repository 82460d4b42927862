"""A capacity search in load.json into charts: latency by rate with the rate that was found, and the steps in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gonogo.model.units import show_number

Json = dict[str, Any]
_VERDICTS = ("kept", "broken", "unsure")


def capacities(document: Mapping[str, Any]) -> dict[str, Json]:
    """What was found, by side; empty for a run that searched for nothing."""
    beside = document.get("capacity") or {}
    found = {name: side.get("capacity") or beside.get(name) for name, side in document["sides"].items()}
    return {name: one for name, one in found.items() if one and one["steps"]}


def capacity_charts(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Json]]:
    """Title, sentence and drawing, two a side; the sides share their scales."""
    found = capacities(document)
    every = [step for one in found.values() for step in one["steps"]]
    fastest = max((step["rate"] for step in every), default=1.0) * 1.05
    slowest = max((step["p99"] for step in every if step["p99"] is not None), default=1.0)
    lowest = min((step["p95"] for step in every if step["p95"]), default=slowest)
    wide = slowest > 20 * lowest > 0
    scale: Json = {"range": [lowest / 1.5, slowest * 1.5], "log": True} if wide else {"range": [0, slowest * 1.15]}
    most = max((len(one["steps"]) for one in found.values()), default=1)
    for name, one in found.items():
        yield (f"{name}: latency by rate", _said(name, one), _by_rate(one, fastest, scale))
        yield (
            f"{name}: steps in the order in which they were sent",
            f"{name}: {', '.join(_counts(one))}.",
            {
                "x": {"label": "step", "range": [0.5, most + 0.5], "whole": True},
                "y": {"label": "requests a second", "range": [0, fastest]},
                "lines": [{"label": verdict, "color": verdict, "dots": True, "size": 8} for verdict in _seen(one)],
                "tables": [
                    _columns(
                        [(place, step["rate"]) for place, step in enumerate(one["steps"], 1) if step["verdict"] == v]
                    )
                    for v in _seen(one)
                ],
            },
        )


def _by_rate(one: Json, fastest: float, scale: Json) -> Json:
    found = one["found"]
    lines, tables = [], []
    for verdict in _seen(one):
        for measure, size in (("p95", 7), ("p99", 7)):
            points = [
                (s["rate"], s[measure]) for s in one["steps"] if s["verdict"] == verdict and s[measure] is not None
            ]
            if points:
                lines.append(
                    {
                        "label": f"{measure} {verdict}",
                        "color": verdict,
                        "dots": True,
                        "size": size,
                        "hollow": measure == "p99",
                    }
                )
                tables.append(_columns(sorted(points)))
    rate, low, high = found["rate"], found["low"], found["high"]
    return {
        "x": {"label": "requested rate, requests a second", "range": [0, fastest]},
        "y": {"label": "ms"} | scale,
        "lines": lines,
        "tables": tables,
        "bands": [{"from": low, "to": fastest if high is None else high}] if low is not None else [],
        "posts": [{"at": rate, "label": f"{show_number(rate)}/s kept"}] if rate is not None else [],
    }


def _columns(points: list[tuple[float, float]]) -> list[list[float | None]]:
    """Points as columns with each x once, as a chart wants it: more of the same x stand in columns of their own."""
    points = [(at + 1e-6 * sum(other[0] == at for other in points[:place]), y) for place, (at, y) in enumerate(points)]
    return [[at for at, _ in points], [y for _, y in points]]


def _seen(one: Json) -> list[str]:
    return [verdict for verdict in _VERDICTS if any(step["verdict"] == verdict for step in one["steps"])]


def _counts(one: Json) -> list[str]:
    return [f"{sum(step['verdict'] == verdict for step in one['steps'])} {verdict}" for verdict in _seen(one)]


def _said(name: str, one: Json) -> str:
    found = one["found"]
    if found["rate"] is None:
        return f"{name}: no rate was found: {found['said']}"
    between = "" if found["low"] is None else f", the truth between {found['low']:.1f}"
    upper = " and more" if found["high"] is None else f" and {show_number(found['high'])}/s"
    sure = f"{between}{upper} with {found['confidence']:.0%} confidence" if between else ""
    return f"{name}: {show_number(found['rate'])}/s{sure}; {found['said']}"
