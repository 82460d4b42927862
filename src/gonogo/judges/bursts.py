"""Log entries into "nothing suspicious", or the burst, the client or the status that stands out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from gonogo.judges.base import Expression, Judge
from gonogo.judges.percentile import is_number, median
from gonogo.judges.reading import inconclusive, moment, read_list, wrong
from gonogo.model.units import show_duration, show_number
from gonogo.model.verdict import Case, Finding, Verdict

_BEFORE = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bursts:
    """`value` is a list of entries with a time `t`. Three things are suspicious, each from `min_count` entries on:

    a window with more than `factor` times the median window, of all and of the two hours before it, for a morning
    is no burst (windows without entries count as empty, the median as at least 1); one client (field `client`) with
    more than `share` of the entries that name one and more than `pace` an hour, since the only person who is awake
    takes over nothing; one status (field `status`) outside 200-399 with more than `share` of the entries that have
    one. The last two are looked at in the whole and in each stretch of `stretch`: a scan of an hour drowns in a day.
    Fewer than `min_samples` entries in all are not decidable; 0 for entries that a healthy system lacks.
    """

    value: Expression
    factor: float = 5.0
    min_count: int = 20
    window: timedelta = timedelta(minutes=5)
    share: float = 0.3
    stretch: timedelta = timedelta(hours=1)
    pace: float = 0
    time: str = "t"
    client: str = "user_id"
    status: str = "status_code"
    min_samples: int = 1

    def __post_init__(self) -> None:
        if (
            not self.factor > 1
            or not 0 < self.share <= 1
            or self.min_count < 1
            or not self.pace >= 0
            or min(self.window, self.stretch) <= timedelta(0)
        ):
            raise ValueError(
                "bursts needs factor > 1, 0 < share <= 1, min_count >= 1, pace >= 0, window > 0 and stretch > 0"
            )


def judge(options: Bursts, case: Case) -> Finding:
    """Fail when something stands out."""
    rule = (
        f"no window of {show_duration(options.window)} above {show_number(options.factor)} x its median, "
        f"no client or failing status above {show_number(options.share)}, from {options.min_count} entries on"
    )
    listed = read_list(options.value, case, rule)
    if isinstance(listed, Finding):
        return listed
    reading, entries = listed
    times: list[datetime] = []
    for entry in entries:
        when = moment(entry.get(options.time)) if isinstance(entry, dict) else None
        if when is None:
            return wrong(reading, rule, f"an entry of {options.value} has no time {options.time!r}", "no time")
        times.append(when)
    if len(entries) < options.min_samples:
        text = f"too few entries, n={len(entries)}/{options.min_samples} ({reading.source})"
        return inconclusive(
            rule, text, f"n={len(entries)}", f"decidable when n reaches {options.min_samples}", len(entries)
        )
    found = _burst(options, times)
    hours = (max(times, default=case.now) - min(times, default=case.now)) / timedelta(hours=1)
    others = len({str(entry[options.client]) for entry in entries if entry.get(options.client)}) > 1
    for part, stretch in _stretches(options, times, entries):
        paced = options.pace * (hours if part is entries else options.stretch / timedelta(hours=1))
        clients = _one_client(options, part, paced) if others else []
        for text in (*clients, *_one_status(options, part)):
            found.append(f"{text} {stretch}")
    return Finding(
        verdict=Verdict.FAIL if found else Verdict.PASS,
        reason=f"{'; '.join(found) or 'nothing stands out'} (n={len(entries)}; {reading.source})",
        rule=rule,
        observed="; ".join(found) or "nothing stands out",
        samples=len(entries),
        details=tuple(found),
    )


def _burst(options: Bursts, times: list[datetime]) -> list[str]:
    if not times:
        return []
    first, size = min(times), options.window.total_seconds()
    windows = Counter(int((when - first).total_seconds() // size) for when in times)
    all_windows = max(windows) + 1
    # The median over all windows without making a list of the empty ones.
    usual = (
        0.0
        if len(windows) * 2 < all_windows
        else float(median([*windows.values()] + [0] * (all_windows - len(windows))))
    )
    if all_windows < 3:
        return []
    # The largest first; among equals the earliest.
    for index, most in sorted(windows.items(), key=lambda item: (-item[1], item[0])):
        if most < options.min_count or most <= options.factor * max(usual, 1.0):
            break
        before = [windows[place] for place in range(max(0, index - int(_BEFORE // options.window)), index)]
        lately = max(usual, float(median(before)) if before else 0.0)
        if most > options.factor * max(lately, 1.0):
            start = first + index * options.window
            span = show_duration(options.window)
            return [f"burst: {most} entries in {span} from {start:%Y-%m-%d %H:%M} UTC, median {show_number(lately)}"]
    return []


def _stretches(
    options: Bursts, times: list[datetime], entries: list[dict[str, object]]
) -> list[tuple[list[dict[str, object]], str]]:
    """All entries, and where these span more than one stretch, each stretch."""
    if not times:
        return []
    first = min(times)
    parts: dict[int, list[dict[str, object]]] = {}
    for when, entry in zip(times, entries, strict=True):
        parts.setdefault((when - first) // options.stretch, []).append(entry)
    said = [
        (part, f"in {show_duration(options.stretch)} from {first + place * options.stretch:%Y-%m-%d %H:%M} UTC")
        for place, part in sorted(parts.items())
    ]
    return [(entries, "in all"), *said] if len(said) > 1 else [(entries, "in all")]


def _one_client(options: Bursts, entries: list[dict[str, object]], paced: float) -> list[str]:
    clients = Counter(str(entry[options.client]) for entry in entries if entry.get(options.client))
    fast = Counter({name: n for name, n in clients.items() if n > paced})
    if len(clients) == 1 and not options.pace:
        return []  # alone for an hour, and nobody says how fast is too fast
    return _takes_over(options, fast, "client", clients.total())


def _one_status(options: Bursts, entries: list[dict[str, object]]) -> list[str]:
    statuses = Counter(status for entry in entries if is_number(status := entry.get(options.status)))
    failing = Counter({str(status): n for status, n in statuses.items() if not 200 <= status < 400})
    return _takes_over(options, failing, "status", statuses.total())


def _takes_over(options: Bursts, counts: Counter[str], what: str, total: int) -> list[str]:
    name, n = max(counts.items(), key=lambda item: item[1], default=("", 0))
    if n < options.min_count or n <= options.share * total:
        return []
    return [f"{what} {name[:60]} takes over: {n} of {total} entries, more than {show_number(options.share)} of them"]


JUDGE = Judge(options=Bursts, judge=judge)
