"""A GET to a back end's HTTP API into its JSON document, or into the Failure that says why it cannot be relied on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from gonogo.model.environment import BackEnd
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Sight, Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.http.transport import Answer, Ask, fetch
from gonogo.probes.json_strict import parse_json
from gonogo.probes.named import named

BODY_CAP = 16 * 1024 * 1024


@dataclass(slots=True, kw_only=True)
class Observer:
    """One look at one back end: however many requests it takes, they share its `timeout`."""

    vantage: Vantage
    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    deadline: Deadline = field(init=False)

    def __post_init__(self) -> None:
        self.deadline = Deadline(self.back_end.timeout)

    @property
    def back_end(self) -> BackEnd:
        """The back end of this name; ConfigError if the environment has none."""
        return self.vantage.back_end(self.name)

    @property
    def url(self) -> str:
        """Its address without a closing slash; ConfigError if it has none."""
        if not self.back_end.address:
            raise ConfigError(f"back end {self.name}: the address is missing", self.back_end.origin)
        return self.back_end.address.rstrip("/")

    def named(self, key: str) -> str:
        """What the environment says to look at there; ConfigError if it does not say."""
        self.vantage.back_end(self.name)  # that there is one
        return named(self.vantage.environment, self.name, key)

    def get(self, path: str, params: Mapping[str, str] | None = None, *, allow: tuple[int, ...] = ()) -> Answer:
        """The answer if its status is 200 or one of `allow`; otherwise Failure names status and path."""
        ask = Ask(
            url=f"{self.url}{path}{'?' + urlencode(params) if params else ''}",
            headers={"Accept": "application/json", "User-Agent": "gonogo", **self.headers},
            auth=self.back_end.auth,
            ca=self.back_end.ca,
            body_cap=BODY_CAP,
        )
        answer = fetch(self.vantage, ask, self.deadline)
        if answer.status != 200 and answer.status not in allow:
            raise Failure(cause_of(answer), f"{self.url}{path} answered {answer.status}")
        return answer

    def json(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The JSON document at `path`."""
        return parse_json(self.get(path, params).body, f"{self.url}{path}")


def cause_of(answer: Answer) -> Cause:
    """What a status that is not a success says about the look."""
    if answer.status in (401, 403):
        spent = answer.headers.get("x-ratelimit-remaining") == "0"
        return Cause.LIMITED if spent else Cause.DENIED
    return Cause.NO_DATA if answer.status in (404, 410, 422) else Cause.BROKEN


def segment(text: str) -> str:
    """A name as one segment of a path, whatever it holds."""
    return quote(text, safe="")


def observe(source: str, see: Callable[[], Seen | Unseen]) -> Sight:
    """The sight of an observer: what `see` returns, or the Failure it raises as evidence."""
    began = time.monotonic()
    try:
        outcome = see()
    except Failure as failure:
        outcome = failure.unseen()
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        # A document of another shape than its API promises; the transport and the parser have their own words.
        detail = f"the answer does not have the promised shape: {type(error).__name__}: {str(error)[:120]}"
        outcome = Unseen(cause=Cause.BROKEN, detail=detail)
    took = timedelta(seconds=time.monotonic() - began)
    ended = "seen" if isinstance(outcome, Seen) else outcome.cause.value
    return Sight(source=source, outcome=outcome, tries=((took, ended),))
