"""What the headers of one answer say of a rate limit, in every dialect, as intervals; never raises."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from gonogo.model.ratelimit import Dialect

Interval = tuple[float, float]

_MOST = 4096  # characters of a field that are read
_EPOCH, _EPOCH_MS = 1e9, 1e12
_INTEGER = re.compile(r"-?[0-9]{1,15}\Z")
_DECIMAL = re.compile(r"-?[0-9]{1,15}\.[0-9]{1,15}\Z")
_DURATION = re.compile(r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9}(?:\.[0-9]{1,9})?)s)?(?:([0-9]{1,9})ms)?\Z")
_PIECES = {",": re.compile(r'(?:[^,"]|"[^"]*"?)+'), ";": re.compile(r'(?:[^;"]|"[^"]*"?)+')}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One answer's word. `reset` and `retry_after` are seconds from the answer on, as (least, most).

    A server may cut, round or raise to whole seconds: an integer n is anything between n - 1 and n + 1.
    `wrong` lists what cannot be true of a well-formed answer.
    """

    dialect: Dialect = Dialect.NONE
    limit: int | None = None
    remaining: int | None = None
    window: float | None = None
    reset: Interval | None = None
    retry_after: Interval | None = None
    retry_after_text: str | None = None
    date: float | None = None
    wrong: tuple[str, ...] = ()


def read_headers(headers: Iterable[tuple[str, str]], *, now: float | None = None) -> Said:
    """Read one answer; instants are compared with its Date, or with `now` (seconds since 1970) where it has none."""
    fields: dict[str, list[str]] = {}
    for name, value in headers:
        fields.setdefault(name.strip().lower().replace("x-rate-limit", "x-ratelimit"), []).append(value[:_MOST].strip())
    wrong: list[str] = [
        f"{name} is sent {len(values)} times"
        for name, values in fields.items()
        if len(values) > 1 and (name == "retry-after" or name.startswith(("x-ratelimit-", "ratelimit-r")))
    ]
    one = {name: values[0] for name, values in fields.items()}
    date = http_date(one.get("date", ""))
    # A Date is cut to whole seconds, and servers make it once a second: it is up to two seconds old.
    clock: Interval | None = (date, date + 2) if date is not None else (now - 1, now + 1) if now is not None else None
    parts = _draft(fields, wrong) or _triple(one, clock, wrong)
    dialect, limit, remaining, window, reset = parts
    if remaining is not None and remaining < 0:
        wrong.append(f"remaining {remaining} is negative")
    if limit is not None and limit < 0:
        wrong.append(f"limit {limit} is negative")
    if limit is not None and remaining is not None and remaining > limit >= 0:
        wrong.append(f"remaining {remaining} is above the limit {limit}")
    text = one.get("retry-after")
    waits = None
    if text is not None:
        waits = _retry_after(text, clock, wrong)
    elif (ms := number(one.get("retry-after-ms", ""))) is not None:
        waits = (ms[0] / 1000 - 0.01, ms[0] / 1000 + 0.01)
    return Said(
        dialect=dialect,
        limit=limit,
        remaining=remaining,
        window=window,
        reset=reset,
        retry_after=waits,
        retry_after_text=text,
        date=date,
        wrong=tuple(wrong),
    )


def http_date(text: str) -> float | None:
    """Seconds since 1970 of an HTTP date."""
    if len(text.split()) < 4:
        return None
    try:
        when = parsedate_to_datetime(text)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError, AttributeError):
        return None


def number(text: str) -> tuple[float, bool] | None:
    """A plain number, and whether it is an integer."""
    if _INTEGER.match(text):
        return float(text), True
    return (float(text), False) if _DECIMAL.match(text) else None


def _integer(text: str, what: str, wrong: list[str]) -> int | None:
    found = number(text)
    if found is None or (not found[1] and found[0] != int(found[0])):
        wrong.append(f"{what} {text[:40]!r} is no integer")
        return None
    return int(found[0])


def _about(value: float, exact: bool) -> Interval:
    return (value - 0.01, value + 0.01) if exact else (value - 1, value + 1)


def _retry_after(text: str, clock: Interval | None, wrong: list[str]) -> Interval | None:
    found = number(text)
    if found is not None:
        value, whole = found
        if value < 0:
            wrong.append(f"retry-after {text[:40]} is negative")
            return None
        if not whole:
            wrong.append(f"retry-after {text[:40]} is neither an integer nor an HTTP date")
        return _about(value, not whole)
    when = http_date(text)
    if when is None:
        wrong.append(f"retry-after {text[:40]!r} is neither an integer nor an HTTP date")
        return None
    return _until(when, clock, False)


def _until(instant: float, clock: Interval | None, exact: bool) -> Interval | None:
    """How long from the answer until an instant."""
    if clock is None:
        return None
    low, high = _about(instant, exact)
    return low - clock[1], high - clock[0]


