"""A watch as it stands into what a terminal shows: measures of both sides, streaks, evidence, bounds, time left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from gonogo.model.units import show_duration, show_number
from gonogo.reporting.escape import visible

Json = Mapping[str, Any]
Values = Sequence[float | None]
_STEPS = "▁▂▃▄▅▆▇█"
_INK = {"GO": "bold green", "NO-GO": "bold red", "HOLD": "bold yellow"}
_RULE_INK = {"clean": "green", "broken": "yellow", "counting": "yellow", "fired": "bold red", "unseen": "dim"}
_BAR = 12
_SPARK = 30


def frame(status: Json, series: Mapping[str, Mapping[str, Values]], now: datetime) -> Group:
    """One picture. `status` is status.json; `series` is measure -> side -> values, None where it was not seen."""
    parts: list[Any] = [_head(status, now)]
    if series:
        parts.append(_measures(series))
    last = status.get("last")
    if last:
        parts += [_rules(last["rules"]), _evidence(last["evidence"]), _bounds(last["certificate"])]
        parts += [_line(f"why: {reason}", "dim") for reason in last["reasons"][:3]]
        parts += [_line(f"gap: {_gap(gap)}", "yellow") for gap in last["gaps"][-2:]]
    parts += [_line(f"note: {note}", "dim") for note in status.get("notes", ())[-2:]]
    return Group(*parts)


def sparkline(values: Values, width: int = _SPARK) -> str:
    """The newest values as a line of blocks from their lowest to their highest; a dot where nothing was seen."""
    newest = values[-width:]
    seen = [value for value in newest if value is not None]
    if not seen:
        return "·" * len(newest)
    low, high = min(seen), max(seen)
    scale = (len(_STEPS) - 1) / (high - low) if high > low else 0.0
    return "".join("·" if value is None else _STEPS[round((value - low) * scale)] for value in newest)


def _head(status: Json, now: datetime) -> Text:
    decision = str(status["decision"])
    started, ends = datetime.fromisoformat(status["started"]), datetime.fromisoformat(status["ends"])
    whole = max((ends - started).total_seconds(), 1.0)
    gone = max((now - started).total_seconds() / whole, status["covered"])
    left = _rounded(max(ends - now, timedelta(0)))
    text = Text(overflow="ellipsis", no_wrap=True)
    text.append(f"{decision:<6}", style=_INK.get(decision, ""))
    so_far = "" if status["ended"] else " so far"
    text.append(f"{so_far}  {visible(str(status['environment']))}  sample {status['seq']}  ")
    text.append(_bar(min(max(gone, 0.0), 1.0)), style="cyan")
    text.append("  ended" if status["ended"] else f"  {left} left, until {ends:%Y-%m-%d %H:%M} UTC")
    return text


def _measures(series: Mapping[str, Mapping[str, Values]]) -> Table:
    table = _table("measure", "canary", "now", "stable", "now")
    for measure, sides in series.items():
        cells: list[str] = [measure]
        for side in ("canary", "stable"):
            values = sides.get(side, ())
            now = values[-1] if values else None
            cells += [sparkline(values), "unseen" if now is None else show_number(now)]
        table.add_row(*cells)
    return table


def _rules(rules: Sequence[Json]) -> Table:
    table = _table("rule", "stands", "in a row", "")
    for rule in rules:
        row = f"{rule['streak']} of {rule['needed']}" if rule["needed"] > 1 else ""
        reason = str(rule["reason"]).removeprefix(f"{rule['rule']}: ")
        ink = _RULE_INK.get(rule["stands"], "")
        table.add_row(_line(str(rule["rule"])), Text(str(rule["stands"]), style=ink), row, _line(reason))
    return table


def _evidence(evidence: Sequence[Json]) -> Table:
    table = _table("evidence", "against the canary", "")
    for one in evidence:
        share = max(one["log_e"] or 0.0, 0.0) / one["threshold"]
        text = Text(_bar(min(share, 1.0)), style="bold red" if share >= 1 else "yellow" if share > 0.5 else "green")
        text.append(f" {max(one['log_e'] or 0.0, 0.0):.1f} of {one['threshold']:.1f}")
        table.add_row(_line(str(one["measure"])), text, _line(str(one["reason"])))
    return table


def _bounds(bounds: Sequence[Json]) -> Table:
    table = _table("certificate", "", "")
    for one in bounds:
        mark = Text("proven", style="green") if one["holds"] else Text("open", style="yellow")
        table.add_row(_line(str(one["measure"])), mark, _line(str(one["reason"])))
    return table


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", expand=False)
    for at, head in enumerate(heads):
        # Where there is too little room, columns that may wrap give way first: the last one, whose texts do not wrap.
        table.add_column(head, no_wrap=at < len(heads) - 1, overflow="ellipsis")
    return table


def _line(text: str, style: str = "") -> Text:
    return Text(visible(text), style=style, overflow="ellipsis", no_wrap=True)


def _gap(gap: Json) -> str:
    return f"{str(gap['since'])[11:19]} to {str(gap['until'])[11:19]}: {gap['why']}"


def _bar(share: float) -> str:
    full = round(share * _BAR)
    return "█" * full + "░" * (_BAR - full)


def _rounded(left: timedelta) -> str:
    seconds = round(left.total_seconds())
    step = 3600 if seconds >= 36_000 else 60 if seconds >= 600 else 1
    return show_duration(timedelta(seconds=seconds // step * step)) if seconds < 3600 else _clock(seconds)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"
