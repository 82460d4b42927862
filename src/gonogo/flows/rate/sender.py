"""Steps of a plan into requests on the wire, and their answers into events."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import urlsplit

from gonogo.judges.rate.plan import Done, Send, Wait, next_step
from gonogo.model.load import OutcomeClass
from gonogo.model.rate_scenes import Key, Scenario, Tried, Variant
from gonogo.model.ratelimit import Policy
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.http.transport import Answer, Ask, fetch

SIDE = "url"
POOL = 64  # a limiter that makes requests wait is filled by as many as wait in it
DEADLINE = timedelta(seconds=10)
BODY_CAP = 64 * 1024
_KEPT = ("ratelimit", "retry-after", "date", "x-rate", "age", "x-cache", "cache-control", "server")
_PLAIN = Variant(name="")


@dataclass(slots=True, kw_only=True)
class Sender:
    """Sends one request and keeps when it went and what came. `other` is the header of the second key."""

    vantage: Vantage
    ask: Ask
    key_header: str | None = None
    other: Mapping[str, str] = field(default_factory=dict, repr=False)
    start: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start

    def once(self, intended: float, step: Send) -> Tried:
        """One request of a step, at its time."""
        delay = intended - self.now()
        if delay > 0:
            time.sleep(delay)
        variant = step.variant or _PLAIN
        ask = self._varied(variant)
        sent, status, error, kind = self.now(), 0, "", ""
        headers: tuple[tuple[str, str], ...] = ()
        try:
            answer = self._fetch(ask, fresh=step.fresh)
            status, headers = answer.status, tuple(_rate_limit_ones(answer.headers))
            kind = _kind(answer)
        except Failure as failure:
            error = failure.detail
        if 0 < status < 400:
            outcome = OutcomeClass.ACCEPTED
        else:
            outcome = OutcomeClass.LIMITED if status == 429 else OutcomeClass.ERROR
        return Tried(
            side=SIDE,
            endpoint=f"{self.ask.method} {urlsplit(self.ask.url).path or '/'}",
            intended=intended,
            sent=sent,
            received=self.now(),
            status=status,
            outcome=outcome,
            headers=headers,
            error=error,
            scene=step.scene,
            variant=variant.name,
            kind=kind,
        )

    def _varied(self, variant: Variant) -> Ask:
        """The request of a variant: only its first line and its headers differ, never where it goes."""
        headers = {**self.ask.headers, **dict(variant.headers)}
        name = self.key_header
        if name is not None and variant.key is not Key.OWN:
            own = next((value for key, value in headers.items() if key.lower() == name.lower()), "")
            headers = {key: value for key, value in headers.items() if key.lower() != name.lower()}
            match variant.key:
                case Key.OTHER:
                    headers |= self.other
                case Key.MISSING:
                    pass
                case Key.EMPTY:
                    headers[name] = ""
                case Key.MISSPELT:
                    headers[name.upper() if name != name.upper() else name.lower()] = own
        return replace(self.ask, headers=headers, method=variant.method or self.ask.method, target=variant.target)

    def _fetch(self, ask: Ask, *, fresh: bool) -> Answer:
        if not fresh:
            return fetch(self.vantage, ask, Deadline(DEADLINE), patient=False)
        own = Vantage(
            environment=self.vantage.environment,
            release=None,
            now=self.vantage.now,
            t0=None,
            reveal=self.vantage.reveal,
            base=self.vantage.base,
        )
        try:
            return fetch(own, ask, Deadline(DEADLINE), patient=False)
        finally:
            own.close()


def play(
    sender: Sender,
    policy: Policy | None,
    scenario: Scenario,
    *,
    at_most: int,
    patience: float,
    watch: Callable[[int, float], None],
) -> tuple[tuple[Tried, ...], Done]:
    """Do as the plan says until it is done."""
    events: list[Tried] = []
    with ThreadPoolExecutor(max_workers=POOL, thread_name_prefix="gonogo-send") as pool:
        while True:
            now = sender.now()
            step = next_step(events, now, policy=policy, scenario=scenario, at_most=at_most, patience=patience)
            match step:
                case Done():
                    return tuple(events), step
                case Wait(seconds=seconds):
                    watch(len(events), seconds)
                    time.sleep(seconds)
                case Send(n=n, spacing=spacing):
                    begin = sender.now()
                    if n == 1 or step.serial:
                        events += [sender.once(sender.now(), step) for _ in range(n)]
                        continue
                    moments = [begin + number * spacing for number in range(n)]
                    answers = pool.map(sender.once, moments, [step] * n)
                    events += sorted(answers, key=lambda event: event.sent)


def _rate_limit_ones(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value[:500]) for name, value in headers.items() if any(part in name for part in _KEPT)]


def _kind(answer: Answer) -> str:
    """Media type, and what tells one body from another: the names in a JSON object, else a digest."""
    media = answer.content_type
    if not answer.body:
        return media
    if answer.is_json:
        try:
            document = json.loads(answer.body)
        except ValueError:
            document = None
        if isinstance(document, dict):
            return f"{media} {{{','.join(sorted(document)[:20])}}}"
    return f"{media} #{hashlib.sha256(answer.body).hexdigest()[:8]}"
