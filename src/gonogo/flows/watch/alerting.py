"""Samples and verdicts into alerts: one a change of state, by the levels of the environment, never twice the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any, Protocol

from gonogo.flows.watch.coverage import sees_both
from gonogo.judges.canary.measures import Tally, holds
from gonogo.model.evidence import Cause
from gonogo.model.rulebook import Alerting, Rule
from gonogo.model.units import show_duration, show_number
from gonogo.model.verdict import Decision
from gonogo.model.watch import CANARY, CanaryVerdict, Sample
from gonogo.probes.failure import Failure

LEVELS = ("critical", "warning", "info")
CALM = 3  # samples in a row, seen and clean, after which a level is over
TRIES = 5
BLIND = 10  # samples (or intervals) without a sight of both sides, after which somebody is told
_FIRST_REASONS = 3
_NOT_TAKEN = (Cause.DENIED, Cause.LIMITED, Cause.NO_DATA, Cause.REFUSED)  # after these it does not stand there


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One message. `key` names it within its watch: what has the same key is never posted twice."""

    key: str
    level: str
    to: str
    text: str


class Post(Protocol):
    """Says something in a channel."""

    def __call__(self, alert: Alert) -> None:
        """Exception with one line where it could not be posted, or nobody knows whether it was."""

    def heard(self, alert: Alert) -> bool:
        """Whether it stands there already; Exception where that cannot be seen."""


@dataclass(slots=True)
class _Level:
    on: bool = False
    calm: int = 0
    told: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Alerts:
    """Alerts of one watch. The same samples make the same keys, so that a restart knows what was said before.

    `log(kind, text, **more)` keeps what was posted; `done` are keys that were, `doubtful` those of which nobody knows:
    the channel is read before they are posted again.
    """

    environment: str
    levels: Mapping[str, Alerting]
    log: Callable[..., None]
    post: Post | None = None
    done: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    _states: dict[str, _Level] = field(default_factory=dict)
    _pending: list[Alert] = field(default_factory=list)
    _failed: dict[str, int] = field(default_factory=dict)
    _no_go: bool = False
    _blind: int = 0

    def feed(self, sample: Sample, verdict: CanaryVerdict | None) -> None:
        """Look at the newest sample; what there is to say waits for `flush`. No verdict: it was judged before."""
        for level, alerting in self.levels.items():
            if alerting.when:
                self._look(level, alerting, sample)
            if alerting.at is not None and _morning(alerting.at, sample):
                day = f"{sample.until:%Y-%m-%d}"
                self._say(level, f"{level}-day:{day}", _so_far(sample, verdict))
        self._look_for_blindness(sample)
        if verdict is not None and verdict.decision is Decision.NO_GO and not self._no_go:
            self._no_go = True
            reasons = "; ".join(verdict.reasons[:_FIRST_REASONS])
            self._say("critical", "no-go", f"NO-GO at sample {verdict.seq}: {reasons}")

    def _look_for_blindness(self, sample: Sample) -> None:
        """A watch that sees nothing would be quiet otherwise until its end."""
        if sees_both(sample):
            if self._blind >= BLIND:
                self._say("warning", f"seen:{sample.seq}", f"both sides are seen again since sample {sample.seq}")
            self._blind = 0
            return
        self._blind += 1
        if self._blind == BLIND:
            whys = [why for side in sample.sides.values() for why in side.unseen.values()][:1]
            text = "; ".join([f"not both sides were seen in the last {BLIND} samples, which is no GO", *whys])
            self._say("warning", f"blind:{sample.seq}", text)

    def silent(self, seq: int, since: timedelta) -> None:
        """No sample has come for long."""
        self._say("warning", f"silent:{seq}", f"no sample has come for {show_duration(since)}, which is no GO")

    def rolled_back(self, done: bool, text: str) -> None:
        """What the rollback came to; one that failed pages."""
        self._say("critical", "rollback", text if done else f"ROLLBACK FAILED, do it by hand: {text}")

    def ended(self, decision: Decision, reasons: Sequence[str]) -> None:
        """The end of the watch; NO-GO was said already."""
        if decision is not Decision.NO_GO:
            said = "; ".join(reasons[:_FIRST_REASONS]) or "all is proven"
            self._say("info", "ended", f"the watch ended with {decision.value}: {said}")

    def flush(self) -> None:
        """Post what waits, the gravest first; what fails waits for the next time, at most 5 times."""
        for alert in sorted(self._pending, key=lambda one: LEVELS.index(one.level)):
            if self.post is None:
                self._over(alert, "not posted: there is no back end slack")
                continue
            try:
                self._post(alert, self.post)
            except Exception as error:  # noqa: BLE001 - an alert that fails never ends a watch
                tries = self._failed[alert.key] = self._failed.get(alert.key, 0) + 1
                self.log("error", f"alert {alert.key} could not be posted: {error}", key=alert.key, tries=tries)
                if tries >= TRIES:
                    self._over(alert, "given up")

    def _post(self, alert: Alert, post: Post) -> None:
        if alert.key in self.doubtful and post.heard(alert):
            self._over(alert, "posted before")
            return
        self.log("alert", alert.text, key=alert.key, level=alert.level, to=alert.to, state="posting")
        self.doubtful.add(alert.key)
        try:
            post(alert)
        except Failure as failure:
            if failure.cause in _NOT_TAKEN:
                self.doubtful.discard(alert.key)
            raise
        self._over(alert, "posted")

    def _over(self, alert: Alert, state: str) -> None:
        self.done.add(alert.key)
        self._pending.remove(alert)
        self.log("alert", alert.text, key=alert.key, level=alert.level, to=alert.to, state=state)

    def _look(self, level: str, alerting: Alerting, sample: Sample) -> None:
        state = self._states.setdefault(level, _Level())
        broken, seen = _broken(alerting.when, sample)
        if broken:
            repeat = alerting.cadence and state.told is not None and sample.until - state.told >= alerting.cadence
            state.calm = 0
            if not state.on or repeat:
                word = "still " if state.on else ""
                state.on, state.told = True, sample.until
                self._say(level, f"{level}:{sample.seq}", f"{word}{level} at sample {sample.seq}: {'; '.join(broken)}")
        elif state.on and seen:
            state.calm += 1
            if state.calm >= CALM:
                state.on, state.told, state.calm = False, None, 0
                self._say(level, f"{level}-over:{sample.seq}", f"{level} is over at sample {sample.seq}")

    def _say(self, level: str, key: str, text: str) -> None:
        """To the channel of the level, or of the nearest one that has a channel."""
        order = (*LEVELS[LEVELS.index(level) :], *reversed(LEVELS[: LEVELS.index(level)]))
        to = next((self.levels[one].to for one in order if one in self.levels), None)
        waiting = any(one.key == key for one in self._pending)
        if to is None or key in self.done or waiting:
            return
        self._pending.append(Alert(key=key, level=level, to=to, text=f"{self.environment}: {text}"))