def _reset(text: str, clock: Interval | None, wrong: list[str]) -> tuple[Dialect, Interval | None]:
    """The unit of a legacy reset, and the interval it means."""
    found = number(text)
    if found is None:
        when = http_date(text)
        if when is not None:
            return Dialect.LEGACY_DATE, _until(when, clock, False)
        span = _DURATION.match(text)
        if span and text:
            hours, minutes, seconds, ms = (float(part or 0) for part in span.groups())
            return Dialect.LEGACY_DELTA, _about(hours * 3600 + minutes * 60 + seconds + ms / 1000, False)
        wrong.append(f"reset {text[:40]!r} is neither a number nor an HTTP date")
        return Dialect.LEGACY_DELTA, None
    value, whole = found
    if value < 0:
        wrong.append(f"reset {text[:40]} is negative")
        return Dialect.LEGACY_DELTA, None
    if value > _EPOCH_MS:
        return Dialect.LEGACY_EPOCH_MS, _until(value / 1000, clock, True)
    if value > _EPOCH:
        return Dialect.LEGACY_EPOCH, _until(value, clock, not whole)
    return Dialect.LEGACY_DELTA, _about(value, not whole)


_Parts = tuple[Dialect, int | None, int | None, float | None, Interval | None]


def _triple(one: dict[str, str], clock: Interval | None, wrong: list[str]) -> _Parts:
    """Limit, remaining and reset as three fields: drafts 00 to 06, or with X- before them."""
    prefix = "ratelimit-" if any(f"ratelimit-{last}" in one for last in ("limit", "remaining", "reset")) else ""
    prefix = prefix or "x-ratelimit-"
    dialect = Dialect.DRAFT_OLD if prefix == "ratelimit-" else Dialect.NONE
    limit = remaining = None
    window: float | None = None
    reset: Interval | None = None
    if (text := one.get(f"{prefix}limit")) is not None:
        head, *rest = _pieces(text, ",") or [""]
        limit = _integer((_pieces(head, ";") or [head])[0], "limit", wrong)
        for item in (head, *rest):
            window = window or _seconds(_parameters(item)[1].get("w", ""))
    if (text := one.get(f"{prefix}remaining")) is not None:
        remaining = _integer(text, "remaining", wrong)
    if (text := one.get(f"{prefix}reset")) is not None:
        unit, reset = _reset(text, clock, wrong)
        if dialect is Dialect.NONE:
            dialect = unit
        elif unit is not Dialect.LEGACY_DELTA:
            wrong.append(f"ratelimit-reset {text[:40]} is an instant, the drafts say seconds from now")
    elif (text := one.get(f"{prefix}reset-after")) is not None:
        dialect, (_, reset) = Dialect.LEGACY_DELTA, _reset(text, None, wrong)
    elif (ms := number(one.get(f"{prefix}reset-ms", ""))) is not None:
        dialect, reset = Dialect.LEGACY_DELTA, _about(ms[0] / 1000, True)
    elif dialect is Dialect.NONE and (limit is not None or remaining is not None):
        dialect = Dialect.LEGACY_DELTA
    return dialect, limit, remaining, window, reset


def _draft(fields: dict[str, list[str]], wrong: list[str]) -> _Parts | None:
    """`RateLimit` and `RateLimit-Policy` of drafts 07 to 11; of several items the one with the least remaining."""
    items = [_parameters(item) for text in fields.get("ratelimit", []) for item in _pieces(text, ",")]
    policies = [_parameters(item) for text in fields.get("ratelimit-policy", []) for item in _pieces(text, ",")]
    if not items and (not policies or "ratelimit-limit" in fields or "ratelimit-remaining" in fields):
        return None
    if items and all(not parameters and "=" in name for name, parameters in items):  # draft 07: a dictionary
        old = dict(name.split("=", 1) for name, _ in items)
        items = [("", {"r": old.get("remaining", ""), "t": old.get("reset", ""), "q": old.get("limit", "")})]
    name, chosen = "", dict[str, str]()
    least: int | None = None
    for label, parameters in items:
        left = _integer(parameters.get("r", ""), "r", wrong)
        if left is not None and (least is None or left < least):
            name, chosen, least = label, parameters, left
    policy = next((what for label, what in policies if label == name), policies[0][1] if policies else {})
    label = next((label for label, what in policies if what is policy), "")
    quota = policy.get("q") or (label if number(label) else "") or chosen.get("q", "")
    limit = _integer(quota, "q", wrong) if quota or policies else None
    ends = chosen.get("t", "")
    after = _integer(ends, "t", wrong) if ends else None
    if after is not None and after < 0:
        wrong.append(f"t={after} is negative")
    reset = _about(float(after), False) if after is not None and after >= 0 else None
    return Dialect.DRAFT, limit, least, _seconds(policy.get("w", "")), reset


def _seconds(text: str) -> float | None:
    found = number(text)
    return found[0] if found and found[0] > 0 else None


def _pieces(text: str, by: str) -> list[str]:
    return [piece.strip() for piece in _PIECES[by].findall(text) if piece.strip()]


def _parameters(item: str) -> tuple[str, dict[str, str]]:
    """An item of a structured list: its name without quotes, and its parameters."""
    name, *rest = _pieces(item, ";") or [""]
    pairs = (piece.partition("=") for piece in rest)
    return name.strip('"'), {key.strip(): value.strip().strip('"') for key, _, value in pairs}
