"""What any stand-in for Prometheus has in common: its parameters, its numbers and its refusals over HTTP."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import clock
from http_server import Call, Reply

MOST_STEPS = 11_000
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
Rows = list[tuple[dict[str, str], float]]


class BadData(ValueError):
    """An expression or a time that is not known here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A query from `start` to `end`, epoch seconds, every `step`; a moment where there is no step."""

    query: str
    start: float
    end: float
    step: float | None = None

    @property
    def times(self) -> list[float]:
        """The moments that are asked for."""
        if self.step is None:
            return [self.end]
        return [self.start + n * self.step for n in range(int((self.end - self.start) / self.step + 1e-9) + 1)]


def parameters(call: Call) -> dict[str, str]:
    """Of the query, and of a form."""
    asked = dict(call.query)
    if call.method == "POST":
        asked |= {name: values[0] for name, values in parse_qs(call.body.decode("utf-8")).items()}
    return asked


def answer(call: Call, compute: Callable[[Asked], Mapping[float, Rows | float]]) -> Any:
    """The data of /api/v1/query or /api/v1/query_range; `compute` gives labels and values at each moment asked for."""
    asked = parameters(call)
    if call.path == "/api/v1/query":
        at = moment(asked["time"], "time") if "time" in asked else clock.now()
        found = compute(Asked(query=asked.get("query", ""), start=at, end=at))[at]
        if isinstance(found, float):
            return {"resultType": "scalar", "result": [round(at, 3), number(found)]}
        rows = [{"metric": labels, "value": [round(at, 3), number(value)]} for labels, value in found]
        return {"resultType": "vector", "result": rows}
    first, last = (moment(asked.get(name, ""), name) for name in ("start", "end"))
    step = seconds(asked.get("step", ""))
    if last < first:
        raise BadData('invalid parameter "end": end timestamp must not be before start time')
    if (last - first) / step > MOST_STEPS:
        raise BadData("exceeded maximum resolution of 11,000 points per timeseries")
    series: dict[tuple[tuple[str, str], ...], list[list[Any]]] = {}
    for at, found in compute(Asked(query=asked.get("query", ""), start=first, end=last, step=step)).items():
        for labels, value in [({}, found)] if isinstance(found, float) else found:
            series.setdefault(tuple(labels.items()), []).append([round(at, 3), number(value)])
    return {
        "resultType": "matrix",
        "result": [{"metric": dict(key), "values": values} for key, values in series.items()],
    }


def refused(error: ValueError, kind: str = "bad_data", status: int = 400) -> Reply:
    """The answer to what is wrong with a request."""
    return Reply(status=status, body={"status": "error", "errorType": kind, "error": str(error)})


def labelled(what: str, reply: Reply) -> Reply:
    """No answer passes for one of the real server."""
    reply.headers["X-Stand-In"] = f"{what} of the rehearsal, not the real one"
    return reply


def moment(text: str, name: str) -> float:
    """Epoch seconds, or RFC 3339."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise BadData(f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp') from error


def seconds(text: str) -> float:
    """A step."""
    found = re.fullmatch(r"(\d+)(ms|[smhd])", text)
    try:
        step = int(found[1]) * UNITS[found[2]] if found else float(text)
    except ValueError as error:
        raise BadData(f'invalid parameter "step": cannot parse "{text}" to a valid duration') from error
    if step <= 0:
        raise BadData('invalid parameter "step": zero or negative query resolution step widths are not accepted')
    return step


def number(value: float) -> str:
    """As Prometheus writes it."""
    if math.isnan(value):
        return "NaN"
    return ("+Inf" if value > 0 else "-Inf") if math.isinf(value) else f"{value:.10g}"
