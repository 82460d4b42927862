"""Work that a side does behind one request: started once, then asked for its state until it has ended."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Expression, Probe, Sight, Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.expressions import search
from gonogo.probes.http import probe as http
from gonogo.probes.http.probe import HttpOptions

_MARK = "{id}"
_LONGEST = timedelta(seconds=110)  # a look ends before the run's own watchdog ends it
_MOST_POLLS = 199
_ID_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPollOptions:
    """One request to `path` starts the work; `poll` is asked every `every` until `state` is one of `ends`.

    `id` is an expression on the JSON that the start answered; its value stands for `{id}` in `poll`, as one
    segment of the path, whatever it holds. `state` is an expression on the JSON that a poll answered. `deadline` is
    the one for all of it.
    """

    side: str
    path: str
    poll: str
    id: Expression
    state: Expression
    ends: tuple[str, ...]
    method: str = "POST"
    body: Mapping[str, Any] | None = field(default=None, hash=False)
    every: timedelta = timedelta(seconds=1)
    deadline: timedelta = timedelta(seconds=60)

    def __post_init__(self) -> None:
        start_of(self)
        segments = self.poll.split("?")[0].split("/")
        if not self.poll.startswith("/") or self.poll.count(_MARK) != 1 or _MARK not in segments:
            raise ConfigError(f"poll is a path with the segment {_MARK} in it, not {self.poll!r}")
        if self.every < timedelta(milliseconds=100) or self.deadline > _LONGEST or self.times > _MOST_POLLS + 1:
            raise ConfigError(
                f"every is 100ms or more, deadline at most {_LONGEST.seconds}s, which has room for {_MOST_POLLS} polls"
            )

    @property
    def times(self) -> int:
        """The most requests that it may take: the start and one poll each `every`, the first of them at once."""
        return 2 + math.ceil(self.deadline / self.every)


def look(options: HttpPollOptions, vantage: Vantage) -> Sight:
    """{start, id, state, states: [{state, status, at_s}], ended, polls, waited_s, final}. `start` and `final` are the
    documents of the first and the last request, `states` every change, in seconds since the start was answered.
    `ended` is false where the deadline ran out first. A start that is not 2xx, or names no id, is not polled.
    """
    deadline = Deadline(options.deadline)
    first = http.look(start_of(options), vantage)
    if not isinstance(first.outcome, Seen):
        return first
    start = first.outcome.data
    polling = _Polling(options, vantage, deadline)
    key = search(options.id, start["json"]) if 200 <= start["status"] < 300 else None
    key = str(key) if isinstance(key, str | int) and not isinstance(key, bool) else None
    path = _path(options.poll, key) if key is not None else None
    outcome: Seen | Unseen
    if key is None:
        outcome = Seen(data=polling.document(start, None))
    elif path is None:
        detail = f"{first.source} answered an id that is no segment of a path, {key[:60]!r}: nothing was polled"
        outcome = Unseen(cause=Cause.BROKEN, detail=detail, data=start)
    else:
        outcome = polling.run(start, path)
    if isinstance(outcome, Seen):
        outcome = Seen(data={**outcome.data, "id": key}, notes=(*first.outcome.notes, *polling.notes))
    source = f"{first.source}, then GET {options.poll}"
    return Sight(source=source, side=options.side, outcome=outcome, tries=http.attempts_of([first.tries]))


def start_of(options: HttpPollOptions) -> HttpOptions:
    """The request that starts the work."""
    return HttpOptions(
        side=options.side, path=options.path, method=options.method, body=options.body, deadline=options.deadline
    )


class _Polling:
    """One piece of work under way."""

    def __init__(self, options: HttpPollOptions, vantage: Vantage, deadline: Deadline) -> None:
        self.options = options
        self.vantage = vantage
        self.deadline = deadline
        self.began = time.monotonic()
        self.states: list[dict[str, Any]] = []
        self.polls = 0
        self.notes: tuple[str, ...] = ()

    def run(self, start: Mapping[str, Any], path: str) -> Seen | Unseen:
        """Poll until a state that ends it, or the deadline."""
        last: Seen | Unseen | None = None
        while self.polls + 1 < self.options.times and (left := self.deadline.left) > 0:
            self.polls += 1
            asked = HttpOptions(side=self.options.side, path=path, deadline=timedelta(seconds=left))
            outcome = http.look(asked, self.vantage).outcome
            if isinstance(outcome, Unseen):
                if outcome.cause not in (Cause.UNREACHABLE, Cause.TIMEOUT):
                    return outcome
                if outcome.cause is Cause.TIMEOUT and isinstance(last, Seen):
                    break  # the deadline fell into this poll: the one before is the last that was answered
                last = outcome
                self.notes += (f"poll {self.polls}: {outcome.detail}",)
            else:
                last = outcome
                if self._note(outcome.data) in self.options.ends:
                    return Seen(data=self.document(start, outcome.data))
            time.sleep(min(self.options.every.total_seconds(), self.deadline.left))
        if isinstance(last, Seen):
            return Seen(data=self.document(start, last.data))
        return last or Unseen(cause=Cause.TIMEOUT, detail=f"the deadline of {self.deadline.allowed:g} s ran out")

    def document(self, start: Mapping[str, Any], final: Mapping[str, Any] | None) -> dict[str, Any]:
        """What it came to."""
        state = self.states[-1]["state"] if self.states else None
        return {
            "start": start,
            "state": state,
            "states": self.states,
            "ended": state in self.options.ends,
            "polls": self.polls,
            "waited_s": round(time.monotonic() - self.began, 3),
            "final": final,
        }

    def _note(self, document: Mapping[str, Any]) -> str | None:
        """The state that this poll told; None for an answer that is not 200 or tells none."""
        found = search(self.options.state, document["json"]) if document["status"] == 200 else None
        state = found if isinstance(found, str) else None
        now = {"state": state, "status": document["status"]}
        if not self.states or {key: self.states[-1][key] for key in now} != now:
            self.states.append({**now, "at_s": round(time.monotonic() - self.began, 3)})
        return state


def _path(poll: str, key: str) -> str | None:
    """The path that is polled; None if `key` would lead out of its segment or is no name at all."""
    if key in (".", "..") or not 0 < len(key) <= _ID_LENGTH or not key.isprintable():
        return None
    try:
        return poll.replace(_MARK, quote(key, safe=""))
    except UnicodeEncodeError:
        return None


PROBE = Probe(options=HttpPollOptions, look=look, sides=lambda options: (options.side,))
