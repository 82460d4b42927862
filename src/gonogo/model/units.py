"""Quantities with units: how a duration, a size and a ratio are written, converted and shown."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum

_DURATION = re.compile(r"(?P<n>\d+(?:\.\d+)?)(?P<u>ms|s|m|h|d)\Z")
_OFFSET = re.compile(r"T(?P<sign>[+-])?(?P<n>\d+)(?P<u>s|m|h|d)?\Z")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Unit(StrEnum):
    """Units of an SLI. `ratio` runs from 0 to 1; there is no percent."""

    MS = "ms"
    S = "s"
    RATIO = "ratio"
    BYTES = "bytes"
    MB = "MB"
    COUNT = "count"
    PER_HOUR = "per_hour"
    PER_SECOND = "per_second"
    TIMES = "times"  # one quantity over another of its kind


# Factor to the base unit of a family: only units of one family convert into each other.
_FAMILY: dict[Unit, tuple[str, float]] = {
    Unit.MS: ("time", 0.001),
    Unit.S: ("time", 1.0),
    Unit.RATIO: ("ratio", 1.0),
    Unit.BYTES: ("size", 1.0),
    Unit.MB: ("size", 1_000_000.0),
    Unit.COUNT: ("count", 1.0),
    Unit.PER_HOUR: ("rate", 1 / 3600),
    Unit.PER_SECOND: ("rate", 1.0),
    Unit.TIMES: ("times", 1.0),
}


def convert(value: float, unit: Unit, to: Unit) -> float:
    """`value` in `unit` as a number in `to`; ValueError when the two do not measure the same thing."""
    if unit is to:
        return value
    family, factor = _FAMILY[unit]
    to_family, to_factor = _FAMILY[to]
    if family != to_family:
        raise ValueError(f"{unit} is not convertible to {to}")
    return value * factor / to_factor


def parse_duration(text: str) -> timedelta:
    """`200ms`, `10s`, `5m`, `12h`, `7d` as a timedelta; ValueError otherwise."""
    match = _DURATION.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write a number and ms, s, m, h or d, like 200ms or 5m")
    return timedelta(seconds=float(match["n"]) * _SECONDS[match["u"]])


def parse_offset(text: str) -> timedelta:
    """A place on a timeline around T0: `T-48h`, `T0`, `T+60m` as a timedelta; ValueError otherwise."""
    match = _OFFSET.match(text)
    if match is None or (match["u"] is None and int(match["n"]) != 0):
        raise ValueError(f"{text!r} is not a place on the timeline; write T-48h, T0 or T+60m")
    size = timedelta(seconds=int(match["n"]) * _SECONDS[match["u"] or "s"])
    return -size if match["sign"] == "-" else size


def show_duration(value: timedelta) -> str:
    """The shortest spelling that `parse_duration` reads back, or seconds with one decimal."""
    seconds = value.total_seconds()
    if seconds < 0:
        return "-" + show_duration(-value)
    if 0 < seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    for unit in ("d", "h", "m"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds / _SECONDS[unit]:.0f}{unit}"
    return f"{seconds:.0f}s" if seconds == int(seconds) else f"{seconds:.1f}s"


def show_number(value: float) -> str:
    """A number for people: no exponent, at most four significant decimals, no trailing zeros."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.4f}".rstrip("0").rstrip(".") if abs(value) >= 0.001 else f"{value:.3g}"