def told(entries: Iterable[Mapping[str, Any]]) -> tuple[set[str], set[str]]:
    """Keys that a log says are over (posted, given up, without a place to go), and those of which it does not know."""
    states = {str(entry["key"]): str(entry.get("state")) for entry in entries if entry["kind"] == "alert"}
    doubtful = {key for key, state in states.items() if state == "posting"}
    return set(states) - doubtful, doubtful


def _so_far(sample: Sample, verdict: CanaryVerdict | None) -> str:
    if verdict is None:
        return f"no decision yet after {sample.seq} samples"
    said = "NO-GO" if verdict.decision is Decision.NO_GO else "no decision yet"
    return f"{said} after {sample.seq} samples: {verdict.reasons[0] if verdict.reasons else 'all is proven so far'}"


def _morning(at: str, sample: Sample) -> bool:
    """Whether this time of the day lies in the sample's interval."""
    clock = time.fromisoformat(at)
    day = sample.until.astimezone(clock.tzinfo).date()
    return sample.since < datetime.combine(day, clock) <= sample.until


def _broken(rules: Sequence[Rule], sample: Sample) -> tuple[list[str], bool]:
    """What holds in this sample, in words, and whether all rules could be looked at."""
    tally = Tally()
    tally.add(sample.sides.get(CANARY))
    said, seen = [], True
    for rule in rules:
        found = tally.measured(rule)
        verdict = holds(rule, found)
        seen = seen and verdict is not None
        if verdict and found.value is not None:
            unit = "" if rule.unit.value in ("ratio", "count") else f" {rule.unit}"
            said.append(f"{rule.text}: {show_number(found.value)}{unit} (n={found.requests})")
    return said, seen
