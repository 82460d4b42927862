"""HTTP requests to a side of the environment, into status, timing and document."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gonogo.model.environment import Side
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.http.transport import Answer, Ask, fetch, http_date
from gonogo.probes.json_strict import parse_json

_METHODS = ("GET", "HEAD", "OPTIONS", "POST")
_TEXT = 2048
_CACHED = 60  # seconds of Age
_OLD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """`times` requests, `every` apart, one after the other, within one `deadline` in all.

    Without `path` the side's health path. A single request waits once for a 429; repeated ones record it.
    `retries` are for a lost connection only.
    """

    side: str
    path: str | None = None
    method: str = "GET"
    body: Mapping[str, Any] | None = field(default=None, hash=False)
    times: int = 1
    every: timedelta = timedelta(0)
    deadline: timedelta = timedelta(seconds=10)
    retries: int = 0
    follow: bool = False

    def __post_init__(self) -> None:
        if self.method not in _METHODS:
            raise ConfigError(f"method {self.method!r} is not one of {', '.join(_METHODS)}")
        if self.path is not None and not self.path.startswith("/"):
            raise ConfigError(f"path {self.path!r} does not begin with /")
        if not 1 <= self.times <= 200 or not 0 <= self.retries <= 5:
            raise ConfigError("times is 1 to 200, retries 0 to 5")
        if self.deadline <= timedelta(0) or self.every < timedelta(0):
            raise ConfigError("deadline is longer than 0, every not negative")


def look(options: HttpOptions, vantage: Vantage) -> Sight:
    """The document of the last request, and status, time and error of every one."""
    side = vantage.side(options.side)
    ask = _ask(options, side)
    deadline = Deadline(options.deadline)
    tries: list[list[tuple[timedelta, str]]] = []  # of each request
    rows: list[dict[str, Any]] = []
    last: tuple[Answer, dict[str, Any], tuple[str, ...]] | None = None
    failure: Failure | None = None
    for number in range(options.times):
        if number and options.every:
            time.sleep(min(options.every.total_seconds(), deadline.left))
        try:
            tries.append([])
            answer = _try(ask, options, vantage, deadline, tries[-1])
            document, notes = _document(answer, options.method, vantage)
            last = answer, document, notes
            _check_age(answer, options.method, vantage, document)
            rows.append({**{key: document[key] for key in ("status", "elapsed_ms", "json")}, "error": None})
        except Failure as error:
            failure = error
            rows.append({"status": None, "elapsed_ms": None, "json": None, "error": error.detail})
    outcome: Seen | Unseen
    if last is None or all(row["error"] for row in rows):
        # Every row has failed, so there is a last failure.
        data = last[1] if last else (failure.data if failure else None)
        outcome = Unseen(
            cause=failure.cause if failure else Cause.NO_DATA, detail=failure.detail if failure else "", data=data
        )
    else:
        answer, document, notes = last
        outcome = Seen(data={**document, "requests": rows, "count": len(rows)}, notes=notes)
    return Sight(source=f"{options.method} {ask.url}", side=options.side, outcome=outcome, tries=attempts_of(tries))


def attempts_of(tries: Sequence[Sequence[tuple[timedelta, str]]]) -> tuple[tuple[timedelta, str], ...]:
    """Requests that were asked for are one attempt together; each that had to be sent again is one more."""
    again = [one for each in tries for one in each[:-1]]
    last = [each[-1] for each in tries if each]
    return (*again, (sum((took for took, _ in last), timedelta(0)), last[-1][1])) if last else tuple(again)


def _ask(options: HttpOptions, side: Side) -> Ask:
    body = None if options.body is None else json.dumps(options.body, ensure_ascii=False).encode("utf-8")
    return Ask(
        url=side.url.rstrip("/") + (options.path if options.path is not None else side.health),
        method=options.method,
        headers={} if body is None else {"Content-Type": "application/json"},
        body=body,
        auth=side.auth,
        ca=side.ca,
        follow=options.follow,
    )


def _try(
    ask: Ask, options: HttpOptions, vantage: Vantage, deadline: Deadline, tries: list[tuple[timedelta, str]]
) -> Answer:
    for attempt in range(1 + options.retries):
        started = time.perf_counter()
        try:
            answer = fetch(vantage, ask, deadline, patient=options.times == 1)
        except Failure as error:
            tries.append((timedelta(seconds=time.perf_counter() - started), error.detail))
            if not error.lost or attempt == options.retries:
                raise
        else:
            tries.append((timedelta(seconds=time.perf_counter() - started), str(answer.status)))
            return answer
    raise AssertionError("unreachable")


def _document(answer: Answer, method: str, vantage: Vantage) -> tuple[dict[str, Any], tuple[str, ...]]:
    notes = list(answer.notes)
    parsed: Any = None
    text: str | None = None
    if answer.is_json and method != "HEAD" and answer.status not in (204, 304) and not 300 <= answer.status < 400:
        try:
            parsed = parse_json(answer.body)
        except Failure as error:
            if answer.status < 400:
                raise
            notes.append(error.detail)  # the status tells more than the broken body of an error page
    else:
        text = answer.body.decode("utf-8", errors="replace")[:_TEXT]
    document = {
        "url": answer.url,
        "status": answer.status,
        "elapsed_ms": round(answer.elapsed.total_seconds() * 1000, 3),
        "json": parsed,
        "text": text,
        "content_type": answer.content_type,
        "bytes": len(answer.body),
        "headers": dict(answer.headers),
        "address": answer.address,
        "certificate": _certificate(answer, vantage),
    }
    return document, tuple(notes)


def _certificate(answer: Answer, vantage: Vantage) -> dict[str, Any] | None:
    """Names and end of the server's certificate, so that a rule can ask for days left."""
    found = answer.certificate
    if found is None:
        return None
    until = found["not_after"]
    days = (datetime.fromisoformat(until) - vantage.now).total_seconds() / 86400 if until else None
    return {**found, "days_left": days}


def _check_age(answer: Answer, method: str, vantage: Vantage, document: Mapping[str, Any]) -> None:
    """Failure(PARTIAL) for an answer out of a cache: it says how the system was, not how it is."""
    if method != "GET" or answer.status >= 400:
        return
    age = answer.headers.get("age", "")
    seconds = int(age[:9]) if age.isascii() and age.isdigit() else 0
    date = http_date(answer.headers["date"]) if "date" in answer.headers else None
    if date is not None and vantage.now - date > _OLD:
        seconds = max(seconds, int((vantage.now - date).total_seconds()))
    if seconds > _CACHED:
        raise Failure(Cause.PARTIAL, f"{answer.url}: cached answer, {seconds} s old", data=document)


PROBE = Probe(options=HttpOptions, look=look, sides=lambda options: (options.side,))
