"""Functions that expressions have beside JMESPath's own; imported with the first expression."""

from __future__ import annotations

from collections import Counter
from typing import Any

from jmespath import functions

from gonogo.judges.percentile import is_number, percentile
from gonogo.model.units import show_number

_TIMES = ((86400.0, "days"), (3600.0, "h"), (60.0, "min"))


class Functions(functions.Functions):  # type: ignore[misc,unused-ignore]
    """percentile(samples, p), divide(a, b), multiply(a, b), subtract(a, b), count_by(entries, key),
    labelled(series, label, value), duration(seconds).
    """

    @functions.signature({"types": ["array", "object"]}, {"types": ["number"]})
    def _func_percentile(self, samples: Any, p: float) -> float | None:
        """Null without samples; the definition is percentile's."""
        return percentile(samples, p)

    @functions.signature({"types": ["number"]}, {"types": ["number"]})
    def _func_divide(self, a: float, b: float) -> float | None:
        """Null when divided by zero: nothing of nothing is not zero errors."""
        return None if b == 0 else a / b

    @functions.signature({"types": ["number"]}, {"types": ["number"]})
    def _func_multiply(self, a: float, b: float) -> float:
        return a * b

    @functions.signature({"types": ["number"]}, {"types": ["number"]})
    def _func_subtract(self, a: float, b: float) -> float:
        return a - b

    @functions.signature({"types": ["array"]}, {"types": ["string"]})
    def _func_count_by(self, entries: list[Any], key: str) -> dict[str, int]:
        """How many entries have each value of `key`, most frequent first; entries without it count as "none"."""
        values = (entry.get(key) if isinstance(entry, dict) else None for entry in entries)
        return dict(Counter("none" if value is None else str(value) for value in values).most_common())

    @functions.signature({"types": ["array"]}, {"types": ["string"]}, {"types": []})
    def _func_labelled(self, series: list[Any], label: str, value: Any) -> list[Any]:
        """The series that carry this label; a filter cannot name a value of another look. None for no value."""
        labels = [one.get("labels") if isinstance(one, dict) else None for one in series]
        return [
            one
            for one, found in zip(series, labels, strict=True)
            if value is not None and isinstance(found, dict) and found.get(label) == value
        ]

    @functions.signature({"types": ["number", "null"]})
    def _func_duration(self, seconds: float | None) -> str | None:
        """A time for people, in the unit that they would say it in: `3.2 min`, `97.5 days`. Null of null."""
        if seconds is None or not is_number(seconds):
            return None
        size, word = next(((size, word) for size, word in _TIMES if abs(seconds) >= 2 * size), (1.0, "s"))
        return f"{show_number(round(seconds / size, 1))} {word}"

    @functions.signature({"types": []})
    def _func_to_number(self, arg: Any) -> float | None:
        """JMESPath's, without its reading of "nan", "inf" and "1_000" as numbers."""
        if is_number(arg):
            return arg
        if not isinstance(arg, str) or "_" in arg:
            return None
        for read in (int, float):
            try:
                number = read(arg)
            except ValueError:
                continue
            return number if is_number(number) else None
        return None
