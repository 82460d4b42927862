"""The timeline of a run into what a limiter admitted and rejected, against the window that it keeps."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from gonogo.model.ratelimit import Algorithm
from gonogo.model.units import show_number

Json = dict[str, Any]
_NAMES = {
    "fixed_window": "fixed window",
    "sliding_log": "sliding window",
    "sliding_counter": "sliding window counter",
    "token_bucket": "token bucket",
    "leaky_bucket": "leaky bucket",
    "gcra": "token bucket (GCRA)",
}
_UNSURE = 0.5
_MOST_BANDS = 400


def timeline_charts(document: Mapping[str, Any]) -> tuple[list[tuple[str, str, Json]], list[str]]:
    """Title, sentence and drawing of each side that has a limiter or a rejection; and why there is none."""
    sides: Mapping[str, Json] = document["sides"]
    last = max((one["received"] for one in document["timeline"]), default=0.0)
    started = datetime.fromisoformat(document["started"]).timestamp()
    drawn: list[tuple[str, str, Json]] = []
    notes: list[str] = []
    for name, side in sides.items():
        events = sorted((one for one in document["timeline"] if one["side"] == name), key=lambda one: one["sent"])
        limited, limiter = side["outcomes"]["limited"]["count"], _limiter(side)
        if not events:
            why = "single requests were not kept" if side["requests"] else "nothing was sent"
            notes.append(f"{name}: {why}; {limited} were rejected.")
        elif not limited and limiter is None:
            notes.append(f"{name}: none of {side['requests']} requests was rejected.")
        else:
            drawn.append(_chart(name, events, limiter, started, last))
    return drawn, notes


def _limiter(side: Mapping[str, Any]) -> Json | None:
    limiter: Json | None = side.get("limiter")
    return None if limiter is None or limiter["algorithm"] == Algorithm.NONE.value else limiter


def _chart(
    name: str, events: Sequence[Json], limiter: Json | None, started: float, last: float
) -> tuple[str, str, Json]:
    bands = [] if limiter is None else list(_windows(events, limiter, started, last))
    used = _used(events, limiter, bands)
    lines, tables = [], []
    for outcome in ("accepted", "limited", "error"):
        points = [(one["sent"], n) for one, n in zip(events, used, strict=True) if one["outcome"] == outcome]
        if points:
            lines.append({"label": outcome, "color": outcome, "dots": True, "size": 8 if outcome != "accepted" else 6})
            tables.append([[round(at, 4) for at, _ in points], [round(n, 3) for _, n in points]])
    counts = [f"{len(table[0])} {line['label']}" for line, table in zip(lines, tables, strict=True)]
    said = f"{name}: {', '.join(counts)}."
    marks = []
    if limiter is None:
        said += " No limiter could be told from these answers; counted are those that it took within the last second."
    else:
        most = limiter["burst"] if _is_bucket(limiter) and limiter["burst"] else limiter["limit"]
        source = "declared" if limiter["declared"] else f"inferred with a confidence of {limiter['confidence']:.0%}"
        if not limiter["declared"] and limiter["confidence"] < _UNSURE:
            source += ", so that others may explain these answers as well"
        window = show_number(limiter["window_s"])
        said += f" {_NAMES[limiter['algorithm']].capitalize()}, {limiter['limit']} in {window} s: {source}."
        shade = "its windows" if limiter["algorithm"] == "fixed_window" else "the window before the first rejection"
        said += f" Shaded: {shade}." if bands else ""
        marks.append({"at": most, "label": f"limit {most}"})
    highest = max([*used, *(mark["at"] for mark in marks), 1])
    label = "admitted in the last second" if limiter is None else _label(limiter)
    return (
        name,
        said,
        {
            "x": {"label": "seconds since the start of the run", "range": [0, last]},
            "y": {"label": label, "range": [0, highest * 1.25]},
            "sync": "time",
            "lines": lines,
            "tables": tables,
            "bands": [{"from": begin, "to": end} for begin, end in bands[:_MOST_BANDS]],
            "marks": marks,
        },
    )


def _label(limiter: Mapping[str, Any]) -> str:
    if _is_bucket(limiter):
        return "tokens in use"
    return "admitted in this window" if limiter["algorithm"] == "fixed_window" else "admitted in the window"


def _is_bucket(limiter: Mapping[str, Any]) -> bool:
    return Algorithm(limiter["algorithm"]).bucket


def _windows(events: Sequence[Json], limiter: Json, started: float, last: float) -> Iterator[tuple[float, float]]:
    """Windows in s since the start of the run: all of a fixed one; of any other the one before its first rejection."""
    width = limiter["window_s"]
    rejected = next((one["sent"] for one in events if one["outcome"] == "limited"), None)
    if limiter["algorithm"] != "fixed_window":
        if rejected is not None:
            yield max(0.0, rejected - width), rejected
        return
    edge = _edge(events, limiter, started)
    if edge is None:  # each window opens with the first request after the one before
        while (first := next((one["sent"] for one in events if edge is None or one["sent"] >= edge), None)) is not None:
            yield first, first + width
            edge = first + width
        return
    begin = edge - width * -(-edge // width)
    while begin < last and width > 0:
        if begin + width > 0:
            yield max(0.0, begin), begin + width
        begin += width


def _edge(events: Sequence[Json], limiter: Json, started: float) -> float | None:
    """Where a window of the clock opens; None for one that opens with a request."""
    if limiter["declared"]:
        return _clock(limiter, started) if limiter["aligned"] else None
    if not any("follow a clock" in note for note in limiter["notes"]):
        return None
    rejected = False
    for one in events:
        if rejected and one["outcome"] == "accepted":
            return float(one["sent"])
        rejected = rejected or one["outcome"] == "limited"
    return _clock(limiter, started)


def _clock(limiter: Mapping[str, Any], started: float) -> float:
    """Windows that open at whole multiples of their width since 1970."""
    return float((-started) % limiter["window_s"])


def _used(events: Sequence[Json], limiter: Json | None, bands: Sequence[tuple[float, float]]) -> list[float]:
    """How much of the limit is in use right after each request."""
    if limiter is not None and _is_bucket(limiter):
        return list(_tokens(events, limiter))
    if limiter is not None and limiter["algorithm"] == "fixed_window":
        return list(_in_bands(events, bands))
    return list(_trailing(events, 1.0 if limiter is None else limiter["window_s"]))


def _trailing(events: Iterable[Json], width: float) -> Iterator[int]:
    admitted: deque[float] = deque()
    for one in events:
        while admitted and admitted[0] <= one["sent"] - width:
            admitted.popleft()
        if one["outcome"] == "accepted":
            admitted.append(one["sent"])
        yield len(admitted)


def _in_bands(events: Iterable[Json], bands: Sequence[tuple[float, float]]) -> Iterator[int]:
    count, place = 0, 0
    for one in events:
        while place < len(bands) - 1 and one["sent"] >= bands[place][1]:
            count, place = 0, place + 1
        count += one["outcome"] == "accepted"
        yield count


def _tokens(events: Iterable[Json], limiter: Mapping[str, Any]) -> Iterator[float]:
    """Of a bucket that was full at the start."""
    refill, used, before = limiter["limit"] / limiter["window_s"], 0.0, 0.0
    for one in events:
        used = max(0.0, used - (one["sent"] - before) * refill) + (one["outcome"] == "accepted")
        before = one["sent"]
        yield used
