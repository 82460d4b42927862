"""The watch itself: take a sample, keep it, judge it, act on it, wait; from the start to the decision at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from gonogo.config.samples import Recorded
from gonogo.flows.watch.alerting import BLIND, Alerts
from gonogo.flows.watch.coverage import Coverage, final
from gonogo.flows.watch.hands import Clocks, Hands, Late, Stopped
from gonogo.flows.watch.parts import Reports, Rollback, roll_back
from gonogo.flows.watch.sampler import Sampler, Taken
from gonogo.flows.watch.stands import status_document
from gonogo.flows.watch.store import Store
from gonogo.judges.canary.judge import CanaryJudge
from gonogo.model.rulebook import Rulebook, SourceKind
from gonogo.model.units import show_duration
from gonogo.model.verdict import Decision
from gonogo.model.watch import CanaryVerdict, Sample
from gonogo.reporting.watch_view import verdict_to_json

_TAKES_S = 120.0  # a look at all measures, in catching up too
_POSTS_S = 15.0


class Show(Protocol):
    """Whoever looks on."""

    def __call__(self, watch: Watch, /) -> None:
        """After every sample and every change."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """One watch from its first sample, or from where it stood, to its decision."""

    environment: str
    store: Store
    rulebook: Rulebook
    sampler: Sampler
    hands: Hands
    alerts: Alerts
    started: datetime
    ends: datetime
    holder: dict[str, Any] = field(default_factory=dict)
    rollback: Rollback | None = None
    reports: Reports = field(default_factory=Reports)
    show: Show | None = None
    judge: CanaryJudge = field(init=False)
    verdict: CanaryVerdict | None = None
    samples: list[Sample] = field(default_factory=list)  # the newest of them, for whoever looks on
    decision: Decision | None = None  # the last one, at the end
    notes: list[str] = field(default_factory=list)
    clocks: Clocks = field(default_factory=Clocks)
    coverage: Coverage = field(default_factory=Coverage)
    _quiet_since: float | None = None

    def __post_init__(self) -> None:
        self.judge = CanaryJudge(self.rulebook)

    def resume(self, recorded: Recorded) -> None:
        """Feed what was kept before; what was not acted on then is acted on by `run`."""
        *before, last = recorded.samples or (None,)
        for sample in before:
            self.judge.pass_over(sample)
            self._count(sample, None)
        if last is not None:
            self._judge(last)
            self.coverage.came = self._came(last.seq)
        for note in recorded.notes:
            self._note(note)
        self._note(f"goes on after sample {len(recorded.samples)}")

    def _came(self, seq: int) -> float | None:
        """When the newest sample came, by the clock of this process; None where its status does not tell."""
        status = self.store.last_status()
        if status is None or status.get("seq") != seq:
            return None
        ago = (self.hands.now() - datetime.fromisoformat(status["at"])).total_seconds()
        return self.hands.monotonic() - ago if ago >= 0 else None

    def run(self) -> Decision:
        """Until the end, NO-GO or a signal; the verdict is on disk when this returns. OSError: it could not be kept."""
        self._status()
        next_tick = self.hands.monotonic()
        every = self._turn
        while not self.hands.stopped:
            self._look_at_clocks()
            if self._is_no_go():
                return self._no_go()
            try:
                self._tick()
            except Stopped:
                break
            if self._is_no_go():
                return self._no_go()
            if self.hands.now() >= self.ends or self._covered:
                return self._end(None)
            now = self.hands.monotonic()
            next_tick = self._next(now, next_tick + every * max(1, 1 + (now - next_tick) // every))
            self.hands.pause(max(0.0, min(next_tick - now, (self.ends - self.hands.now()).total_seconds())))
        return self._end("it was stopped before its end")

    def _next(self, now: float, usual: float) -> float:
        """The next look: as usual, or sooner, when the next sample can be told."""
        due = self.sampler.due(self.samples[-1].until if self.samples else None)
        wait = 0.0 if due is None else (due - self.hands.now()).total_seconds()
        return min(usual, now + wait) if wait > 0 else usual

    @property
    def _turn(self) -> float:
        """Seconds between looks. Whoever appends to a file sets the pace: it is looked at once a second."""
        every = self.rulebook.every.total_seconds()
        return min(every, 1.0) if self.rulebook.source.kind is SourceKind.FILE else every

    @property
    def _covered(self) -> bool:
        """A file may tell of a day within minutes: its watch ends when its samples reach over the time to watch."""
        return self.rulebook.source.kind is SourceKind.FILE and self.coverage.span >= self.rulebook.for_

    def _is_no_go(self) -> bool:
        return self.verdict is not None and self.verdict.decision is Decision.NO_GO

    def _tick(self) -> None:
        after = self.samples[-1].until if self.samples else None
        now = self.hands.now()
        try:
            taken = self.hands.run(lambda: self.sampler.take(after, now), _TAKES_S)
        except Late:
            taken = Taken(notes=(f"no sample within {show_duration(timedelta(seconds=_TAKES_S))}",))
        for note in taken.notes:
            self._note(note)
        for sample in taken.samples:
            kept = replace(sample, seq=self._seq + 1)
            self.store.append(kept)
            before = self.verdict
            self._judge(kept)
            self.coverage.came = self.hands.monotonic()
            self._say_change(before)
            if self._is_no_go() or self._covered:
                return
        self._look_for_silence()
        for line in self.reports.lines(self.hands, self.verdict):
            self.store.log(self.hands.now(), "report", line)
        self.hands.run(self.alerts.flush, _POSTS_S)
        self._status()

    def _look_for_silence(self) -> None:
        """Since the newest sample came, or this process began."""
        now = self.hands.monotonic()
        self._quiet_since = self.coverage.came or self._quiet_since or now
        quiet = timedelta(seconds=now - self._quiet_since)
        if quiet >= BLIND * self.rulebook.every + self.rulebook.source.lag:
            self.alerts.silent(self._seq, quiet)

    @property
    def _seq(self) -> int:
        return self.verdict.seq if self.verdict is not None else 0

    def _judge(self, sample: Sample) -> None:
        self.verdict = self.judge.feed(sample)
        self._count(sample, self.verdict)

    def _count(self, sample: Sample, verdict: CanaryVerdict | None) -> None:
        self.samples.append(sample)
        del self.samples[:-_SHOWN]
        self.coverage.add(sample)
        self.alerts.feed(sample, verdict)

    def _say_change(self, before: CanaryVerdict | None) -> None:
        assert self.verdict is not None  # noqa: S101 - a sample was judged
        if before is None or before.decision is not self.verdict.decision:
            reason = self.verdict.reasons[0] if self.verdict.reasons else "all is proven"
            text = f"{self.verdict.decision.value} at sample {self.verdict.seq}: {reason}"
            self.store.log(self.hands.now(), "decision", text)

    def _look_at_clocks(self) -> None:
        """The wall clock against the one that never jumps: a jump back does not make the watch longer."""
        jump = self.clocks.jump(self.hands)
        if jump:
            whither = "ahead, or this machine slept" if jump > timedelta(0) else "back"
            self._note(f"the clock went {show_duration(abs(jump))} {whither}")
            self.ends += min(jump, timedelta(0))

    def _note(self, text: str) -> None:
        if text not in self.notes[-1:]:
            self.store.log(self.hands.now(), "note", text)
        self.notes.append(text)
        del self.notes[:-_SHOWN]

    def _no_go(self) -> Decision:
        """The rollback first: it has to be done within seconds of the decision."""
        verdict = self.verdict
        assert verdict is not None  # noqa: S101 - it is NO-GO
        if self.rollback is not None and not verdict.both_sides:
            self.store.log(self.hands.now(), "action", "rollback begins")
            did = roll_back(self.rollback, verdict, self.hands)
            self.store.log(self.hands.now(), "action", did.text, done=did.done, did=did.did)
            self.alerts.rolled_back(did.done, did.text)
        elif self.rollback is not None:
            self.store.log(self.hands.now(), "action", "no rollback: the stable side breaks the same rules")
        return self._end(None)

    def _end(self, early: str | None) -> Decision:
        decision, reasons = final(self.verdict, early, self.coverage.doubts(self.rulebook, self.hands.monotonic()))
        self.decision = decision
        self.store.log(
            self.hands.now(),
            "decision",
            f"ended with {decision.value}" + "".join(f": {reasons[0]}" for _ in reasons[:1]),
        )
        self.alerts.ended(decision, reasons)
        if decision is Decision.NO_GO:  # until it is told it is not over: a process that goes on tells it
            self._post_last()
            self._keep(decision, reasons, early)
        else:  # nobody is told of a GO that was not kept
            self._keep(decision, reasons, early)
            self._post_last()
        self._status()
        return decision

    def _keep(self, decision: Decision, reasons: Sequence[str], early: str | None) -> None:
        self.store.verdict(
            {
                "environment": self.environment,
                "started": self.started.isoformat(),
                "ended": self.hands.now().isoformat(),
                "decision": decision.value,
                "exit_status": int(decision.exit_status),
                "reasons": list(reasons),
                "early": early,
                "last": None if self.verdict is None else verdict_to_json(self.verdict),
            }
        )

    def _post_last(self) -> None:
        """What is still to be told; a watch that was stopped has no time for a channel that does not answer."""
        try:
            self.hands.run(self.alerts.flush, _POSTS_LAST_S if self.hands.stopped else _POSTS_S, finish=True)
        except Late:
            self.store.log(self.hands.now(), "error", "not all alerts could be posted in time")

    def _status(self) -> None:
        self.store.status(self.status())
        if self.show is not None:
            self.show(self)

    def status(self) -> dict[str, Any]:
        """How it stands."""
        return {**self.holder, **status_document(self)}


_SHOWN = 240  # samples and notes that are kept in memory for whoever looks on
_POSTS_LAST_S = 1.0
